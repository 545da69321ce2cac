// Every key, and what it does. Keys work only while the focus is inside the view.
import type { JSX } from "preact";
import type { App } from "./app";
import { editCode, stepNumber } from "./controls";
import { openChanges } from "./settings";

const SHOWN: [string, [string, string[]][]][] = [
  ["Move", [["Next, previous step", ["J", "K"]], ["Next, previous call", ["N", "P"]], ["Open, close", ["→", "←"]], ["To the running line", ["L"]], ["To the parent run", ["U"]]]],
  ["Run", [["Pause, continue", ["Space"]], ["Step", ["S"]], ["Step into, by line", ["I", "⇧", "I"]], ["Stop", ["⇧", "S"]], ["Toggle a breakpoint", ["B"]]]],
  ["Change", [["Edit the code", ["E"]], ["Run my version", ["⇧", "↵"]], ["Answer it myself", ["A"]], ["Hint", ["H"]], ["Change settings", ["M"]], ["Rewind here", ["R"]], ["Fork here", ["F"]]]],
  ["Look", [["Find", ["/"]], ["Next, previous hit", ["↵", "⇧", "↵"]], ["Call, prompt, variables", ["1", "2", "3"]], ["Time and context", ["T"]], ["These keys", ["?"]]]],
];

export function Keys({ app }: { app: App }): JSX.Element {
  const groups = app.readOnly ? SHOWN.filter(([name]) => name === "Move" || name === "Look") : SHOWN;
  return (
    <section class="keys-box" aria-label="Keys">
      <div class="keys-grid">
        {groups.map(([name, rows]) => (
          <div key={name}><h3>{name}</h3>{rows.map(([what, keys]) => <p><span>{what}</span><span>{keys.map((key) => <kbd>{key}</kbd>)}</span></p>)}</div>
        ))}
      </div>
      <button type="button" class="plain" onClick={() => { app.help = false; app.changed(); }}>Close</button>
    </section>
  );
}

/** Does what a key says; true where it said something. */
export function onKey(app: App, event: KeyboardEvent): boolean {
  if (event.ctrlKey || event.metaKey || event.altKey) return false;
  const target = event.composedPath()[0] as HTMLElement | undefined;
  if (target && (/^(?:INPUT|TEXTAREA|SELECT)$/.test(target.tagName) || target.isContentEditable)) return false;
  if ((event.key === " " || event.key === "Enter") && target && /^(?:BUTTON|A|SUMMARY)$/.test(target.tagName)) return false;
  const steering = STEERING[event.shiftKey && event.key.length === 1 ? `⇧${event.key.toLowerCase()}` : event.key.toLowerCase()];
  const looking = LOOKING[event.key.length === 1 ? event.key.toLowerCase() : event.key];
  if (steering && !app.readOnly) steering(app);
  else if (looking && !(event.shiftKey && /[a-z]/i.test(event.key))) looking(app, target);
  else return false;
  return true;
}

const LOOKING: Record<string, (app: App, target?: HTMLElement) => void> = {
  j: (app) => app.move(1),
  k: (app) => app.move(-1),
  ArrowDown: (app, target) => (target?.closest(".rail") ? app.move(1) : scroll(target, 60)),
  ArrowUp: (app, target) => (target?.closest(".rail") ? app.move(-1) : scroll(target, -60)),
  n: (app) => app.moveCall(1),
  p: (app) => app.moveCall(-1),
  ArrowRight: (app) => open(app, true),
  ArrowLeft: (app) => open(app, false),
  l: (app) => app.toRunning(),
  u: (app) => app.up(),
  "/": (app) => { app.moreControls = true; app.reveal = "find"; app.changed(); },
  "1": (app) => app.show("call"),
  "2": (app) => app.show("prompt"),
  "3": (app) => app.show("variables"),
  t: (app) => app.show("time"),
  "?": (app) => { app.help = !app.help; app.changed(); },
  Escape: (app) => { app.help = false; app.changes = null; app.asked = null; app.notices = []; app.changed(); },
};

const STEERING: Record<string, (app: App) => void> = {
  " ": (app) => (app.status === "paused" ? app.command("continue", { until: null }) : app.command("pause")),
  s: (app) => app.command("step", { into: "blocks" }),
  i: (app) => app.command("step", { into: "calls" }),
  "⇧i": (app) => app.command("step", { into: "lines" }),
  "⇧s": (app) => app.command("stop"),
  e: (app) => editCode(app),
  a: (app) => app.write("answer", ""),
  h: (app) => app.write("hint", ""),
  m: (app) => openChanges(app),
  r: (app) => app.command("rewind", { step: stepNumber(app) }),
  f: (app) => app.command("fork", { step: stepNumber(app) }),
  b: (app) => toggleBreak(app),
};

function toggleBreak(app: App): void {
  const condition = `step >= ${stepNumber(app)}`;
  const known = (app.state?.breakpoints ?? []).some((point) => (typeof point === "string" ? point : point.condition) === condition);
  app.command(known ? "unbreak" : "break", { condition });
}

function scroll(target: HTMLElement | undefined, by: number): void {
  target?.closest<HTMLElement>(".step-body, .inspector, .virtual")?.scrollBy({ top: by });
}

function open(app: App, wanted: boolean): void {
  const call = app.store.get(app.call);
  const group = call ? app.groupOf(call) : app.step ? app.store.children(app.step, "block").flatMap((block) => app.store.children(block, "batch"))[0] : undefined;
  if (!group) return;
  if (wanted) app.opened.add(group); else app.opened.delete(group);
  app.changed();
}
