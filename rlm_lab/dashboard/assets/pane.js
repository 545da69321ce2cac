// The run's view in the page: mounts the module that draws runs, tells it what comes, and says what it has drawn.
let mount = null;
try {
  ({ mount } = await import(new URL("assets/view.js", document.baseURI).href));
} catch (error) {
  console.warn("The module that draws runs could not be loaded.", error);
}

// A hidden tab draws nothing, and still has to say so.
const drawn = () => new Promise((done) => { requestAnimationFrame(() => done()); setTimeout(done, 250); });

// A bar that the pointer rests on is shown in the view for so long: Bokeh's own way to tell Python of it would need `eval`.
const REST = 120; // ms
function watchBars(peek) {
  const bars = window.Bokeh?.documents.map((doc) => doc.get_model_by_name("bars")).find(Boolean);
  if (!bars) return false;
  let timer = 0;
  let shown = null;
  const rest = (id) => {
    if (id === shown) return;
    shown = id;
    clearTimeout(timer);
    timer = setTimeout(() => peek(id), REST);
  };
  bars.inspect.connect(() => { const [place] = bars.inspected.indices; rest(place === undefined ? null : bars.data.id[place]); });
  document.getElementById("time").addEventListener("pointerleave", () => rest(null));
  return true;
}

export function start({ host, send, listen }) {
  let view = null;
  let element = null;
  let state = {};
  let watched = false;
  let held = []; // the first messages, without anything to show
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
    view = element = null;
    held = [];
    state = {};
    trouble.hidden = true;
    if (run === null) return;
    element = host.appendChild(document.createElement("div"));
    element.className = "view";
    const word = element.appendChild(document.createElement("p"));
    word.className = "plain";
    word.textContent = mount ? "Reading the run …" : "The module that draws runs is missing; install rlm_lab again.";
    if (mount) send({ hello: 1 });
  };
  // The view of a run of which nothing was read yet would say that there is none: it begins with the first that is there to show.
  const show = (message) => {
    const news = message.kind === "snapshot" || message.kind === "delta";
    if (!view && news && !message.nodes.length) held = message.kind === "snapshot" ? [message] : [...held, message];
    if (!view && mount && element && ((news && message.nodes.length) || (state.trouble && held.length))) {
      element.replaceChildren();
      face.foot = !body.classList.contains("with-time");
      view = mount(element, face);
      watched ||= watchBars((id) => view?.peek(id));
      for (const earlier of [...held, state]) if (earlier.kind && earlier !== message) view.update(earlier);
    }
    view?.update(message);
    return news;
  };
  listen(async (message) => {
    if (message.kind === "open") { open(message.run); return; }
    if (message.kind === "state") {
      state = message;
      trouble.textContent = message.trouble ?? "";
      trouble.hidden = !message.trouble;
    }
    if (message.kind === "select") { view?.select(message.id); return; }
    if (show(message)) {
      await drawn();
      send({ ack: message.seq });
    }
  });
  send({ ready: 1 }); // a run that was opened while this was loaded is told again
}
