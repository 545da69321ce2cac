// The compare page: what was given and spent, the aligned steps, the table of all runs.
import { Fragment, type JSX } from "preact";
import { useRef } from "preact/hooks";
import { Rows } from "./compare-rows";
import { csvOf, groupsOf, type By, type Run, type State } from "./compare-state";
import { counted, grouped } from "./figures";
import { Icon, statusWord } from "./icons";

const CELLS = 9;
const LEGEND = ["look", "search", "split", "delegate", "compute", "combine", "check", "answer", "think", "failed"];
const KEYS = [["J K", "next, previous row"], ["N P", "next, previous difference"], ["D", "first divergence"], ["Enter", "open, close a row"], ["S", "swap A and B"], ["O", "only differences"], ["A B", "in the table: take the run as A, as B"], ["?", "these keys"]];
const GROUPS: [By, string][] = [["", "nothing"], ["model", "model"], ["question", "question"], ["tags", "tag"], ["status", "status"], ["answer", "answer"]];

export function CompareView({ state }: { state: State }): JSX.Element {
  const scroller = useRef<HTMLDivElement | null>(null);
  const [a, b] = [state.run(0), state.run(1)];
  return (
    <div class="cmp" ref={scroller} tabIndex={-1}>
      <Header state={state} />
      {state.keys && <Keys state={state} />}
      {state.trouble && <p class="notice warning" role="status"><Icon name="warning" /> {state.trouble}</p>}
      {a && b && <Figures state={state} a={a} b={b} />}
      {a && b && <Heads state={state} a={a} b={b} />}
      {a && b && (state.pair ? <Steps state={state} scroller={() => scroller.current} /> : <Missing state={state} a={a} b={b} />)}
      <Table state={state} />
    </div>
  );
}

function Header({ state }: { state: State }): JSX.Element {
  const texts = state.texts, count = state.runs.length;
  if (!count) return <Fragment />;
  const question = state.run(0)?.question ?? "";
  return (
    <header class="header cmp-header">
      <div class="about">
        <h1>{question}</h1>
        <p class="facts">
          <span>{count > 1 ? "two runs, side by side" : counted(count, "run")}</span>
          {texts?.contexts && <span>context {texts.contexts}</span>}
          {texts && <span>{texts.given}</span>}
        </p>
        {texts && state.run(1)?.question !== state.run(0)?.question && <p class="facts">B was asked: {state.run(1)?.question}</p>}
      </div>
      <div class="cmp-buttons">
        <button type="button" class="button" disabled={count < 2} onClick={() => state.swap()}>Swap</button>
        <button type="button" class="button" aria-pressed={state.only} disabled={!state.pair} onClick={() => state.toggleOnly()}>Only differences</button>
        <button type="button" class="button" disabled={!count} onClick={() => save(state.runs)}>Export</button>
        <button type="button" class="icon" aria-label="Keys" aria-expanded={state.keys} onClick={() => { state.keys = !state.keys; state.changed(); }}>?</button>
      </div>
    </header>
  );
}

function Keys({ state }: { state: State }): JSX.Element {
  return (
    <div class="keys-box"><div class="keys-grid">{KEYS.map(([keys, told]) => <p><span>{told}</span><span>{keys!.split(" ").map((key) => <kbd>{key}</kbd>)}</span></p>)}</div>
      <button type="button" class="link" onClick={() => { state.keys = false; state.changed(); }}>close</button></div>
  );
}

/** Writes the table of runs into a file. */
function save(runs: Run[]): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([csvOf(runs)], { type: "text/csv" }));
  link.download = "runs.csv";
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

/** A run's name; on the dashboard the way to it. */
const Name = ({ run }: { run: Run }): JSX.Element => (run.link ? <a class="link" href={`./#run=${encodeURIComponent(run.link)}`}>{run.name}</a> : <>{run.name}</>);

const Letter = ({ of }: { of: string }): JSX.Element => <span class="letter">{of}</span>;

function Figures({ state, a, b }: { state: State; a: Run; b: Run }): JSX.Element {
  const texts = state.texts;
  const rows: [string, Run][] = [["A", a], ["B", b]];
  return (
    <dl class="cmp-figures">
      <div class="wide"><dt>Answer</dt>
        {rows.map(([letter, run]) => (
          <dd><i>{letter}</i><b class={run.answer ? "" : "none"} title={run.answer}>{run.answer.split("\n")[0] || run.none}</b>{letter === "B" && texts && <span class={texts.same_answer ? "quiet" : "badge fail"}>{texts.same_answer ? "same" : "other"}</span>}</dd>
        ))}
      </div>
      {texts?.figures.map((one) => (
        <div><dt>{one.title}</dt><dd><i>A</i><b>{one.a}</b></dd><dd><i>B</i><b>{one.b}</b><span class="quiet">{one.difference}</span></dd></div>
      ))}
    </dl>
  );
}

function Heads({ state, a, b }: { state: State; a: Run; b: Run }): JSX.Element {
  const side = (letter: string, run: Run) => (
    <div class="cmp-runhead">
      <Letter of={letter} />
      <b class="name" title={run.name}><Name run={run} /></b>
      <span class="model" title={run.model}>{run.model}</span>
      <span class={`status ${run.status}`}><Icon name={run.status} /> {statusWord(run.status)}</span>
    </div>
  );
  return (
    <div class="cmp-heads">
      {side("A", a)}
      <div class="cmp-mid">aligned by what steps do</div>
      <div class="cmp-last">
        {side("B", b)}
        {state.pair?.part !== null && state.pair && <button type="button" class="button" onClick={() => state.toPart()}><Icon name="down" /> First divergence</button>}
      </div>
    </div>
  );
}

function Steps({ state, scroller }: { state: State; scroller: () => HTMLElement | null }): JSX.Element {
  const pair = state.pair!, texts = state.texts!;
  return (
    <>
      {pair.part === null && <p class="cmp-fold"><b>{texts.title}.</b> {pair.rows.length ? texts.sentence : "Neither run has a step."}</p>}
      {!pair.exact && <p class="cmp-fold">The runs are so long that only steps at about the same place were weighed against each other.</p>}
      <Rows key={state.key} state={state} scroller={scroller} />
      <p class="cmp-counts">Steps: {texts.counts}.</p>
    </>
  );
}

function Missing({ state, a, b }: { state: State; a: Run; b: Run }): JSX.Element {
  if (!state.host.file) return <p class="cmp-fold" role="status">Aligning {a.name} and {b.name} …</p>;
  return <p class="cmp-fold">These two are not in this file, which holds as many pairs as there was room for. In Python: <code>rlm_lab.compare({JSON.stringify(a.name)}, {JSON.stringify(b.name)})</code></p>;
}

// all runs

function Table({ state }: { state: State }): JSX.Element | null {
  const { runs } = state;
  if (!runs.length && state.asked) return <p class="cmp-fold" role="status">Reading {counted(state.asked, "run")} …</p>;
  if (!runs.length) return <div class="empty-box"><h2>No runs are chosen</h2><p>Mark two runs or more in the <a class="link" href="./">list of runs</a>, then press Compare.</p></div>;
  const questions = new Set(runs.map((run) => run.question)).size;
  const title = `${runs.length === 2 ? "Both runs" : `All ${grouped(runs.length)} runs`}${questions === 1 ? " of this question" : ""}`;
  return (
    <section class="cmp-table" aria-label={title}>
      <div class="cmp-tablehead">
        <h2>{title}</h2>
        <Answers state={state} />
        <label class="field">group by <select value={state.by} onChange={(event) => { state.by = event.currentTarget.value as By; state.changed(); }}>{GROUPS.map(([by, told]) => <option value={by}>{told}</option>)}</select></label>
      </div>
      <div class="cmp-scroll" tabIndex={0} role="group" aria-label="Table of runs">
        <table>
          <thead><tr>{["", "run", "model", "answer", "status"].map((name) => <th scope="col">{name || <span class="spoken">A or B</span>}</th>)}{["steps", "calls", "tokens", "USD", "time"].map((name) => <th scope="col" class="number">{name}</th>)}<th scope="col">what its steps did</th></tr></thead>
          {groupsOf(runs, state.by).map(([name, places]) => (
            <tbody>
              {state.by && <tr class="group"><th colSpan={11} scope="rowgroup">{name || "none"} <span class="quiet">{counted(places.length, "run")}{groupText(state, places)}</span></th></tr>}
              {places.map((place) => <RunRow state={state} run={runs[place]!} place={place} />)}
            </tbody>
          ))}
        </table>
      </div>
      <p class="cmp-legend">{LEGEND.map((act) => <span><Cell act={act} /> {act}</span>)}</p>
    </section>
  );
}

function groupText(state: State, places: number[]): string {
  const most = state.answers.map(([text, where]) => [text, where.filter((place) => places.includes(place)).length] as const).sort((one, other) => other[1] - one[1])[0];
  return most && state.by !== "answer" ? `, ${most[1]} of ${places.length} ${most[0] ? `answer “${most[0].slice(0, 60)}”` : "without an answer"}` : "";
}

/** Each answer, as long as it is often. */
function Answers({ state }: { state: State }): JSX.Element {
  const shown = state.answers.slice(0, 5), rest = state.answers.slice(5);
  return (
    <ul class="cmp-answers" aria-label="Answers, and how often">
      {shown.map(([text, places]) => <li><i class={text ? "" : "none"} style={{ width: `${Math.max((places.length / state.runs.length) * 120, 8)}px` }} /><span class="said" title={text}>{text.split("\n")[0] || "none"}</span> <b>{places.length}</b></li>)}
      {rest.length > 0 && <li class="quiet">{counted(rest.length, "more answer")}</li>}
    </ul>
  );
}

function RunRow({ state, run, place }: { state: State; run: Run; place: number }): JSX.Element {
  const letter = state.chosen[0] === place ? "A" : state.chosen[1] === place ? "B" : "";
  const key = (event: KeyboardEvent) => {
    const side = { a: 0, b: 1 }[event.key.toLowerCase()] as 0 | 1 | undefined;
    if (side === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    event.stopPropagation();
    state.choose(side, place);
  };
  const alone = state.runs.length < 2;
  const told = letter ? `${run.name} is ${letter}; swap A and B` : `Take ${run.name} as B, with Shift as A`;
  return (
    <tr class={letter && !alone ? "chosen" : ""} data-run={run.name}>
      <td><button type="button" class={`pick${letter && !alone ? " on" : ""}`} disabled={alone} aria-label={told} title={told} onKeyDown={key} onClick={(event) => (letter ? state.swap() : state.choose(event.shiftKey ? 0 : 1, place))}>{alone ? "" : letter}</button></td>
      <td class="name" title={run.name}><Name run={run} />{run.tags.map((tag) => <small> {tag}</small>)}</td>
      <td class="model" title={run.model}>{run.model}</td>
      <td class="said" title={run.answer}>{run.answer.split("\n")[0] || <span class="quiet">{run.none}</span>}</td>
      <td class="state"><span class={`status ${run.status}`}><Icon name={run.status} /> {statusWord(run.status)}</span></td>
      <td class="number">{grouped(run.steps)}</td>
      {["calls", "tokens", "cost", "seconds"].map((name) => <td class={`number${run.figures[name]?.startsWith("no") ? " quiet" : ""}`}>{run.figures[name]}</td>)}
      <td><Strip run={run} /></td>
    </tr>
  );
}

function Strip({ run }: { run: Run }): JSX.Element {
  const more = run.steps - CELLS;
  return (
    <span class="cmp-strip" role="img" aria-label={run.acts.length ? `${run.acts.slice(0, 30).join(", ")}${run.steps > 30 ? " and more" : ""}` : "no steps"}>
      {run.acts.slice(0, CELLS).map((act) => <Cell act={act} />)}{more > 0 && <small>{grouped(more)} more</small>}
    </span>
  );
}

const Cell = ({ act }: { act: string }): JSX.Element => <i class={`cell act-${act}`}><Icon name={act} /></i>;
