// When what happened: steps, calls in lanes, child runs, the root prompt's tokens, the cost. One canvas, and words beside it.
import type { JSX } from "preact";
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import type { App } from "./app";
import { clipped, clock, counted, dollars, seconds, thousands } from "./figures";
import { useSize } from "./parts";
import { figure, text, type RunNode } from "./types";

const LEFT = 74, RIGHT = 66, STEPS = 15, LANE = 3.4, TALL = 13, FEW = 4, LINES = 42, AXIS = 18; // px; up to FEW lanes are TALL, so that their bars have room for words

interface Bar { id: string; from: number; to: number; top: number; height: number; kind: "think" | "code" | "call" | "child" | "fail" }
export interface Drawing { bars: Bar[]; marks: { at: number; id: string }[]; prompt: [number, number][]; cost: [number, number][]; end: number; lanes: number; atOnce: number; most: number; spent: number }

export function Timeline({ app }: { app: App }): JSX.Element {
  const [measure, width, height] = useSize();
  const canvas = useRef<HTMLCanvasElement | null>(null);
  const drawing = useRef<{ version: number; run: string; live: number; made: Drawing } | null>(null);
  const [told, setTold] = useState<{ x: number; y: number; text: string } | null>(null);
  const live = app.live ? Math.floor(performance.now() / 250) : 0;
  if (!drawing.current || drawing.current.version !== app.store.version || drawing.current.run !== app.run || drawing.current.live !== live)
    drawing.current = { version: app.store.version, run: app.run, live, made: draw(app, app.run) };
  const made = drawing.current.made;
  const area = areaOf(width, height, made.end);
  useLayoutEffect(() => { if (canvas.current && width && height) paint(app, canvas.current, made, width, height); });
  const find = (event: MouseEvent): Bar | undefined => {
    const box = canvas.current!.getBoundingClientRect();
    const t = area.toTime(event.clientX - box.left), y = event.clientY - box.top;
    const reach = area.toTime(area.left + 3) - area.toTime(area.left);
    return made.bars.findLast((bar) => t >= bar.from - reach && t <= bar.to + reach && y >= scaled(bar, made, height).top - 1 && y <= scaled(bar, made, height).bottom + 1);
  };
  if (app.store.absent(app.run, "times")) return <section class="timeline" aria-label="Time" data-reveal="pane-time"><div class="chart-head"><h2>Time</h2></div><p class="empty">Not recorded.</p></section>;
  return (
    <section class="timeline" aria-label="Time" data-reveal="pane-time">
      <div class="chart-head"><h2>Time</h2><Legend cost={made.spent > 0} /></div>
      <div class="chart" ref={measure} style={{ "--chart": `${heightOf(made)}px` }}>
        <canvas ref={canvas} tabIndex={0} role="img" aria-label={`${counted(app.store.steps(app.run).length, "step")} in ${clock(made.end)}, at most ${counted(made.atOnce, "call")} at once. Left and right choose a step.`}
          onClick={(event) => { const bar = find(event); if (bar) app.select(bar.id); }}
          onMouseMove={(event) => {
            const bar = find(event), box = canvas.current!.getBoundingClientRect();
            setTold(bar ? { x: event.clientX - box.left, y: event.clientY - box.top, text: barText(app, bar) } : null);
          }}
          onMouseLeave={() => setTold(null)}
          onKeyDown={(event) => { if (event.key === "ArrowRight" || event.key === "ArrowLeft") { event.stopPropagation(); app.move(event.key === "ArrowRight" ? 1 : -1); } }} />
        <span class="axis-name" style={{ top: "2px" }}>steps</span>
        <span class="axis-name" style={{ top: `${STEPS + 8}px` }}>calls<br />{made.atOnce > 1 ? `${made.atOnce} at once` : ""}</span>
        <span class="axis-name" style={{ top: `${Math.max(height - AXIS - 38, STEPS + 40)}px` }}>root prompt<br />tokens</span>
        <span class="axis-name" style={{ top: `${height - AXIS + 2}px` }}>{made.end >= 1 ? "min:s" : ""}</span>
        {made.prompt.length > 0 && <span class="axis-value" style={{ top: `${Math.max(height - AXIS - 38, STEPS + 40)}px` }}><b>{thousands(made.prompt.at(-1)![1])}</b><br />{made.spent > 0 ? `${dollars(made.spent)} USD` : ""}</span>}
        {told && <span class="tip chart-tip" style={{ left: `${Math.min(told.x + 10, Math.max(width - 240, 0))}px`, top: `${told.y + 14}px` }}>{told.text}</span>}
      </div>
    </section>
  );
}

function Legend({ cost }: { cost: boolean }): JSX.Element {
  return (
    <span class="legend" aria-hidden="true">
      <span><i class="of-think" />root model thinks</span><span><i class="of-code" />code runs</span><span><i class="of-call" />call</span><span><i class="of-child" />child run</span>
      <span><i class="of-fail" />failed, retried</span><span><i class="of-mark" />paused, edited</span>{cost && <span><i class="of-cost" />cost</span>}
    </span>
  );
}

function barText(app: App, bar: Bar): string {
  const node = app.store.get(bar.id);
  const took = seconds(bar.to - bar.from);
  if (node?.kind === "call") return `call ${text(node, "number")}, ${took}: ${clipped(text(node, "answer") || text(node, "prompt"), 60)}`;
  if (node?.kind === "run") return `child run, ${took}: ${clipped(text(node, "question"), 60)}`;
  return `step ${text(app.store.get(app.store.stepOf(bar.id) ?? ""), "number")}, ${bar.kind === "think" ? "the model thinks" : "code runs"}, ${took}`;
}

/** All that is drawn, in seconds of the run with the time spent waiting for a person taken out. */
export function draw(app: App, run: string): Drawing {
  const store = app.store, origin = figure(store.get(run), "t") ?? 0;
  const pauses = store.children(run, "pause").map((id) => store.get(id)!).map((pause) => ({ at: figure(pause, "t") ?? 0, end: figure(pause, "end"), held: figure(pause, "seconds") ?? 0, step: text(pause, "step") }));
  const open = pauses.find((pause) => pause.end === null);
  const active = (t: number) => Math.max(Math.min(t, open?.at ?? Infinity) - origin - pauses.reduce((sum, pause) => sum + (pause.end !== null && t >= pause.end ? pause.held : pause.end !== null && t > pause.at ? t - pause.at : 0), 0), 0);
  const now = app.live ? app.now(run) : (figure(store.usage(run), "t") ?? 0);
  const bars: Bar[] = [], lanes: number[] = [];
  const prompt: [number, number][] = [], spent: [number, number][] = [];
  const put = (node: RunNode, kind: Bar["kind"], from: number, to: number, top: number, height: number) => bars.push({ id: node.id, kind, from: active(from), to: Math.max(active(to), active(from)), top, height });
  const lane = (from: number, to: number): number => {
    let at = lanes.findIndex((end) => end <= from + 1e-9);
    if (at < 0) at = lanes.length;
    lanes[at] = to;
    return at;
  };
  const spans: { node: RunNode; kind: Bar["kind"]; from: number; to: number }[] = [];
  for (const id of store.steps(run)) {
    const step = store.get(id)!;
    const begin = figure(step, "t") ?? 0, replied = figure(step, "replied");
    put(step, "think", begin, replied ?? figure(step, "end") ?? now, 0, STEPS);
    if (figure(step, "tokens_in") !== null) prompt.push([active(begin), figure(step, "tokens_in")!]);
    if (figure(step, "cost")) spent.push([active(replied ?? begin), figure(step, "cost")!]);
    for (const block of store.children(id, "block").map((one) => store.get(one)!)) {
      put(block, text(block, "status") === "failed" ? "fail" : "code", figure(block, "t") ?? 0, figure(block, "end") ?? now, 0, STEPS);
      for (const call of store.callsOf(block.id).map((one) => store.get(one)!)) {
        spans.push({ node: call, kind: text(call, "status") === "failed" || figure(call, "retries") ? "fail" : "call", from: figure(call, "t") ?? 0, to: figure(call, "end") ?? now });
        if (figure(call, "cost")) spent.push([active(figure(call, "end") ?? now), figure(call, "cost")!]);
      }
      for (const child of store.children(block.id, "run").map((one) => store.get(one)!)) spans.push({ node: child, kind: "child", from: figure(child, "t") ?? 0, to: figure(child, "end") ?? now });
    }
  }
  spans.sort((a, b) => a.from - b.from);
  for (const span of spans) put(span.node, span.kind, span.from, span.to, lane(span.from, span.to), 1);
  spent.sort((a, b) => a[0] - b[0]);
  let sum = 0;
  const cost = spent.map(([at, value]): [number, number] => [at, (sum += value)]);
  const edits = store.children(run, "edit").map((id) => ({ at: active(figure(store.get(id), "t") ?? 0), id: text(store.get(id), "step") }));
  const marks = [...pauses.map((pause) => ({ at: active(pause.at), id: pause.step })), ...edits];
  return { bars, marks, prompt, cost, end: Math.max(active(now), ...bars.slice(-50).map((bar) => bar.to), 0.001), lanes: lanes.length, atOnce: lanes.length, most: Math.max(...prompt.map(([, tokens]) => tokens), 1), spent: sum };
}

interface Area { left: number; right: number; toX(t: number): number; toTime(x: number): number }

function areaOf(width: number, _height: number, end: number): Area {
  const left = width < 420 ? 16 : LEFT, right = Math.max(width - (width < 420 ? 8 : RIGHT), left + 10);
  return { left, right, toX: (t) => left + (t / end) * (right - left), toTime: (x) => ((x - left) / (right - left)) * end };
}

function scaled(bar: Bar, made: Drawing, height: number): { top: number; bottom: number } {
  if (bar.height === STEPS) return { top: 3, bottom: 3 + STEPS };
  const each = Math.min(laneOf(made.lanes), Math.max(height - AXIS - LINES - STEPS - 12, 20) / Math.max(made.lanes, 1));
  const top = STEPS + 10 + bar.top * each;
  return { top, bottom: top + Math.max(each - 1, 0.6) };
}

const laneOf = (lanes: number): number => (lanes <= FEW ? TALL : LANE + 1);

/** What the chart needs, so that few calls take little room. */
function heightOf(made: Drawing): number {
  return STEPS + 12 + Math.max(made.lanes * laneOf(made.lanes), 28) + LINES + AXIS;
}

function paint(app: App, canvas: HTMLCanvasElement, made: Drawing, width: number, height: number): void {
  const scale = devicePixelRatio || 1;
  canvas.width = Math.round(width * scale);
  canvas.height = Math.round(height * scale);
  const context = canvas.getContext("2d");
  if (!context) return;
  context.scale(scale, scale);
  const style = getComputedStyle(canvas);
  const colour = (name: string) => style.getPropertyValue(`--${name}`).trim();
  const area = areaOf(width, height, made.end);
  const bottom = height - AXIS;
  const low = Math.max(bottom - 36, STEPS + 30);
  context.font = `11px ${style.fontFamily}`;
  grid(context, area, made, colour, low, bottom);
  const colours = { think: colour("ground"), code: colour("ink-2"), call: colour("call"), child: colour("child"), fail: colour("fail") };
  const chosen = made.bars.filter((bar) => bar.height === STEPS && app.store.stepOf(bar.id) === app.step);
  if (chosen.length) {
    const from = Math.min(...chosen.map((bar) => bar.from)), to = Math.max(...chosen.map((bar) => bar.to));
    context.fillStyle = colour("tint");
    context.fillRect(area.toX(from), 0, Math.max(area.toX(to) - area.toX(from), 1), bottom);
  }
  let lastX = -1, lastTop = -1;
  for (const bar of made.bars) {
    const { top, bottom: end } = scaled(bar, made, height);
    const x = area.toX(bar.from), wide = Math.max(area.toX(bar.to) - x, bar.height === STEPS ? 1 : 1.2);
    if (bar.height !== STEPS && Math.round(x * 2) === lastX && Math.round(top) === lastTop && wide < 1.5) continue;
    [lastX, lastTop] = [Math.round(x * 2), Math.round(top)];
    context.fillStyle = colours[bar.kind];
    context.fillRect(x, top, wide, Math.max(end - top, 0.6));
    if (bar.kind === "think") { context.strokeStyle = colour("ink-3"); context.lineWidth = 1; context.strokeRect(x + 0.5, top + 0.5, Math.max(wide - 1, 0.5), end - top - 1); }
    if (wide > 12 && end - top > 10) label(context, barWords(app, bar), x, wide, (top + end) / 2, colour(bar.kind === "think" ? "ink" : "ground"));
    if (bar.id === app.call) { context.strokeStyle = colour("here"); context.lineWidth = 2; context.strokeRect(x - 1, top - 1, wide + 2, end - top + 2); }
  }
  lines(context, area, made, colour, low, bottom);
  if (width < 420 && made.prompt.length) { // no room for names beside the chart
    context.fillStyle = colour("ink-3");
    context.textAlign = "left";
    context.fillText(`root prompt, at most ${thousands(made.most)} tokens`, area.left, low - 9);
  }
  for (const mark of made.marks) {
    const x = area.toX(mark.at);
    context.fillStyle = colour("you");
    context.beginPath(); context.moveTo(x - 5, 0); context.lineTo(x + 5, 0); context.lineTo(x, 6); context.fill();
  }
  if (app.live) { context.fillStyle = colour("here"); context.fillRect(area.toX(made.end) - 1, 0, 2, bottom + 3); }
}

/** What a bar is and how long it took: in words, shorter, shortest. */
function barWords(app: App, bar: Bar): string[] {
  const node = app.store.get(bar.id), number = text(node, "number"), took = seconds(bar.to - bar.from);
  if (node?.kind === "call") return [`call ${number}, ${took}`, took];
  if (node?.kind === "run") return [`child run, ${took}`, took];
  return bar.kind === "think" ? [`step ${number}, model ${took}`, `step ${number}, ${took}`, `step ${number}`, number] : [`code ${took}`, took];
}

function label(context: CanvasRenderingContext2D, words: string[], x: number, wide: number, middle: number, ink: string): void {
  const told = words.find((one) => context.measureText(one).width < wide - 6);
  if (!told) return;
  context.fillStyle = ink;
  context.textAlign = "center";
  context.fillText(told, x + wide / 2, middle + 4);
}

function grid(context: CanvasRenderingContext2D, area: Area, made: Drawing, colour: (name: string) => string, low: number, bottom: number): void {
  const steps = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600, 7200, 36000];
  const wanted = Math.max(Math.floor((area.right - area.left) / 110), 1);
  const every = steps.find((step) => made.end / step <= wanted) ?? steps.at(-1)!;
  context.textAlign = "center";
  for (let t = 0; t <= made.end + 1e-9; t += every) {
    const x = Math.round(area.toX(t)) + 0.5;
    context.strokeStyle = colour("rule");
    context.lineWidth = 1;
    context.beginPath(); context.moveTo(x, 0); context.lineTo(x, bottom + 3); context.stroke();
    context.fillStyle = colour("ink-3");
    context.fillText(every < 1 ? seconds(t) : clock(t), x, bottom + 14);
  }
  context.beginPath(); context.moveTo(area.left, low - 6.5); context.lineTo(area.right, low - 6.5); context.moveTo(area.left, bottom + 0.5); context.lineTo(area.right, bottom + 0.5); context.stroke();
}

function lines(context: CanvasRenderingContext2D, area: Area, made: Drawing, colour: (name: string) => string, low: number, bottom: number): void {
  const y = (share: number) => bottom - share * (bottom - low);
  context.lineWidth = 1.5;
  context.strokeStyle = colour("ink");
  context.beginPath();
  made.prompt.forEach(([t, tokens], at) => {
    const next = made.prompt[at + 1]?.[0] ?? made.end;
    if (at === 0) context.moveTo(area.toX(t), y(tokens / made.most)); else context.lineTo(area.toX(t), y(tokens / made.most));
    context.lineTo(area.toX(next), y(tokens / made.most));
  });
  context.stroke();
  if (made.spent <= 0) return;
  context.setLineDash([2, 3]);
  context.strokeStyle = colour("ink-3");
  context.beginPath();
  context.moveTo(area.left, y(0));
  for (const [t, spent] of made.cost) context.lineTo(area.toX(t), y(spent / made.spent));
  context.stroke();
  context.setLineDash([]);
}
