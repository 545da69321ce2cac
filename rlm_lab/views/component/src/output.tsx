// What a block showed: text with its cuts said, figures, tables in a frame that can do nothing.
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import type { App } from "./app";
import { counted } from "./figures";
import { Icon } from "./icons";
import { kept } from "./markdown";
import { LongText } from "./parts";
import { figure, list, record, text, type RunNode } from "./types";

const PICTURES = ["image/png", "image/jpeg", "image/gif"];
const BASE64 = /^[A-Za-z0-9+/=\s]+$/;
const POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; form-action 'none'; base-uri 'none'";

export function Outputs({ app, block }: { app: App; block: RunNode }): JSX.Element | null {
  const outputs = app.store.children(block.id, "output");
  if (!outputs.length) return null;
  const all = app.opened.has(`${block.id}/outputs`);
  const hidden = all ? Math.max(outputs.length - 300, 0) : Math.max(outputs.length - 40, 0);
  return (
    <div class="outputs" data-reveal="output">
      <p class="label">{text(block, "status") === "running" ? "Output so far" : "Output"}</p>
      {hidden > 0 && <button type="button" class="link" onClick={() => app.toggle(app.opened, `${block.id}/outputs`)}>{counted(hidden, "earlier piece")}</button>}
      {outputs.slice(hidden).map((id) => <Piece app={app} output={app.store.get(id)!} key={id} />)}
    </div>
  );
}

function Piece({ app, output }: { app: App; output: RunNode }): JSX.Element {
  const stream = text(output, "stream");
  const data = record(output["data"]);
  const cut = figure(output, "cut");
  const picture = PICTURES.find((mime) => typeof data[mime] === "string" && BASE64.test(data[mime] as string));
  const html = typeof data["text/html"] === "string" ? (data["text/html"] as string) : null;
  const markdown = typeof data["text/markdown"] === "string" ? (data["text/markdown"] as string) : null;
  const left = list(output["left_out"]).map(String);
  return (
    <div class={`output ${stream}`} data-reveal={output.id}>
      {cut ? <p class="cut"><Icon name="cut" /> {counted(cut, "character")} left out here.</p> : null}
      {picture ? <img src={`data:${picture};base64,${(data[picture] as string).replace(/\s/g, "")}`} alt={text(output, "text") || "A figure"} />
        : html !== null ? <Framed html={html} label={text(output, "text")} />
        : markdown !== null ? kept(output.id, markdown)
        : <pre><LongText app={app} id={output.id} field="text" most={12_000} /></pre>}
      {left.map((mime) => <p class="cut">A {mime} was too large to be shown here; it is in the run’s log.</p>)}
    </div>
  );
}

/** HTML that model code displayed: in a frame of its own, without scripts, forms, links to anywhere or requests. */
function Framed({ html, label }: { html: string; label: string }): JSX.Element {
  const rows = (html.match(/<tr/gi) ?? []).length;
  const [height, setHeight] = useState(Math.min(Math.max(rows * 23 + 16, 60), 420));
  const dark = "color-scheme: light dark";
  const page = `<!doctype html><meta http-equiv="Content-Security-Policy" content="${POLICY}"><style>:root{${dark}}body{font:12px/1.5 system-ui,sans-serif;margin:4px}table{border-collapse:collapse}td,th{padding:2px 8px;border:0;text-align:right}tr:nth-child(even){background:rgba(128,128,128,.1)}a{pointer-events:none}</style>${html}`;
  return (
    <div class="framed">
      <iframe sandbox="" srcdoc={page} title={label.slice(0, 80) || "Shown by the code"} loading="lazy" referrerpolicy="no-referrer" style={{ height: `${height}px` }} />
      <button type="button" class="link" onClick={() => setHeight(height < 800 ? height * 2 : 200)}>{height < 800 ? "taller" : "shorter"}</button>
    </div>
  );
}

/** The last line of what a block showed. */
export function outputTail(app: App, block: RunNode): string {
  const last = app.store.get(app.store.children(block.id, "output").at(-1));
  const lines = text(last, "text").trimEnd().split("\n");
  return lines.at(-1) ?? "";
}
