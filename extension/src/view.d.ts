/** The address of the view's module, which is served as it was built. */
declare module 'rlm-lab-view' {
  const address: string;
  export default address;
}

/** The same, of the page that compares. */
declare module 'rlm-lab-compare' {
  const address: string;
  export default address;
}
