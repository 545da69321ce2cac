// One step: reasoning, its blocks with their calls under the lines that made them, output, variables.
import type { ComponentChild, JSX } from "preact";
import type { App } from "./app";
import { CallGroup, CallRow, FEW } from "./calls";
import { bytes, clipped, counted, grouped, money, seconds } from "./figures";
import { GateBox } from "./gate";
import { Answer, shortName } from "./header";
import { Icon, statusWord } from "./icons";
import { kept } from "./markdown";
import { Lints, Notes, Origin } from "./origin";
import { Outputs, outputTail } from "./output";
import { marked } from "./parts";
import { codeLines } from "./python";
import { stepFacts } from "./rail";
import { figure, list, record, text, type RunNode } from "./types";
import { Writing } from "./editor";

const SHOWN = 160; // lines of a block that are drawn at once

export function StepPane({ app }: { app: App }): JSX.Element {
  const step = app.store.get(app.step);
  const last = app.step === app.newest;
  const answering = text(step, "act") === "answer" || last;
  return (
    <main class="step" aria-label="Step">
      {step && <StepHead app={app} step={step} />}
      <div class="step-body" tabIndex={0} role="region" aria-label="The step's text, code and output">
        {last && !app.live && answering && <><Answer app={app} /><Origin app={app} /><Lints app={app} at={app.run} /><Notes app={app} at={app.run} /></>}
        {!step && <EmptyStep app={app} />}
        {step && app.run === app.store.root?.id && last && app.status === "paused" && app.state?.gate && <GateBox app={app} />}
        {app.writing && (last || app.writing.what === "override") && <Writing app={app} />}
        {step && <StepInside app={app} step={step} />}
      </div>
      {step && <Newest app={app} step={step} />}
    </main>
  );
}

function EmptyStep({ app }: { app: App }): JSX.Element {
  if (!app.store.root)
    return (
      <div class="empty-box">
        <h2>No run yet</h2>
        <p>Ask a question about a variable that is loaded. The run appears here while it works.</p>
        <pre class="sample"><span class="q">%%rlm</span>{" -c flights\nWhich carrier had the most departures delayed by more than two hours?"}</pre>
      </div>
    );
  return <p class="empty">{app.live ? `Waiting for ${text(app.store.get(app.run), "model") || "the model"}: the first step has not begun.` : "This run ended before its first step."}</p>;
}

function StepHead({ app, step }: { app: App; step: RunNode }): JSX.Element {
  const steps = app.store.steps(app.run);
  const at = steps.indexOf(step.id);
  const facts = stepFacts(app, step.id);
  const act = text(step, "act") || "think";
  const figures = [facts.time, ...facts.notes.filter(([kind]) => kind === "").map(([, note]) => note)];
  return (
    <div class="step-head">
      <h2>Step {text(step, "number")}</h2>
      <span class={`act-word act-${act}`} title={text(step, "why")}><Icon name={act} /> {act}</span>
      {facts.notes.filter(([kind]) => kind).map(([kind, note]) => <span class={`badge ${kind}`}>{note}</span>)}
      {text(step, "finish") && <span class="badge you">{text(step, "finish") === "length" ? "reply cut off" : text(step, "finish")}</span>}
      <span class="right">{figures.join(" · ")}</span>
      <button type="button" class="icon" aria-label="Previous step" aria-disabled={at <= 0} onClick={() => app.move(-1)}><Icon name="up" /></button>
      <button type="button" class="icon" aria-label="Next step" aria-disabled={at >= steps.length - 1} onClick={() => app.move(1)}><Icon name="down" /></button>
    </div>
  );
}

export function StepInside({ app, step }: { app: App; step: RunNode }): JSX.Element {
  const blocks = app.store.children(step.id, "block");
  const edits = app.store.edits(step.id);
  const flags = app.store.children(step.id, "flag");
  const meanwhile = app.store.children(step.id, "meanwhile").map((id) => app.store.get(id)!);
  return (
    <>
      {figure(step, "dropped") ? <p class="note"><Icon name="cut" /> {counted(figure(step, "dropped")!, "older message")} no longer fitted the model’s window.</p> : null}
      <Reasoning app={app} step={step} />
      {text(step, "reply_error") && <p class="failed-line"><Icon name="failed" /> No reply: {clipped(app.full(step.id, "reply_error"), 2000)}</p>}
      {edits.filter((edit) => !["code", "prompt", "answer"].includes(text(edit, "what"))).map((edit) => <EditLine edit={edit} />)}
      {meanwhile.map((one) => <Meanwhile node={one} />)}
      {blocks.slice(-20).map((id) => <Block app={app} block={app.store.get(id)!} many={blocks.length > 1} edits={edits} key={id} />)}
      {flags.map((id) => <p class="flag"><Icon name="warning" /> {text(app.store.get(id), "message")}</p>)}
      <Lints app={app} at={step.id} />
      <Notes app={app} at={step.id} />
      <p class="reply-figures">{replyFigures(app, step)}</p>
    </>
  );
}

function Meanwhile({ node }: { node: RunNode }): JSX.Element | null {
  const cells = list(node["cells"]).map(String);
  if (!cells.length) return null;
  return <div class="flag you"><Icon name="person" /> While the run was paused you ran {counted(cells.length + (figure(node, "more") ?? 0), "cell")}:<pre class="pending code-like">{cells.slice(0, 6).map((cell) => cell.slice(0, 600)).join("\n\n")}</pre></div>;
}

function EditLine({ edit }: { edit: RunNode }): JSX.Element {
  const words: Record<string, string> = { hint: "Your hint", cap: "You sent only a part of a batch", reply: "The reply is yours", final: "The answer was sent back", skip: "You left a block out", model: "You changed the model", sub_model: "You changed the model of calls", budget: "You changed the budget" };
  return <p class="flag you"><Icon name="person" /> {words[text(edit, "what")] ?? `You changed the ${text(edit, "what")}`}{text(edit, "after") ? `: ${clipped(text(edit, "after"), 300)}` : "."}</p>;
}

function Reasoning({ app, step }: { app: App; step: RunNode }): JSX.Element | null {
  const run = app.store.get(app.store.runOf(step.id));
  if (text(step, "written")) return <div class="reasoning streaming" aria-live="off"><pre class="stream">{text(step, "written").slice(-8000)}<span class="caret" /></pre></div>;
  const reasoning = app.full(step.id, "reasoning");
  if (reasoning) return <div class="reasoning">{app.wanted ? <p class="run-text pre">{marked(reasoning, app.wanted)}</p> : kept(step.id, reasoning)}</div>;
  if (text(step, "status") !== "thinking" || text(step, "reply_error")) return null;
  const waited = Math.max(app.now(run?.id ?? "") - (figure(step, "t") ?? 0), 0);
  if (!app.live) return <p class="empty">No reply came.</p>;
  return (
    <div class="waiting-box">
      <p><span class="status waiting"><Icon name="waiting" /> Waiting for {text(run, "model") || "the model"}</span> <span class="quiet">{seconds(waited)}{usual(app, step)}</span></p>
      <p class="sent">{promptSize(app, step)} <button type="button" class="link" onClick={() => app.show("prompt")}>See what was sent</button></p>
    </div>
  );
}

function usual(app: App, step: RunNode): string {
  const took = app.store.steps(app.store.runOf(step.id)).map((id) => figure(app.store.get(id), "thought")).filter((one): one is number => one !== null).sort((a, b) => a - b);
  return took.length ? `, usual ${seconds(took[Math.floor(took.length / 2)])}` : "";
}

function promptSize(app: App, step: RunNode): string {
  const size = app.store.children(step.id, "message").reduce((sum, id) => sum + (figure(app.store.get(id), "size") ?? 0), 0);
  return `Nothing has come back yet. ${counted(size, "character")} ${size === 1 ? "is" : "are"} new in the prompt.`;
}

function replyFigures(app: App, step: RunNode): string {
  const run = app.store.runOf(step.id);
  const parts = [clipped(text(step, "model"), 60)];
  if (text(step, "source") === "record") parts.push("from the record");
  if (app.store.absent(run, "times")) parts.push("times not recorded");
  else if (figure(step, "thought") !== null) parts.push(`${seconds(figure(step, "thought"))} thinking`);
  if (app.store.absent(run, "tokens") && !figure(step, "tokens_in")) parts.push("tokens not recorded");
  else if (figure(step, "tokens_in") !== null) parts.push(`${grouped(figure(step, "tokens_in"))} tokens in, ${grouped(figure(step, "tokens_out") ?? 0)} out`);
  if (figure(step, "cost")) parts.push(money(figure(step, "cost")));
  if (figure(step, "retries")) parts.push(`after ${counted(figure(step, "retries")!, "failed try")}`);
  return parts.filter(Boolean).join(" · ");
}

// code

export function Block({ app, block, many, edits, most }: { app: App; block: RunNode; many: boolean; edits: RunNode[]; most?: number }): JSX.Element {
  const edit = edits.find((one) => one["what"] === "code" && (one["block"] === block.id || !one["block"]));
  const failed = text(block, "status") === "failed";
  const showsModel = app.opened.has(`${block.id}/model`);
  return (
    <section class="block" data-reveal={block.id}>
      <p class="label">{many ? `Code, block ${text(block, "number")}` : "Code"} {edit && <span class="quiet">{yoursText(changedLines(text(edit, "before"), text(block, "code")))}; <button type="button" class="link" onClick={() => app.toggle(app.opened, `${block.id}/model`)}>{showsModel ? "hide what the model wrote" : "see what the model wrote"}</button></span>}</p>
      {showsModel && edit && <pre class="code before">{codeLines(text(edit, "before")).map((line) => <div class="line"><span class="src">{line}</span></div>)}</pre>}
      <Code app={app} block={block} yours={edit ? changedLines(text(edit, "before"), text(block, "code")) : null} most={most ?? SHOWN} />
      <Outputs app={app} block={block} />
      {failed && <ErrorBox app={app} block={block} />}
      <Variables app={app} block={block} />
    </section>
  );
}

function yoursText(lines: Set<number>): string {
  const numbers = [...lines];
  if (!numbers.length) return "this is yours";
  if (numbers.length > 6) return `${numbers.length} lines are yours`;
  return numbers.length === 1 ? `line ${numbers[0]} is yours` : `lines ${numbers.slice(0, -1).join(", ")} and ${numbers.at(-1)} are yours`;
}

/** Lines of the second text that the first does not have. */
export function changedLines(before: string, after: string): Set<number> {
  const had = new Map<string, number>();
  for (const line of before.split("\n")) had.set(line, (had.get(line) ?? 0) + 1);
  const changed = new Set<number>();
  after.split("\n").forEach((line, at) => {
    const left = had.get(line) ?? 0;
    if (left) had.set(line, left - 1); else changed.add(at + 1);
  });
  return changed;
}

interface LineFacts { running: number | null; failed: number | null; paused: number | null; reached: number; note: ComponentChild; yours: Set<number> | null }

function Code({ app, block, yours, most }: { app: App; block: RunNode; yours: Set<number> | null; most: number }): JSX.Element {
  const code = app.full(block.id, "code").replace(/\n+$/, "");
  const lines = codeLines(code);
  const at = figure(block, "line");
  const status = text(block, "status");
  const alive = status === "running" && app.live;
  const paused = alive && app.status === "paused";
  const facts: LineFacts = {
    running: alive && !paused ? at : null,
    failed: status === "failed" ? at : null,
    paused: paused ? (app.state?.gate?.line ?? at) : null,
    reached: status === "done" ? lines.length : (at ?? 0),
    note: null,
    yours,
  };
  facts.note = facts.running ? `running ${seconds(Math.max(app.now(app.store.runOf(block.id)) - runningSince(app, block, at), 0))}` : facts.failed ? clipped(text({ ...block, type: record(block["error"])["type"] } as RunNode, "type"), 40) : facts.paused ? "paused here" : null;
  const below = belowLines(app, block, lines.length);
  const whole = app.opened.has(`${block.id}/lines`);
  const limit = whole ? 1200 : most;
  const first = lines.length > limit ? Math.max(Math.min((at ?? 1) - Math.floor(limit / 2), lines.length - limit), 0) : 0;
  const rows: JSX.Element[] = [];
  for (let number = first + 1; number <= Math.min(first + limit, lines.length); number += 1) {
    rows.push(<Line number={number} pieces={app.wanted.length > 1 ? [marked(code.split("\n")[number - 1] ?? "", app.wanted)] : lines[number - 1]!} facts={facts} key={number} />);
    const asked = below.get(number);
    if (asked) rows.push(...asked);
  }
  const outside = [...below.entries()].filter(([line]) => line <= first || line > first + limit).flatMap(([, asked]) => asked);
  const cut = app.isCut(block.id, "code");
  return (
    <div class="code" role="group" aria-label={`Code, ${counted(lines.length, "line")}`}>
      {lines.length > limit && <button type="button" class="rest" onClick={() => app.toggle(app.opened, `${block.id}/lines`)}>{first ? `${grouped(first)} lines above, ` : ""}{grouped(lines.length - first - limit)} lines below: show {lines.length > 1200 ? "1,200" : "all"}</button>}
      {rows}
      {outside}
      {cut > 0 && <button type="button" class="rest" onClick={() => app.fetch(block.id, "code")}>{grouped(cut - code.length)} more characters</button>}
    </div>
  );
}

function runningSince(app: App, block: RunNode, line: number | null): number {
  const children = ["call", "batch", "run"].flatMap((kind) => app.store.children(block.id, kind).slice(-1)).map((id) => app.store.get(id)).filter((node) => figure(node, "line") === line);
  return Math.max(figure(block, "t") ?? 0, ...children.map((node) => figure(node, "t") ?? 0));
}

function Line({ number, pieces, facts }: { number: number; pieces: ComponentChild[]; facts: LineFacts }): JSX.Element {
  const now = number === facts.running ? " running" : number === facts.failed ? " broke" : number === facts.paused ? " held" : number < facts.reached || (facts.running === null && facts.failed === null && facts.paused === null && facts.reached >= number) ? " ran" : "";
  const yours = facts.yours?.has(number);
  return (
    <div class={`line${now}${yours ? " yours" : ""}`} aria-current={now === " running" || now === " held" ? "location" : undefined} data-reveal={now === " running" ? "running" : undefined}>
      <span class="no">{number}</span>
      <span class="src">{pieces}{"\n"}</span>
      {(now === " running" || now === " broke" || now === " held") && facts.note ? <span class="doing">{facts.note}</span> : yours ? <span class="doing you">yours</span> : null}
    </div>
  );
}

/** What a block asked, by the line under which it stands: the end of the statement that asked. */
function belowLines(app: App, block: RunNode, lines: number): Map<number, JSX.Element[]> {
  const ends = record(block["ends"]);
  const end = (line: number | null) => (line === null ? lines : Math.min(Number(ends[String(line)] ?? line), lines));
  const below = new Map<number, JSX.Element[]>();
  const put = (line: number, element: JSX.Element) => { const known = below.get(line); if (known) known.push(element); else below.set(line, [element]); };
  const singles = new Map<number, string[]>();
  for (const id of app.store.children(block.id, "call")) {
    const line = figure(app.store.get(id), "line") ?? 0;
    const known = singles.get(line);
    if (known) known.push(id); else singles.set(line, [id]);
  }
  for (const [line, calls] of singles) {
    const at = end(line || null);
    if (calls.length <= FEW) put(at, <div class="calls" key={`c${line}`}>{calls.map((id) => <CallRow app={app} id={id} key={id} />)}</div>);
    else put(at, <CallGroup app={app} id={`${block.id}@${line}`} calls={calls} size={calls.length} title={`${grouped(calls.length)} calls`} key={`g${line}`} />);
  }
  for (const id of app.store.children(block.id, "batch")) {
    const batch = app.store.get(id);
    if (batch?.["children"]) continue;
    const calls = app.store.children(id, "call"), size = figure(batch, "size") ?? calls.length;
    put(end(figure(batch, "line")), <CallGroup app={app} id={id} calls={calls} size={size} title={`Batch of ${grouped(size)}`} key={id} />);
  }
  const children = app.store.children(block.id, "run");
  children.slice(0, 12).forEach((id) => put(end(figure(app.store.get(id), "line")), <Child app={app} id={id} key={id} />));
  if (children.length > 12) put(end(figure(app.store.get(children[12]), "line")), <p class="calls childrun quiet" key="more">{grouped(children.length - 12)} more child runs; find them in the rail or by searching.</p>);
  return below;
}

/** A child run, folded to its steps; its name opens it, one level down. */
function Child({ app, id }: { app: App; id: string }): JSX.Element {
  const run = app.store.get(id), usage = app.store.usage(id);
  const steps = app.store.steps(id);
  const open = !app.opened.has(`${id}/closed`);
  const calls = figure(usage, "calls") ?? 0, cost = figure(usage, "cost");
  return (
    <div class="calls childrun" data-reveal={id}>
      <div class="calls-head">
        <button type="button" class="icon" aria-expanded={open} aria-label={open ? "Close the child run" : "Open the child run"} onClick={() => app.toggle(app.opened, `${id}/closed`)}><Icon name={open ? "down" : "right"} /></button>
        <button type="button" class="link child-name" title="Opens its steps, one level down" onClick={() => app.select(id)}><Icon name="child" /> Child run {shortName(text(run, "name"))}</button>
        <span class="told">{clipped(text(run, "question"), 120)}</span>
        <span class="cost">{[text(run, "status") === "done" ? "" : statusWord(text(run, "status")), app.store.absent(id, "times") ? "" : seconds(app.seconds(id)), calls ? counted(calls, "call") : "", cost ? money(cost) : ""].filter(Boolean).join(" · ")}</span>
      </div>
      {open && steps.slice(-8).map((step) => {
        const facts = stepFacts(app, step);
        return (
          <div class="child-step" role="button" tabIndex={0} onClick={() => app.select(step)} onKeyDown={(event) => { if (event.key === "Enter") app.select(step); }} key={step}>
            <Icon name={text(app.store.get(step), "act") || "think"} /> <b>{text(app.store.get(step), "act") || "think"}</b> <span class="told">{facts.summary}</span>
            {facts.state === "running" && <Icon name="running" title="running" />}<span class="cost">{facts.time}</span>
          </div>
        );
      })}
      {open && text(run, "answer") && <p class="child-answer"><Icon name="answer" /> {clipped(text(run, "answer"), 200)}</p>}
    </div>
  );
}

function ErrorBox({ app, block }: { app: App; block: RunNode }): JSX.Element {
  const error = record(block["error"]);
  const line = typeof error["line"] === "number" ? error["line"] : null;
  const trace = typeof error["traceback"] === "string" ? error["traceback"] : list(error["traceback"]).map(String).join("");
  const open = app.opened.has(`${block.id}/trace`);
  const lines = app.full(block.id, "code").trimEnd().split("\n").length;
  const next = app.store.steps(app.run).indexOf(app.step ?? "") + 2;
  return (
    <div class="error-box">
      <pre><b>{clipped(String(error["type"] ?? "Error"), 80)}: {marked(String(error["message"] ?? "").slice(0, 4000), app.wanted)}</b>{line === null ? "" : `\n  line ${line}   ${clipped(app.full(block.id, "code").split("\n")[line - 1] ?? "", 120)}`}{trace && <>{"\n  "}<button type="button" class="link" aria-expanded={open} onClick={() => app.toggle(app.opened, `${block.id}/trace`)}>{open ? "hide the traceback" : "show the traceback"}</button></>}</pre>
      {open && <pre class="trace">{trace.slice(0, 20_000)}</pre>}
      {line !== null && <p class="quiet">{line > 1 ? `${line === 2 ? "Line 1" : `Lines 1 to ${line - 1}`} took effect. ` : ""}{line < lines ? `${line + 1 === lines ? `Line ${lines}` : `Lines ${line + 1} to ${lines}`} did not run. ` : ""}The model reads this error in step {next}.</p>}
    </div>
  );
}

function Variables({ app, block }: { app: App; block: RunNode }): JSX.Element | null {
  const told = record(block["variables"]);
  const rows: [string, string, Record<string, unknown>][] = [];
  for (const [mark, field] of [["+", "added"], ["~", "changed"]] as const) for (const [name, facts] of Object.entries(record(told[field]))) rows.push([mark, name, record(facts)]);
  for (const name of list(told["removed"])) rows.push(["−", String(name), {}]);
  if (!rows.length) return null;
  const all = app.opened.has(`${block.id}/variables`);
  return (
    <div class="changes">
      <p class="label">Variables</p>
      <table>
        <tbody>
          {rows.slice(0, all ? 200 : 12).map(([mark, name, facts]) => (
            <tr key={name}>
              <td class={`mark ${mark === "+" ? "done" : mark === "~" ? "you" : "fail"}`} title={mark === "+" ? "new" : mark === "~" ? "changed" : "removed"}>{mark}</td>
              <td class="name">{clipped(name, 60)}</td><td class="type">{clipped(String(facts["type"] ?? (mark === "−" ? "removed" : "")), 60)}</td>
              <td class="size">{sizeOf(facts["size"])}</td><td class="repr">{clipped(String(facts["repr"] ?? ""), 160)}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {rows.length > 12 && !all && <button type="button" class="link" onClick={() => app.toggle(app.opened, `${block.id}/variables`)}>{grouped(rows.length - 12)} more variables</button>}
    </div>
  );
}

export function sizeOf(value: unknown): string {
  return typeof value === "number" ? bytes(value) : typeof value === "string" ? clipped(value, 20) : "";
}

/** The newest fact, while the output may be below the fold. */
function Newest({ app, step }: { app: App; step: RunNode }): JSX.Element | null {
  const blocks = app.store.children(step.id, "block");
  const block = app.store.get(blocks.at(-1));
  if (!block) return null;
  const tail = outputTail(app, block);
  const changes = Object.keys(record(record(block["variables"])["added"])).length + Object.keys(record(record(block["variables"])["changed"])).length;
  if (!tail && !changes) return null;
  return (
    <button type="button" class="newest" onClick={() => { app.reveal = "output"; app.changed(); }}>
      <span class="label">{text(block, "status") === "running" ? "Output so far" : "Output"}</span>
      <code>{clipped(tail, 160)}</code>
      <span class="quiet right">{changes ? `${counted(changes, "variable")} changed` : stepFacts(app, step.id).time}</span><Icon name="down" />
    </button>
  );
}
