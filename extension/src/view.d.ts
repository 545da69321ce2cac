/** The address of the view's module, which is served as it was built. */
declare module 'rlm-lab-view' {
  const address: string;
  export default address;
}
