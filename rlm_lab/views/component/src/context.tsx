// How much of the input there is, how much was read by code, shown to the root model, sent in calls; and the two pools to one scale.
import type { JSX } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";
import type { App } from "./app";
import { bytes, clipped, grouped, thousands } from "./figures";
import { variablesAt } from "./inspector";
import { useSize } from "./parts";
import { figure, list, record } from "./types";

const ROWS: [string, string, string][] = [["read", "read by code", "ink-2"], ["shown", "shown to root", "here"], ["sent", "sent in calls", "call"]];
const PLACED = ["bytes", "characters", "rows"]; // units of what parts can be found in

export function ContextPane({ app }: { app: App }): JSX.Element {
  const run = app.store.get(app.run);
  const contexts = list(run?.["contexts"]).map(record);
  const coverage = app.store.get(`${app.run}k`);
  const covered = list(coverage?.["contexts"]).map(record);
  const placed = record(coverage?.["placed"]);
  const share = (name: string) => (typeof placed[name] === "number" ? (placed[name] as number) : 0);
  return (
    <section class="context" aria-label="Context">
      <div class="chart-head"><h2>Context</h2><span class="quiet">{contexts.slice(0, 2).map((context) => `${clipped(String(context["name"]), 30)}, ${sizeText(context)}`).join("; ")}</span>
        <span class="quiet right">{coverage ? placedText(share("exact"), share("likely")) : ""}</span></div>
      {covered.slice(0, 2).map((one) => <Strips app={app} one={one} many={covered.length > 1} key={String(one["name"])} />)}
      {!coverage && <p class="empty">{contexts.length ? (contexts.some((context) => PLACED.includes(String(context["unit"]))) ? "Which parts were read and sent is told where the data itself is at hand; this view has only the log." : "Which parts were read and sent is told of texts and frames only.") : app.store.absent(app.run, "contexts") ? "Not recorded." : "This run was given no context."}</p>}
      <Pools app={app} contexts={contexts} />
    </section>
  );
}

/** How much of what prompts and outputs held was found in the data, and how surely. */
function placedText(exact: number, likely: number): string {
  const told = [exact > 0 ? `${percent(exact)} placed exactly` : "", likely >= 0.0005 ? `${percent(likely)} likely` : ""].filter(Boolean).join(", ");
  return told ? `prompts and outputs: ${told}` : "nothing that was shown or sent could be placed";
}

function sizeText(context: Record<string, unknown>): string {
  const size = typeof context["size"] === "number" ? context["size"] : -1;
  const unit = String(context["unit"] ?? "");
  return size < 0 ? "of unknown size" : `${unit === "bytes" || unit === "characters" ? bytes(size) : `${grouped(size)} ${unit}`}`;
}

function percent(share: number): string {
  const value = share * 100;
  return `${value >= 9.95 || value === 0 ? Math.round(value) : value >= 0.095 ? value.toFixed(1) : "< 0.1"} %`;
}

function Strips({ app, one, many }: { app: App; one: Record<string, unknown>; many: boolean }): JSX.Element {
  const size = typeof one["size"] === "number" ? one["size"] : 1;
  return (
    <div class="strips">
      {many && <p class="label">{clipped(String(one["name"] ?? ""), 40)}</p>}
      {ROWS.map(([name, label, colour]) => {
        const told = record(one[name]);
        const share = typeof told["share"] === "number" ? told["share"] : 0;
        return (
          <div class="strip-row" key={name}>
            <span class="strip-name">{label}</span>
            <Strip app={app} parts={list(told["parts"])} size={size} colour={colour} label={`${label}: ${percent(share)}${unsure(told) ? ", partly only likely" : ""}`} />
            <b class="strip-share">{percent(share)}</b>
          </div>
        );
      })}
      <div class="strip-row"><span /><span class="strip-axis"><span>1</span><span>{grouped(size)} {String(one["unit"] ?? "")}</span></span><span /></div>
      {ROWS.some(([name]) => unsure(record(one[name]))) && <p class="quiet columns">Striped: likely, not certain.</p>}
      <Columns told={record(one["columns"])} />
    </div>
  );
}

const unsure = (told: Record<string, unknown>): boolean => list(told["parts"]).some((part) => Array.isArray(part) && !part[2]);

/** The columns of a frame that code names. */
function Columns({ told }: { told: Record<string, unknown> }): JSX.Element | null {
  const names = list(told["read"]).map(String);
  if (typeof told["all"] !== "number") return null;
  return <p class="quiet columns" title={names.join(", ")}>{names.length ? `Code names ${grouped(Number(told["count"]))} of ${grouped(told["all"])} columns: ${clipped(names.join(", "), 90)}` : `Code names none of ${grouped(told["all"])} columns`}</p>;
}

function Strip({ app, parts, size, colour, label }: { app: App; parts: unknown[]; size: number; colour: string; label: string }): JSX.Element {
  const [measure, width] = useSize();
  const canvas = useRef<HTMLCanvasElement | null>(null);
  useLayoutEffect(() => {
    const board = canvas.current, context = board?.getContext("2d");
    if (!board || !context || !width) return;
    const scale = devicePixelRatio || 1;
    board.width = Math.round(width * scale);
    board.height = Math.round(12 * scale);
    context.scale(scale, scale);
    const style = getComputedStyle(board);
    const ink = style.getPropertyValue(`--${colour}`).trim();
    context.fillStyle = style.getPropertyValue("--faint").trim();
    context.fillRect(0, 0, width, 12);
    for (const part of parts) {
      if (!Array.isArray(part)) continue;
      const [from, to, sure] = part.map(Number) as [number, number, number];
      const x = (from / size) * width, wide = Math.max(((to - from) / size) * width, 1.5);
      context.fillStyle = ink;
      if (sure) context.fillRect(x, 0, wide, 12);
      else for (let at = x; at < x + wide; at += 4) context.fillRect(at, 0, Math.min(2, x + wide - at), 12);
    }
  }, [width, parts, size, app.store.version, app.layout]);
  return <span class="strip" ref={measure}><canvas ref={canvas} role="img" aria-label={label} /></span>;
}

function Pools({ app, contexts }: { app: App; contexts: Record<string, unknown>[] }): JSX.Element {
  const step = app.store.get(app.step);
  const tokens = app.store.absent(app.run, "tokens") ? null : figure(step, "tokens_in");
  const steps = app.store.steps(app.run);
  const prompt = steps.slice(0, steps.indexOf(app.step ?? "") + 1).flatMap((id) => app.store.children(id, "message")).reduce((sum, id) => sum + (figure(app.store.get(id), "size") ?? 0), 0);
  const told = record(app.store.get(`${app.run}k`))["bytes"];
  const own = variablesAt(app).reduce((sum, variable) => sum + (typeof variable.facts["size"] === "number" ? variable.facts["size"] : 0), 0);
  const data = typeof told === "number" ? told : contexts.reduce((sum, context) => sum + (["bytes", "characters"].includes(String(context["unit"])) && typeof context["size"] === "number" ? context["size"] : 0), 0);
  const all = Math.max(data + own, prompt, 1);
  return (
    <dl class="pools">
      <div><dt>root prompt</dt><dd class="pool"><i class="here" style={{ width: `${Math.max((prompt / all) * 100, prompt ? 0.8 : 0)}%` }} /></dd><dd class="right">{tokens === null && !prompt ? <span class="quiet">not recorded</span> : <><b>{tokens === null ? "?" : thousands(tokens)}</b> tokens, {bytes(prompt)}</>}</dd></div>
      <div><dt>variables</dt><dd class="pool"><i style={{ width: `${Math.max(((data + own) / all) * 100, 0.8)}%` }} /></dd><dd class="right">{data + own ? <><b>{bytes(data + own)}</b>, same scale</> : <span class="quiet">size not recorded</span>}</dd></div>
    </dl>
  );
}

