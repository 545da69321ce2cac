// The lesson's two doors: a file that holds a lesson as JSON, which is drawn at once, and `mount` for the dashboard, which is sent one.
import { render, type JSX } from "preact";
import { boxIn, show, type Stage } from "./lesson-page";
import { hashOf, placeOf } from "./lesson-state";
import type { Lesson } from "./lesson-types";
import { themeOf } from "./theme";

interface Run { run: string; question: string; answer: string | null; status: string; steps: number | null; model?: string | null; started?: string | null }
type Message = { kind: "lesson"; run: string; lesson: Lesson } | { kind: "runs"; rows: Run[] } | { kind: "trouble"; text: string };
interface Host { send: (message: Record<string, unknown>) => void; readonly theme?: string | null }
interface Handle { update: (message: Message) => void; theme: () => void; destroy: () => void }

const AGAIN = 3_000; // milliseconds between two looks at a run that goes on
const part = (name: string) => new URLSearchParams(location.hash.slice(1)).get(name);

export function mount(element: HTMLElement, host: Host): Handle {
  let stage: Stage | null = null, shown: string | null = null, ended = false;
  const clear = () => { stage?.end(); stage = null; shown = null; };
  const ask = () => { clear(); host.send({ open: part("run") }); };
  let list: HTMLElement | null = null; // or what else stands in a lesson's place
  const colour = () => { if (list) list.dataset["theme"] = themeOf(element, host.theme ?? null); };
  const draw = (content: JSX.Element) => {
    clear();
    const box = list = boxIn(element);
    colour();
    render(<main class="l-main" aria-label="Lessons"><div class="l-one">{content}</div></main>, box);
  };
  const take = (run: string, lesson: Lesson) => {
    ended = lesson.closing !== null;
    if (stage && shown === run) { stage.take(lesson); return; }
    clear();
    shown = run;
    const moved = (place: { at: number; shown: boolean }) => history.replaceState(null, "", `#run=${encodeURIComponent(run)}&at=${hashOf(place).slice(1)}`);
    stage = show(element, lesson, { start: placeOf(`#${part("at") ?? ""}`), moved, named: () => host.theme ?? null });
  };
  const look = setInterval(() => { if (shown !== null && !ended) host.send({ open: shown }); }, AGAIN);
  addEventListener("hashchange", ask);
  void Promise.resolve().then(ask);
  return {
    update: (message) => {
      if (message.kind === "lesson") take(message.run, message.lesson);
      else if (message.kind === "runs") draw(<Choice rows={message.rows} />);
      else draw(<><h2>There is no lesson here</h2><p class="l-words">{message.text}</p><p><a href="#">All runs</a></p></>);
    },
    theme: () => { if (stage) stage.draw(); else colour(); },
    destroy: () => { clearInterval(look); removeEventListener("hashchange", ask); clear(); },
  };
}

/** A time as the reader's clock shows it; nothing where there is none. */
function when(text: string | null | undefined): string {
  const date = new Date(text ?? "");
  return Number.isNaN(date.getTime()) ? "" : date.toLocaleString("en-CA", { dateStyle: "short", timeStyle: "short", hour12: false }).replace(",", "");
}

/** The runs from which a lesson can be made. */
function Choice({ rows }: { rows: Run[] }): JSX.Element {
  if (!rows.length) return <><h2>No runs yet</h2><p class="l-words">A lesson is made from a run. Ask a question about a variable that is loaded.</p></>;
  return (
    <>
      <h2>Make a lesson from a run</h2>
      <ul class="l-runs">
        {rows.map((row) => (
          <li><a href={`#run=${encodeURIComponent(row.run)}`}>{row.question || "(no question)"}</a><small>{row.status.replaceAll("_", " ")}{row.steps !== null && `, ${row.steps} ${row.steps === 1 ? "step" : "steps"}`}{row.answer && `: ${row.answer}`}</small><small class="l-which">{[row.model, when(row.started), row.run].filter(Boolean).join(" · ")}</small></li>
        ))}
      </ul>
    </>
  );
}

const element = document.getElementById("rlm-lab-view");
const told = document.getElementById("rlm-lab-lesson")?.textContent;
if (element && told) {
  const keep = location.protocol !== "about:"; // a frame of a notebook has no address of its own
  show(element, JSON.parse(told) as Lesson, {
    start: placeOf(location.hash),
    moved: (place) => { if (keep) history.replaceState(null, "", hashOf(place)); },
    named: () => null,
  });
}
