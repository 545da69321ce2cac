// The door of the compare page: `mount` for any host; a saved page, which holds its comparison as JSON, starts by itself.
import { h, render } from "preact";
import compareStyles from "./compare.css";
import { State, type Host, type Message } from "./compare-state";
import { CompareView } from "./compare-view";
import styles from "./style.css";
import { themeOf, watchTheme } from "./theme";

const MIDDLE = 760, FULL = 1080;
export interface Handle { update: (message: Message) => void; destroy: () => void; theme: (name: string | null) => void }

export function mount(element: HTMLElement, host: Host): Handle {
  const shadow = element.shadowRoot ?? element.attachShadow({ mode: "open" });
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(`${styles}\n${compareStyles}`);
  shadow.adoptedStyleSheets = [sheet];
  element.setAttribute("data-lm-suppress-shortcuts", "true");
  const box = document.createElement("div");
  box.className = "view comparing";
  shadow.replaceChildren(box);
  let over = false, waiting = false, named = host.theme ?? null;
  const draw = () => { waiting = false; if (!over) render(h(CompareView, { state }), box); };
  const state: State = new State(host, () => { if (!waiting) { waiting = true; queueMicrotask(draw); } });
  const shape = () => {
    const width = element.clientWidth || FULL;
    box.dataset["layout"] = state.layout = width >= FULL ? "full" : width >= MIDDLE ? "middle" : "narrow";
    state.changed();
  };
  const colour = () => { box.dataset["theme"] = themeOf(element, named); };
  const resized = new ResizeObserver(shape);
  resized.observe(element);
  const unwatch = watchTheme(colour);
  box.addEventListener("keydown", (event) => { if (onKey(state, event)) { event.preventDefault(); event.stopPropagation(); } });
  colour();
  shape();
  const ask = () => state.ask(location.hash);
  if (!host.file) {
    setTimeout(ask); // when the host listens
    window.addEventListener("hashchange", ask);
  }
  return {
    update: (message) => state.update(message),
    theme: (name) => { named = name; colour(); },
    destroy: () => { over = true; resized.disconnect(); unwatch(); window.removeEventListener("hashchange", ask); render(null, box); shadow.replaceChildren(); },
  };
}

/** Does what a key says; tells whether it said something. */
function onKey(state: State, event: KeyboardEvent): boolean {
  const target = event.composedPath()[0] as HTMLElement;
  if (event.ctrlKey || event.metaKey || event.altKey || /^(?:INPUT|SELECT|TEXTAREA)$/.test(target.tagName)) return false;
  const list = target.closest?.(".cmp-rows") !== null;
  const item = state.items[state.at];
  const does: Record<string, () => void> = {
    j: () => state.go(state.at + 1), k: () => state.go(state.at - 1), n: () => state.toDifference(1), p: () => state.toDifference(-1),
    d: () => state.toPart(), s: () => state.swap(), o: () => state.toggleOnly(), "?": () => { state.keys = !state.keys; state.changed(); },
    ...(list && { ArrowDown: () => state.go(state.at + 1), ArrowUp: () => state.go(state.at - 1), Home: () => state.go(0), End: () => state.go(state.items.length - 1) }),
    ...(list && target.dataset["item"] && item?.type === "row" && { Enter: () => state.toggle(`${item.place}`) }),
    ...(state.keys && { Escape: () => { state.keys = false; state.changed(); } }),
  };
  const chosen = does[event.key.length === 1 ? event.key.toLowerCase() : event.key];
  chosen?.();
  return chosen !== undefined;
}

const told = document.getElementById("rlm-lab-comparison")?.textContent;
const place = document.getElementById("rlm-lab-view");
if (told && place) mount(place, { send: () => undefined, file: true }).update(JSON.parse(told) as Message);
