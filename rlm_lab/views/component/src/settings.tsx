// Another model, or other limits, from here on: a form with what holds now; what cannot be is said beside it.
import type { JSX } from "preact";
import type { App } from "./app";
import { Icon } from "./icons";
import { record, text } from "./types";

const LIMITS: [string, string][] = [["steps", "Steps"], ["calls", "Calls"], ["tokens", "Tokens"], ["cost", "Cost, USD"], ["seconds", "Time, s"], ["depth", "Depth"]];

export function openChanges(app: App): void {
  if (app.cannot("settings") !== null) app.asked = "settings";
  else app.changes = app.changes ? null : { given: {}, sent: false, refused: null };
  app.changed();
}

/** What the form says to the run: models by name, limits as numbers, an empty limit as none. A text that is no number is named. */
export function asked(given: Record<string, string>): { fields: Record<string, unknown>; wrong: string | null } {
  const fields: Record<string, unknown> = {}, budget: Record<string, number | null> = {};
  for (const [name, written] of Object.entries(given)) {
    const value = written.trim();
    if (name === "model" || name === "sub_model") fields[name] = value;
    else if (value === "") budget[name] = null;
    else if (!/^\d[\d_,]*(\.\d+)?$/.test(value)) return { fields, wrong: `${name}: ${value.slice(0, 40)} is no number; leave it empty for no limit.` };
    else budget[name] = Number(value.replace(/[_,]/g, ""));
  }
  if (Object.keys(budget).length) fields["budget"] = budget;
  return { fields, wrong: null };
}

export function Changing({ app }: { app: App }): JSX.Element {
  const changes = app.changes!;
  const run = app.store.root, budget = record(run?.["budget"]);
  const reason = app.cannot("settings");
  const none = !Object.keys(changes.given).length;
  const send = () => {
    if (!Object.keys(changes.given).length || app.cannot("settings") !== null) return; // as it is now, not when it was drawn
    const { fields, wrong } = asked(changes.given);
    changes.refused = wrong;
    changes.sent = wrong === null;
    if (wrong === null) app.send({ command: "settings", at: app.state?.stamp ?? null, ...fields });
    app.changed();
  };
  const field = (name: string, label: string, now: string, numeric: boolean) => (
    <label class="change" key={name}>
      <span>{label}</span>
      <input type="text" inputMode={numeric ? "decimal" : "text"} spellcheck={false} placeholder={numeric ? "no limit" : ""} value={changes.given[name] ?? now}
        ref={(box) => { if (box && name === "model" && !box.dataset["seen"]) { box.dataset["seen"] = "1"; box.focus(); } }}
        onInput={(event) => {
          const value = event.currentTarget.value;
          if (value === now) delete changes.given[name]; else changes.given[name] = value;
          changes.refused = null;
          app.changed();
        }} />
    </label>
  );
  const close = () => { app.changes = null; app.changed(); };
  return (
    <form class="changing" aria-label="Change settings" onSubmit={(event) => { event.preventDefault(); send(); }} onKeyDown={(event) => {
      if (event.key === "Escape") { event.stopPropagation(); close(); }
      if (event.key === "Enter" && event.target instanceof HTMLInputElement) { event.preventDefault(); send(); } // JupyterLab keeps Enter from sending a form
    }}>
      <h3>From here on</h3>
      <div class="change-fields">
        {field("model", "Root model", text(run, "model"), false)}
        {field("sub_model", "Model of calls", text(run, "sub_model"), false)}
        {LIMITS.map(([name, label]) => field(name, label, typeof budget[name] === "number" ? String(budget[name]) : "", true))}
      </div>
      <div class="writing-foot">
        {changes.refused || reason
          ? <span class="fail" role="alert"><Icon name="warning" /> {changes.refused ?? reason}</span>
          : changes.sent ? <span class="quiet" role="status">Sent: the kernel looks for the model, which may take a while the first time.</span>
          : <span class="quiet">Calls that are under way or pending keep their model. An empty limit is none.</span>}
        <button type="button" class="plain" onClick={close}>Discard</button>
        <button type="submit" class="button filled" aria-disabled={none || reason !== null}>Change</button>
      </div>
    </form>
  );
}
