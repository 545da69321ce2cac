// Calls under the line that made them: one row each; many as one row with a map, a cell per call, and a list that is virtual.
import type { JSX } from "preact";
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import type { App } from "./app";
import { clipped, clock, counted, grouped, money, seconds, thousands } from "./figures";
import { Icon } from "./icons";
import { marked, useSize, VirtualList } from "./parts";
import { key, type Tally } from "./store";
import { figure, text, type RunNode } from "./types";

export const FEW = 6; // calls of one line that stand each in a row of their own
const ROW = 24;
type Filter = "all" | "failed" | "retried" | "slowest" | "other";

export function CallRow({ app, id, inList }: { app: App; id: string; inList?: boolean }): JSX.Element {
  const call = app.store.get(id);
  const chosen = app.call === id;
  const status = text(call, "status");
  const number = figure(call, "index") !== null ? figure(call, "index")! + 1 : figure(call, "number");
  const answer = status === "failed" ? text(call, "error") : status === "waiting" ? "waiting for an answer" : text(call, "answer");
  const by = answeredBy(app, id);
  return (
    <div class={`call ${status}${chosen ? " chosen" : ""}`} role={inList ? "listitem" : "button"} tabIndex={inList ? -1 : 0} aria-current={chosen ? "true" : undefined} data-reveal={id} data-call={id}
      onClick={() => app.select(id)} onKeyDown={(event) => { if (event.key === "Enter") app.select(id); }}>
      {!inList && <Icon name="delegate" />}
      <span class="n">{number ?? ""}</span>
      <span class="asked">{marked(clipped(distinct(call), 140), app.wanted)}</span>
      <span class="answered">{status === "answered" ? <q>{marked(clipped(answer, 140), app.wanted)}</q> : <em>{status === "failed" && <Icon name="failed" />}{clipped(answer, 120)}</em>}</span>
      <span class="cost">{by && <b class="you">by {by} </b>}{text(call, "source") === "record" && "recorded "}{figure(call, "retries") ? <b class="you">try {figure(call, "retries")! + 1} </b> : null}{callCost(call)}</span>
    </div>
  );
}

/** Who answered in the model's place: a person's name stands where the model's would. */
export function answeredBy(app: App, id: string): string {
  const model = text(app.store.get(id), "model");
  const edit = app.store.edits(app.store.stepOf(id) ?? "").find((one) => one["what"] === "answer" && (one["call"] ? one["call"] === id : text(one, "by") === model));
  const by = text(edit, "by");
  return by === "user" ? "you" : clipped(by, 30);
}

function callCost(call: RunNode | undefined): string {
  const tokens = (figure(call, "tokens_in") ?? 0) + (figure(call, "tokens_out") ?? 0);
  const took = figure(call, "seconds");
  return [tokens ? thousands(tokens) : "", took === null ? "" : seconds(took)].filter(Boolean).join(" · ");
}

/** What of a prompt tells it from its neighbours: its own text, after what it shares with the call before. */
const shared = new WeakMap<RunNode, string>();
export function distinct(call: RunNode | undefined): string {
  return (call && shared.get(call)) ?? text(call, "prompt");
}

export function noteShared(calls: readonly (RunNode | undefined)[]): void {
  const length = sharedLength(calls.map((call) => text(call, "prompt")));
  for (const call of calls) if (call && length > 24) shared.set(call, text(call, "prompt").slice(length).trim() || text(call, "prompt"));
}

/** How many first characters all texts have in common, up to the end of a line or a word. */
export function sharedLength(texts: readonly string[]): number {
  const [first = "", ...others] = texts.slice(0, 400);
  if (!others.length) return 0;
  let length = first.length;
  for (const other of others) {
    let at = 0;
    while (at < length && at < other.length && first[at] === other[at]) at += 1;
    length = at;
  }
  const head = first.slice(0, length);
  const line = head.lastIndexOf("\n");
  return (line > length / 3 ? line : Math.max(line, head.lastIndexOf(" "))) + 1;
}

interface GroupProps { app: App; id: string; calls: readonly string[]; size: number; title: string }

export function CallGroup({ app, id, calls, size, title }: GroupProps): JSX.Element {
  const [filter, setFilter] = useState<Filter>("all");
  const [wanted, setWanted] = useState("");
  const tally = app.store.tally(id, calls);
  const open = app.opened.has(id);
  const nodes = useRef<{ at: number; count: number }>({ at: -1, count: 0 });
  const revision = app.store.revision(id.split("@", 1)[0]!);
  if (nodes.current.at !== revision || nodes.current.count !== calls.length) {
    noteShared(calls.slice(0, 400).map((call) => app.store.get(call)));
    nodes.current = { at: revision, count: calls.length };
  }
  const shown = open ? filtered(app, calls, tally, filter, wanted) : [];
  const differ = !open && tally.different > 0 && tally.different <= 5 && calls.length <= 2000 ? calls.filter((call) => isDifferent(app.store.get(call), tally)) : [];
  const chosen = !open && app.call !== null && !differ.includes(app.call) && app.store.get(app.call) && app.groupOf(app.store.get(app.call)!) === id ? app.call : null;
  return (
    <div class="calls batch" data-reveal={id}>
      <div class="calls-head">
        <button type="button" class="icon" aria-expanded={open} aria-label={open ? "Close the list of calls" : "Open the list of calls"} onClick={() => app.toggle(app.opened, id)}><Icon name={open ? "down" : "right"} /></button>
        <b class="callink"><Icon name="batch" /> {title}</b>
        <span class="told">{batchText(tally, size)}</span>
        <span class="cost">{groupCost(tally)}</span>
      </div>
      <CallMap app={app} calls={calls} size={size} tally={tally} />
      {(differ.length > 0 || chosen) && (
        <div role="list" aria-label="Calls that differ, and the chosen one">
          {differ.map((call) => <CallRow app={app} id={call} inList key={call} />)}
          {chosen && <CallRow app={app} id={chosen} inList />}
        </div>
      )}
      {differ.length > 0 && tally.common !== null && <button type="button" class="rest" onClick={() => app.toggle(app.opened, id)}><Icon name="right" /> {grouped(tally.answered - tally.different)} that said {clipped(tally.common, 40)}</button>}
      {open && (
        <>
          {calls.length > 8 && <Filters app={app} tally={tally} filter={filter} wanted={wanted} setFilter={setFilter} setWanted={setWanted} shown={shown.length} />}
          <VirtualList items={shown} height={app.layout === "narrow" ? ROW * 2 : ROW} most={ROW * 12} label={`${grouped(shown.length)} calls`} at={app.call ? shown.indexOf(app.call) : -1} row={(call) => <CallRow app={app} id={call} inList key={call} />} />
          {!shown.length && <p class="empty">No call fits this filter.</p>}
        </>
      )}
    </div>
  );
}

export function batchText(tally: Tally, size: number): string {
  const waiting = tally.waiting, later = Math.max(size - tally.total, 0);
  const parts = [`${grouped(tally.answered)} answered`];
  if (tally.retried) parts.push(`${grouped(tally.retried)} after a retry`);
  if (tally.failed) parts.push(`${grouped(tally.failed)} failed`);
  if (waiting) parts.push(`${grouped(waiting)} under way`);
  if (later) parts.push(`${grouped(later)} waiting`);
  if (tally.common !== null && tally.different) parts.push(`${grouped(tally.different)} ${tally.different === 1 ? "is" : "are"} not ${clipped(tally.common, 24)}`);
  return parts.join(" · ");
}

function groupCost(tally: Tally): string {
  return [tally.seconds >= 60 ? clock(tally.seconds) : seconds(tally.seconds), tally.tokens ? `${thousands(tally.tokens)} tok` : "", tally.cost ? money(tally.cost) : ""].filter(Boolean).join(" · ");
}

function Filters(props: { app: App; tally: Tally; filter: Filter; wanted: string; setFilter: (filter: Filter) => void; setWanted: (text: string) => void; shown: number }): JSX.Element {
  const { tally, filter } = props;
  const choices: [Filter, string, number][] = [["all", "all", tally.total], ["failed", "failed", tally.failed], ["retried", "retried", tally.retried], ["slowest", "slowest", 0], ["other", "other answers", tally.different]];
  return (
    <div class="filters">
      <label class="field"><Icon name="search" /><input type="text" aria-label="Filter prompts and answers" placeholder="filter prompts and answers" value={props.wanted} onInput={(event) => props.setWanted(event.currentTarget.value)} /></label>
      <span class="choice" role="group" aria-label="Which calls">
        {choices.filter(([name, , count]) => name === "all" || name === "slowest" || count > 0).map(([name, label, count]) => (
          <button type="button" aria-pressed={filter === name} onClick={() => props.setFilter(name)}>{label}{count ? ` ${grouped(count)}` : ""}</button>
        ))}
      </span>
      {props.wanted && <span class="quiet">{counted(props.shown, "call")}</span>}
    </div>
  );
}

function filtered(app: App, calls: readonly string[], tally: Tally, filter: Filter, wanted: string): readonly string[] {
  const node = (id: string) => app.store.get(id);
  let chosen = calls;
  if (filter === "failed") chosen = calls.filter((id) => text(node(id), "status") === "failed");
  if (filter === "retried") chosen = calls.filter((id) => figure(node(id), "retries"));
  if (filter === "other") chosen = calls.filter((id) => isDifferent(node(id), tally));
  if (filter === "slowest") chosen = [...calls].sort((a, b) => (figure(node(b), "seconds") ?? 0) - (figure(node(a), "seconds") ?? 0));
  const needle = wanted.toLowerCase();
  return needle ? chosen.filter((id) => `${text(node(id), "prompt")}\n${text(node(id), "answer")}\n${text(node(id), "error")}`.toLowerCase().includes(needle)) : chosen;
}

function isDifferent(call: RunNode | undefined, tally: Tally): boolean {
  return tally.common !== null && text(call, "status") === "answered" && key(call) !== tally.common;
}

// the map

interface MapShape { cell: number; gap: number; across: number; height: number }

export function mapShape(width: number, size: number): MapShape {
  const cell = size < 60 ? 9 : size <= 4000 ? 4 : 2;
  const gap = cell > 2 ? (cell === 9 ? 2 : 1) : 0;
  const across = Math.max(Math.floor((width + gap) / (cell + gap)), 1);
  const tall = cell === 9 ? 11 : cell === 4 ? 8 : 4;
  const rows = Math.ceil(size / across);
  return { cell, gap, across, height: Math.min(rows, 60) * (tall + gap) };
}

/** A cell per call on one canvas; arrows move along it. */
function CallMap({ app, calls, size, tally }: { app: App; calls: readonly string[]; size: number; tally: Tally }): JSX.Element {
  const [measure, width] = useSize();
  const canvas = useRef<HTMLCanvasElement | null>(null);
  const count = Math.max(size, calls.length);
  const shape = mapShape(width || 600, count);
  useLayoutEffect(() => { if (canvas.current && width) paint(app, canvas.current, calls, count, shape, width, tally); });
  const pick = (event: MouseEvent) => {
    const box = canvas.current!.getBoundingClientRect();
    const tall = shape.cell === 9 ? 11 : shape.cell === 4 ? 8 : 4;
    const index = Math.floor((event.clientY - box.top) / (tall + shape.gap)) * shape.across + Math.floor((event.clientX - box.left) / (shape.cell + shape.gap));
    const call = calls.find((id) => figure(app.store.get(id), "index") === index) ?? calls[index];
    if (call) app.select(call);
  };
  return (
    <div class="map" ref={measure} style={{ height: `${shape.height}px` }}>
      <canvas ref={canvas} tabIndex={0} role="img" aria-label={`A map of ${counted(count, "call")}: ${batchText(tally, size)}. Arrows choose a call.`} onClick={pick}
        onKeyDown={(event) => {
          const by = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: shape.across, ArrowUp: -shape.across }[event.key];
          if (by === undefined) return;
          event.preventDefault();
          event.stopPropagation();
          const at = app.call ? calls.indexOf(app.call) : -1;
          const next = calls[Math.min(Math.max(at + by, 0), calls.length - 1)];
          if (next) app.select(next);
        }} />
    </div>
  );
}

function paint(app: App, canvas: HTMLCanvasElement, calls: readonly string[], count: number, shape: MapShape, width: number, tally: Tally): void {
  const scale = devicePixelRatio || 1;
  canvas.width = Math.round(width * scale);
  canvas.height = Math.round(shape.height * scale);
  canvas.style.width = `${width}px`;
  canvas.style.height = `${shape.height}px`;
  const context = canvas.getContext("2d");
  if (!context) return;
  context.scale(scale, scale);
  const style = getComputedStyle(canvas);
  const colour = (name: string) => style.getPropertyValue(`--${name}`).trim();
  const [call, fail, you, here, faint] = ["call", "fail", "you", "here", "faint"].map(colour) as [string, string, string, string, string];
  const tall = shape.cell === 9 ? 11 : shape.cell === 4 ? 8 : 4;
  const spot = (index: number): [number, number] => [(index % shape.across) * (shape.cell + shape.gap), Math.floor(index / shape.across) * (tall + shape.gap)];
  context.fillStyle = faint;
  for (let index = 0; index < count; index += 1) { const [x, y] = spot(index); if (y > shape.height) break; context.fillRect(x, y, shape.cell, tall); }
  calls.forEach((id, order) => {
    const node = app.store.get(id);
    const [x, y] = spot(figure(node, "index") ?? order);
    if (y > shape.height) return;
    const status = text(node, "status");
    if (status === "waiting") {
      context.clearRect(x, y, shape.cell, tall);
      context.strokeStyle = call;
      context.strokeRect(x + 0.5, y + 0.5, shape.cell - 1, tall - 1);
    } else if (status === "failed") {
      context.fillStyle = fail;
      context.fillRect(x, y, shape.cell, tall);
    } else {
      const plain = tally.common !== null && key(node) === tally.common;
      context.globalAlpha = plain || tally.common === null ? 0.3 : 1;
      context.fillStyle = call;
      context.fillRect(x, y, shape.cell, tall);
      context.globalAlpha = 1;
      if (shape.cell === 9) { context.strokeStyle = call; context.lineWidth = 0.7; context.strokeRect(x + 0.5, y + 0.5, shape.cell - 1, tall - 1); context.lineWidth = 1; }
      if (figure(node, "retries")) { context.fillStyle = you; context.fillRect(x, y + tall - Math.max(tall / 3, 2), shape.cell, Math.max(tall / 3, 2)); }
    }
    if (id === app.call) {
      context.strokeStyle = here;
      context.lineWidth = 2;
      context.strokeRect(x + (shape.cell > 2 ? 0 : -1), y, shape.cell + (shape.cell > 2 ? 0 : 2), tall);
      context.lineWidth = 1;
    }
  });
}
