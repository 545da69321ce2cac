// The run's view in the page: mounts the module that draws runs, tells it what comes, and says what it has drawn.
let mount = null;
try {
  ({ mount } = await import(new URL("assets/view.js", document.baseURI).href));
} catch (error) {
  console.warn("The module that draws runs could not be loaded.", error);
}

// A hidden tab draws nothing, and still has to say so.
const drawn = () => new Promise((done) => { requestAnimationFrame(() => done()); setTimeout(done, 250); });

export function start({ host, send, listen }) {
  let view = null;
  let state = {};
  const trouble = document.getElementById("trouble");
  const body = document.body;
  const face = {
    send: (message) => {
      if (message.open) location.hash = `run=${encodeURIComponent(message.open)}`;
      else send(message.command ? { ...message, at: message.at ?? state.stamp } : message);
    },
    opens: true,
    foot: true, // the view's own chart gives way to the timeline
    state: () => state,
    get theme() { return document.documentElement.dataset.theme; },
  };
  new MutationObserver(() => {
    if (face.foot === body.classList.contains("with-time")) view?.update({ kind: "host", foot: !face.foot });
  }).observe(body, { attributeFilter: ["class"] });
  const root = document.documentElement;
  new MutationObserver(() => view?.theme(root.dataset.theme)).observe(root, { attributeFilter: ["data-theme"] });
  const open = (run) => {
    view?.destroy();
    host.replaceChildren();
    view = null;
    state = {};
    trouble.hidden = true;
    if (run === null) return;
    const element = host.appendChild(document.createElement("div"));
    element.className = "view";
    if (!mount) {
      element.textContent = "The module that draws runs is missing; install rlm_lab again.";
      return;
    }
    face.foot = !body.classList.contains("with-time");
    view = mount(element, face);
    send({ hello: 1 });
  };
  listen(async (message) => {
    if (message.kind === "open") { open(message.run); return; }
    if (!view) return;
    if (message.kind === "select") { view.select(message.id); return; }
    if (message.kind === "state") {
      state = message;
      trouble.textContent = message.trouble ?? "";
      trouble.hidden = !message.trouble;
    }
    view.update(message);
    if (message.kind === "snapshot" || message.kind === "delta") {
      await drawn();
      send({ ack: message.seq });
    }
  });
  send({ ready: 1 }); // a run that was opened while this was loaded is told again
}
