// The module's door: `mount`, for any page.
import { render } from "preact";
import { App, type Layout } from "./app";
import { onKey } from "./keys";
import styles from "./style.css";
import { themeOf, watchTheme } from "./theme";
import type { Handle, Host, Message } from "./types";
import { View } from "./view";

const MIDDLE = 760, FULL = 1080;

export function mount(element: HTMLElement, host: Host): Handle {
  const shadow = element.shadowRoot ?? element.attachShadow({ mode: "open" });
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(styles);
  shadow.adoptedStyleSheets = [sheet];
  element.setAttribute("data-lm-suppress-shortcuts", "true"); // JupyterLab's own keys rest while the focus is in here
  const box = document.createElement("div");
  box.className = "view";
  box.tabIndex = -1;
  shadow.replaceChildren(box);
  let small = host.compact === true, named = host.theme ?? null, over = false;
  const frame = (draw: () => void) => { // a page that is covered gets no frames: then a timer draws
    let drawn = false;
    const once = () => { if (!drawn) { drawn = true; draw(); } };
    requestAnimationFrame(once);
    setTimeout(once, 250);
  };
  const app: App = new App(host, () => draw(), frame);
  const expand = () => { small = !small; shape(); app.changed(); };
  const draw = () => {
    if (over) return;
    const focused = shadow.activeElement !== null;
    render(<View app={app} expand={expand} />, box);
    if (focused && shadow.activeElement === null) box.focus({ preventScroll: true }); // what had the focus is gone: keys go on working
    box.dataset["status"] = app.status;
    if (app.reveal) reveal(box, app);
  };
  const shape = () => {
    app.layout = small ? "compact" : layoutOf(element.clientWidth || FULL);
    box.dataset["layout"] = app.layout;
    box.dataset["scroll"] = small ? "page" : "own";
    box.style.height = small ? "" : (host.height ?? (host.compact ? "680px" : ""));
    box.dataset["readonly"] = String(app.host.readOnly === true);
  };
  const colour = () => { box.dataset["theme"] = themeOf(element, named); app.changed(); };
  const resized = new ResizeObserver(() => { const before = app.layout; shape(); if (before !== app.layout) app.changed(); });
  resized.observe(element);
  const unwatch = watchTheme(colour);
  box.addEventListener("keydown", (event) => { if (onKey(app, event)) { event.preventDefault(); event.stopPropagation(); } });
  box.addEventListener("pointerdown", (event) => { if (!(event.composedPath()[0] as HTMLElement).closest?.("button, input, textarea, [tabindex], a")) box.focus({ preventScroll: true }); });
  const clock = setInterval(() => { if (app.live && app.status !== "paused" && !host.readOnly && document.visibilityState !== "hidden") app.changed(); }, 500);
  shape();
  colour();
  const known = host.state?.();
  if (known) app.update(known);
  draw();
  return {
    update: (message: Message) => {
      if (message.kind !== "host") { app.update(message); return; }
      Object.assign(host, message);
      if ("theme" in message) named = host.theme ?? null;
      colour();
    },
    select: (id: string) => app.select(id, false),
    peek: (id: string | null) => app.peek(id),
    theme: (name: string | null) => { named = name; colour(); },
    destroy: () => {
      over = true;
      clearInterval(clock);
      resized.disconnect();
      unwatch();
      render(null, box);
      shadow.replaceChildren();
    },
  };
}

function layoutOf(width: number): Layout {
  return width >= FULL ? "full" : width >= MIDDLE ? "middle" : "narrow";
}

/** Brings what was chosen into view, once. */
function reveal(box: HTMLElement, app: App): void {
  const wanted = app.reveal!;
  app.reveal = null;
  if (wanted === "find") {
    box.querySelector<HTMLInputElement>(".find-input")?.focus();
    return;
  }
  for (const found of box.querySelectorAll<HTMLElement>(`[data-reveal="${CSS.escape(wanted)}"]`)) if (!found.closest(".virtual.fill")) found.scrollIntoView({ block: "nearest", inline: "nearest" });
}
