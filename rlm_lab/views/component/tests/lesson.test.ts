import assert from "node:assert/strict";
import { test } from "node:test";
import { hashOf, placeOf, State } from "../src/lesson-state";
import type { Lesson, Slide } from "../src/lesson-types";

const slide = (number: number): Slide => ({
  number, act: "look", title: "It looks", narration: "", code: [], outputs: [], variables: [], more_variables: 0, calls: [], error: "", talk: "", so_far: "", seen: "",
  options: [{ text: "Look", reason: "", right: false }, { text: "Count", reason: "", right: true }],
});
const lesson: Lesson = { run: "a", question: "?", model: "", note: "", opening: slide(0), slides: [slide(1), slide(2)], closing: slide(3), glossary: [], back: null };
const begun = () => new State(lesson, () => undefined);

test("forward guesses, shows, and ends; back goes the same way", () => {
  const state = begun();
  const places = Array.from({ length: 5 }, () => { state.forward(); return `${state.place.at}${state.place.shown ? "." : ""}`; });
  assert.deepEqual(places, ["0.", "1", "1.", "2", "2"]);
  assert.equal(state.ended, true);
  state.back();
  assert.deepEqual(state.place, { at: 1, shown: true });
});

test("a guess is judged, taken back by the same key, and fixed once the step is shown", () => {
  const state = begun();
  state.choose(0);
  assert.equal(state.verdict(), "You chose A. It was B.");
  state.choose(0);
  assert.equal(state.verdict(), "It was B.");
  state.choose(1);
  state.forward();
  state.choose(0);
  assert.equal(state.verdict(), "You chose B. So did the model.");
  state.choose(7);
  assert.equal(state.guess.chosen, 1);
});

test("a dot leads to a step as it was left", () => {
  const state = begun();
  state.forward();
  state.jump(1);
  assert.deepEqual(state.place, { at: 1, shown: false });
  state.jump(0);
  assert.deepEqual(state.place, { at: 0, shown: true });
  state.jump(99);
  assert.equal(state.ended, true);
});

test("the address keeps a place, and nothing else is taken for one", () => {
  assert.equal(hashOf({ at: 2, shown: true }), "#3.");
  assert.deepEqual(placeOf("#3."), { at: 2, shown: true });
  for (const other of ["", "#", "#x", "#3..", "#-1", "#12345678"]) assert.equal(placeOf(other), null);
});
