// What the compare page knows: pairs turned round, folds of equal steps, groups, a table that no spreadsheet computes.
import assert from "node:assert/strict";
import { test } from "node:test";
import { csvOf, groupsOf, itemsOf, State, turnedRow, type Message, type Row, type Run } from "../src/compare-state";

const row = (kind: string, a: number | null, b: number | null): Row => ({ kind, sign: "", word: kind, a, b });
const run = (name: string, fields: Partial<Run> = {}): Run => ({ name, question: "Why?", model: "m", status: "done", answer: "EV", none: "", steps: 2, figures: {}, tags: [], acts: [], ...fields });
const texts = (title: string) => ({ given: "", contexts: "", figures: [], same_answer: true, counts: "", what_if: "", title, sentence: "" });
const message = (): Message => ({
  kind: "comparison", chosen: [0, 1], runs: [run("one"), run("other"), run("third")], answers: [], steps: {},
  pairs: { "0-1": { texts: texts("forth"), turned: texts("back"), part: 1, cause: "answer", exact: true, rows: [row("same", 0, 0), row("only_a", 1, null)] } },
});
const sent: Record<string, unknown>[] = [];
const state = (file = false) => { const made = new State({ send: (one) => sent.push(one), file }, () => undefined); made.update(message()); return made; };

test("a pair turned round has the other's words, sides and kinds", () => {
  const made = state();
  assert.equal(made.texts?.title, "forth");
  made.swap();
  assert.equal(made.texts?.title, "back");
  assert.deepEqual(made.items.map((item) => (item.type === "row" ? [item.row.kind, item.row.a, item.row.b] : item.type)), [["same", 0, 0], ["only_b", null, 1], "part"]);
});

test("marks change sides when a row is turned round", () => {
  const turned = turnedRow({ ...row("changed", 0, 1), marks: { code: [[[0, 2]], []], output: [[], [[3, 4]]] } });
  assert.deepEqual(turned.marks, { code: [[], [[0, 2]]], output: [[[3, 4]], []] });
});

test("equal steps are folded where only differences are wanted", () => {
  const rows = [row("same", 0, 0), row("same", 1, 1), row("changed", 2, 2), row("same", 3, 3)];
  assert.deepEqual(itemsOf(rows, 2, true).map((item) => (item.type === "fold" ? item.count : item.type)), [2, "row", "part", 1]);
});

test("a pair that did not come is asked for, but not by a saved file", () => {
  sent.length = 0;
  state().choose(1, 2);
  assert.deepEqual(sent, [{ pair: [0, 2] }]);
  state(true).choose(1, 2);
  assert.equal(sent.length, 1);
});

test("an address names the runs that are asked for", () => {
  sent.length = 0;
  state().ask("#with=a%2Cb&with=c");
  assert.deepEqual(sent, [{ compare: ["a,b", "c"] }]);
});

test("runs are grouped, the largest group first; one with two tags stands twice", () => {
  const runs = [run("a", { model: "x" }), run("b"), run("c", { tags: ["good", "new"] }), run("d", { tags: ["good"] })];
  assert.deepEqual(groupsOf(runs, "model"), [["m", [1, 2, 3]], ["x", [0]]]);
  assert.deepEqual(groupsOf(runs, "tags"), [["no tag", [0, 1]], ["good", [2, 3]], ["new", [2]]]);
});

test("no text of a run is a formula in the table that is saved", () => {
  const line = csvOf([run("=1+1", { answer: 'a "b"', question: "@x" })]).split("\r\n")[1]!;
  assert.match(line, /^"'=1\+1","m","'@x","a ""b""","done","2",/);
});

test("child runs are turned round with their row, and the first two that differ begin open", () => {
  const child = (question: string) => ({ question, answer: "", status: "done", steps: 1 });
  const pair = { a: child("a"), b: child("b"), same: false, part: 0, rows: [row("only_a", 0, null)], steps: [[{ n: 1 }], []] as never, texts: { title: "forth", sentence: "" }, turned: { title: "back", sentence: "" } };
  const turned = turnedRow({ ...row("child", 0, 0), children: [pair] }).children![0]!;
  assert.deepEqual([turned.a?.question, turned.texts?.title, turned.rows![0]!.kind, turned.steps![1].length], ["b", "back", "only_b", 1]);
  const made = state();
  assert.deepEqual([made.isInside(pair, "3.0"), made.isInside(pair, "3.1"), made.isInside({ ...pair, same: true }, "3.0")], [true, false, false]);
  made.toggle("3.1");
  assert.equal(made.isInside(pair, "3.1"), true);
});
