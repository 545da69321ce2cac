// What each live cell is sent: it fetches the view's module from its kernel, once for all cells of a page, and mounts it.
import type { mount as Mount } from "./index";
import type { Handle, Host, Message, Outgoing } from "./types";

interface Model {
  get(name: string): unknown;
  send(content: Outgoing): void;
  on(event: string, callback: (content: Message | Module | Knock) => void): void;
  off(event: string, callback: (content: Message | Module | Knock) => void): void;
}
interface Module { kind: "module"; name: string; text: string }
const PATIENCE = 20_000; // ms
const AGAIN = 400; // ms
const LINGER = 2_000; // ms
/** Asks whether messages arrive now. */
interface Knock { kind: "knock" }
type Loaded = Map<string, Promise<unknown>>;

/** Says something until it is `heard`: what is said before a new comm has its subshell waits behind the cell that runs. */
function insist(say: () => void, heard: () => boolean): void {
  const until = performance.now() + PATIENCE;
  const timer = setInterval(() => (heard() || performance.now() > until ? clearInterval(timer) : say()), AGAIN);
  say();
}

/** The modules of this page, by their names and versions. */
const loaded: Loaded = ((globalThis as { rlmLabModules?: Loaded }).rlmLabModules ??= new Map());

function loader(model: Model, version: string): { load: (name: string) => Promise<unknown>; take: (message: Module) => void } {
  const waiting = new Map<string, (text: string) => void>();
  const fetched = async (name: string): Promise<unknown> => {
    const text = await new Promise<string>((done, failed) => {
      waiting.set(name, done);
      setTimeout(() => { waiting.delete(name); failed(new Error(`The module ${name} did not come.`)); }, PATIENCE);
      insist(() => model.send({ module: name }), () => !waiting.has(name));
    });
    const address = URL.createObjectURL(new Blob([text], { type: "text/javascript" }));
    try {
      return await import(/* webpackIgnore: true */ address);
    } finally {
      URL.revokeObjectURL(address);
    }
  };
  const load = (name: string): Promise<unknown> => {
    const key = `${name} ${version}`;
    const known = loaded.get(key);
    if (known) return known;
    const made = fetched(name);
    loaded.set(key, made);
    made.catch(() => loaded.delete(key));
    return made;
  };
  const take = ({ name, text }: Module) => {
    const done = waiting.get(name);
    waiting.delete(name);
    done?.(text);
  };
  return { load, take };
}

/** Where the run's HTML stands in the page: the view is drawn in its place, and what is saved is the HTML. */
const PLACE = "data-rlm-live";

/** Calls `found` with each element of this mark that is in the page or comes into it, until it is ended. */
function watch(mark: string, found: (element: HTMLElement) => void): () => void {
  const selector = `[${PLACE}="${CSS.escape(mark)}"]`;
  const look = (root: ParentNode) => root.querySelectorAll<HTMLElement>(selector).forEach(found);
  const observer = new MutationObserver((records) => {
    for (const record of records)
      for (const node of record.addedNodes)
        if (node instanceof HTMLElement) {
          if (node.matches(selector)) found(node);
          else look(node);
        }
  });
  observer.observe(document.body, { childList: true, subtree: true });
  look(document);
  return () => observer.disconnect();
}

/** Messages come as custom messages of the widget; `options` is a synced dict with `mark`, `version` and those of the view. */
function initialize({ model }: { model: Model }): () => void {
  const { version = "", mark = "", ...options } = (model.get("options") ?? {}) as Partial<Host> & { version?: string; mark?: string };
  const home = document.createElement("div"); // goes along when the output is shown anew, with all that was chosen in it
  let handle: Handle | null = null;
  let heard = false; // anything of the run
  let saved: Node[] = []; // what stood where the view is
  const { load, take } = loader(model, version);
  const hear = (message: Message | Module | Knock) => {
    if (message.kind === "module") take(message);
    else if (message.kind === "knock") model.send({ here: true });
    else {
      heard = true;
      handle?.update(message);
    }
  };
  model.on("msg:custom", hear);
  // Said when the kernel starts anew: the process of the run is gone, and nobody hears its buttons any more.
  const lose = () => {
    handle?.update({ kind: "state", status: "interrupted", gate: null, can: {} });
    handle?.update({ kind: "host", dashboard: null });
  };
  model.on("comm_live_update", lose);
  const host: Host = { ...options, load, send: (message) => model.send(message) };
  const draw = async (element: HTMLElement) => {
    const { mount } = (await load("view")) as { mount: typeof Mount };
    if (!element.isConnected) return;
    if (home.parentNode !== element) saved = [...element.childNodes];
    element.replaceChildren(home);
    if (handle) return;
    handle = mount(home, host);
    insist(() => model.send({ ready: true }), () => heard);
  };
  const end = watch(mark, (element) => void draw(element).catch(() => undefined));
  load("view").then(() => model.send({ here: true }), () => undefined); // it may have taken longer than the kernel waits
  return () => {
    end();
    model.off("msg:custom", hear);
    model.off("comm_live_update", lose);
    // The run's result takes the view's place, except in a page that was loaded anew while it went on: there the view stays.
    setTimeout(() => {
      if (home.isConnected) handle?.update({ kind: "host", readOnly: true, dashboard: null });
      else {
        home.replaceWith(...saved);
        handle?.destroy();
      }
    }, LINGER);
  };
}

export default { initialize };
