// What a person has chosen to look at, and the commands that go out. Draws nothing.
import { Store } from "./store";
import { figure, list, record, text, type Host, type Message, type Outgoing, type Reply, type RunNode, type StateMessage } from "./types";

export type Layout = "full" | "middle" | "narrow" | "compact";
export type Pane = "step" | "call" | "prompt" | "variables" | "time";
export interface Hit { id: string; field: string; count: number }
/** Commands after which the run goes on or stands elsewhere: whoever gives one wants to see where. */
const MOVES = new Set(["step", "continue", "edit", "skip", "prompt", "answer", "reply", "cap", "accept", "refuse", "rewind", "override", "ask_again", "take_over"]);
export type Draft = "edit" | "answer" | "hint" | "refuse" | "prompt" | "reply" | "override";
/** A draft; `sent` while an answer to it is awaited, `refused` says why it was not taken. */
export interface Writing { what: Draft; text: string; original: string; at: unknown; call: number | null; sent: boolean; refused: string | null }
export interface Notice { kind: "warning" | "info"; strong: string; text: string; open?: string }
/** Changes of models and limits that a person is about to make, by name. */
export interface Changes { given: Record<string, string>; sent: boolean; refused: string | null }

export class App {
  readonly store = new Store();
  state: StateMessage | null = null;
  layout: Layout = "full";
  run = "";
  step: string | null = null;
  call: string | null = null;
  following = true;
  private before: Pick<App, "run" | "step" | "call" | "pane" | "following"> | null = null; // what was chosen while another is pointed at
  pane: Pane = "step";
  folded = new Set<string>();
  opened = new Set<string>();
  wanted = "";
  hits: Hit[] = [];
  hit = -1;
  help = false;
  moreControls = false;
  asked: string | null = null; // the control that cannot work now and was asked for: its reason is shown
  writing: Writing | null = null;
  changes: Changes | null = null;
  notices: Notice[] = [];
  lost: string | null = null;
  address: string | null = null; // of the dashboard, once the host has made a link
  reveal: string | null = null; // what is to be scrolled into view
  whole = new Map<string, string>();
  pending = new Set<string>();
  received = 0; // when the last message came
  private scheduled = false;
  private wasLive = false;
  private hitsAt = -1;
  private foundBy: { text: string; hits: Hit[] } | null = null;

  constructor(readonly host: Host, private readonly draw: () => void, private readonly frame: (draw: () => void) => void) {}

  changed(): void {
    if (this.scheduled) return;
    this.scheduled = true;
    this.frame(() => {
      this.scheduled = false;
      this.follow();
      this.draw();
    });
  }

  update(message: Message): void {
    switch (message.kind) {
      case "snapshot":
      case "delta":
        this.store.apply(message);
        this.received = performance.now();
        break;
      case "state":
        this.take(message);
        break;
      case "reply":
        this.reply(message);
        break;
      case "lost":
        this.lost = message.text;
        break;
      default:
        return;
    }
    this.changed();
  }

  // what is shown

  get status(): string {
    const own = text(this.store.get(this.run), "status");
    const told = this.run === this.store.root?.id ? this.state?.status : undefined;
    return told && ["running", "paused", "waiting", ""].includes(own) ? told : own;
  }

  get live(): boolean {
    return ["running", "waiting", "paused"].includes(this.status);
  }

  get readOnly(): boolean {
    return this.host.readOnly === true || (!this.live && !Object.values(this.state?.can ?? {}).includes(null));
  }

  /** The step where the run is, or the last one. */
  get newest(): string | null {
    const steps = this.store.steps(this.run);
    return steps[steps.length - 1] ?? null;
  }

  /** Seconds of the run until now, time spent paused left out. */
  seconds(run: string): number {
    const usage = this.store.usage(run), node = this.store.get(run);
    const done = figure(node, "seconds");
    if (done !== null && text(node, "status") !== "running") return done;
    const base = (figure(usage, "t") ?? 0) - (figure(node, "t") ?? 0) - (figure(usage, "held") ?? 0);
    const since = text(node, "status") === "running" && !this.host.readOnly ? Math.min((performance.now() - this.received) / 1000, 3600) : 0;
    return Math.max(base + since, 0);
  }

  now(run: string): number {
    const since = text(this.store.get(run), "status") === "running" && !this.host.readOnly ? (performance.now() - this.received) / 1000 : 0;
    return (figure(this.store.usage(run), "t") ?? 0) + Math.min(since, 3600);
  }

  /** The block that runs or is paused, where the shown run has one. */
  openBlock(step: string | null): RunNode | undefined {
    if (!step) return undefined;
    return this.store.children(step, "block").map((id) => this.store.get(id)).find((block) => text(block, "status") === "running");
  }

  private follow(): void {
    const root = this.store.root;
    if (!root) return;
    if (!this.store.get(this.run)) this.run = root.id;
    if (this.following && (this.live || this.wasLive)) this.step = this.newest; // the last news may bring steps and the end at once
    this.wasLive = this.live;
    const step = this.store.get(this.step);
    if (!step || step["aside"] === true) this.step = this.newest; // what was gone back behind is no part of the run any more
    if (this.call && !this.store.get(this.call)) this.call = null;
    if (this.wanted && this.hitsAt !== this.store.version) this.findNow();
  }

  // choosing

  /** Shows a node for as long as something points at it; null shows again what was chosen. */
  peek(id: string | null): void {
    const before = this.before ?? { run: this.run, step: this.step, call: this.call, pane: this.pane, following: this.following };
    if (id !== null && this.store.get(id)) {
      this.select(id, false);
      this.before = before;
    } else if (this.before) {
      this.before = null;
      Object.assign(this, before);
      this.follow();
      this.changed();
    }
  }

  select(id: string, told = true): void {
    const node = this.store.get(id);
    if (!node) return;
    this.following = false;
    this.before = null;
    this.run = this.store.runOf(id);
    if (node.kind === "run") {
      this.step = this.store.steps(id)[0] ?? null;
      this.call = null;
    } else {
      this.step = this.store.stepOf(id) ?? this.step;
      this.call = node.kind === "call" ? id : null;
      if (node.kind === "message") this.pane = "prompt";
      else if (this.layout === "narrow" && this.pane !== "step") this.pane = node.kind === "call" ? "call" : "step";
    }
    this.reveal = id;
    if (told) this.send({ select: id });
    this.changed();
  }

  /** The row that a call stands in: its batch, or the calls of its line. */
  groupOf(node: RunNode): string {
    if (node.kind === "batch") return node.id;
    const parent = this.store.get(node.parent);
    return parent?.kind === "batch" ? parent.id : `${node.parent}@${figure(node, "line") ?? 0}`;
  }

  move(steps: number): void {
    const all = this.store.steps(this.run);
    const at = Math.max(all.indexOf(this.step ?? ""), 0);
    const next = all[Math.min(Math.max(at + steps, 0), all.length - 1)];
    if (next) this.select(next);
  }

  moveCall(calls: number): void {
    const all = this.step ? this.store.callsOfStep(this.step) : [];
    const at = this.call ? all.indexOf(this.call) : calls > 0 ? -1 : all.length;
    const next = all[Math.min(Math.max(at + calls, 0), all.length - 1)];
    if (next) this.select(next);
  }

  up(): void {
    const path = this.store.path(this.run);
    const child = this.store.get(this.run);
    if (path.length > 1 && child?.parent) {
      this.select(child.parent);
      this.reveal = child.id;
    }
  }

  toRunning(): void {
    this.following = true;
    this.before = null;
    const root = this.store.root;
    if (root) this.run = root.id;
    this.step = this.newest;
    this.call = null;
    this.reveal = "running";
    this.changed();
  }

  toggle(set: Set<string>, name: string): void {
    if (!set.delete(name)) set.add(name);
    this.changed();
  }

  /** Shows a pane, which stays when what is pointed at goes. */
  choosePane(pane: Pane): void {
    this.pane = pane;
    if (this.before) this.before.pane = pane;
    this.changed();
  }

  show(pane: Pane): void {
    this.choosePane(pane);
    this.folded.delete(pane);
    this.reveal = `pane-${pane}`;
    this.changed();
  }

  // finding

  find(wanted: string): void {
    this.wanted = wanted;
    this.hit = -1;
    this.findNow();
    if (wanted && !this.host.readOnly) this.send({ find: wanted });
    this.changed();
  }

  get hitCount(): number {
    return this.hits.reduce((sum, hit) => sum + hit.count, 0);
  }

  nextHit(by: number): void {
    if (!this.hits.length) return;
    this.hit = this.hit < 0 ? (by > 0 ? 0 : this.hits.length - 1) : (this.hit + by + this.hits.length) % this.hits.length;
    const hit = this.hits[this.hit]!;
    const node = this.store.get(hit.id);
    if (node?.kind === "edit") this.select(text(node, "step"));
    else if (node?.kind === "run" && hit.field !== "question") this.select(this.store.steps(hit.id).at(-1) ?? hit.id);
    else this.select(hit.id);
  }

  private findNow(): void {
    this.hitsAt = this.store.version;
    const own = this.store.find(this.wanted).map(([id, field, count]) => ({ id, field, count }));
    const told = this.foundBy?.text === this.wanted ? this.foundBy.hits.filter((hit) => this.store.get(hit.id)) : [];
    this.hits = told.length > own.length ? told : own;
  }

  // texts that were cut

  full(id: string, field: string): string {
    return this.whole.get(`${id}/${field}`) ?? text(this.store.get(id), field);
  }

  isCut(id: string, field: string): number {
    const length = figure(this.store.get(id), `${field}_length`);
    return length !== null && !this.whole.has(`${id}/${field}`) ? length : 0;
  }

  fetch(id: string, field: string): void {
    this.pending.add(`${id}/${field}`);
    this.send({ fetch: [id, field] });
    this.changed();
  }

  // commands

  /** Why a command cannot be given now, null where it can. */
  cannot(command: string): string | null {
    if (this.host.readOnly) return "This is a saved run: it can be looked at, not steered.";
    if (!this.state) return this.live ? "This view was not told yet what can be done." : "The run is over.";
    const told = this.state.can?.[command];
    return told === undefined ? `This run does not know ${command}.` : told;
  }

  command(name: string, fields: Outgoing = {}): void {
    const reason = this.cannot(name);
    if (reason !== null) {
      this.asked = name;
    } else {
      this.asked = null;
      this.followTo(name);
      this.send({ command: name, at: this.state?.stamp ?? null, ...fields });
    }
    this.changed();
  }

  /** A command that moves the run on takes the view along, whatever is pointed at. */
  private followTo(command: string): void {
    if (!MOVES.has(command)) return;
    this.following = true;
    this.before = null;
  }

  write(what: Draft, original: string): void {
    const command = what;
    if (this.cannot(command) !== null) {
      this.asked = command;
    } else {
      this.writing = { what, text: original, original, at: this.state?.stamp ?? null, call: figure(this.store.get(this.call), "number"), sent: false, refused: null };
      this.choosePane("step");
      this.reveal = "writing";
    }
    this.changed();
  }

  submit(): void {
    const writing = this.writing;
    if (!writing || writing.sent) return;
    const fields: Record<Draft, Outgoing> = {
      edit: { code: writing.text },
      answer: { answers: answersOf(writing.text, this.batchSize) },
      prompt: { prompts: [writing.text] },
      hint: { text: writing.text },
      refuse: { reason: writing.text },
      reply: { text: writing.text },
      override: { call: writing.call, answer: writing.text },
    };
    writing.sent = true;
    writing.refused = null;
    this.followTo(writing.what);
    this.send({ command: writing.what, at: writing.at, ...fields[writing.what] });
    this.changed();
  }

  /** Takes a draft that was opened for an earlier state to the one that is now, where it fits that, too. */
  renew(): void {
    if (!this.writing || this.cannot(this.writing.what) !== null) return;
    this.writing.at = this.state?.stamp ?? null;
    if (this.writing.what === "edit") this.writing.original = this.pendingCode ?? "";
    this.changed();
  }

  get pendingCode(): string | null {
    const code = record(this.state?.gate?.pending)["code"];
    return typeof code === "string" ? code : null;
  }

  get pendingPrompts(): string[] {
    return list(record(this.state?.gate?.pending)["prompts"]).map(String);
  }

  get batchSize(): number {
    const size = record(this.state?.gate?.pending)["size"];
    return typeof size === "number" ? size : 1;
  }

  send(message: Outgoing): void {
    try {
      this.host.send(message);
    } catch {
      this.lost = "This view cannot reach the kernel. The run goes on without it.";
    }
  }

  /** A link that was made on demand: opened, and left as a link where the browser opens no tab by itself. */
  private toDashboard(address: string | null): void {
    if (!address || !/^https?:\/\//.test(address)) this.notices = [{ kind: "warning", strong: "", text: "The dashboard could not be started; %rlm dashboard tells why." }];
    else if (!window.open(address, "_blank")) this.address = address;
  }

  private take(state: StateMessage): void {
    this.state = state;
    this.asked = null;
    if (state.status === "interrupted") this.store.end("interrupted");
    if (this.writing?.sent && this.writing.what !== "hint" && state.stamp !== this.writing.at) this.writing = null;
  }

  private reply(message: Reply): void {
    if (message.fetch && typeof message.text === "string") {
      const key = message.fetch.join("/");
      this.whole.set(key, message.text);
      this.pending.delete(key);
    }
    if (typeof message.find === "string")
      this.foundBy = { text: message.find, hits: (message.hits ?? []).map(([id, field, count]) => ({ id, field, count })) };
    if (message.find === this.wanted) this.findNow();
    if (message.dashboard !== undefined) this.toDashboard(message.dashboard);
    if (message.refused) this.refuse(message.refused, message.command?.command);
    else if (message.done !== undefined) this.tellDone(message);
  }

  /** Said where it was asked for: in the draft or the form that was sent, else above the view. */
  private refuse(reason: string, command: string | undefined): void {
    const asked = command === "settings" ? this.changes : command === this.writing?.what && this.writing?.sent ? this.writing : null;
    if (asked) Object.assign(asked, { sent: false, refused: reason });
    else this.notices = [{ kind: "warning", strong: "This was not done.", text: reason }];
  }

  private tellDone(message: Reply): void {
    const command = message.command?.command;
    if (command === "settings" && this.changes?.sent) this.changes = null;
    if (command === this.writing?.what && this.writing?.sent) this.writing = null;
    if (message.done) this.notices = [{ kind: "info", strong: "", text: message.done, ...(message.made && this.host.opens ? { open: message.made } : {}) }];
  }
}

/** A person's answers: the whole text for one call, for a batch a JSON list or one a line. */
export function answersOf(written: string, size: number): string[] {
  if (size === 1) return [written.trim()];
  try {
    const told: unknown = JSON.parse(written);
    if (Array.isArray(told)) return told.map((one) => (typeof one === "string" ? one : JSON.stringify(one)));
  } catch {
    // no JSON: one a line
  }
  return written.trim().split("\n").map((line) => line.trim());
}
