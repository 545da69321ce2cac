// The run's view in the page: mounts the module that draws runs, tells it what comes, and says what it has drawn.
let mount = null;
try {
  ({ mount } = await import(new URL("assets/view.js", document.baseURI).href));
} catch (error) {
  console.warn("The module that draws runs could not be loaded.", error);
}

// A hidden tab draws nothing, and still has to say so.
const drawn = () => new Promise((done) => { requestAnimationFrame(() => done()); setTimeout(done, 250); });

function plain(element) {
  const list = element.appendChild(document.createElement("pre"));
  list.className = "plain";
  const nodes = new Map();
  return {
    update(message) {
      if (message.kind === "snapshot") nodes.clear();
      for (const node of message.nodes ?? []) nodes.set(node.id, { ...nodes.get(node.id), ...node });
      if (message.nodes) list.textContent = [...nodes.values()].map((node) => JSON.stringify(node)).join("\n");
    },
    select() {},
    destroy() { list.remove(); },
  };
}

export function start({ host, send, listen }) {
  let view = null;
  let state = {};
  const face = {
    send: (message) => send(message.command ? { ...message, at: message.at ?? state.stamp } : message),
    state: () => state,
    get theme() { return document.documentElement.dataset.theme; },
  };
  const open = (run) => {
    view?.destroy();
    host.replaceChildren();
    view = null;
    state = {};
    if (run === null) return;
    const element = host.appendChild(document.createElement("div"));
    element.className = "view";
    view = mount ? mount(element, face) : plain(element);
    send({ hello: 1 });
  };
  listen(async (message) => {
    if (message.kind === "open") { open(message.run); return; }
    if (!view) return;
    if (message.kind === "select") { view.select(message.id); return; }
    if (message.kind === "state") state = message;
    view.update(message);
    if (message.kind === "snapshot" || message.kind === "delta") {
      await drawn();
      send({ ack: message.seq });
    }
  });
}
