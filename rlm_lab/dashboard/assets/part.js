// What Panel hands to a part of the page: a channel. What it shows stands in the page itself, where the page's style reaches it.
export async function render({ model, view }) {
  const name = view.model.class_name.toLowerCase();
  const module = await import(new URL(`assets/${name}.js`, document.baseURI).href);
  const listeners = [];
  model.on("msg:custom", (event) => {
    const message = JSON.parse(event.data ?? event);
    for (const hear of listeners) hear(message);
  });
  module.start({
    host: document.getElementById(name),
    send: (message) => model.send_msg(JSON.stringify(message)),
    listen: (hear) => listeners.push(hear),
  });
  return document.createElement("div");
}
