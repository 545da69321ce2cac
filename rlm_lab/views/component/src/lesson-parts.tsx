// What stands round a slide: the progress dots, the glossary, the end, the handout.
import type { ComponentChild, JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { grouped } from "./figures";
import { Icon } from "./icons";
import { lower, Told } from "./lesson-slide";
import { State } from "./lesson-state";
import { LETTERS, type Slide } from "./lesson-types";

const MOST_DOTS = 14, AROUND = 4, LONGEST = 1_200;

export function Dots({ state }: { state: State }): JSX.Element {
  const { slides } = state.lesson;
  const near = (at: number) => slides.length <= MOST_DOTS || at === 0 || at === slides.length - 1 || Math.abs(at - Math.min(Math.max(state.place.at, AROUND), slides.length - 1 - AROUND)) <= AROUND;
  const dots: ComponentChild[] = [];
  slides.forEach((slide, at) => {
    if (near(at)) dots.push(<Dot state={state} slide={slide} at={at} />);
    else if (near(at - 1)) dots.push(<li class="l-gap" aria-hidden="true">…</li>);
  });
  const end = state.lesson.closing;
  return (
    <nav class="l-dots" aria-label="Steps">
      <ol>
        {dots}
        {end && <li><button type="button" class={`l-dot${state.ended ? " now" : ""}`} aria-current={state.ended ? "step" : undefined} aria-label={`End: ${end.title}`} title={end.title} onClick={() => state.jump(slides.length)}><Icon name="answer" /></button></li>}
      </ol>
    </nav>
  );
}

function Dot({ state, slide, at }: { state: State; slide: Slide; at: number }): JSX.Element {
  const now = state.place.at === at, told = state.told.has(at);
  const name = told ? `Step ${slide.number}, ${slide.act}` : `Step ${slide.number}, not shown yet`;
  return (
    <li>
      <button type="button" class={`l-dot${now ? " now" : told ? " told" : ""}`} aria-current={now ? "step" : undefined} aria-label={name} title={name} onClick={() => state.jump(at)}>
        {told && !now ? <Icon name={slide.act} /> : slide.number}
      </button>
    </li>
  );
}

export function Glossary({ state, close }: { state: State; close: () => void }): JSX.Element {
  const box = useRef<HTMLElement>(null);
  useEffect(() => box.current?.focus(), []);
  return (
    <aside class="l-glossary" role="region" aria-label="Glossary" tabIndex={0} ref={box}>
      <div class="l-glossary-head"><h2>Glossary</h2><button type="button" class="l-button" onClick={close}>Close</button></div>
      <dl>{state.lesson.glossary.map((term) => <><dt>{term.word}</dt><dd>{term.meaning}</dd></>)}</dl>
    </aside>
  );
}

export function Ending({ state }: { state: State }): JSX.Element {
  const end = state.lesson.closing;
  const { opening, slides } = state.lesson;
  if (!end && !slides.length) return <div class="l-one"><Told state={state} slide={opening} head={opening.title} told={`${opening.narration}\n\n${state.lesson.note}`} /></div>;
  if (!end) return <div class="l-one"><h2 tabIndex={-1}>The steps so far end here</h2><p class="l-words">{state.lesson.note || "There are no further steps yet."}</p></div>;
  const [first, ...rest] = end.so_far.slice(0, LONGEST).split("\n");
  const left = end.so_far.length - LONGEST;
  const guessed = [...state.guesses].filter(([at, guess]) => guess.chosen !== null && state.told.has(at));
  const right = guessed.filter(([at, guess]) => state.lesson.slides[at]?.options[guess.chosen!]?.right).length;
  return (
    <div class="l-one">
      <h2 tabIndex={-1}>{end.title}</h2>
      {first && <p class={`l-answer${first.length > 90 ? " long" : ""}`}>{first}</p>}
      {rest.join("\n").trim() && <pre class="l-rest">{rest.join("\n").trim()}</pre>}
      {left > 0 && <p class="l-cut"><Icon name="cut" /> {grouped(left)} characters left out here</p>}
      <p class="l-words">{end.narration}</p>
      {guessed.length > 0 && <p class="l-words">{right} of {guessed.length} guesses {right === 1 ? "was" : "were"} what the model did.</p>}
      {end.talk && <p class="l-words l-talk"><b>To talk about.</b> {end.talk}</p>}
      {state.lesson.note && <p class="l-words l-soft">{state.lesson.note}</p>}
    </div>
  );
}

/** All slides on paper: each step after the options that came before it, with or without what it was. */
export function Handout({ state }: { state: State }): JSX.Element {
  const { lesson } = state;
  const answers = state.handout !== "questions";
  return (
    <div class="l-handout">
      <section><Told state={state} slide={lesson.opening} head={lesson.opening.title} told={lesson.opening.narration} whole /></section>
      {lesson.slides.map((slide, at) => (
        <section>
          <h2>Step {slide.number}: {answers ? lower(slide.title) : "what will the model do?"}</h2>
          <ol class="l-paper">
            {slide.options.map((option, place) => (
              <li><b>{LETTERS[place]}</b> {option.text}{answers && <> {option.right && <strong>✓ this is what it did.</strong>} <small>{option.reason}</small></>}</li>
            ))}
          </ol>
          {answers ? <Told state={paper(state, at)} slide={slide} head="" told={slide.narration} whole /> : <p class="l-lines" aria-label="Room for notes" />}
          {slide.talk && <p class="l-words l-talk"><b>To talk about.</b> {slide.talk}</p>}
        </section>
      ))}
      {lesson.closing && answers && <section><Ending state={state} /></section>}
    </div>
  );
}

function paper(state: State, at: number): State {
  const other = new State(state.lesson, () => undefined);
  other.place = { at, shown: true };
  return other;
}
