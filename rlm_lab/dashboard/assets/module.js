// What Panel hands to a page that a bundle draws: the bundle is loaded by its name, and both sides send texts of JSON.
export async function render({ model }) {
  const element = document.createElement("div");
  element.className = "view";
  element.style.height = "100%";
  const root = document.documentElement;
  const { mount } = await import(new URL(`assets/${model.bundle}.js`, document.baseURI).href);
  const host = { send: (message) => model.send_msg(JSON.stringify(message)), get theme() { return root.dataset.theme; } };
  const view = mount(element, host);
  new MutationObserver(() => view.theme?.(root.dataset.theme)).observe(root, { attributeFilter: ["data-theme"] });
  model.on("msg:custom", (event) => view.update(JSON.parse(event.data ?? event)));
  host.send({ ready: 1 });
  return element;
}
