// The small form, for the output of a cell: where the run is, its steps as chips, the code under way, what it has spent.
import type { JSX } from "preact";
import type { App } from "./app";
import { Dashboard, editCode } from "./controls";
import { Answer, meters, place, Status } from "./header";
import { kept } from "./markdown";
import { Act } from "./parts";
import { Chips } from "./rail";
import { Block } from "./step";
import { GateBox } from "./gate";
import { Writing } from "./editor";
import { clipped } from "./figures";
import { text } from "./types";

export function Compact({ app, expand }: { app: App; expand: () => void }): JSX.Element {
  const step = app.store.get(app.step);
  const block = step ? app.store.get(app.store.children(step.id, "block").at(-1)) : undefined;
  const paused = app.status === "paused";
  const place_ = place(app);
  if (app.host.quiet && !app.readOnly)
    return (
      <div class="compact-head">
        <Status status={app.status} /><span class="place">{place_} · {spent(app)}</span>
        <span class="push" /><span class="quiet">{app.host.quiet} <Dashboard app={app} label="Use the dashboard" /></span>
      </div>
    );
  return (
    <>
      <div class="compact-head">
        <Status status={app.status} /><span class="place">{place_}</span><span class="push" />
        {app.live && app.state && (
          <span class="group">
            {!paused && <Act app={app} command="pause" icon="pause" label="Pause" keys="Space" />}
            {paused && <Act app={app} command="step" icon="step" label="Step" keys="S" onDo={() => app.command("step", { into: "blocks" })} />}
            {paused && <Act app={app} command="continue" icon="continue" label="Continue" keys="Space" onDo={() => app.command("continue", { until: null })} />}
            {paused && <Act app={app} command="edit" icon="edit" label="Edit" keys="E" onDo={() => editCode(app)} />}
            <Act app={app} command="stop" icon="stop" label="Stop" keys="Shift+S" />
          </span>
        )}
        <Dashboard app={app} label="Open in dashboard" />
        <button type="button" class="link" onClick={expand}>Whole view</button>
      </div>
      <div class="compact-body">
        {!app.live && <Answer app={app} />}
        <Chips app={app} />
        {step && text(step, "written") && <pre class="stream">{text(step, "written").slice(-600)}<span class="caret" /></pre>}
        {step && text(step, "reasoning") && <div class="compact-reason reasoning">{kept(`${step.id}c`, clippedText(text(step, "reasoning"), 420))}</div>}
        {paused && app.state?.gate && !["block", "pause", "line"].includes(app.state.gate.kind) && <GateBox app={app} />}
        {app.writing ? <Writing app={app} /> : paused && app.pendingCode !== null ? <pre class="pending code-like">{clipped(app.pendingCode, 4000) === app.pendingCode ? app.pendingCode : app.pendingCode.slice(0, 3000)}</pre> : block && <Block app={app} block={block} many={false} edits={[]} most={12} />}
      </div>
      <div class="compact-foot">
        {meters(app).map((meter) => (
          <span class={`spent${meter.limit && meter.value !== null && meter.value / meter.limit >= 0.8 ? (meter.value > meter.limit ? " over" : " near") : ""}`}><b>{meter.shown}</b> {meter.label === "Time" ? meter.of : meter.label === "Cost" ? meter.of : `${meter.of ? `${meter.of} ` : ""}${meter.label.toLowerCase()}`}</span>
        ))}
        <span class="push" />
        <span class="quiet">{paused ? <>The kernel is free. Go on with the buttons or with <code>%rlm continue</code>.</> : app.live ? <>Esc, then <kbd>i</kbd> <kbd>i</kbd> pauses too</> : null}</span>
      </div>
    </>
  );
}

function clippedText(text: string, most: number): string {
  return text.length > most ? `${text.slice(0, most)} …` : text;
}

function spent(app: App): string {
  return meters(app).filter((meter) => meter.label === "Calls" || meter.label === "Cost").map((meter) => `${meter.shown} ${meter.label === "Calls" ? "calls" : "USD"}`).join(" · ");
}

