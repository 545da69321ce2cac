// What the compare page knows, and what it does: which two runs, which rows, what is opened. Nothing here draws.

export const MOST = 40; // rows of a child run that are drawn at once
const ABOVE = 5; // of them, rows before the first that differs
export type Span = [number, number];
export type Sides = [Span[], Span[]];
export interface CallSide { n: number; model: string; prompt: string; answer: string; status: string }
export interface CallRow { kind: string; a: CallSide | null; b: CallSide | null; marks: { prompt: Sides; answer: Sides } }
export interface Row {
  kind: string; sign: string; word: string; a: number | null; b: number | null; elsewhere?: number; there?: number;
  marks?: { code: Sides; output: Sides; variables?: Sides }; calls?: CallRow[]; more_calls?: number; same_calls?: number;
  children?: ChildPair[]; more_children?: number;
}
export interface Figure { name: string; title: string; a: string; b: string; difference: string }
export interface Told { title: string; sentence: string }
export interface Texts extends Told { given: string; contexts: string; figures: Figure[]; same_answer: boolean; counts: string; what_if: string }
export interface Pair { texts: Texts; turned: Texts; part: number | null; cause: string | null; exact: boolean; rows: Row[] }
export interface Child { question: string; answer: string; status: string; steps: number }
/** Two child runs of one row; `rows` and `steps` are there where both sides have one and the message had room for it. */
export interface ChildPair {
  a: Child | null; b: Child | null; same: boolean; marks?: { question: Sides; answer: Sides };
  texts?: Told; turned?: Told; steps?: [Step[], Step[]]; part?: number | null; rows?: Row[];
}
export interface Step {
  n: number; act: string; why: string; summary: string; seconds: number; calls: number; code: string; output: string; variables?: string; spent?: string;
  final?: boolean; failed?: boolean; edited?: boolean; warned?: string[]; children?: Child[]; more_children?: number;
}
export interface Run {
  name: string; question: string; model: string; status: string; answer: string; none: string; steps: number; figures: Record<string, string>;
  tags: string[]; acts: string[]; link?: string;
}
export interface Message {
  kind: string; chosen?: [number, number]; runs?: Run[]; answers?: [string, number[]][];
  steps?: Record<string, Step[]>; pairs?: Record<string, Pair>; text?: string;
}
/** `send` takes {compare: [ids]} and {pair: [i, j]}; a saved page (`file`) has nobody to ask: there a pair that did not come with it cannot be had. */
export interface Host { send: (message: Record<string, unknown>) => void; file?: boolean; theme?: string | null }
export type Item = { type: "row"; row: Row; place: number } | { type: "part" } | { type: "fold"; count: number; place: number };
export type By = "" | "model" | "question" | "tags" | "status" | "answer";

const TURNED: Record<string, Partial<Row>> = {
  only_a: { kind: "only_b", word: "only in B", sign: "‹" }, only_b: { kind: "only_a", word: "only in A", sign: "›" },
};
const turnedSides = (sides: Sides): Sides => [sides[1], sides[0]];

/** A row with A and B in each other's place. */
export function turnedRow(row: Row): Row {
  const calls = row.calls?.map((call) => ({
    kind: call.kind === "only_a" ? "only_b" : call.kind === "only_b" ? "only_a" : call.kind, a: call.b, b: call.a,
    marks: { prompt: turnedSides(call.marks.prompt), answer: turnedSides(call.marks.answer) },
  }));
  const marks = row.marks && { code: turnedSides(row.marks.code), output: turnedSides(row.marks.output), ...(row.marks.variables && { variables: turnedSides(row.marks.variables) }) };
  const children = row.children?.map(turnedChildren);
  return { ...row, ...TURNED[row.kind], a: row.b, b: row.a, ...(marks && { marks }), ...(calls && { calls }), ...(children && { children }) };
}

function turnedChildren(pair: ChildPair): ChildPair {
  const marks = pair.marks && { question: turnedSides(pair.marks.question), answer: turnedSides(pair.marks.answer) };
  const { texts, turned, steps } = pair;
  return { ...pair, a: pair.b, b: pair.a, ...(marks && { marks }), ...(texts && turned && { texts: turned, turned: texts }), ...(steps && { steps: [steps[1], steps[0]] }), ...(pair.rows && { rows: pair.rows.map(turnedRow) }) };
}

export class State {
  runs: Run[] = [];
  answers: [string, number[]][] = [];
  steps: Record<string, Step[]> = {};
  pairs: Record<string, Pair> = {};
  chosen: [number, number] = [0, 1];
  only = false;
  by: By = "";
  keys = false;
  at = 0; // the item with the focus
  focus = false; // whether it is to be taken there
  goal: number | null = null; // the item that is to be brought into view
  widened = new Map<string, [number, number]>(); // by the place of a child run, which of its rows are drawn where not the first
  opened = new Set<string>(); // places of rows and of child runs in them that are not as they began: "3", "3.0", "3.0.1"
  trouble = "";
  whatIf = false; // whether the line that runs B with A's answer is shown
  layout = "full";
  private made: { key: string; items: Item[]; rows: Row[] } | null = null;

  asked = 0; // how many runs were asked for

  constructor(readonly host: Host, private readonly redraw: () => void) {}

  changed(): void { this.redraw(); }

  /** Asks for the runs that an address names: #with=one&with=other. */
  ask(hash: string): void {
    const names = new URLSearchParams(hash.slice(1)).getAll("with");
    this.asked = names.length;
    if (names.length) this.host.send({ compare: names });
    else this.update({ kind: "comparison", runs: [], chosen: [0, 1] });
  }

  update(message: Message): void {
    if (!["comparison", "pair", "trouble"].includes(message.kind)) return;
    this.asked = 0;
    if (message.runs) Object.assign(this, { runs: message.runs, answers: message.answers ?? [], chosen: message.chosen ?? [0, 1], steps: {}, pairs: {} });
    Object.assign(this.steps, message.steps ?? {});
    Object.assign(this.pairs, message.pairs ?? {});
    this.trouble = message.text ?? "";
    this.made = null;
    this.changed();
  }

  get turned(): boolean { return this.chosen[0] > this.chosen[1]; }
  get key(): string { return this.turned ? `${this.chosen[1]}-${this.chosen[0]}` : `${this.chosen[0]}-${this.chosen[1]}`; }
  get pair(): Pair | null { return this.pairs[this.key] ?? null; }
  get texts(): Texts | null { return this.pair && (this.turned ? this.pair.turned : this.pair.texts); }
  run(side: 0 | 1): Run | undefined { return this.runs[this.chosen[side]]; }
  step(side: 0 | 1, place: number | null | undefined): Step | null {
    return place === null || place === undefined ? null : (this.steps[this.chosen[side]]?.[place] ?? null);
  }

  /** What stands in the list: rows, the band after the first divergence, folds of equal steps. */
  get items(): Item[] {
    const key = `${this.chosen.join("-")}/${this.only}/${this.pair ? 1 : 0}`;
    if (this.made?.key !== key) {
      const rows = this.pair ? (this.turned ? this.pair.rows.map(turnedRow) : this.pair.rows) : [];
      this.made = { key, rows, items: itemsOf(rows, this.pair?.part ?? null, this.only) };
    }
    return this.made.items;
  }

  row(place: number): Row | undefined {
    return this.items.length ? this.made?.rows[place] : undefined;
  }

  choose(side: 0 | 1, run: number): void {
    const other = this.chosen[1 - side];
    if (run === other) return this.swap();
    this.chosen = side === 0 ? [run, this.chosen[1]] : [this.chosen[0], run];
    this.start();
  }

  swap(): void {
    this.chosen = [this.chosen[1], this.chosen[0]];
    const { opened, widened, at } = this;
    this.start();
    Object.assign(this, { opened, widened });
    this.at = at;
    this.changed();
  }

  private start(): void {
    this.opened = new Set();
    this.widened = new Map();
    this.at = 0;
    if (!this.pair && !this.host.file) this.host.send({ pair: this.key.split("-").map(Number) });
    this.changed();
  }

  toggleOnly(): void {
    this.only = !this.only;
    this.at = 0;
    this.changed();
  }

  toggle(place: string): void {
    if (!this.opened.delete(place)) this.opened.add(place);
    this.changed();
  }

  /** Whether the inside of a row is shown; rows that differ in place begin open. */
  isOpen(row: Row, place: string): boolean {
    const first = ["changed", "answer", "output", "prompt", "child"].includes(row.kind) || (row.word !== "moved" && row.kind === "moved" && row.a === null);
    return this.opened.has(place) !== first;
  }

  /** Whether the steps of two child runs are shown; the first two that differ begin open. */
  isInside(pair: ChildPair, place: string): boolean {
    return this.opened.has(place) !== (!pair.same && place.endsWith(".0"));
  }

  /** The rows of a child run that are drawn, first and end: as many as fit, with where it differs. */
  drawn(pair: ChildPair, place: string): [number, number] {
    const count = pair.rows?.length ?? 0, part = pair.part ?? 0;
    const first = part < MOST ? 0 : Math.min(part - ABOVE, count - MOST);
    return this.widened.get(place) ?? [first, Math.min(first + MOST, count)];
  }

  /** Draws more rows of a child run, before or after those that are. */
  widen(pair: ChildPair, place: string, by: 1 | -1): void {
    const [first, end] = this.drawn(pair, place);
    this.widened.set(place, by < 0 ? [Math.max(first - MOST, 0), end] : [first, Math.min(end + MOST, pair.rows?.length ?? 0)]);
    this.changed();
  }

  go(item: number, focus = true): void {
    this.at = Math.max(0, Math.min(item, this.items.length - 1));
    this.goal = this.at;
    this.focus = focus;
    this.changed();
  }

  toPart(): void {
    const place = this.items.findIndex((item) => item.type === "part");
    if (place >= 0) this.go(place);
  }

  /** To the row of a step of one of the sides. */
  toStep(side: 0 | 1, step: number): void {
    const place = this.items.findIndex((item) => item.type === "row" && (side === 0 ? item.row.a : item.row.b) === step);
    if (place >= 0) this.go(place);
  }

  toDifference(by: 1 | -1): void {
    for (let k = this.at + by; k >= 0 && k < this.items.length; k += by) {
      const item = this.items[k]!;
      if (item.type === "row" && item.row.kind !== "same") return this.go(k);
    }
  }
}

export function itemsOf(rows: Row[], part: number | null, only: boolean): Item[] {
  const items: Item[] = [];
  let equal: number[] = [];
  const fold = () => { if (equal.length) items.push({ type: "fold", count: equal.length, place: equal[0]! }); equal = []; };
  rows.forEach((row, place) => {
    if (only && row.kind === "same") equal.push(place);
    else { fold(); items.push({ type: "row", row, place }); }
    if (place === part) { fold(); items.push({ type: "part" }); }
  });
  fold();
  return items;
}

/** Places of runs by what they have in common, the largest group first. */
export function groupsOf(runs: Run[], by: By): [string, number[]][] {
  if (!by) return [["", runs.map((_, place) => place)]];
  const found = new Map<string, number[]>();
  runs.forEach((run, place) => {
    const keys = by === "tags" ? (run.tags.length ? run.tags : ["no tag"]) : [String(run[by] || (by === "answer" ? "no answer" : ""))];
    for (const key of keys) found.set(key, [...(found.get(key) ?? []), place]);
  });
  return [...found].sort((one, other) => other[1].length - one[1].length);
}

/** The runs as CSV; a text that a spreadsheet would compute gets a mark before it. */
export function csvOf(runs: Run[]): string {
  const cell = (value: string | number) => {
    const text = String(value);
    return `"${(/^[=+\-@\t\r]/.test(text) && typeof value !== "number" ? `'${text}` : text).replaceAll('"', '""')}"`;
  };
  const head = ["run", "model", "question", "answer", "status", "steps", "calls", "tokens", "cost_usd", "time", "acts"];
  const rows = runs.map((run) => [
    run.name, run.model, run.question, run.answer, run.status, run.steps, ...["calls", "tokens", "cost", "seconds"].map((name) => run.figures[name] ?? ""), run.acts.join(" "),
  ]);
  return `${[head, ...rows].map((row) => row.map(cell).join(",")).join("\r\n")}\r\n`;
}
