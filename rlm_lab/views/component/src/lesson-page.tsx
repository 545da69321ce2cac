// A lesson on a page: its head, the slide, its foot, the keys.
import { render, type JSX } from "preact";
import { Icon } from "./icons";
import { Dots, Ending, Glossary, Handout } from "./lesson-parts";
import { Guessing, lower, Told } from "./lesson-slide";
import { State } from "./lesson-state";
import type { Lesson, Place } from "./lesson-types";
import own from "./lesson.css";
import styles from "./style.css";
import { themeOf } from "./theme";

interface Desk { theme: "light" | "dark" | null; turn: () => void; print: (answers: boolean) => void }

function Page({ state, desk }: { state: State; desk: Desk }): JSX.Element {
  const { lesson, slide, place } = state;
  const step = slide ? `Step ${slide.number}` : "";
  return (
    <>
      <header class="l-head">
        {lesson.back && <a class="l-back" href={lesson.back}><Icon name="rewind" /> The run</a>}
        <h1>{lesson.question || "A run"}</h1>
        {lesson.slides.length > 0 && <Dots state={state} />}
      </header>
      <main class="l-main" aria-label={state.handout ? "Handout" : step || "End"}>
        {state.handout ? <Handout state={state} /> : slide ? (
          <>
            <section class="l-half" aria-label={place.shown ? step : "So far"}>
              {place.shown
                ? <Told state={state} slide={slide} head={`${step}: ${lower(slide.title)}`} told={slide.narration} />
                : <Told state={state} slide={state.before} head={place.at ? state.before.so_far : state.before.title} told={place.at ? state.before.seen : state.before.narration} />}
            </section>
            <section class="l-half" aria-label="Guess"><Guessing state={state} slide={slide} /></section>
          </>
        ) : <Ending state={state} />}
      </main>
      {state.glossary && <Glossary state={state} close={() => { state.glossary = false; state.changed(); }} />}
      <Foot state={state} desk={desk} />
      <p class="spoken" role="status" aria-live="polite">{state.spoken}</p>
    </>
  );
}

function Foot({ state, desk }: { state: State; desk: Desk }): JSX.Element {
  const { slide, place } = state;
  const following = state.lesson.slides[place.at + 1];
  const next = !place.shown ? "Reveal" : following ? `Step ${following.number}` : "The end";
  if (state.handout) return (
    <footer class="l-foot">
      <button type="button" class="l-button filled" onClick={() => print()}>Print</button>
      <button type="button" class="l-button" aria-pressed={state.handout === "answers"} onClick={() => desk.print(state.handout === "questions")}>{state.handout === "answers" ? "Without the answers" : "With the answers"}</button>
      <button type="button" class="l-button" onClick={() => { state.handout = ""; state.changed(); }}>Back to the slides</button>
    </footer>
  );
  return (
    <footer class="l-foot">
      <button type="button" class="l-button" aria-disabled={!place.shown && place.at === 0} onClick={() => state.back()}><Icon name="left" /> {place.shown ? "Hide" : "Back"}</button>
      {slide && <button type="button" class="l-button filled" id="next" onClick={() => state.forward()}>{place.shown && <Icon name="right" />}{next}</button>}
      <ul class="l-keys" aria-label="Keys">
        <li><kbd>A</kbd> to <kbd>D</kbd> choose</li><li><kbd>↵</kbd> reveal</li><li><kbd>←</kbd><kbd>→</kbd> step</li>
      </ul>
      <span class="l-tools">
        <button type="button" class="l-tool" aria-label="Larger" title="Larger (+)" onClick={() => state.resize(1)}><kbd>+</kbd></button>
        <button type="button" class="l-tool" aria-label="Smaller" title="Smaller (−)" onClick={() => state.resize(-1)}><kbd>−</kbd></button><span class="l-size">size</span>
        <button type="button" class="l-tool" aria-expanded={state.glossary} title="Glossary (G)" onClick={() => { state.glossary = !state.glossary; state.changed(); }}><kbd>G</kbd> glossary</button>
        <button type="button" class="l-tool" title="Light or dark (T)" onClick={desk.turn}><kbd>T</kbd> {desk.theme === "dark" ? "light" : "dark"}</button>
        <button type="button" class="l-tool" title="All slides on paper (P)" onClick={() => desk.print(true)}><kbd>P</kbd> handout</button>
      </span>
    </footer>
  );
}

/** A lesson that is drawn. `take` gives it anew, as a run goes on; its place and guesses stay. */
export interface Stage { take: (lesson: Lesson) => void; draw: () => void; end: () => void }

export interface Setting { start: Place | null; moved: (place: Place) => void; named: () => string | null }

export function show(element: HTMLElement, lesson: Lesson, setting: Setting): Stage {
  const box = boxIn(element);
  let named: "light" | "dark" | null = null, before = "", printing = false;
  const desk: Desk = {
    theme: null,
    turn: () => { named = box.dataset["theme"] === "dark" ? "light" : "dark"; state.changed(); },
    print: (answers) => { state.handout = answers ? "answers" : "questions"; state.changed(); },
  };
  const draw = () => {
    desk.theme = themeOf(element, named ?? setting.named());
    box.dataset["theme"] = desk.theme;
    box.dataset["place"] = state.handout || (state.ended ? "end" : state.place.shown ? "shown" : "guessed");
    box.style.setProperty("--size", String(state.scale));
    const focused = (box.getRootNode() as ShadowRoot).activeElement;
    render(<Page state={state} desk={desk} />, box);
    const now = `${state.place.at}${state.place.shown}${state.handout}`;
    if (now === before) return;
    box.querySelector(".l-main")?.scrollTo(0, 0);
    if (before) keepFocus(box, focused);
    before = now;
    setting.moved(state.place);
  };
  const state = new State(lesson, draw);
  const printed = (on: boolean) => () => {
    if (on ? state.handout : !printing) return;
    printing = on;
    state.handout = on ? "answers" : "";
    draw();
  };
  const key = (event: KeyboardEvent) => { if (onKey(state, desk, event)) event.preventDefault(); };
  const scheme = matchMedia("(prefers-color-scheme: dark)"), begin = printed(true), done = printed(false);
  document.addEventListener("keydown", key);
  scheme.addEventListener("change", draw);
  addEventListener("beforeprint", begin);
  addEventListener("afterprint", done);
  if (setting.start) {
    for (let at = 0; at < setting.start.at; at++) state.told.add(at);
    state.go(setting.start);
  } else draw();
  return {
    take: (other) => { state.lesson = other; draw(); },
    draw,
    end: () => {
      document.removeEventListener("keydown", key);
      scheme.removeEventListener("change", draw);
      removeEventListener("beforeprint", begin);
      removeEventListener("afterprint", done);
      render(null, box);
    },
  };
}

/** An element with our style, in which all is drawn. */
export function boxIn(element: HTMLElement): HTMLElement {
  const shadow = element.shadowRoot ?? element.attachShadow({ mode: "open" });
  shadow.adoptedStyleSheets = [styles, own].map((text) => { const sheet = new CSSStyleSheet(); sheet.replaceSync(text); return sheet; });
  const box = document.createElement("div");
  box.className = "view lesson";
  shadow.replaceChildren(box);
  return box;
}

/** The focus stays on the button that goes on, or goes where one reads. */
function keepFocus(box: HTMLElement, focused: Element | null): void {
  if (focused?.isConnected && focused.id !== "next" && focused.tagName !== "INPUT") return;
  (box.querySelector<HTMLElement>("#next") ?? box.querySelector<HTMLElement>(".l-main h2"))?.focus({ preventScroll: true });
}

function onKey(state: State, desk: Desk, event: KeyboardEvent): boolean {
  if (event.ctrlKey || event.metaKey || event.altKey) return false;
  const target = event.composedPath()[0] as HTMLElement;
  const writing = target.tagName === "INPUT", pressed = target.closest?.("button, a") !== null;
  if (event.key === "Escape") {
    if (state.glossary) state.glossary = false;
    else if (state.handout) state.handout = "";
    else if (writing) target.blur();
    else return false;
    state.changed();
    return true;
  }
  if (event.key === "Enter") {
    if (pressed && !writing) return false;
    state.forward();
    return true;
  }
  if (writing) return false;
  const letter = "abcd".indexOf(event.key.toLowerCase());
  if (letter >= 0 && event.key.length === 1) state.choose(letter);
  else if (event.key === "ArrowRight" || event.key === "PageDown") state.forward();
  else if (event.key === "ArrowLeft" || event.key === "PageUp") state.back();
  else if (event.key === "Home") state.jump(0);
  else if (event.key === "End") state.jump(state.last);
  else if (event.key === "+" || event.key === "=") state.resize(1);
  else if (event.key === "-" || event.key === "−") state.resize(-1);
  else if (event.key === "g" || event.key === "G") { state.glossary = !state.glossary; state.changed(); }
  else if (event.key === "t" || event.key === "T") desk.turn();
  else if (event.key === "p" || event.key === "P") desk.print(true);
  else return false;
  return true;
}
