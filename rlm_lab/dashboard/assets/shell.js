// The bar, the list of runs and a run's settings. Every text of a run is set as text, never as markup.
const OWN_ID = /^\d{8}-\d{6}-(?=\w+$)/; // what our ids begin with: the time stands in a column of its own
const COLUMNS = [
  { name: "question", title: "Question", text: (row) => row.question || missing(row, "question", "(no question)") },
  { name: "status", title: "Status", text: (row) => WORDS[row.status] ?? row.status },
  { name: "answer", title: "Answer", text: (row) => row.answer || missing(row, "answer") },
  { name: "model", title: "Model", text: (row) => row.model || missing(row, "model") },
  { name: "steps", title: "Steps", number: (row) => row.steps, text: (row) => count(row.steps) },
  { name: "calls", title: "Calls", number: (row) => row.calls, text: (row) => count(row.calls), fact: "calls" },
  { name: "tokens", title: "Tokens", number: (row) => row.tokens, text: (row) => thousands(row.tokens), fact: "tokens" },
  { name: "cost", title: "USD", number: (row) => row.cost, text: (row) => dollars(row.cost), fact: "cost" },
  { name: "seconds", title: "Time", number: (row) => row.seconds, text: (row) => clock(row.seconds), fact: "times" },
  { name: "tags", title: "Tags", text: (row) => row.tags ?? "" },
  { name: "parent", title: "Made from", text: (row) => (row.parent ?? "").replace(OWN_ID, "") },
  { name: "started", title: "Started", text: (row) => when(row.started) },
];
const WORDS = { out_of_budget: "out of budget", unreadable: "cannot be read" };
const SIGNS = { running: "ring", waiting: "ring", paused: "bars", done: "tick", failed: "cross", stopped: "square", out_of_budget: "bang", interrupted: "dash", unreadable: "bang" };
const MAY_BE_EMPTY = ["answer", "model", "steps", "calls", "tokens", "cost", "seconds", "tags", "parent", "started"]; // columns that are left out where no run has anything in them
const FIRST_ROWS = 200;

const missing = (row, fact, other = "") => (row.absent?.includes(fact) ? "not recorded" : other);
const none = (value) => value === null || value === undefined;
const count = (value) => (none(value) ? "" : value.toLocaleString("en"));
const short = (value, unit) => `${value.toFixed(value < 99.95 ? 1 : 0).replace(/\.0$/, "")} ${unit}`;
const thousands = (value) => (none(value) ? "" : value < 1000 ? String(Math.round(value)) : value < 999500 ? short(value / 1e3, "k") : short(value / 1e6, "M"));
const dollars = (value) => (none(value) ? "" : value === 0 ? "0" : value >= 0.0995 ? value.toFixed(2) : value >= 0.001 ? value.toFixed(3) : value.toPrecision(2));
const has = (row, name) => (name === "cost" ? Boolean(row.cost) : !none(row[name]) && row[name] !== "");
const two = (value) => String(value).padStart(2, "0");

function clock(value) {
  if (none(value)) return "";
  if (value < 100) return `${value < 0.095 ? value.toFixed(2) : value.toFixed(1)} s`;
  const [minutes, seconds] = [Math.floor(value / 60), Math.floor(value % 60)];
  return minutes < 60 ? `${minutes}:${two(seconds)}` : `${Math.floor(minutes / 60)}:${two(minutes % 60)}:${two(seconds)}`;
}

function when(text) {
  const date = new Date(text);
  if (Number.isNaN(date.getTime())) return "";
  const now = new Date();
  const day = `${date.getFullYear() === now.getFullYear() ? "" : `${date.getFullYear()}-`}${two(date.getMonth() + 1)}-${two(date.getDate())} `;
  return `${date.toDateString() === now.toDateString() ? "" : day}${two(date.getHours())}:${two(date.getMinutes())}`;
}

// Which of several runs with the same question: shown where there is no room for the column with its start.
const which = (row) => [when(row.started), row.run.replace(OWN_ID, "")].filter(Boolean).join(" · ");

function make(tag, options = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(options)) {
    if (name === "text") element.textContent = value;
    else if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

class Runs {
  constructor(open) {
    this.open = open;
    this.rows = new Map();
    this.elements = new Map();
    this.sort = { name: "started", down: true };
    this.most = FIRST_ROWS;
    this.search = make("input", { type: "search", placeholder: "Find a run", "aria-label": "Find a run", oninput: () => { this.most = FIRST_ROWS; this.draw(); } });
    this.told = make("span", { class: "told", role: "status" });
    this.head = make("tr");
    this.body = make("tbody");
    this.more = make("button", { class: "more", hidden: "", onclick: () => { this.most += 1000; this.draw(); } });
    this.empty = make("div", { class: "empty", hidden: "" });
    this.marked = new Set();
    this.compare = make("button", { class: "compare", text: "Compare", onclick: () => this.toCompare() });
    const table = make("table", { "aria-label": "Runs" }, make("thead", {}, this.head), this.body);
    this.element = make("section", { id: "runs", "aria-label": "Runs" }, make("div", { class: "tools" }, make("h1", { text: "Runs" }), this.search, this.compare, this.told), make("div", { class: "scroll" }, table, this.more, this.empty));
    this.drawHead();
    this.drawMarked();
    this.body.addEventListener("keydown", (event) => this.move(event));
  }

  take(message) {
    for (const row of message.rows) this.rows.set(row.run, row);
    for (const run of message.gone) { this.rows.delete(run); this.elements.delete(run); this.marked.delete(run); }
    this.drawMarked();
    this.folders = message.folders;
    this.leftOut = message.left_out;
    for (const row of message.rows) this.elements.delete(row.run);
    this.draw();
  }

  drawHead() {
    const mark = make("th", { class: "mark", scope: "col" }, make("span", { class: "spoken", text: "Compare" }));
    this.head.replaceChildren(mark, ...COLUMNS.map((column) => {
      const chosen = this.sort.name === column.name;
      const sign = chosen ? (this.sort.down ? " ↓" : " ↑") : "";
      const button = make("button", { text: column.title + sign, onclick: () => this.sortBy(column) });
      return make("th", { class: column.number ? `number ${column.name}` : column.name, scope: "col", "aria-sort": chosen ? (this.sort.down ? "descending" : "ascending") : "none" }, button);
    }));
  }

  sortBy(column) {
    this.sort = { name: column.name, down: this.sort.name === column.name ? !this.sort.down : Boolean(column.number) || column.name === "started" };
    this.drawHead();
    this.head.children[COLUMNS.indexOf(column) + 1].firstChild.focus();
    this.draw();
  }

  chosen() {
    const words = this.search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const fits = (row) => { const text = [row.question, row.answer, row.model, row.run, row.file, row.tags, WORDS[row.status] ?? row.status].join("\n").toLowerCase(); return words.every((word) => text.includes(word)); };
    const column = COLUMNS.find((one) => one.name === this.sort.name);
    const key = column.number ? (row) => column.number(row) ?? -1 : (row) => String(row[column.name] ?? "").toLowerCase();
    const found = [...this.rows.values()].filter(fits).sort((one, other) => (key(one) < key(other) ? -1 : key(one) > key(other) ? 1 : 0));
    return this.sort.down ? found.reverse() : found;
  }

  draw() {
    const held = document.activeElement?.dataset?.run;
    const found = this.chosen();
    this.body.replaceChildren(...found.slice(0, this.most).map((row) => this.row(row)));
    const left = found.length - this.most;
    this.more.hidden = left <= 0;
    this.more.textContent = `${count(left)} more`;
    const total = this.rows.size;
    const older = this.leftOut ? `; ${count(this.leftOut)} older ones are not listed` : "";
    for (const name of MAY_BE_EMPTY) this.element.classList.toggle(`no-${name}`, this.rows.size > 0 && ![...this.rows.values()].some((row) => has(row, name)));
    this.told.textContent = this.search.value ? `${count(found.length)} of ${count(total)}` : `${count(total)} in ${this.folders.join(", ")}${older}`;
    this.drawEmpty(total, found.length);
    if (held) this.elements.get(held)?.focus();
  }

  drawEmpty(total, found) {
    this.empty.hidden = found > 0;
    this.element.classList.toggle("none", found === 0);
    if (found > 0) return;
    if (total > 0) { this.empty.replaceChildren(make("p", { text: "No run has all of these words." })); return; }
    this.empty.replaceChildren(
      make("h2", { text: "No runs yet" }),
      make("p", { text: "Ask a question about a variable that is loaded. The run appears here while it works." }),
      make("pre", { text: "%%rlm -c flights\nWhich carrier had the most departures delayed by more than two hours?" }),
    );
  }

  row(row) {
    const known = this.elements.get(row.run);
    if (known) return known;
    const cells = COLUMNS.map((column) => {
      const cell = make("td", { class: column.number ? `number ${column.name}` : column.name });
      if (column.name === "status") cell.append(make("span", { class: `sign ${SIGNS[row.status] ?? "dash"}`, "aria-hidden": "true" }), column.text(row), ...(row.here ? [make("span", { class: "here", text: "here", title: "In this page’s kernel" })] : []));
      else cell.textContent = column.text(row);
      if (!cell.textContent && column.fact && missing(row, column.fact)) cell.append(make("span", { class: "absent", title: "Not recorded.", "aria-label": "not recorded", text: "–" }));
      if (["question", "answer", "model", "tags", "started"].includes(column.name)) cell.title = cell.textContent;
      if (column.name === "parent" && row.parent) cell.title = `${row.child ? "Child run of" : "Forked from"} ${row.parent}`;
      if (column.name === "question") cell.replaceChildren(make("span", { class: "words", text: cell.textContent }), make("small", { class: "which", text: which(row) }));
      return cell;
    });
    const element = make("tr", { tabindex: "0", class: `run ${SIGNS[row.status] ? row.status : "other"}`, onclick: () => this.open(row.run) }, this.box(row), ...cells);
    element.dataset.run = row.run;
    this.elements.set(row.run, element);
    return element;
  }

  box(row) {
    const box = make("input", { type: "checkbox", "aria-label": `Compare ${row.run}` });
    box.checked = this.marked.has(row.run);
    box.addEventListener("change", () => this.mark(row.run, box.checked));
    return make("td", { class: "mark", onclick: (event) => event.stopPropagation() }, make("label", {}, box));
  }

  mark(run, on) {
    if (on) this.marked.add(run);
    else this.marked.delete(run);
    this.drawMarked();
  }

  drawMarked() {
    const number = this.marked.size;
    this.compare.textContent = number > 1 ? `Compare ${count(number)}` : "Compare";
    this.compare.setAttribute("aria-disabled", String(number < 2));
    this.compare.title = number < 2 ? "Mark two runs or more" : "Shows them side by side";
  }

  toCompare() {
    if (this.marked.size < 2) this.told.textContent = "Mark two runs or more, in their first column, then press Compare.";
    else location.href = `./compare#${[...this.marked].map((run) => `with=${encodeURIComponent(run)}`).join("&")}`;
  }

  move(event) {
    const row = event.target.closest("tr");
    if (!row) return;
    if (event.target.tagName === "INPUT" && (event.key === "Enter" || event.key === " ")) return;
    if (event.key === "x") row.querySelector(".mark input").click();
    else if (event.key === "Enter") this.open(row.dataset.run);
    else if (event.key === "ArrowDown" || event.key === "j") row.nextElementSibling?.focus();
    else if (event.key === "ArrowUp" || event.key === "k") row.previousElementSibling?.focus();
    else return;
    event.preventDefault();
  }
}

class Bar {
  constructor({ back, turn }) {
    this.back = make("button", { class: "back", text: "‹ All runs", onclick: back });
    this.name = make("span", { class: "name" });
    this.lesson = make("a", { class: "toggle", text: "This run as a lesson" }); // as slides
    this.exports = this.toggle("Export", () => turn("exports"));
    this.time = this.toggle("Timeline", () => turn("time"));
    this.settings = this.toggle("Settings", () => turn("settings"));
    document.getElementById("bar").append(this.back, this.name, make("span", { class: "gap" }), this.lesson, this.exports, this.time, this.settings);
  }

  toggle(text, act) { return make("button", { class: "toggle", text, "aria-pressed": "false", onclick: act }); }
}

function drawFacts(element, facts) {
  element.replaceChildren(make("h2", { text: "Settings of this run" }), make("dl", {}, ...facts.rows.flatMap(([name, text]) => [make("dt", { text: name }), make("dd", { text })])));
}

// A pane over the run's right side: what stands in it is drawn anew, its button to close it stays.
function drawer(name, label, close) {
  const content = make("div");
  const button = make("button", { class: "close", text: "✕", title: "Close", "aria-label": `Close ${label}`, onclick: close });
  const element = make("aside", { id: name, "aria-label": label, hidden: "" }, button, content);
  return { element, content, button };
}

// A run as a file: asked for by a script, so that a refusal can be told where the button is.
async function keep(run, form, told) {
  told.textContent = `Writing ${form} …`;
  try {
    const reply = await fetch(`export?${new URLSearchParams({ run, to: form })}`, { credentials: "same-origin" });
    if (!reply.ok) { told.textContent = await reply.text(); return; }
    const name = /filename="([^"]*)"/.exec(reply.headers.get("Content-Disposition") ?? "")?.[1] ?? `run.${form}`;
    const address = URL.createObjectURL(await reply.blob());
    make("a", { href: address, download: name }).click();
    setTimeout(() => URL.revokeObjectURL(address), 60_000);
    told.textContent = `${name} was given to the browser.`;
  } catch { told.textContent = "The kernel does not answer; nothing was written."; }
}

function drawForms(element, run, forms) {
  const told = make("p", { role: "status" });
  const buttons = forms.map(([name, text]) => make("li", {}, make("button", { text: name, onclick: () => keep(run, name, told) }), make("span", { text })));
  element.replaceChildren(make("h2", { text: "This run as a file" }), make("ul", {}, ...buttons), told);
}

export function start({ host, send, listen }) {
  const body = document.body;
  const close = (what) => { turn(what); bar[what].focus(); };
  const settings = drawer("settings", "Settings", () => close("settings"));
  const exports = drawer("exports", "Export", () => close("exports"));
  const chosen = () => new URLSearchParams(location.hash.slice(1)).get("run");
  const go = (run) => { location.hash = run === null ? "" : `run=${encodeURIComponent(run)}`; };
  const shown = { time: localStorage.getItem("rlm-time") === "on", settings: false, exports: false };
  const turn = (what) => {
    shown[what] = !shown[what];
    if (what !== "time" && shown[what]) shown[what === "settings" ? "exports" : "settings"] = false;
    if (what === "time") localStorage.setItem("rlm-time", shown.time ? "on" : "off");
    apply();
  };
  const bar = new Bar({ back: () => go(null), turn });
  const runs = new Runs(go);
  const apply = () => {
    for (const what of ["time", "settings", "exports"]) { bar[what].setAttribute("aria-pressed", String(shown[what])); body.classList.toggle(`with-${what}`, shown[what]); }
    settings.element.hidden = !(shown.settings && body.dataset.page === "run");
    exports.element.hidden = !(shown.exports && body.dataset.page === "run");
    send({ time: shown.time && body.dataset.page === "run" });
    window.dispatchEvent(new Event("resize"));
  };
  const ask = () => send({ open: chosen() });
  const opened = (message) => {
    body.dataset.page = message.run === null ? "list" : "run";
    document.title = message.run === null ? "rlm_lab" : `${message.run} · rlm_lab`;
    bar.name.textContent = message.run ?? "";
    bar.lesson.href = `./lesson#run=${encodeURIComponent(message.run ?? "")}`;
    if (message.missing) { runs.search.value = message.missing; runs.draw(); }
    shown.settings = shown.exports = false;
    apply();
    (message.run === null ? runs.search : document.getElementById("pane")).focus({ preventScroll: true });
  };
  for (const [what, pane] of [["settings", settings], ["exports", exports]]) {
    for (const part of [pane.element, bar[what]]) part.addEventListener("keydown", (event) => { if (event.key === "Escape" && shown[what]) close(what); });
    bar[what].addEventListener("click", () => { if (shown[what]) pane.button.focus(); });
  }
  host.append(runs.element, settings.element, exports.element);
  listen((message) => {
    if (message.kind === "runs") runs.take(message);
    else if (message.kind === "open") opened(message);
    else if (message.kind === "facts") { drawFacts(settings.content, message); drawForms(exports.content, message.run, message.forms); }
  });
  const scheme = window.matchMedia("(prefers-color-scheme: dark)");
  const paint = () => send({ theme: document.documentElement.dataset.theme });
  scheme.addEventListener("change", paint);
  window.addEventListener("hashchange", ask);
  paint();
  send({ hello: 1 });
  ask();
}
