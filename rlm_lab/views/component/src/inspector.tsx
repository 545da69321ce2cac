// Beside the step: the chosen call, what the model saw, the variables.
import type { JSX } from "preact";
import type { App } from "./app";
import { answeredBy, sharedLength } from "./calls";
import { clipped, counted, grouped, money, seconds, thousands } from "./figures";
import { Icon } from "./icons";
import { Act, Fold, LongText, marked } from "./parts";
import { pendingPromptTitle } from "./gate";
import { sizeOf } from "./step";
import { figure, list, record, text, type RunNode } from "./types";

export function Inspector({ app, only }: { app: App; only?: string }): JSX.Element {
  return (
    <aside class="inspector" aria-label="Details">
      {(!only || only === "call") && <CallPane app={app} />}
      {(!only || only === "prompt") && <Saw app={app} />}
      {(!only || only === "variables") && <VariablesPane app={app} />}
    </aside>
  );
}

// the call

function CallPane({ app }: { app: App }): JSX.Element {
  const prompts = app.status === "paused" ? app.pendingPrompts : [];
  if (!app.call && prompts.length) return <Pending app={app} prompts={prompts} />;
  const calls = app.step ? app.store.callsOfStep(app.step) : [];
  const id = app.call ?? (calls.length === 1 ? calls[0]! : null);
  const call = app.store.get(id);
  if (!id || !call) return <Fold app={app} name="call" title="Call"><p class="empty">{calls.length ? `${counted(calls.length, "call")} in this step: choose one in the code, the map or the chart, or press N.` : app.store.absent(app.run, "calls") ? "Not recorded." : "This step asked no model beside the root."}</p></Fold>;
  const siblings = app.store.children(call.parent, "call");
  const at = siblings.indexOf(id);
  const number = figure(call, "index") !== null ? figure(call, "index")! + 1 : at + 1;
  const by = answeredBy(app, id);
  return (
    <Fold app={app} name="call" title={siblings.length > 1 ? `Call ${grouped(number)} of ${grouped(siblings.length)}` : "Call"} sub={by ? `answered by ${by}` : text(call, "model")}
      right={<><button type="button" class="icon" aria-label="Previous call" onClick={() => app.moveCall(-1)}><Icon name="up" /></button><button type="button" class="icon" aria-label="Next call" onClick={() => app.moveCall(1)}><Icon name="down" /></button></>}>
      <p class="label">Prompt <span class="quiet">{[figure(call, "tokens_in") ? `${thousands(figure(call, "tokens_in"))} ${figure(call, "tokens_in") === 1 ? "token" : "tokens"}` : `${grouped(figure(call, "prompt_length") ?? text(call, "prompt").length)} characters`, sharedNote(app, call, siblings)].filter(Boolean).join(", ")}</span></p>
      {text(call, "prompt") ? <PromptText app={app} call={call} siblings={siblings} /> : <p class="empty">Not recorded.</p>}
      <p class="label">{text(call, "status") === "failed" ? "Error" : "Answer"} <span class="quiet">{[figure(call, "tokens_out") ? counted(figure(call, "tokens_out")!, "token") : "", figure(call, "seconds") === null ? "" : seconds(figure(call, "seconds")), figure(call, "cost") ? money(figure(call, "cost")) : "", figure(call, "retries") ? `after ${counted(figure(call, "retries")!, "failed try")}` : ""].filter(Boolean).join(", ")}</span></p>
      <div class={`quote ${text(call, "status")}`} tabIndex={0} role="group" aria-label={text(call, "status") === "failed" ? "Error" : "Answer"}>{callEnd(app, call)}</div>
      {!app.readOnly && text(call, "status") === "answered" && app.run === app.store.root?.id && <p class="call-acts"><Act app={app} command="override" label="Change the answer" onDo={() => { app.call = id; app.write("override", app.full(id, "answer")); }} /> <Act app={app} command="ask_again" label="Ask again" onDo={() => app.command("ask_again", { call: figure(call, "number") })} /></p>}
    </Fold>
  );
}

function callEnd(app: App, call: RunNode): JSX.Element {
  const status = text(call, "status");
  if (status === "waiting") return <span class="status waiting"><Icon name="waiting" /> {app.live ? `Waiting for ${text(call, "model")}, ${seconds(Math.max(app.now(app.store.runOf(call.id)) - (figure(call, "t") ?? 0), 0))}` : "No answer is recorded."}</span>;
  if (status === "failed") return <><b class="fail">{text(call, "errkind")}</b> <LongText app={app} id={call.id} field="error" /></>;
  if (!text(call, "prompt") && !text(call, "answer")) return <span class="empty">Not recorded.</span>;
  return <LongText app={app} id={call.id} field="answer" />;
}

function sharedNote(app: App, call: RunNode, siblings: readonly string[]): string {
  return siblings.length > 1 && commonHead(app, siblings) > 24 && text(call, "prompt") ? `first part the same in all ${grouped(siblings.length)}` : "";
}

const heads = new Map<string, { count: number; length: number }>();
function commonHead(app: App, siblings: readonly string[]): number {
  const name = siblings[0] ?? "";
  const known = heads.get(name);
  if (known?.count === siblings.length) return known.length;
  const length = siblings.length > 1 ? sharedLength(siblings.slice(0, 400).map((id) => text(app.store.get(id), "prompt"))) : 0;
  if (heads.size > 100) heads.clear();
  heads.set(name, { count: siblings.length, length });
  return length;
}

function PromptText({ app, call, siblings }: { app: App; call: RunNode; siblings: readonly string[] }): JSX.Element {
  const same = commonHead(app, siblings);
  const shared = same > 24 ? text(call, "prompt").slice(0, same) : "";
  return (
    <div class="quote prompt" tabIndex={0} role="group" aria-label="Prompt">
      {shared && <span class="same">{marked(clipped(shared, 600), app.wanted)} </span>}
      <LongText app={app} id={call.id} field="prompt" from={shared ? same : 0} most={3000} />
    </div>
  );
}

function Pending({ app, prompts }: { app: App; prompts: string[] }): JSX.Element {
  const same = sharedLength(prompts.slice(0, 200));
  const first = prompts[0] ?? "";
  const lengths = prompts.map((prompt) => prompt.length).sort((a, b) => a - b);
  const shared = same > 24 && prompts.length > 1 ? first.slice(0, same) : "";
  return (
    <Fold app={app} name="call" title={pendingPromptTitle(app)} sub="not sent yet">
      <div class="quote prompt" tabIndex={0} role="group" aria-label="Prompt">{shared && <span class="same">{clipped(shared, 600)} </span>}{first.slice(shared.length, shared.length + 3000)}{first.length > shared.length + 3000 && <span class="quiet"> … {grouped(first.length - shared.length - 3000)} more characters</span>}</div>
      {prompts.length > 1 && <p class="quiet">The longest has {counted(lengths.at(-1) ?? 0, "character")}, the median {grouped(lengths[Math.floor(lengths.length / 2)])}.{app.batchSize > prompts.length ? ` ${counted(app.batchSize - prompts.length, "more prompt")} cannot be shown here.` : ""}</p>}
      {prompts.length === 1 && <p><Act app={app} command="prompt" icon="edit" label="Edit the prompt" onDo={() => app.write("prompt", first)} /></p>}
    </Fold>
  );
}

// what the model saw

/** The messages that the root model was sent at this step: those of the steps before, and the new ones. */
function Saw({ app }: { app: App }): JSX.Element {
  const step = app.store.get(app.step);
  const steps = app.step ? app.store.steps(app.run).slice(0, app.store.steps(app.run).indexOf(app.step) + 1) : [];
  const groups = steps.map((id) => ({ id, messages: app.store.children(id, "message"), fresh: id === app.step }));
  const size = (ids: readonly string[]) => ids.reduce((sum, id) => sum + (figure(app.store.get(id), "size") ?? 0), 0);
  const all = groups.reduce((sum, group) => sum + size(group.messages), 0) || 1;
  const tokens = app.store.absent(app.run, "tokens") ? null : figure(step, "tokens_in");
  const share = (characters: number) => (tokens === null ? `${grouped(characters)} char.` : grouped(Math.round((characters / all) * tokens)));
  const old = groups.filter((group) => !group.fresh);
  return (
    <Fold app={app} name="prompt" title="What the model saw" sub={step ? `step ${text(step, "number")}` : ""} right={<span class="quiet">{tokens === null ? (all > 1 ? `${grouped(all)} characters` : "") : `${thousands(tokens)} tokens`}</span>}>
      {!groups.some((group) => group.messages.length) ? <p class="empty">{step ? "Not recorded." : "No step is chosen."}</p> : (
        <>
          <div class="saw-bar" aria-hidden="true">{groups.slice(-60).flatMap((group) => group.messages.map((id) => <i class={group.fresh ? "new" : ""} style={{ flexGrow: String(Math.max(size([id]), all / 300)) }} />))}</div>
          {figure(step, "dropped") ? <p class="quiet">{counted(figure(step, "dropped")!, "older message")} no longer fitted the window.</p> : null}
          {old.length > 0 && <OldMessages app={app} groups={old} share={share} size={size} />}
          {groups.filter((group) => group.fresh).map((group) => <Messages app={app} messages={group.messages} fresh share={share} size={size} key={group.id} />)}
        </>
      )}
    </Fold>
  );
}

interface Shares { share: (characters: number) => string; size: (ids: readonly string[]) => number }

function OldMessages({ app, groups, share, size }: { app: App; groups: { id: string; messages: readonly string[] }[] } & Shares): JSX.Element {
  const early = groups.slice(0, Math.max(groups.length - 6, 0));
  return (
    <>
      {early.length > 0 && <div class="saw"><span>{stepsName(app, early)}</span><span class="figure">{share(early.reduce((sum, group) => sum + size(group.messages), 0))}</span></div>}
      {groups.slice(early.length).map((group) => <Messages app={app} messages={group.messages} share={share} size={size} key={group.id} />)}
    </>
  );
}

/** The messages that one step brought; many examples, which a small model's prompt begins with, are one row that opens. */
function Messages({ app, messages, fresh, share, size }: { app: App; messages: readonly string[]; fresh?: boolean } & Shares): JSX.Element {
  const row = (id: string) => <MessageRow app={app} id={id} fresh={fresh ?? false} share={share} key={id} />;
  const examples = messages.filter((id) => isExample(app, id));
  if (examples.length < 4) return <>{messages.map(row)}</>;
  const first = messages.indexOf(examples[0]!), name = `${examples[0]!}/examples`;
  const open = app.opened.has(name) || examples.includes(app.store.get(app.hits[app.hit]?.id)?.id ?? "");
  return (
    <>
      {messages.slice(0, first).map(row)}
      <button type="button" class="saw" aria-expanded={open} onClick={() => app.toggle(app.opened, name)}>
        <Icon name={open ? "down" : "right"} /><span class="told">{counted(examples.length, "message")} of examples in the prompt</span>{fresh && <b class="new-mark">new</b>}<span class="figure">{share(size(examples))}</span>
      </button>
      {open && examples.map(row)}
      {messages.slice(first).filter((id) => !examples.includes(id)).map(row)}
    </>
  );
}

/** Whether a message stands before the question of the first step, and is not its system message. */
function isExample(app: App, id: string): boolean {
  const message = app.store.get(id), step = message?.parent ?? "";
  return text(app.store.get(step), "number") === "1" && text(message, "role") !== "system" && app.store.children(step, "message").at(-1) !== id;
}

function stepsName(app: App, groups: { id: string }[]): string {
  const number = (id: string) => text(app.store.get(id), "number");
  return groups.length === 1 ? `step ${number(groups[0]!.id)}` : `steps ${number(groups[0]!.id)} to ${number(groups.at(-1)!.id)}`;
}

function MessageRow({ app, id, fresh, share }: { app: App; id: string; fresh: boolean; share: (characters: number) => string }): JSX.Element {
  const message = app.store.get(id)!;
  const open = app.opened.has(id);
  const number = text(app.store.get(message.parent), "number");
  const example = isExample(app, id);
  return (
    <div class={`saw-message${open ? " open" : ""}`} data-reveal={id}>
      <button type="button" class="saw" aria-expanded={open} onClick={() => app.toggle(app.opened, id)}>
        <Icon name={open ? "down" : "right"} /><span class="told">{messageName(message, number, example)}{cutIn(message)}</span>{fresh && <b class="new-mark">new</b>}<span class="figure">{share(figure(message, "size") ?? 0)}</span>
      </button>
      {open && <div class="quote message" tabIndex={0} role="group" aria-label={messageName(message, number, example)}><LongText app={app} id={id} field="text" most={4000} /></div>}
    </div>
  );
}

/** Before the question of the first step stands what the prompt's author wrote: examples of a conversation. */
export function messageName(message: RunNode, step: string, example: boolean): string {
  const head = clipped(text(message, "text"), 60);
  const before = Number(step) - 1;
  switch (text(message, "role")) {
    case "system": return "system";
    case "assistant": return example ? "example in the prompt, a reply" : `step ${before}, its reply`;
    default: return example ? "example in the prompt" : step === "1" ? "question" : /^Output\b/.test(head) ? `step ${before}, output` : `step ${before}: ${head}`;
  }
}

function cutIn(message: RunNode): JSX.Element | null {
  const cut = /([\d,]+) characters? (?:were )?left out/.exec(text(message, "text"));
  return cut ? <span class="you"> cut by {cut[1]}</span> : null;
}

// variables

interface Variable { name: string; facts: Record<string, unknown>; step: string }

/** The variables as they are after the chosen step: the changes of all blocks up to it, added up. */
export function variablesAt(app: App): Variable[] {
  const known = new Map<string, Variable>();
  const steps = app.store.steps(app.run);
  for (const step of steps.slice(0, steps.indexOf(app.step ?? "") + 1))
    for (const block of app.store.children(step, "block")) {
      const told = record(app.store.get(block)?.["variables"]);
      for (const field of ["added", "changed"]) for (const [name, facts] of Object.entries(record(told[field]))) known.set(name, { name, facts: record(facts), step: text(app.store.get(step), "number") });
      for (const name of list(told["removed"])) known.delete(String(name));
    }
  return [...known.values()];
}

const BADGES: Record<string, string> = { exact: "exact", copied: "copied", rebuilt: "rebuilt", lost: "lost" };

function VariablesPane({ app }: { app: App }): JSX.Element {
  const contexts = list(app.store.get(app.run)?.["contexts"]).map(record);
  const variables = variablesAt(app);
  const paused = app.status === "paused" && app.run === app.store.root?.id && !app.host.readOnly;
  const back = app.host.readOnly ? {} : record(record(app.state)["comes_back"]);
  for (const variable of variables) if (typeof back[variable.name] === "string") variable.facts = { ...variable.facts, restore: back[variable.name] };
  const badged = variables.some((variable) => typeof variable.facts["restore"] === "string");
  return (
    <Fold app={app} name="variables" title="Variables" sub={paused ? "now, live" : `after step ${text(app.store.get(app.step), "number")}`} right={<span class="quiet">{grouped(variables.length + contexts.length)}</span>}>
      {paused && <p class="free"><Icon name="info" /><span><b>The kernel is free.</b> Look at the variables in any cell{variables[0] ? <>, for example <code>{clipped(variables.at(-1)!.name, 30)}</code></> : null}. What you change stays changed when the run goes on.</span></p>}
      <table class="variables">
        <thead><tr><th>name</th><th>type</th><th class="size">size</th><th>{badged ? "comes back" : "since"}</th></tr></thead>
        <tbody>
          {contexts.map((context) => <tr key={`context ${String(context["name"])}`}><td class="name">{clipped(String(context["name"] ?? ""), 40)}</td><td class="type">{clipped(String(context["type"] ?? ""), 40)}</td><td class="size">{typeof context["size"] === "number" && context["size"] >= 0 ? (["bytes", "characters"].includes(String(context["unit"])) ? sizeOf(context["size"]) : `${context["size"] < 10_000 ? grouped(context["size"]) : thousands(context["size"])} ${clipped(String(context["unit"] ?? ""), 6)}`) : ""}</td><td class="quiet">context</td></tr>)}
          {variables.slice(-200).map((variable) => <VariableRow app={app} variable={variable} badged={badged} key={variable.name} />)}
        </tbody>
      </table>
      {!variables.length && !contexts.length && <p class="empty">{app.store.absent(app.run, "variables") ? "Not recorded." : "No variables yet."}</p>}
    </Fold>
  );
}

function VariableRow({ app, variable, badged }: { app: App; variable: Variable; badged: boolean }): JSX.Element {
  const name = `variable ${variable.name}`;
  const open = app.opened.has(name);
  const badge = BADGES[String(variable.facts["restore"])];
  return (
    <>
      <tr onClick={() => app.toggle(app.opened, name)} class="clickable">
        <td class="name"><button type="button" class="bare" aria-expanded={open}>{clipped(variable.name, 40)}</button></td><td class="type">{clipped(String(variable.facts["type"] ?? ""), 40)}</td><td class="size">{sizeOf(variable.facts["size"])}</td>
        <td>{badged ? <span class={`restore ${badge ?? ""}`}>{badge ?? ""}</span> : <span class="quiet">step {variable.step}</span>}</td>
      </tr>
      {open && <tr><td colSpan={4} class="repr"><code>{clipped(String(variable.facts["repr"] ?? "Not recorded."), 400)}</code></td></tr>}
    </>
  );
}

