// Light or dark, as the host says: by name, by JupyterLab's or Panel's marks, by the ground that the view stands on.

export function themeOf(element: Element, named: string | null | undefined): "light" | "dark" {
  if (named) return /dark/i.test(named) ? "dark" : "light";
  const marked = document.querySelector("[data-jp-theme-light]")?.getAttribute("data-jp-theme-light");
  if (marked) return marked === "false" ? "dark" : "light";
  const page = document.documentElement;
  const told = `${page.getAttribute("theme") ?? ""} ${page.dataset["theme"] ?? ""} ${page.className} ${document.body?.className ?? ""}`;
  if (/\b(?:vscode-)?dark\b/i.test(told)) return "dark";
  if (/\b(?:vscode-)?light\b/i.test(told)) return "light";
  return groundIsDark(element) ?? matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
}

function groundIsDark(element: Element): boolean | null {
  for (let at: Element | null = element; at; at = at.parentElement ?? ((at.getRootNode() as ShadowRoot).host ?? null)) {
    const parts = getComputedStyle(at).backgroundColor.match(/[\d.]+/g)?.map(Number);
    if (parts && (parts[3] ?? 1) > 0.5) return (parts[0]! * 299 + parts[1]! * 587 + parts[2]! * 114) / 1000 < 128;
  }
  return null;
}

/** Calls back when the host changes its theme; gives the way to end it. */
export function watchTheme(changed: () => void): () => void {
  const observer = new MutationObserver(changed);
  const options = { attributes: true, attributeFilter: ["class", "theme", "data-theme", "data-jp-theme-light", "data-jp-theme-name"] };
  observer.observe(document.documentElement, options);
  if (document.body) observer.observe(document.body, options);
  const media = matchMedia("(prefers-color-scheme: dark)");
  media.addEventListener("change", changed);
  return () => {
    observer.disconnect();
    media.removeEventListener("change", changed);
  };
}
