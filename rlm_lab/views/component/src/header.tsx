// The question, where the run is, what it has cost; the answer when there is one.
import type { ComponentChild, JSX } from "preact";
import type { App } from "./app";
import { bytes, clipped, clock, counted, dollars, grouped, seconds as brief, thousands } from "./figures";
import { Icon, statusWord } from "./icons";
import { LongText, marked } from "./parts";
import { figure, list, record, text } from "./types";

export function Header({ app }: { app: App }): JSX.Element {
  const run = app.store.get(app.run);
  const status = app.status;
  const origin = record(run?.["origin"]); // of a fork or a replay
  return (
    <header class="header">
      <div class="about">
        <h1><LongText app={app} id={app.run} field="question" most={400} /></h1>
        <p class="facts">
          <Status status={status} />
          <span>{place(app)}</span>
          <Fact label="root" value={text(run, "model")} />
          <Fact label="calls" value={text(run, "sub_model")} />
          {list(run?.["contexts"]).slice(0, 3).map((context) => <Context context={record(context)} />)}
          <Fact label="run" value={text(run, "name")} />
          {record(run?.["imported"])["format"] ? <Fact label="from a log of" value={String(record(run?.["imported"])["format"])} /> : null}
          {origin["run"] ? <Fact label={origin["kind"] === "replay" ? "replay of" : "fork of"} value={clipped(`${String(origin["run"])}, step ${String(origin["step"])}`, 80)} /> : null}
          {record(run?.["cassette"])["model"] ? <Fact label="played from a recording of" value={String(record(run?.["cassette"])["model"])} /> : null}
        </p>
        <HeaderAnswer app={app} />
        <Path app={app} />
      </div>
      <Meters app={app} />
    </header>
  );
}

/** The answer beside the question, where the step that shows it is not the one in view. */
function HeaderAnswer({ app }: { app: App }): JSX.Element | null {
  const answer = app.live || app.step === app.newest ? "" : text(app.store.get(app.run), "answer").trim();
  return answer ? <p class="header-answer"><Icon name="answer" /> {marked(clipped(answer, 200), app.wanted)}</p> : null;
}

export function Status({ status }: { status: string }): JSX.Element {
  return <span class={`status ${status}`}><Icon name={status} /> {clipped(statusWord(status), 40)}</span>;
}

function Fact({ label, value }: { label: string; value: string }): JSX.Element | null {
  return value ? <span class="fact">{label} <b title={value}>{value.length > 60 ? `${value.slice(0, 59)}…` : value}</b></span> : null;
}

function Context({ context }: { context: Record<string, unknown> }): JSX.Element {
  const size = typeof context["size"] === "number" && context["size"] >= 0 ? context["size"] : null;
  const unit = String(context["unit"] ?? "");
  const shown = size === null ? "" : unit === "bytes" ? bytes(size) : unit === "characters" ? bytes(size) : `${grouped(size)} ${unit}`;
  return <span class="fact">context <b>{clipped(String(context["name"] ?? "?"), 40)}</b>: <b>{clipped([String(context["type"] ?? ""), shown].filter(Boolean).join(", "), 60)}</b></span>;
}

/** Where the run is, in a few words. */
export function place(app: App): string {
  const run = app.store.get(app.run);
  const steps = app.store.steps(app.run);
  const step = app.store.get(steps[steps.length - 1]);
  if (!step) return app.live ? "before its first step" : "";
  const number = text(step, "number");
  const gate = app.run === app.store.root?.id && app.status === "paused" ? app.state?.gate : null;
  if (gate) return gatePlace(gate.kind, gate.step ?? Number(number), gate.line ?? null, app.batchSize);
  if (app.status === "paused") {
    const pause = app.store.get(text(run, "pause"));
    const line = figure(pause, "line");
    return `in step ${text(app.store.get(text(pause, "step")), "number") || number}${line === null ? "" : `, line ${line}`}`;
  }
  if (!app.live) return counted(steps.length, "step");
  const block = app.openBlock(step.id);
  const line = figure(block, "line");
  const child = block ? app.store.children(block.id, "run").map((id) => app.store.get(id)).find((one) => text(one, "status") === "running") : undefined;
  const limit = figure(step, "number") !== null ? record(run?.["budget"])["steps"] : null;
  if (!block && text(step, "status") === "thinking") return `step ${number}${typeof limit === "number" ? ` of at most ${limit}` : ""}, ${text(step, "written") ? "the model writes" : `waiting for ${text(run, "model")}`}`;
  return `step ${number}${line === null ? "" : `, line ${line}`}${child ? `, in child run ${shortName(text(child, "name"))}` : ""}`;
}

export function gatePlace(kind: string, step: number, line: number | null, batch: number): string {
  const where = `step ${step}${line ? `, line ${line}` : ""}`;
  switch (kind) {
    case "block": return `before the block of ${where}`;
    case "call": return `before ${batch > 1 ? "a batch" : "a call"}, ${where}`;
    case "output": return `after the output of ${where}`;
    case "line": return `before line ${line ?? "?"} of step ${step}`;
    case "reply": return `before the reply of step ${step} is used`;
    case "budget": return `at a line of its budget, step ${step}`;
    case "record": return `where its record ends, step ${step}`;
    case "difference": return `where it differs from its record, ${where}`;
    case "error": return `at the error in ${where}`;
    case "final": return `before the answer of ${where} is accepted`;
    default: return `in ${where}`;
  }
}

export function shortName(name: string): string {
  return name.slice(name.lastIndexOf(".") + 1) || name;
}

function Path({ app }: { app: App }): JSX.Element | null {
  const path = app.store.path(app.run);
  if (path.length < 2) return null;
  return (
    <nav class="path" aria-label="Path to this child run">
      {path.map((id, depth) => {
        const run = app.store.get(id);
        const last = depth === path.length - 1;
        const line = figure(run, "line");
        const step = run?.parent ? app.store.get(app.store.stepOf(run.parent)) : undefined;
        return (
          <>
            {depth > 0 && <><span aria-hidden="true"> / </span><button type="button" class="link" onClick={() => app.select(run!.parent!)}>step {text(step, "number")}{line === null ? "" : `, line ${line}`}</button><span aria-hidden="true"> / </span></>}
            {last ? <b class="child-name"><Icon name="child" /> child run {shortName(text(run, "name"))}</b> : <button type="button" class="link" onClick={() => app.select(id)}>{text(run, "name")}</button>}
          </>
        );
      })}
      <span class="quiet right">depth {path.length - 1}; <kbd>U</kbd> goes up</span>
    </nav>
  );
}

export interface Meter { label: string; value: number | null; limit: number | null; shown: string; of: string; forecast: number }

/** What was spent, with its limits, and with what is about to be spent. */
export function meters(app: App): Meter[] {
  const run = app.store.get(app.run), usage = app.store.usage(app.run);
  const budget = record((app.store.path(app.run).length > 1 ? app.store.root : run)?.["budget"]);
  const limit = (name: string) => (typeof budget[name] === "number" ? (budget[name] as number) : null);
  const told = record(app.state?.gate?.forecast);
  const ahead = (name: string) => (app.status === "paused" && typeof told[name] === "number" ? (told[name] as number) : 0);
  const tokens = (figure(usage, "tokens_in") ?? 0) + (figure(usage, "tokens_out") ?? 0);
  const seconds = app.seconds(app.run);
  const steps = app.store.steps(app.run).length;
  const made = (label: string, value: number | null, name: string, spell: (value: number) => string, unit = ""): Meter => {
    const most = limit(name);
    if (app.store.absent(app.run, name === "seconds" ? "times" : name)) return { label, value: null, limit: null, shown: "", of: "not recorded", forecast: 0 };
    return { label, value, limit: most, shown: value === null ? "?" : spell(value), of: most === null ? unit : `of ${spell(most)}${unit ? ` ${unit}` : ""}`, forecast: ahead(name) };
  };
  return [
    made("Steps", steps, "steps", grouped),
    made("Calls", figure(usage, "calls") ?? 0, "calls", grouped),
    made("Tokens", tokens, "tokens", thousands),
    made("Cost", figure(usage, "cost"), "cost", dollars, "USD"),
    made("Time", seconds, "seconds", (value) => (value === seconds && value < 10 && !app.live ? brief(value) : clock(value))),
  ];
}

function Meters({ app }: { app: App }): JSX.Element {
  return (
    <dl class="meters">
      {meters(app).map((meter) => {
        const share = meter.limit && meter.value !== null ? meter.value / meter.limit : 0;
        const ahead = meter.limit ? meter.forecast / meter.limit : 0;
        const kind = share > 1 ? "over" : share >= 0.8 ? "near" : ahead > 0 ? "ahead" : "";
        return (
          <div class={`meter ${kind}`}>
            <dt>{meter.label}</dt>
            <dd>
              <b>{meter.shown}</b> <small>{meter.of}</small>{share >= 0.8 && <span class="spoken">{share > 1 ? "over the limit" : "near the limit"}</span>}
            {meter.limit !== null && <div class="bar" aria-hidden="true">
              <i style={{ width: `${Math.min(share, 1) * 100}%` }} />
              {ahead > 0 && <i class="forecast" style={{ width: `${Math.min(ahead, 1 - Math.min(share, 1)) * 100}%` }} />}
            </div>}
            </dd>
          </div>
        );
      })}
    </dl>
  );
}

/** The answer, or why there is none. */
export function Answer({ app }: { app: App }): JSX.Element | null {
  const run = app.store.get(app.run);
  if (!run || app.live) return null;
  const status = app.status;
  const answer = app.full(app.run, "answer");
  const [first = "", ...rest] = answer.trim().split("\n");
  const met = status === "out_of_budget" ? `The run met its limit of ${limitText(run)} and ${answer.trim() ? "was asked once for its best answer" : "gave no answer"}.` : "";
  const why: ComponentChild = text(run, "error") ? <LongText app={app} id={app.run} field="error" most={800} /> : null;
  return (
    <div class={`answer-box ${status}`}>
      <p class="label"><Icon name={status} /> {answer.trim() ? "Answer" : statusWord(status)}</p>
      {first ? <p class={`answer${first.length > 120 ? " long" : ""}`}>{marked(first.slice(0, 600), app.wanted)}{first.length > 600 ? "…" : ""}</p> : <p class="answer none">{status !== "done" ? "No answer" : app.store.absent(app.run, "answer") ? "Not recorded." : "The answer is empty"}</p>}
      {rest.length > 0 && <p class="answer-more">{marked(rest.join("\n").slice(0, 3000), app.wanted)}</p>}
      {(met || why || status === "interrupted") && <p class="quiet">{met} {why} {status === "interrupted" && !why ? "The log ends here: the process that wrote it is gone." : ""}</p>}
    </div>
  );
}

function limitText(run: import("./types").RunNode): string {
  const limit = text(run, "limit"), value = record(run["budget"])[limit];
  if (typeof value !== "number") return limit || "its budget";
  return limit === "cost" ? `${dollars(value)} USD` : limit === "seconds" ? clock(value) : limit === "tokens" ? `${thousands(value)} tokens` : `${grouped(value)} ${limit}`;
}
