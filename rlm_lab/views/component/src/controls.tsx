// The bar of commands, and finding. What cannot be done now keeps its place and says why.
import type { JSX } from "preact";
import type { App } from "./app";
import { counted, grouped } from "./figures";
import { Icon } from "./icons";
import { Act } from "./parts";
import { openChanges } from "./settings";
import { figure, text } from "./types";

export function Controls({ app }: { app: App }): JSX.Element {
  const narrow = app.layout === "narrow";
  return (
    <div class="controls" role="toolbar" aria-label="Run">
      {!app.readOnly && <RunGroup app={app} />}
      {!app.readOnly && (!narrow || app.moreControls) && <ChangeGroup app={app} />}
      {app.readOnly && <Stepping app={app} />}
      {app.host.quiet && <span class="quiet">{app.host.quiet} {app.host.dashboard && <Dashboard app={app} label="Use the dashboard" />}</span>}
      <span class="push" />
      {app.host.dashboard && !app.host.quiet && <Dashboard app={app} label="Open in dashboard" />}
      {(!narrow || app.moreControls || app.readOnly) && <Find app={app} />}
      {narrow && !app.readOnly && <button type="button" class="button" aria-label="More" aria-expanded={app.moreControls} onClick={() => { app.moreControls = !app.moreControls; app.changed(); }}><Icon name="more" /></button>}
      {!narrow && <button type="button" class="plain" aria-label="Keys" aria-expanded={app.help} title="Keys (?)" onClick={() => { app.help = !app.help; app.changed(); }}><kbd>?</kbd></button>}
    </div>
  );
}

export function Dashboard({ app, label }: { app: App; label: string }): JSX.Element | null {
  const address = app.address ?? app.host.dashboard ?? "";
  if (address === true) return <button type="button" class="link" onClick={() => app.send({ dashboard: true })}>{label}</button>;
  if (!address) return null;
  return /^https?:\/\/|^\//.test(address) ? <a class="link" href={address} target="_blank" rel="noopener noreferrer">{label}</a> : null;
}

export function RunGroup({ app }: { app: App }): JSX.Element {
  return (
    <span class="group">
      <Act app={app} command="pause" icon="pause" label="Pause" keys="Space" />
      <Act app={app} command="step" icon="step" label="Step" keys="S" onDo={() => app.command("step", { into: "blocks" })} />
      <Act app={app} command="step" icon="into" label="Step into" keys="I" second onDo={() => app.command("step", { into: "calls" })} />
      <Act app={app} command="step" icon="into" label="Step line" keys="Shift+I" second onDo={() => app.command("step", { into: "lines" })} />
      <Act app={app} command="continue" icon="continue" label="Continue" keys="Space" onDo={() => app.command("continue", { until: null })} />
      <Act app={app} command="stop" icon="stop" label="Stop" keys="Shift+S" />
    </span>
  );
}

function ChangeGroup({ app }: { app: App }): JSX.Element {
  return (
    <>
      <span class="group">
        <Act app={app} command="edit" icon="edit" label="Edit and run" keys="E" onDo={() => editCode(app)} />
        <Act app={app} command="answer" icon="person" label="Answer it myself" keys="A" onDo={() => app.write("answer", "")} />
        <Act app={app} command="hint" label="Hint" keys="H" onDo={() => app.write("hint", "")} />
        <Act app={app} command="settings" icon="settings" label="Adjust" keys="M" onDo={() => openChanges(app)} />
      </span>
      <span class="group">
        <Act app={app} command="rewind" icon="rewind" label="Rewind here" keys="R" onDo={() => app.command("rewind", { step: stepNumber(app) })} />
        <Act app={app} command="fork" icon="fork" label="Fork here" keys="F" onDo={() => app.command("fork", { step: stepNumber(app) })} />
        {!app.live && <Act app={app} command="fork" icon="again" label="Ask again" second onDo={() => app.command("fork", { step: 1, anew: true })} />}
      </span>
    </>
  );
}

export function editCode(app: App): void {
  const code = app.pendingCode;
  const block = app.openBlock(app.step);
  app.write("edit", code ?? (block ? app.full(block.id, "code") : ""));
}

export function stepNumber(app: App): number {
  return figure(app.store.get(app.step), "number") ?? 0;
}

/** In place of commands where a run can only be looked at: from step to step. */
function Stepping({ app }: { app: App }): JSX.Element {
  const steps = app.store.steps(app.run);
  const at = steps.indexOf(app.step ?? "");
  return (
    <span class="group">
      <button type="button" class="button" aria-disabled={at <= 0} title="Previous step (K)" onClick={() => app.move(-1)}><Icon name="up" /><span class="name">Previous step</span></button>
      <button type="button" class="button" aria-disabled={at >= steps.length - 1} title="Next step (J)" onClick={() => app.move(1)}><Icon name="down" /><span class="name">Next step</span></button>
      <span class="quiet of">{steps.length ? `step ${text(app.store.get(app.step), "number")} of ${grouped(steps.length)}` : "no steps"}</span>
    </span>
  );
}

function Find({ app }: { app: App }): JSX.Element {
  return (
    <span class="find" role="search">
      <label class="field">
        <Icon name="search" />
        <input
          type="text"
          class="find-input"
          aria-label="Find in this run"
          placeholder="Find in this run"
          value={app.wanted}
          spellcheck={false}
          onInput={(event) => app.find(event.currentTarget.value)}
          onKeyDown={(event) => {
            if (event.key === "Enter") app.nextHit(event.shiftKey ? -1 : 1);
            if (event.key === "Escape") { app.find(""); event.currentTarget.blur(); }
          }}
        />
        {!app.wanted && <kbd>/</kbd>}
      </label>
      {app.wanted && (
        <>
          <span class="count" role="status">{app.hits.length ? `${app.hit >= 0 ? `${grouped(app.hit + 1)} of ` : ""}${counted(app.hits.length, "place")}` : "nothing found"}</span>
          <button type="button" class="icon" aria-label="Previous hit" disabled={!app.hits.length} onClick={() => app.nextHit(-1)}><Icon name="up" /></button>
          <button type="button" class="icon" aria-label="Next hit" disabled={!app.hits.length} onClick={() => app.nextHit(1)}><Icon name="down" /></button>
        </>
      )}
    </span>
  );
}
