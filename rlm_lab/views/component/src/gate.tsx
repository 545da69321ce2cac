// What a paused run is about to do: what it would take, and the ways to go on.
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import type { App } from "./app";
import { editCode, stepNumber } from "./controls";
import { clipped, counted, dollars, grouped, seconds, thousands } from "./figures";
import { gatePlace } from "./header";
import { Act } from "./parts";
import { list, record } from "./types";

export function GateBox({ app }: { app: App }): JSX.Element | null {
  const gate = app.state?.gate;
  if (!gate) return null;
  const pending = record(gate.pending);
  const size = app.batchSize;
  const line = gate.line ? `Line ${gate.line}` : "The block";
  switch (gate.kind) {
    case "block":
      return <Box title={`The block of step ${gate.step ?? stepNumber(app)} is about to run`} sub="It is shown below as the model wrote it; nothing of it has run.">
        <PendingCode app={app} />
        <Ways><Go app={app} label="Run it" /><Act app={app} command="edit" icon="edit" label="Edit and run" onDo={() => editCode(app)} /><Act app={app} command="skip" label="Skip the block" /></Ways>
      </Box>;
    case "call":
      return <Box title={`${line} is about to make ${counted(size, "call")}`} sub={size > 1 ? `To ${String(pending["model"] ?? "the model")}, one for each prompt.` : `To ${String(pending["model"] ?? "the model")}.`} basis={basis(app)}>
        <Forecast app={app} />
        <Ways>
          <Go app={app} label={size > 1 ? `Run all ${grouped(size)}` : "Send it"} />
          <Act app={app} command="answer" icon="person" label="Answer it myself" onDo={() => app.write("answer", "")} />
          {size > 1 && <First app={app} size={size} />}
          {size === 1 && <Act app={app} command="prompt" icon="edit" label="Edit the prompt" onDo={() => app.write("prompt", app.pendingPrompts[0] ?? "")} />}
        </Ways>
      </Box>;
    case "final":
      return <Box title="The run is about to end with this answer" sub="">
        <pre class="pending">{clipped(String(pending["answer"] ?? ""), 2000)}</pre>
        <Ways><Act app={app} command="accept" icon="check" label="Accept it" /><Act app={app} command="refuse" icon="rewind" label="Send it back" onDo={() => app.write("refuse", "")} /></Ways>
      </Box>;
    case "reply":
      return <Box title={`The reply of step ${gate.step ?? stepNumber(app)} is about to be used`} sub="Nothing of it has run.">
        <pre class="pending">{clippedLines(String(pending["reply"] ?? ""), 20)}</pre>
        <Ways><Go app={app} label="Use it" /><Act app={app} command="reply" icon="edit" label="Write it myself" onDo={() => app.write("reply", String(pending["reply"] ?? ""))} /></Ways>
      </Box>;
    case "budget":
      return <Box title="A line of the budget is reached" sub={list(pending["limits"]).map(record).map((one) => `${String(one["limit"])}: ${spelled(one["used"])} of ${spelled(one["maximum"])}`).join("; ")}><Ways><Go app={app} label="Go on" /></Ways></Box>;
    case "record":
      return <Box title="The record ends here" sub="From here on models are asked, and spent on."><Ways><Go app={app} label="Go on with the model" /></Ways></Box>;
    case "difference":
      return <Box title="This differs from the record" sub=""><pre class="pending">{clippedLines(String(pending["difference"] ?? ""), 20)}</pre><Ways><Go app={app} label="Go on" /><Act app={app} command="take_over" icon="person" label="Take over here" /></Ways></Box>;
    case "error":
      return <Box title="The block failed" sub="The model reads the error in the next step."><Ways><Go app={app} label="Go on" /><Act app={app} command="hint" label="Hint" onDo={() => app.write("hint", "")} /></Ways></Box>;
    default:
      return <Box title={`Paused ${gatePlace(gate.kind, gate.step ?? stepNumber(app), gate.line ?? null, size)}`} sub="Everything is kept: the run goes on at this very point."><Ways><Go app={app} label="Continue" /></Ways></Box>;
  }
}

function Box(props: { title: string; sub: string; basis?: string; children: import("preact").ComponentChildren }): JSX.Element {
  return (
    <section class="gate" aria-label={props.title} data-reveal="gate">
      <div class="gate-head"><h3>{props.title}</h3>{props.basis && <span class="quiet">{props.basis}</span>}</div>
      {props.sub && <p class="gate-sub">{props.sub}</p>}
      {props.children}
    </section>
  );
}

function Ways({ children }: { children: import("preact").ComponentChildren }): JSX.Element {
  return <div class="ways">{children}</div>;
}

function Go({ app, label }: { app: App; label: string }): JSX.Element {
  return <Act app={app} command="continue" icon="continue" label={label} keys="Space" onDo={() => app.command("continue", { until: null })} />;
}

/** Sends only the first calls of a batch. */
function First({ app, size }: { app: App; size: number }): JSX.Element {
  const [wanted, setWanted] = useState(Math.min(50, size));
  return (
    <span class="group">
      <input class="few" type="number" min="1" max={size} value={wanted} aria-label="How many calls" onInput={(event) => setWanted(Math.max(Math.min(Math.floor(Number(event.currentTarget.value)) || 1, size), 1))} />
      <Act app={app} command="cap" label="Run the first" onDo={() => app.command("cap", { calls: wanted })} />
    </span>
  );
}

function spelled(value: unknown): string {
  return typeof value === "number" ? value.toLocaleString("en-US", { maximumFractionDigits: 4 }) : String(value);
}

function PendingCode({ app }: { app: App }): JSX.Element | null {
  const code = app.pendingCode;
  if (code === null || app.writing) return null;
  return <pre class="pending code-like">{clippedLines(code, 14)}</pre>;
}

function clippedLines(code: string, most: number): string {
  const lines = code.split("\n");
  return lines.length > most ? `${lines.slice(0, most).join("\n")}\n… ${counted(lines.length - most, "more line")}` : code;
}

function basis(app: App): string {
  const rests = record(app.state?.gate?.forecast)["rests_on"];
  if (typeof rests !== "number") return "";
  return rests ? `estimated from ${counted(rests, "call")} so far` : "estimated from the prompts alone: no call is answered yet";
}

/** Calls, cost, time and tokens of what is about to happen, each with what its limit would be after it. */
function Forecast({ app }: { app: App }): JSX.Element {
  const told = record(app.state?.gate?.forecast);
  const number = (name: string) => (typeof told[name] === "number" ? (told[name] as number) : null);
  const budget = record(app.store.root?.["budget"]);
  const usage = record(app.store.usage(app.store.root?.id ?? ""));
  const after = (name: string, spent: number, more: number | null, spell: (value: number) => string) => {
    const limit = budget[name];
    if (typeof limit !== "number" || more === null) return { note: "", over: false };
    return { note: `${spell(spent + more)} of ${spell(limit)} after it`, over: spent + more > limit };
  };
  const spent = (name: string) => (typeof usage[name] === "number" ? (usage[name] as number) : 0);
  const calls = after("calls", spent("calls"), number("calls"), grouped);
  const cost = after("cost", spent("cost"), number("cost"), dollars);
  const tokens = after("tokens", spent("tokens_in") + spent("tokens_out"), number("tokens"), thousands);
  const spread = number("cost_high") !== null && number("cost_low") !== null && dollars(number("cost_low")) !== dollars(number("cost_high")) ? `${dollars(number("cost_low"))} to ${dollars(number("cost_high"))}` : "";
  const [took = "?", unit = ""] = number("seconds") === null ? [] : seconds(number("seconds")).split(" ");
  return (
    <dl class="forecast-figures">
      <Big label="Calls" value={grouped(number("calls") ?? app.batchSize)} note={calls.note} over={calls.over} />
      <Big label="Cost" value={number("cost") === null ? "?" : dollars(number("cost"))} unit={number("cost") === null ? "" : "USD"} note={number("cost") === null ? "no price is known" : [spread, cost.note].filter(Boolean).join("; ")} over={cost.over} />
      <Big label="Time" value={took} unit={unit} note={number("at_once") ? `${grouped(number("at_once"))} at once` : ""} />
      <Big label="Tokens" value={number("tokens") === null ? "?" : thousands(number("tokens"))} note={tokens.note} over={tokens.over} />
    </dl>
  );
}

function Big({ label, value, unit, note, over }: { label: string; value: string; unit?: string; note: string; over?: boolean }): JSX.Element {
  return <div class={over ? "over" : ""}><dt>{label}</dt><dd><b>{value}</b>{unit && <small> {unit}</small>}</dd><dd class="note">{note}{over ? ": too many" : ""}</dd></div>;
}

/** The prompt that is about to be sent, for the inspector. */
export function pendingPromptTitle(app: App): string {
  return app.batchSize > 1 ? `Prompt 1 of ${grouped(app.batchSize)}` : "Prompt";
}

