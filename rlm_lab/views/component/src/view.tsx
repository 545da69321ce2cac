// The whole view in its layouts: full, middle, narrow, and the compact form of a cell.
import type { JSX } from "preact";
import type { App, Notice, Pane } from "./app";
import { Compact } from "./compact";
import { ContextPane } from "./context";
import { Controls } from "./controls";
import { Header } from "./header";
import { Icon } from "./icons";
import { Inspector } from "./inspector";
import { Keys } from "./keys";
import { Chips, Rail, StopBefore } from "./rail";
import { Changing } from "./settings";
import { StepPane } from "./step";
import { Timeline } from "./timeline";
import { text } from "./types";

const TABS: [Pane, string][] = [["step", "Step"], ["call", "Call"], ["prompt", "Prompt"], ["variables", "Variables"], ["time", "Time"]];

export function View({ app, expand }: { app: App; expand: () => void }): JSX.Element {
  return (
    <>
      <Notices app={app} />
      {app.layout === "compact" ? <Compact app={app} expand={expand} /> : <Whole app={app} expand={expand} />}
      <p class="spoken" role="status" aria-live="polite">{spoken(app)}</p>
    </>
  );
}

function Whole({ app, expand }: { app: App; expand: () => void }): JSX.Element {
  const empty = !app.store.root;
  if (empty) return <div class="body"><StepPane app={app} /></div>;
  return (
    <>
      <Header app={app} />
      <Controls app={app} />
      {app.host.compact && <button type="button" class="link smaller" onClick={expand}>Smaller</button>}
      {app.help && <Keys app={app} />}
      {app.changes && <Changing app={app} />}
      {app.layout === "narrow" ? <Narrow app={app} /> : (
        <>
          <div class="body"><Rail app={app} /><StepPane app={app} /><Inspector app={app} /></div>
          {app.host.foot !== false && !app.folded.has("time") && <div class="foot"><Timeline app={app} /><ContextPane app={app} /></div>}
          {app.host.foot !== false && app.folded.has("time") && <button type="button" class="rest" onClick={() => app.show("time")}><Icon name="up" /> Time and context</button>}
        </>
      )}
    </>
  );
}

function Narrow({ app }: { app: App }): JSX.Element {
  return (
    <>
      <div class="tabs" role="tablist">
        {TABS.map(([pane, label]) => <button type="button" role="tab" aria-selected={app.pane === pane} key={pane} onClick={() => app.choosePane(pane)}>{label}</button>)}
      </div>
      <div class="narrow-body">
        {app.pane === "step" && app.moreControls && !app.readOnly && <StopBefore app={app} />}
        {app.pane === "step" && <><Chips app={app} /><StepPane app={app} /></>}
        {(app.pane === "call" || app.pane === "prompt" || app.pane === "variables") && <Inspector app={app} only={app.pane} />}
        {app.pane === "time" && <div class="foot"><Timeline app={app} /><ContextPane app={app} /></div>}
      </div>
    </>
  );
}

function Notices({ app }: { app: App }): JSX.Element | null {
  const notices: Notice[] = [...(app.lost ? [{ kind: "warning" as const, strong: "", text: app.lost }] : []), ...app.notices];
  if (!notices.length) return null;
  return (
    <div class="notices">
      {notices.map((notice) => (
        <p class={`notice ${notice.kind}`} role="alert"><Icon name={notice.kind} /> <span>{notice.strong && <b>{notice.strong} </b>}{notice.text}</span>
          {notice.open && <button type="button" class="link" onClick={() => app.send({ open: notice.open! })}>Open it</button>}
          <button type="button" class="link" onClick={() => { app.notices = []; app.lost = null; app.changed(); }}>Close</button></p>
      ))}
    </div>
  );
}

/** What a screen reader is told when it changes: the status and the step, no more. */
function spoken(app: App): string {
  const run = app.store.root;
  return run ? `${app.status.replaceAll("_", " ")}, step ${text(app.store.get(app.newest), "number")}` : "";
}
