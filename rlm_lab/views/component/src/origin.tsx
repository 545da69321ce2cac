// What is said of a run besides its log: what to look at, where its answer came from, and what people noted. See views/concluding.py.
import type { JSX } from "preact";
import type { App } from "./app";
import { clipped, counted } from "./figures";
import { Icon } from "./icons";
import { list, record, text } from "./types";

const MOST = 60; // lines that are drawn before more is asked for
type Said = Record<string, unknown>;

/** What to look at in a step; with a run's id, what is about the run as a whole. */
export function Lints({ app, at }: { app: App; at: string }): JSX.Element | null {
  const lints = about(app, "l", "lints", at);
  if (!lints.length) return null;
  return (
    <ul class="lints" aria-label="What to look at">
      {lints.slice(0, MOST).map((lint) => (
        <li class={said(lint, "severity") === "warning" ? "flag" : "note"}>
          <Icon name={said(lint, "severity") === "warning" ? "warning" : "info"} /> <b>{said(lint, "name")}</b>{place(lint)}: {said(lint, "reason")} <span class="quiet">{said(lint, "advice")}</span>
          {said(lint, "call") && app.store.get(said(lint, "call")) && <> <button type="button" class="link" onClick={() => app.select(said(lint, "call"))}>the call</button></>}
        </li>
      ))}
    </ul>
  );
}

/** Notes, tags and scores of a step or a call; with a run's id, those of the run. */
export function Notes({ app, at }: { app: App; at: string }): JSX.Element | null {
  const notes = about(app, "n", "notes", at);
  if (!notes.length) return null;
  return (
    <ul class="lints" aria-label="Notes">
      {notes.slice(0, MOST).map((note) => (
        <li class="flag you"><Icon name="person" /> <b>{said(note, "title")}</b> {clipped(said(note, "text"), 2000)} <span class="quiet">{said(note, "by")}</span></li>
      ))}
    </ul>
  );
}

/** The answer, back through variables and calls to the data: a line each, a click selects its step or call. */
export function Origin({ app }: { app: App }): JSX.Element | null {
  const node = app.store.get(`${app.run}o`);
  const rows = list(node?.["rows"]).map(record);
  const gaps = list(node?.["gaps"]).map(String);
  if (rows.length < 2 && !gaps.length) return null;
  const whole = app.opened.has("origin/all");
  const shown = whole ? rows : rows.slice(0, MOST);
  return (
    <details class="origin">
      <summary>Where the answer came from <span class="quiet">{counted(Math.max(rows.length - 1, 0), "place")}</span></summary>
      <ul>{shown.slice(1).map((row) => <Row app={app} row={row} />)}</ul>
      {shown.length < rows.length && <button type="button" class="link" onClick={() => { app.opened.add("origin/all"); app.changed(); }}>{counted(rows.length - shown.length, "more place")}</button>}
      {gaps.map((gap) => <p class="note">{clipped(gap, 400)}</p>)}
    </details>
  );
}

function Row({ app, row }: { app: App; row: Said }): JSX.Element {
  const depth = typeof row["depth"] === "number" ? Math.min(Math.max(row["depth"], 1), 16) : 1;
  const target = said(row, "at"), sure = row["certain"] === true;
  const title = said(row, "title"), value = said(row, "value");
  return (
    <li class={sure ? "" : "likely"} style={{ marginLeft: `${(depth - 1) * 18}px` }}>
      <span class={`origin-mark kind-${said(row, "kind")}`} aria-hidden="true" />
      {target && app.store.get(target) ? <button type="button" class="link" onClick={() => app.select(target)}>{title}</button> : <b>{title}</b>}
      {value && <code>{clipped(value, 90)}</code>} <span class="quiet">{said(row, "how")}{row["again"] === true ? " as above" : ""}</span>
    </li>
  );
}

function about(app: App, letter: string, field: string, at: string): Said[] {
  const root = app.store.root;
  return root ? list(app.store.get(`${root.id}${letter}`)?.[field]).map(record).filter((one) => one["step"] === at) : [];
}

function place(lint: Said): string {
  return typeof lint["line"] === "number" ? `, line ${lint["line"]}` : "";
}

function said(one: Said, field: string): string {
  return text(one as never, field);
}
