// Starts the page: no script stands in its HTML, so that the policy can be strict. Panel imports its parts through `importShim`.
const shim = (url) => import(url);
shim.addImportMap = () => {};
window.importShim = shim;

// Who has the cookie already comes here with the link's ticket: it is used up, and leaves the address.
const parts = new URLSearchParams(location.hash.slice(1));
const ticket = parts.get("ticket");
if (ticket) {
  parts.delete("ticket");
  history.replaceState(history.state, "", `${location.pathname}${location.search}${parts.size ? `#${parts}` : ""}`);
  fetch("enter", { method: "POST", body: ticket, credentials: "same-origin" }).catch(() => {});
}

const word = document.getElementById("lost");
let lost = 0;
const tell = (text) => { word.textContent = text; word.hidden = !text; };

// A page that lost its kernel is opened anew as soon as the kernel answers: a snapshot brings it up to date.
async function tryAgain() {
  if (!lost) return;
  const seconds = Math.round((performance.now() - lost) / 1000);
  tell(`This page lost the kernel ${seconds} s ago. A run goes on without it. Trying again.`);
  try {
    const reply = await fetch(location.pathname, { cache: "no-store", credentials: "same-origin" });
    if (reply.ok) { location.reload(); return; }
    if (reply.status === 403) { tell("This page’s kernel has ended, or was started anew: run %rlm dashboard for a new link."); return; }
  } catch { /* not there yet */ }
  setTimeout(tryAgain, 2000);
}

const { Bokeh } = window;
Bokeh.set_log_level?.("warn");
const item = JSON.parse(document.getElementById("items").textContent);
await Bokeh.embed.embed_items({}, [item]);
for (const doc of Bokeh.documents) {
  doc.on_event("connection_lost", () => { if (!lost) { lost = performance.now(); setTimeout(tryAgain, 300); } });
}
