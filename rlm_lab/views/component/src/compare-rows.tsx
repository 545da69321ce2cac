// The aligned steps: both sides in one grid, only the rows near the window drawn, what differs marked alike on both sides.
import { Fragment, type ComponentChild, type JSX, type VNode } from "preact";
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { MOST, type CallRow, type CallSide, type Child, type ChildPair, type Item, type Row, type Span, type State, type Step } from "./compare-state";
import { counted, grouped, seconds } from "./figures";
import { Icon, statusWord } from "./icons";
import { codeLines } from "./python";

const ALL = 40; // rows that are drawn without regard to the window
const AHEAD = 600; // pixels above and below the window
const LINE = 19;

/** The list; `scroller` is what scrolls it. */
export function Rows({ state, scroller }: { state: State; scroller: () => HTMLElement | null }): JSX.Element {
  const items = state.items;
  const box = useRef<HTMLDivElement | null>(null);
  const heights = useRef(new Map<string, number>());
  const [, draw] = useState(0);
  const again = () => draw((count) => count + 1);
  const tops = topsOf(items, (item) => heights.current.get(nameOf(state, item)) ?? guess(state, item));
  const [first, last] = items.length <= ALL ? [0, items.length] : near(tops, box.current, scroller());
  useLayoutEffect(() => {
    const scrolled = scroller();
    scrolled?.addEventListener("scroll", again, { passive: true });
    return () => scrolled?.removeEventListener("scroll", again);
  }, []);
  useLayoutEffect(() => {
    let moved = false;
    for (const row of box.current?.querySelectorAll<HTMLElement>("[data-name]") ?? []) {
      const name = row.dataset["name"]!, height = row.offsetHeight;
      if (Math.abs((heights.current.get(name) ?? -1) - height) > 1) { heights.current.set(name, height); moved = true; }
    }
    if (moved && items.length > ALL) again();
    reveal(state, box.current, scroller(), tops);
  });
  return (
    <div class="cmp-rows" role="list" aria-label="Steps of A and B, aligned" ref={box}>
      <div style={{ height: `${tops[first]}px` }} />
      {items.slice(first, last).map((item, k) => <Entry key={item.type === "part" ? "part" : `${item.type}-${item.place}`} state={state} item={item} at={first + k} of={items.length} />)}
      <div style={{ height: `${tops[items.length]! - tops[last]!}px` }} />
    </div>
  );
}

/** By which a height is kept. */
function nameOf(state: State, item: Item): string {
  if (item.type === "part") return `${state.key}-part`;
  return `${state.key}-${item.type}-${item.place}-${item.type === "row" && state.isOpen(item.row, `${item.place}`) ? 1 : 0}`;
}

function topsOf(items: Item[], height: (item: Item) => number): number[] {
  const tops = [0];
  for (const item of items) tops.push(tops[tops.length - 1]! + height(item));
  return tops;
}

function guess(state: State, item: Item): number {
  if (item.type !== "row") return 44;
  if (!state.isOpen(item.row, `${item.place}`)) return 40;
  const lines = (side: 0 | 1) => {
    const step = state.step(side, side === 0 ? item.row.a : item.row.b);
    return step ? [step.code, step.output].reduce((sum, text) => sum + Math.min(text ? text.split("\n").length : 0, 16), 0) : 0;
  };
  return 60 + LINE * Math.max(lines(0), lines(1)) + 60 * ((item.row.calls?.length ?? 0) + (item.row.children?.length ?? 0));
}

function near(tops: number[], box: HTMLElement | null, scrolled: HTMLElement | null): [number, number] {
  const room = scrolled?.clientHeight ?? 800;
  const from = box && scrolled ? scrolled.getBoundingClientRect().top - box.getBoundingClientRect().top : 0;
  let first = 0, last = tops.length - 1;
  while (first < last && tops[first + 1]! < from - AHEAD) first += 1;
  while (last > first + 1 && tops[last - 1]! > from + room + AHEAD) last -= 1;
  return [Math.min(first, tops.length - 1), last];
}

/** Brings the item that is wanted into view, and the focus to it. */
function reveal(state: State, box: HTMLElement | null, scrolled: HTMLElement | null, tops: number[]): void {
  if (state.goal === null || !box || !scrolled) return;
  const element = box.querySelector<HTMLElement>(`[data-item="${state.goal}"]`);
  if (!element) {
    scrolled.scrollTop += box.getBoundingClientRect().top - scrolled.getBoundingClientRect().top + tops[state.goal]! - 120;
    return;
  }
  const [row, view] = [element.getBoundingClientRect(), scrolled.getBoundingClientRect()];
  if (row.top < view.top + 60 || row.bottom > view.bottom) scrolled.scrollTop += row.top - view.top - Math.min(70 + above(element), view.height * 0.7);
  if (state.focus) element.focus({ preventScroll: true });
  state.goal = null;
  state.focus = false;
}

/** Of the band, the height of the row that it belongs to: both are to be seen. */
function above(element: HTMLElement): number {
  return element.matches(".cmp-part") ? ((element.previousElementSibling as HTMLElement | null)?.offsetHeight ?? 0) : 60;
}

function Entry({ state, item, at, of }: { state: State; item: Item; at: number; of: number }): JSX.Element {
  const place = { "data-item": at, "data-name": nameOf(state, item), role: "listitem" as const, tabIndex: state.at === at ? 0 : -1, "aria-posinset": at + 1, "aria-setsize": of, onFocus: () => { state.at = at; } };
  if (item.type === "part") return <div class="cmp-part" {...place}><b>{state.texts?.title}</b><span class="told">{state.texts?.sentence}</span><WhatIf state={state} /></div>;
  if (item.type === "fold") return <div class="cmp-fold" {...place}>{counted(item.count, "step")} the same, from step {state.step(0, state.row(item.place)?.a)?.n ?? "?"} of A on</div>;
  const { row } = item;
  const steps: Both = [(at) => state.step(0, at), (at) => state.step(1, at)];
  return <div class={`cmp-row of-${row.kind}`} {...place} aria-label={labelOf(row, steps)}><Aligned state={state} row={row} steps={steps} path={`${item.place}`} /></div>;
}

/** The line of Python that runs B again with A's answer, to be copied into a cell. */
function WhatIf({ state }: { state: State }): JSX.Element | null {
  const line = state.texts?.what_if;
  const [[of, told], tell] = useState(["", ""]); // what became of copying which line
  if (!line) return null;
  const copy = (event: MouseEvent) => {
    const box = (event.currentTarget as HTMLElement).parentElement!.querySelector("code")!;
    getSelection()?.selectAllChildren(box);
    const selected = () => tell([line, "selected; press Ctrl+C"]); // where the page may not copy
    if (!navigator.clipboard) selected();
    else navigator.clipboard.writeText(line).then(() => tell([line, "copied"]), selected);
  };
  return (
    <>
      <button type="button" class="button" aria-expanded={state.whatIf} onClick={() => { state.whatIf = !state.whatIf; state.changed(); }}><Icon name="fork" /> Run B with A’s answer</button>
      {state.whatIf && <p class="cmp-whatif">In a cell of a kernel that has the data: <code>{line}</code> <button type="button" class="link" onClick={copy}>copy</button> <span role="status">{of === line ? told : ""}</span><br />It gives a second run, which stands before this step; <code>.resume()</code> goes on, and asks only what depends on the answer.</p>}
    </>
  );
}

/** The steps of both sides by their places. */
type Both = [Steps, Steps];
type Steps = (place: number | null | undefined) => Step | null;
interface Shown { state: State; row: Row; steps: Both; path: string }

function labelOf(row: Row, steps: Both): string {
  const [a, b] = [steps[0](row.a), steps[1](row.b)];
  return `${[a && `step ${a.n} of A`, b && `step ${b.n} of B`].filter(Boolean).join(" and ")}: ${row.word}`;
}

/** The three cells of a row, and below them the child runs of both sides. */
function Aligned({ state, row, steps, path }: Shown): JSX.Element {
  const open = state.isOpen(row, path);
  return (
    <>
      <Side state={state} row={row} steps={steps} path={path} side={0} />
      <Middle sign={row.sign} word={row.word} />
      <Side state={state} row={row} steps={steps} path={path} side={1} />
      {open && row.children?.map((pair, k) => <Children key={k} state={state} pair={pair} path={`${path}.${k}`} />)}
      {open && row.more_children ? <p class="cmp-child quiet">{counted(row.more_children, "more child run")} of this step</p> : null}
    </>
  );
}

const Middle = ({ sign, word }: { sign: string; word: string }): JSX.Element => <div class="cmp-mid"><span class="cmp-sign" aria-hidden="true">{sign}</span><span>{word}</span></div>;

const More = ({ count, what, onClick }: { count: number; what: string; onClick: () => void }): JSX.Element => <p class="cmp-more"><button type="button" class="link" onClick={onClick}>{counted(Math.min(count, MOST), what)}</button> of {grouped(count)}</p>;

/** Two child runs: what was asked and answered, and when opened their own steps, aligned the same way. */
function Children({ state, pair, path }: { state: State; pair: ChildPair; path: string }): JSX.Element {
  const open = pair.rows !== undefined && state.isInside(pair, path), word = pair.a && pair.b ? (pair.same ? "same child run" : "other child run") : pair.a ? "only in A" : "only in B";
  const steps: Both = [(at) => pair.steps?.[0][at ?? -1] ?? null, (at) => pair.steps?.[1][at ?? -1] ?? null];
  const [first, end] = state.drawn(pair, path);
  const head = (side: 0 | 1) => {
    const child = side === 0 ? pair.a : pair.b, letter = "AB"[side]!;
    if (!child) return <div class={`cmp-side side-${letter} away`}>no such child run in {letter}</div>;
    const told = <ChildRun child={child} marks={pair.marks && { question: pair.marks.question[side], answer: pair.marks.answer[side] }} />;
    return <div class={`cmp-side side-${letter}`}>{pair.rows ? <button type="button" class="cmp-childhead" aria-expanded={open} onClick={() => state.toggle(path)}><Icon name={open ? "down" : "right"} />{told}</button> : told}</div>;
  };
  return (
    <div class="cmp-child" role="group" aria-label={`Child run: ${(pair.a ?? pair.b)!.question}`}>
      <div class="cmp-row of-child">{head(0)}<Middle sign={pair.same ? "=" : pair.a && pair.b ? "≠" : pair.a ? "›" : "‹"} word={word} />{head(1)}</div>
      {open && first > 0 && <More count={first} what="earlier step" onClick={() => state.widen(pair, path, -1)} />}
      {open && pair.rows!.slice(first, end).map((row, at) => [row, first + at] as const).map(([row, k]) => (
        <Fragment key={k}>
          <div class={`cmp-row of-${row.kind}`} role="group" aria-label={labelOf(row, steps)}><Aligned state={state} row={row} steps={steps} path={`${path}.${k}`} /></div>
          {k === pair.part && <div class="cmp-part"><b>In this child run: {pair.texts?.title}</b><span class="told">{pair.texts?.sentence}</span></div>}
        </Fragment>
      ))}
      {open && end < pair.rows!.length && <More count={pair.rows!.length - end} what="more step" onClick={() => state.widen(pair, path, 1)} />}
    </div>
  );
}

function Side({ state, row, steps, path, side }: Shown & { side: 0 | 1 }): JSX.Element {
  const letter = "AB"[side]!, own = steps[side](side === 0 ? row.a : row.b), open = state.isOpen(row, path);
  if (!own) {
    const there = row.elsewhere;
    return (
      <div class={`cmp-side side-${letter} away`}>
        {there === undefined
          ? <span>no such step in {letter}</span>
          : path.includes(".") ? <span>step {row.there} of {letter}</span>
          : <button type="button" class="link" onClick={() => state.toStep(side, there)}>step {row.there} of {letter}</button>}
        {open && there !== undefined && <Inside row={row} step={steps[side](there)!} side={side} />}
      </div>
    );
  }
  const right = [own.seconds ? seconds(own.seconds) : "", own.calls ? counted(own.calls, "call") : ""].filter(Boolean).join(" · ");
  return (
    <div class={`cmp-side side-${letter}`}>
      <button type="button" class={`cmp-head act-${own.act}`} tabIndex={path.includes(".") ? 0 : -1} aria-expanded={open} onClick={() => state.toggle(path)} title={own.why}>
        <span class="n">{own.n}</span>
        <span class={`act-word act-${own.act}`}><Icon name={own.act} /> {own.act}</span>
        {own.failed && <span class="fail"><Icon name="failed" /> failed</span>}
        {own.edited && <span class="you"><Icon name="person" /> edited</span>}
        <span class={own.final ? "sum final" : "sum"}>{own.summary}</span>
        <span class="cost">{right}</span>
      </button>
      {own.warned?.map((reason) => <p class="cmp-warned"><Icon name="warning" /> {reason}</p>)}
      {open && <Inside row={row} step={own} side={side} />}
    </div>
  );
}

function Inside({ row, step, side }: { row: Row; step: Step; side: 0 | 1 }): JSX.Element {
  const marks = row.marks;
  return (
    <div class="cmp-inside">
      {step.code && <Code text={step.code} marks={marks?.code[side] ?? []} />}
      {row.calls?.map((call) => <Asked call={call} side={side} />)}
      {row.calls && (row.more_calls || row.same_calls) && step.calls ? <p class="quiet">{callsText(row)}</p> : null}
      {!row.children && step.children?.map((child) => <div class="cmp-alone"><ChildRun child={child} /></div>)}
      {!row.children && step.more_children ? <p class="quiet">{counted(step.more_children, "more child run")}</p> : null}
      {step.variables && <pre class="cmp-vars" aria-label="Variables that the step set">{overlaid([step.variables], marks?.variables?.[side] ?? [], 0)}</pre>}
      {step.output && <pre class={`cmp-out${step.failed ? " failed" : ""}`}>{overlaid([step.output], marks?.output[side] ?? [], 0)}</pre>}
      {step.spent && <p class="quiet">{step.spent}</p>}
    </div>
  );
}

function callsText(row: Row): string {
  const parts = [];
  if (row.more_calls) parts.push(`${counted(row.more_calls, "more call")} with differences`);
  if (row.same_calls) parts.push(`${counted(row.same_calls, "call")} with the same prompt and answer`);
  return `${parts.join(", ")}.`;
}

function Asked({ call, side }: { call: CallRow; side: 0 | 1 }): JSX.Element | null {
  const own: CallSide | null = side === 0 ? call.a : call.b;
  if (!own) return null;
  return (
    <div class={`cmp-call${own.status === "failed" ? " failed" : ""}`}>
      <span class="cmp-asked"><b>call {own.n}</b> <span class="quiet">{own.model}</span> {own.prompt || own.answer ? overlaid([own.prompt], call.marks.prompt[side], 0) : <span class="quiet">its text is not recorded</span>}</span>
      <span class="cmp-answer">{overlaid([own.answer], call.marks.answer[side], 0)}</span>
    </div>
  );
}

function ChildRun({ child, marks }: { child: Child; marks?: { question: Span[]; answer: Span[] } | undefined }): JSX.Element {
  return (
    <span class="cmp-call child">
      <span class="cmp-asked"><Icon name="child" /> <b>child run</b> <span class="quiet">{statusWord(child.status)}, {counted(child.steps, "step")}</span> {overlaid([child.question], marks?.question ?? [], 0)}</span>
      <span class="cmp-answer">{overlaid([child.answer], marks?.answer ?? [], 0)}</span>
    </span>
  );
}

function Code({ text, marks }: { text: string; marks: Span[] }): JSX.Element {
  let at = 0;
  const lines = codeLines(text).map((pieces) => {
    const length = pieces.reduce<number>((sum, piece) => sum + textOf(piece).length, 0);
    const line = overlaid(pieces, marks, at);
    at += length + 1;
    return line;
  });
  return <pre class="cmp-code">{lines.map((line, k) => <span class="cmp-line"><span class="no" aria-hidden="true">{k + 1}</span><code>{line}{"\n"}</code></span>)}</pre>;
}

const isElement = (piece: ComponentChild): piece is VNode<{ class?: string; children?: string }> => typeof piece === "object" && piece !== null && "props" in piece;
const textOf = (piece: ComponentChild): string => (isElement(piece) ? String(piece.props.children ?? "") : String(piece ?? ""));

/** Pieces of text that begin at `from`, those between marks wrapped; colours stay. */
export function overlaid(pieces: ComponentChild[], marks: Span[], from: number): ComponentChild[] {
  if (!marks.length) return pieces;
  const found: ComponentChild[] = [];
  let at = from;
  for (const piece of pieces) {
    const text = textOf(piece), kind = isElement(piece) ? piece.props.class : undefined, end = at + text.length;
    const put = (start: number, stop: number, marked: boolean) => {
      if (start >= stop) return;
      const part = text.slice(start - at, stop - at);
      const inner = kind ? <span class={kind}>{part}</span> : part;
      found.push(marked ? <mark class="diff">{inner}</mark> : inner);
    };
    let done = at;
    for (const [start, stop] of marks) {
      if (stop <= at || start >= end) continue;
      put(done, Math.max(start, at), false);
      put(Math.max(start, at), Math.min(stop, end), true);
      done = Math.min(stop, end);
    }
    put(done, end, false);
    at = end;
  }
  return found;
}
