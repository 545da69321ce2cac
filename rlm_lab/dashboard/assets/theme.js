// The page's theme, said before anything of it is painted: the head waits for this file.
// A page that holds this one in a frame names its own theme in the link; elsewhere the system's holds.
(() => {
  const scheme = window.matchMedia("(prefers-color-scheme: dark)");
  const framed = window !== window.top;
  const named = new URLSearchParams(location.hash.slice(1)).get("theme");
  if (named && framed) sessionStorage.setItem("theme", named === "dark" ? "dark" : "light");
  const held = framed ? sessionStorage.getItem("theme") : null;
  const paint = () => { document.documentElement.dataset.theme = held ?? (scheme.matches ? "dark" : "light"); };
  scheme.addEventListener("change", paint);
  paint();
})();
