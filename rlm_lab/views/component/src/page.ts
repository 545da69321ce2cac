// The start of a saved page: the run stands in the document as JSON, and the view draws it. Nothing is asked of a network.
import { mount } from "./index";
import type { Snapshot } from "./types";

const told = document.getElementById("rlm-lab-run")?.textContent ?? "null";
const element = document.getElementById("rlm-lab-view");
if (element) {
  const handle = mount(element, { send: () => undefined, readOnly: true });
  handle.update(JSON.parse(told) as Snapshot);
  const chosen = decodeURIComponent(location.hash.slice(1));
  if (chosen) handle.select(chosen);
}
