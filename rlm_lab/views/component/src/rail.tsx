// The steps of the run, those of the current step's child runs below it, and where it stops. As chips where there is no room.
import { useState } from "preact/hooks";
import type { JSX } from "preact";
import type { App } from "./app";
import { counted, grouped, money, seconds } from "./figures";
import { Icon } from "./icons";
import { shortName } from "./header";
import { VirtualList } from "./parts";
import { figure, text, type RunNode } from "./types";

const MANY = 80; // steps from which the rows are of one height and only those in view are drawn

export function Rail({ app }: { app: App }): JSX.Element {
  const steps = app.store.steps(app.run);
  const at = steps.indexOf(app.step ?? "");
  return (
    <nav class="rail" aria-label="Steps">
      <div class="rail-head">
        <h2>Steps</h2>
        {app.live && <Following app={app} />}
      </div>
      {!steps.length && <p class="empty">{app.live ? "The first step has not begun." : "This run has no steps."}</p>}
      <div class="rail-list" role="listbox" aria-label="Steps" tabIndex={0} aria-activedescendant={app.step ?? undefined}>
        {steps.length > MANY
          ? <VirtualList items={steps} height={46} most={2000} role="presentation" class="fill" label="Steps" at={at} row={(id) => <Row app={app} id={id} small key={id} />} />
          : steps.map((id) => <Row app={app} id={id} key={id} />)}
      </div>
      {app.run === app.store.root?.id && app.cannot("break") === null && <StopBefore app={app} />}
    </nav>
  );
}

function Following({ app }: { app: App }): JSX.Element {
  return (
    <button type="button" class={`pill${app.following ? " on" : ""}`} aria-pressed={app.following} title="Keeps the step that runs in view (L)" onClick={() => (app.following ? ((app.following = false), app.changed()) : app.toRunning())}>
      {app.following ? "following" : "follow"}
    </button>
  );
}

function Row({ app, id, small }: { app: App; id: string; small?: boolean }): JSX.Element {
  const step = app.store.get(id);
  const chosen = app.step === id;
  const facts = stepFacts(app, id);
  const act = text(step, "act") || "think";
  const children = chosen && !small ? app.store.children(id, "block").flatMap((block) => [...app.store.children(block, "run")]) : [];
  return (
    <>
      <div id={id} class={`row step-row act-${act} ${facts.state}${chosen ? " chosen" : ""}${small ? " small" : ""}`} role="option" aria-selected={chosen} data-reveal={id} onClick={() => app.select(id)}>
        <span class="dot"><Icon name={facts.icon} /></span>
        <span class="row-head"><span class="n">{text(step, "number")}</span> <b>{act}</b><time>{facts.time}</time></span>
        <span class="row-text">{facts.summary}</span>
        {!small && facts.notes.length > 0 && <span class="row-notes">{facts.notes.map(([kind, note]) => <span class={kind}>{note}</span>)}</span>}
      </div>
      {children.slice(0, 3).map((child) => <ChildRows app={app} id={child} key={child} />)}
      {children.length > 3 && <div class="row child-row quiet"><span class="row-text">{grouped(children.length - 3)} more child runs</span></div>}
    </>
  );
}

function ChildRows({ app, id }: { app: App; id: string }): JSX.Element {
  const name = shortName(text(app.store.get(id), "name"));
  const steps = app.store.steps(id);
  return (
    <>
      {steps.slice(-6).map((step) => {
        const facts = stepFacts(app, step);
        return (
          <div class="row child-row" role="option" aria-selected={false} onClick={() => app.select(step)} key={step}>
            <span class="dot"><Icon name={facts.icon} /></span>
            <span class="row-head"><span class="n">{name}.{text(app.store.get(step), "number")}</span> <b>{text(app.store.get(step), "act") || "think"}</b><time>{facts.time}</time></span>
            <span class="row-text">{facts.summary}</span>
          </div>
        );
      })}
    </>
  );
}

export interface StepFacts { icon: string; state: string; time: string; summary: string; notes: [string, string][] }

export function stepFacts(app: App, id: string): StepFacts {
  const store = app.store, step = store.get(id), run = store.get(store.runOf(id));
  const last = store.steps(run?.id ?? "").at(-1) === id;
  const status = last ? text(run, "status") : "done";
  const blocks = store.children(id, "block").map((block) => store.get(block));
  const failed = blocks.some((block) => text(block, "status") === "failed") || text(step, "reply_error") !== "";
  const calls = store.countOfStep(id);
  const edits = store.edits(id);
  const notes: [string, string][] = [];
  if (status === "paused") notes.push(["you", `paused${app.state?.gate?.line ? ` before line ${app.state.gate.line}` : ""}`]);
  if (failed) notes.push(["fail", "failed"]);
  const hints = edits.filter((edit) => text(edit, "what") === "hint").length;
  if (edits.length > hints) notes.push(["you", "edited by you"]);
  if (hints) notes.push(["you", "hint"]);
  const made = counted(calls, "call"), summary = text(step, "summary");
  if (calls && !new RegExp(`(?:^|[^\\d,])${made}\\b`).test(summary)) notes.push(["", made]); // unless the summary says so
  const cost = store.costOfStep(id);
  if (cost && calls) notes.push(["", money(cost)]);
  const cut = blocks.flatMap((block) => store.children(block!.id, "output")).reduce((sum, output) => sum + (figure(store.get(output), "cut") ?? 0), 0);
  if (cut) notes.push(["", `output cut by ${counted(cut, "character")}`]);
  const running = status === "running";
  return {
    icon: status === "paused" ? "paused" : running ? "running" : failed ? "failed" : text(step, "act") || "think",
    state: status === "paused" ? "paused" : running ? "running" : failed ? "failed" : "done",
    time: store.absent(store.runOf(id), "times") ? "" : seconds(secondsOf(app, step, running)),
    summary: summary || (running ? "the model thinks" : ""),
    notes,
  };
}

export function secondsOf(app: App, step: RunNode | undefined, running: boolean): number {
  const begin = figure(step, "t") ?? 0;
  const end = figure(step, "end") ?? (running ? app.now(app.store.runOf(step?.id ?? "")) : (figure(app.store.usage(app.store.runOf(step?.id ?? "")), "t") ?? begin));
  const run = app.store.runOf(step?.id ?? "");
  const held = app.store.children(run, "pause").map((id) => app.store.get(id)).filter((pause) => (figure(pause, "end") ?? -1) > begin && (figure(pause, "end") ?? 0) <= end).reduce((sum, pause) => sum + (figure(pause, "seconds") ?? 0), 0);
  return Math.max(end - begin - held, 0);
}

/** The steps as a row of chips. */
export function Chips({ app }: { app: App }): JSX.Element {
  const steps = app.store.steps(app.run);
  const at = Math.max(steps.indexOf(app.step ?? ""), 0);
  const first = Math.max(Math.min(at - 5, steps.length - 11), 0);
  const shown = steps.slice(first, first + 11);
  return (
    <nav class="chips" aria-label="Steps">
      {first > 0 && <button type="button" class="chip" onClick={() => app.select(steps[0]!)}>{grouped(first)} before</button>}
      {shown.map((id) => {
        const facts = stepFacts(app, id);
        const step = app.store.get(id);
        return (
          <button type="button" key={id} class={`chip ${facts.state}${id === app.step ? " chosen" : ""}`} aria-current={id === app.step ? "step" : undefined} ref={(chip) => { if (chip && id === app.step && !chip.dataset["seen"]) { chip.dataset["seen"] = "1"; const row = chip.parentElement; if (row && row.scrollWidth > row.clientWidth) row.scrollLeft = chip.offsetLeft - row.clientWidth / 2; } }} onClick={() => app.select(id)} data-reveal={id}>
            <Icon name={facts.icon} /> {text(step, "number")} <b>{text(step, "act") || "think"}</b>
          </button>
        );
      })}
      {first + shown.length < steps.length && <button type="button" class="chip" onClick={() => app.select(steps.at(-1)!)}>{grouped(steps.length - first - shown.length)} more</button>}
    </nav>
  );
}

const PRESETS: [string, string][] = [["batch > 100", "a batch over 100 calls"], ["error", "any error"]];

function presets(app: App): [string, string][] {
  const budget = app.store.root?.["budget"] as Record<string, unknown> | undefined;
  const cost = budget?.["cost"];
  return typeof cost === "number" ? [PRESETS[0]!, [`cost > ${Number((cost * 0.8).toPrecision(3))}`, "money over 80 %"], PRESETS[1]!] : PRESETS;
}

/** Where the run is to stop: breakpoints, those that are set and those that are often wanted. */
export function StopBefore({ app }: { app: App }): JSX.Element {
  const [adding, setAdding] = useState<string | null>(null);
  const known = (app.state?.breakpoints ?? []).map((point) => (typeof point === "string" ? { condition: point, hits: 0 } : { condition: point.condition ?? "", hits: point.hits ?? 0 }));
  const names = new Map(presets(app));
  const rest = presets(app).filter(([condition]) => !known.some((point) => point.condition === condition));
  const add = () => {
    if (adding?.trim()) app.command("break", { condition: adding.trim() });
    setAdding(null);
  };
  return (
    <section class="stops">
      <div class="rail-head"><h2>Stop before</h2><button type="button" class="plain" onClick={() => setAdding(adding === null ? "" : null)}>Add</button></div>
      {adding !== null && (
        <form class="adding" onSubmit={(event) => { event.preventDefault(); add(); }}>
          <input type="text" aria-label="Condition" placeholder="calls > 50" value={adding} ref={(input) => input?.focus()} onInput={(event) => setAdding(event.currentTarget.value)} onKeyDown={(event) => { if (event.key === "Escape") setAdding(null); if (event.key === "Enter") { event.preventDefault(); add(); } }} />
          <button type="submit" class="button">Set</button>
        </form>
      )}
      {known.map(({ condition, hits }) => (
        <label class="stop" key={condition} title={condition}>
          <input type="checkbox" checked onChange={() => app.command("unbreak", { condition })} /> <span>{names.get(condition) ?? condition}</span>
          {hits > 0 && <small>hit {hits === 1 ? "once" : `${grouped(hits)} times`}</small>}
        </label>
      ))}
      {rest.map(([condition, told]) => (
        <label class="stop" key={condition} title={condition}><input type="checkbox" checked={false} onChange={() => app.command("break", { condition })} /> <span>{told}</span></label>
      ))}
    </section>
  );
}
