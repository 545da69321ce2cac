// The nodes as they were told, and what can be read from them. Keeps no truth of its own: a snapshot replaces all of it.
import { figure, list, record, text, type Delta, type RunNode, type Snapshot } from "./types";

const NONE: readonly string[] = [];
const REPLACED_BY_REPLY = ["reasoning", "reply_error"];

export interface Tally {
  total: number;
  answered: number;
  failed: number;
  waiting: number;
  retried: number;
  tokens: number;
  cost: number | null;
  seconds: number;
  common: string | null; // the commonest answer, where answers repeat
  different: number; // answers that differ from it
}

export class Store {
  nodes = new Map<string, RunNode>();
  version = 0;
  private below = new Map<string, string[]>(); // `parent/kind` -> ids
  private changes = new Map<string, number>(); // parent -> how often something below it changed
  private tallies = new Map<string, { at: number; tally: Tally }>();
  private shown = new Map<string, { at: number; ids: readonly string[] }>();
  private searched: { at: number; texts: [string, string, string][] } | null = null;

  apply(message: Snapshot | Delta): void {
    if (message.kind === "snapshot") this.clear();
    for (const node of message.nodes) this.take(node);
    this.version += 1;
  }

  /** No further events will come: runs that went on get this status. */
  end(status: string): void {
    const open = [...this.nodes.values()].filter((node) => node.kind === "run" && ["running", "waiting", "paused"].includes(text(node, "status")));
    for (const { id } of open) this.take({ id, status });
    this.version += 1;
  }

  get(id: string | null | undefined): RunNode | undefined {
    return id ? this.nodes.get(id) : undefined;
  }

  children(parent: string | null | undefined, kind: string): readonly string[] {
    return this.below.get(`${parent ?? ""}/${kind}`) ?? NONE;
  }

  /** Grows whenever a node or something right below it changes. */
  revision(id: string): number {
    return this.changes.get(id) ?? 0;
  }

  get root(): RunNode | undefined {
    return this.get(this.children(null, "run")[0]);
  }

  /** The steps of a run, without those that were put aside by going back. */
  steps(run: string): readonly string[] {
    const known = this.shown.get(run);
    const at = this.revision(run);
    if (known?.at === at) return known.ids;
    const ids = this.children(run, "step").filter((id) => this.nodes.get(id)?.["aside"] !== true);
    this.shown.set(run, { at, ids });
    return ids;
  }

  /** Whether the log of another engine does not hold a fact of this run, such as `times`: its figures mean nothing then. */
  absent(run: string, fact: string): boolean {
    return list(record(this.get(run)?.["imported"])["absent"]).includes(fact);
  }

  usage(run: string): RunNode | undefined {
    return this.get(`${run}u`);
  }

  /** The run that a node belongs to; of a child run that run itself. */
  runOf(id: string): string {
    for (let node = this.get(id); node; node = this.get(node.parent)) if (node.kind === "run") return node.id;
    return id;
  }

  stepOf(id: string): string | null {
    for (let node = this.get(id); node; node = this.get(node.parent)) if (node.kind === "step") return node.id;
    return null;
  }

  /** The runs above a run, the root first, and the run itself last. */
  path(run: string): string[] {
    const parent = this.get(run)?.parent;
    return parent ? [...this.path(this.runOf(parent)), run] : [run];
  }

  /** All calls that a block made, in the order they were made. */
  callsOf(block: string): string[] {
    const calls = [...this.children(block, "call")];
    for (const batch of this.children(block, "batch")) calls.push(...this.children(batch, "call"));
    return calls;
  }

  callsOfStep(step: string): string[] {
    return this.children(step, "block").flatMap((block) => this.callsOf(block));
  }

  countOfStep(step: string): number {
    let count = 0;
    for (const block of this.children(step, "block")) {
      count += this.children(block, "call").length;
      for (const batch of this.children(block, "batch")) count += this.children(batch, "call").length;
    }
    return count;
  }

  costOfStep(step: string): number | null {
    let cost = figure(this.get(step), "cost");
    for (const block of this.children(step, "block")) {
      const groups = [block, ...this.children(block, "batch")].filter((id) => this.children(id, "call").length);
      for (const part of groups.map((id) => this.tally(id, this.children(id, "call")).cost)) if (part !== null) cost = (cost ?? 0) + part;
    }
    return cost;
  }

  tally(key: string, calls: readonly string[]): Tally {
    const at = this.revision(key.split("@", 1)[0] ?? key);
    const known = this.tallies.get(key);
    if (known && known.at === at && known.tally.total === calls.length) return known.tally;
    const tally = tallyOf(calls.map((id) => this.nodes.get(id)));
    this.tallies.set(key, { at, tally });
    return tally;
  }

  edits(step: string): RunNode[] {
    const run = this.runOf(step);
    return this.children(run, "edit").map((id) => this.nodes.get(id)!).filter((edit) => edit["step"] === step);
  }

  /** Where a text stands: id, field, how often. Whole texts where they are here, else their heads. */
  find(wanted: string, most = 20_000): [string, string, number][] {
    const needle = wanted.toLowerCase();
    const hits: [string, string, number][] = [];
    if (!needle) return hits;
    for (const [id, field, whole] of this.texts()) {
      let count = 0;
      for (let at = whole.indexOf(needle); at >= 0 && count < 1000; at = whole.indexOf(needle, at + needle.length)) count += 1;
      if (count) hits.push([id, field, count]);
      if (hits.length >= most) break;
    }
    return hits;
  }

  private texts(): [string, string, string][] {
    if (this.searched?.at === this.version) return this.searched.texts;
    const texts: [string, string, string][] = [];
    const fields = ["question", "reasoning", "reply_error", "code", "prompt", "answer", "text", "error", "after"];
    for (const node of this.nodes.values())
      for (const field of fields) {
        const value = node[field];
        if (typeof value === "string" && value) texts.push([node.id, field, value.toLowerCase()]);
      }
    this.searched = { at: this.version, texts };
    return texts;
  }

  private take(told: Partial<RunNode>): void {
    if (typeof told.id !== "string") return;
    const known = this.nodes.get(told.id);
    const node = known ?? ({ ...told, more: undefined } as RunNode);
    if (known) for (const [field, value] of Object.entries(told)) if (value === null && field !== "parent") delete known[field]; else known[field] = value;
    if (typeof told["more"] === "string") node["written"] = text(node, "written") + told["more"];
    delete node["more"];
    if (REPLACED_BY_REPLY.some((field) => field in told)) delete node["written"];
    if (!known) this.add(node);
    this.touch(node.id);
    if (node.parent) this.touch(node.parent);
  }

  private add(node: RunNode): void {
    this.nodes.set(node.id, node);
    const key = `${node.parent ?? ""}/${node.kind}`;
    const ids = this.below.get(key);
    if (ids) ids.push(node.id); else this.below.set(key, [node.id]);
  }

  private touch(id: string): void {
    this.changes.set(id, (this.changes.get(id) ?? 0) + 1);
  }

  private clear(): void {
    this.nodes.clear();
    this.below.clear();
    this.changes.clear();
    this.tallies.clear();
    this.shown.clear();
    this.searched = null;
  }
}

function tallyOf(calls: (RunNode | undefined)[]): Tally {
  const tally: Tally = { total: calls.length, answered: 0, failed: 0, waiting: 0, retried: 0, tokens: 0, cost: null, seconds: 0, common: null, different: 0 };
  const answers = new Map<string, number>();
  let first = Infinity, last = 0;
  for (const call of calls) {
    const status = call?.["status"];
    if (status === "answered") tally.answered += 1; else if (status === "failed") tally.failed += 1; else tally.waiting += 1;
    if (figure(call, "retries")) tally.retried += 1;
    tally.tokens += (figure(call, "tokens_in") ?? 0) + (figure(call, "tokens_out") ?? 0);
    const cost = figure(call, "cost");
    if (cost !== null) tally.cost = (tally.cost ?? 0) + cost;
    first = Math.min(first, figure(call, "t") ?? Infinity);
    last = Math.max(last, figure(call, "end") ?? 0);
    if (status === "answered") answers.set(key(call), (answers.get(key(call)) ?? 0) + 1);
  }
  tally.seconds = Math.max(last - first, 0) || 0;
  let most = 0;
  for (const [answer, count] of answers) if (count > most) [tally.common, most] = [answer, count];
  if (most < 2 || most * 4 < tally.answered) tally.common = null;
  tally.different = tally.common === null ? 0 : tally.answered - most;
  return tally;
}

/** By what answers are told alike: a short one whole, of a long one its head. */
export function key(call: RunNode | undefined): string {
  return text(call, "answer").slice(0, 120).trim();
}
