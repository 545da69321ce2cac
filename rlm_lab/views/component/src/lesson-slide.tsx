// The two halves of a slide: what is known of the run, and what the class says about its next step.
import type { JSX } from "preact";
import { grouped } from "./figures";
import { Icon } from "./icons";
import type { State } from "./lesson-state";
import { LETTERS, type CodeLine, type Guess, type Option, type Shown, type Slide, type Variable } from "./lesson-types";

const LINES = 16;

/** A title within a sentence: `It counts` becomes `it counts`. */
export function lower(title: string): string { return /^(?:It|No) /.test(title) ? title[0]!.toLowerCase() + title.slice(1) : title; }

/** A step as it was, or the opening. `head` is its heading, `told` the text below. */
export function Told(props: { state: State; slide: Slide; head: string; told: string; whole?: boolean }): JSX.Element {
  const { slide, state } = props;
  return (
    <>
      <h2 tabIndex={-1}>{props.head.replaceAll("sub-model", "sub\u2011model")}</h2>
      {props.told.split("\n\n").map((part) => part && <p class="l-words">{part}</p>)}
      {slide.number > 0 && slide.act && <p class="l-label"><Icon name={slide.act} /> Step {slide.number}, {slide.act}</p>}
      {slide.code.map((code, at) => <Code state={state} name={`${slide.number}.${at}`} code={code} whole={props.whole} />)}
      {slide.calls.length > 0 && <Calls lines={slide.calls} />}
      {slide.number === 0 && slide.outputs.length > 0 && <p class="l-label">What the model is told of it</p>}
      {slide.outputs.map((shown) => <Output shown={shown} />)}
      {slide.error && <p class="l-error"><Icon name="failed" title="It failed" /> <code>{slide.error}</code></p>}
      {slide.variables.length > 0 && <Variables rows={slide.variables} more={slide.more_variables} />}
    </>
  );
}

function Code(props: { state: State; name: string; code: CodeLine[]; whole?: boolean | undefined }): JSX.Element | null {
  const lines = props.code;
  const open = props.whole || props.state.opened.has(props.name);
  const shown = open || lines.length <= LINES + 2 ? lines : lines.slice(0, LINES);
  const left = lines.length - shown.length;
  return (
    <div class="l-code">
      <ol aria-label="Code">
        {shown.map((pieces) => <li><code>{pieces.length ? pieces.map(([kind, text]) => (kind ? <span class={kind}>{text}</span> : text)) : " "}</code></li>)}
      </ol>
      {left > 0 && <button type="button" class="l-link" onClick={() => { props.state.opened.add(props.name); props.state.changed(); }}>{grouped(left)} more lines</button>}
    </div>
  );
}

function Calls({ lines }: { lines: string[] }): JSX.Element {
  return (
    <ul class="l-calls" aria-label="Asked of models">
      {lines.map((line) => <li><Icon name={line.startsWith("child run") ? "child" : "delegate"} /><span>{line}</span></li>)}
    </ul>
  );
}

function Output({ shown }: { shown: Shown }): JSX.Element {
  return (
    <div class="l-output" role="group" aria-label="Output">
      {shown.picture ? <img src={shown.picture} alt={shown.text || "A figure"} /> : shown.text && <pre>{shown.text}</pre>}
      {shown.cut > 0 && <p class="l-cut"><Icon name="cut" /> {grouped(shown.cut)} characters left out here</p>}
      {shown.tail && <pre>{shown.tail}</pre>}
    </div>
  );
}

function Variables({ rows, more }: { rows: Variable[]; more: number }): JSX.Element {
  return (
    <>
      <p class="l-label">Variables</p>
      <table class="l-variables">
        <thead class="spoken"><tr><th scope="col">Change</th><th scope="col">Name</th><th scope="col">Value</th></tr></thead>
        <tbody>
          {rows.map((row) => (
            <tr class={row.mark}>
              <td class="l-mark">{row.mark && <span title={row.mark} role="img" aria-label={row.mark}>{row.mark === "new" ? "+" : "~"}</span>}</td>
              <th scope="row"><code>{row.name}</code></th>
              <td>{row.told}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {more > 0 && <p class="l-more">and {grouped(more)} more</p>}
    </>
  );
}

/** The options: to be chosen while the step is hidden, judged when it is shown. */
export function Guessing({ state, slide }: { state: State; slide: Slide }): JSX.Element {
  const { guess, place } = state;
  if (!slide.options.length) return <p class="l-words l-soft">{place.shown ? "" : "There is nothing to guess here: show what came."}</p>;
  return (
    <>
      <h2 id="asks">{place.shown ? state.verdict() : "What will the model do next?"}</h2>
      <div class="l-options" role="group" aria-labelledby="asks">
        {slide.options.map((option, at) => place.shown ? <Judged option={option} at={at} guess={guess} /> : (
          <button type="button" class={`l-option${guess.chosen === at ? " chosen" : ""}`} aria-pressed={guess.chosen === at} aria-keyshortcuts={LETTERS[at]} onClick={() => state.choose(at)}>
            <span class="l-letter" aria-hidden="true">{LETTERS[at]}</span><span class="l-text"><span class="spoken">{LETTERS[at]}: </span>{option.text}</span>
          </button>
        ))}
      </div>
      {place.shown ? <Afterwards slide={slide} guess={guess} /> : (
        <label class="l-own">
          <span>Or type your own guess, and judge it yourself after the reveal.</span>
          <input type="text" value={guess.typed} maxLength={300} autocomplete="off" onInput={(event) => state.type(event.currentTarget.value)} />
        </label>
      )}
    </>
  );
}

function Judged({ option, at, guess }: { option: Option; at: number; guess: Guess }): JSX.Element {
  const chosen = guess.chosen === at;
  const word = option.right ? (chosen ? "Right, and your choice" : "This is what it did") : chosen ? "Your choice" : "";
  return (
    <div class={`l-option judged${option.right ? " right" : ""}${chosen ? " chosen" : ""}`}>
      <span class="l-letter" aria-hidden="true">{LETTERS[at]}</span>
      <span class="l-text">
        <span class="spoken">{LETTERS[at]}. {word}. </span>
        {option.text}
        {option.reason && <small>{option.reason}</small>}
      </span>
      {option.right ? <span class="l-sign" title={word}><Icon name="done" /></span> : chosen ? <span class="l-sign" title={word}><Icon name="person" /></span> : null}
    </div>
  );
}

function Afterwards({ slide, guess }: { slide: Slide; guess: Guess }): JSX.Element {
  return (
    <>
      {guess.typed.trim() && <p class="l-words"><b>Your own guess.</b> {guess.typed}</p>}
      {slide.talk && <p class="l-words l-talk"><b>To talk about.</b> {slide.talk}</p>}
    </>
  );
}
