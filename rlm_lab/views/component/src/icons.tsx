// Glyphs, 16 x 16, drawn with the colour of the text beside them.
import type { JSX } from "preact";

const PATHS: Record<string, string> = {
  look: "M1.5 8s2.4-4.2 6.5-4.2S14.5 8 14.5 8s-2.4 4.2-6.5 4.2S1.5 8 1.5 8zM8 6.2a1.8 1.8 0 1 0 0 3.6 1.8 1.8 0 0 0 0-3.6z",
  search: "M7 2.5a4.5 4.5 0 1 0 0 9 4.5 4.5 0 0 0 0-9zM10.3 10.3 14 14",
  split: "M2 8h4l6-4.5M6 8l6 4.5M6 8h6M10.5 3h2v2M10.5 13h2v-2",
  delegate: "M9 3H3.5v9.5H13V8M8 8l5.5-5.5M10 2.5h3.5V6",
  compute: "M12 3.5H4.5L9 8l-4.5 4.5H12",
  combine: "M14 8h-4L4 3.5M10 8l-6 4.5",
  check: "M2.5 8.5 6 12l7.5-8",
  answer: "M4 14V2.5h7.5L10 5l1.5 2.5H4",
  think: "M3 3.5h10v7H8L5 13v-2.5H3z",
  child: "M2.5 2.5h11v11h-11zM6 6h4v4H6z",
  batch: "M2.5 4h11M2.5 8h11M2.5 12h11",
  running: "M8 2.2a5.8 5.8 0 1 0 5.8 5.8",
  waiting: "M8 2.2a5.8 5.8 0 1 1 0 11.6 5.8 5.8 0 1 1 0-11.6",
  paused: "M5.5 3v10M10.5 3v10",
  done: "M2.5 8.5 6 12l7.5-8",
  failed: "M3.5 3.5l9 9M12.5 3.5l-9 9",
  stopped: "M4 4h8v8H4z",
  out_of_budget: "M4 4h8v8H4z",
  interrupted: "M8 2.5v7M8 12.2v.8",
  pause: "M5.5 3v10M10.5 3v10",
  step: "M2.5 10.5c.5-4 3-6 6-6 2 0 3.7 1 4.7 2.7M13.5 4v3.5H10M7.5 12.5h1.5",
  into: "M8 2v7M5 6.5 8 9.5l3-3M7 13h2",
  continue: "M5 3l8 5-8 5z",
  stop: "M4.5 4.5h7v7h-7z",
  edit: "M3 13l.7-3L11 2.8l2.2 2.2L6 12.3zM9.5 4.3l2.2 2.2",
  person: "M8 2.5a2.7 2.7 0 1 0 0 5.4 2.7 2.7 0 0 0 0-5.4zM3 14c0-3 2.2-4.3 5-4.3S13 11 13 14",
  rewind: "M6 3 3 6l3 3M3 6h6.5a3.5 3.5 0 0 1 0 7H6",
  fork: "M5 3.2a1.3 1.3 0 1 0 0 2.6 1.3 1.3 0 0 0 0-2.6zM5 11a1.3 1.3 0 1 0 0 2.6A1.3 1.3 0 0 0 5 11zM11.5 3.2a1.3 1.3 0 1 0 0 2.6 1.3 1.3 0 0 0 0-2.6zM5 5.8V11M11.5 5.8c0 2.4-6.5 1.8-6.5 5",
  again: "M13 4v3.2H9.8M12.7 7A5 5 0 1 0 13 9.5",
  settings: "M2.5 5h6M12 5h1.5M10.2 3.3a1.7 1.7 0 1 0 0 3.4 1.7 1.7 0 0 0 0-3.4zM2.5 11H4M7.5 11h6M5.8 9.3a1.7 1.7 0 1 0 0 3.4 1.7 1.7 0 0 0 0-3.4z",
  down: "M4 6l4 4 4-4",
  up: "M4 10l4-4 4 4",
  right: "M6 4l4 4-4 4",
  left: "M10 4 6 8l4 4",
  more: "M3.5 8h.01M8 8h.01M12.5 8h.01",
  warning: "M8 2.5 14.5 13.5h-13zM8 6.5v3.5M8 11.9v.1",
  info: "M8 2.2a5.8 5.8 0 1 0 0 11.6A5.8 5.8 0 0 0 8 2.2zM8 7.3v4M8 4.9v.1",
  cut: "M2.5 5h11M2.5 11h11M5 8h.01M8 8h.01M11 8h.01",
};
const FILLED = new Set(["stop", "stopped", "out_of_budget", "continue"]);
const TURNING = new Set(["running"]);

export function Icon({ name, title }: { name: string; title?: string }): JSX.Element {
  const kind = `glyph${FILLED.has(name) ? " filled" : ""}${TURNING.has(name) ? " turning" : ""}${name === "waiting" ? " dashed" : ""}`;
  return (
    <svg class={kind} viewBox="0 0 16 16" role={title ? "img" : undefined} aria-label={title} aria-hidden={title ? undefined : "true"}>
      <path d={PATHS[name] ?? PATHS["think"]} />
    </svg>
  );
}

export const STATUS_WORDS: Record<string, string> = {
  waiting: "Waiting", running: "Running", paused: "Paused", done: "Done", failed: "Failed", stopped: "Stopped",
  out_of_budget: "Out of budget", interrupted: "Interrupted",
};

export function statusWord(status: string): string {
  return STATUS_WORDS[status] ?? (status ? status.replaceAll("_", " ").replace(/^./, (first) => first.toUpperCase()) : "Unknown");
}
