// Small functions of the view: figures, shared prompts, changed lines, answers, the map, and markdown that cannot act.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { VNode } from "preact";
import { answersOf, App } from "../src/app";
import { mapShape, sharedLength } from "../src/calls";
import * as figures from "../src/figures";
import { markdown } from "../src/markdown";
import { codeLines } from "../src/python";
import { stepFacts } from "../src/rail";
import { changedLines } from "../src/step";
import { draw } from "../src/timeline";

test("figures are spelled as in Python", () => {
  assert.deepEqual([0.0214, 13.1, 127].map(figures.seconds), ["0.02 s", "13.1 s", "2:07"]);
  assert.deepEqual([0, 0.0851, 0.1, 12.5, 0.00042].map(figures.dollars), ["0", "0.085", "0.10", "12.50", "0.00042"]);
  assert.deepEqual([640, 8_912, 522_000, 1_100_000].map(figures.thousands), ["640", "8.9 k", "522 k", "1.1 M"]);
  assert.deepEqual([28, 9_800, 2_100_000].map(figures.bytes), ["28 B", "9.8 kB", "2.1 MB"]);
  assert.deepEqual([NaN, -1, "3", null].map(figures.seconds), ["?", "?", "?", "?"]);
});

test("what prompts have in common ends at a line or a word", () => {
  assert.equal(sharedLength(["Who asked?\nFrom A", "Who asked?\nFrom B"]), "Who asked?\n".length);
  assert.equal(sharedLength(["one text"]), 0);
});

test("lines that an edit added are told, also where a line stands twice", () => {
  assert.deepEqual([...changedLines("a\nb\nb", "a\nb\nc\nb\nb")], [3, 5]);
});

test("a person's answers are one text, one a line, or a list", () => {
  assert.deepEqual(answersOf("yes\nno", 1), ["yes\nno"]);
  assert.deepEqual(answersOf("yes\nno\n", 2), ["yes", "no"]);
  assert.deepEqual(answersOf('["a", 2]', 2), ["a", "2"]);
});

test("a map of many calls stays small", () => {
  assert.equal(mapShape(600, 47).cell, 9);
  assert.equal(mapShape(600, 1_000).cell, 4);
  assert.ok(mapShape(600, 100_000).height < 700);
});

function tags(nodes: unknown): string[] {
  if (Array.isArray(nodes)) return nodes.flatMap(tags);
  if (typeof nodes !== "object" || nodes === null) return [];
  const node = nodes as VNode<{ children?: unknown }>;
  return [String(node.type), ...Object.keys(node.props).filter((name) => name !== "children" && name !== "class" && name !== "title"), ...tags(node.props.children)];
}

test("markdown makes no links, images or HTML", () => {
  const hostile = "[x](javascript:alert(1)) ![y](http://h/z.png) <img src=x onerror=alert(1)> <script>1</script>\n\n<div onclick=1>\n\n**bold** `code`";
  const made = tags(markdown(hostile));
  assert.ok(made.includes("strong") && made.includes("code"));
  for (const name of ["a", "img", "script", "div", "href", "src", "onclick"]) assert.ok(!made.includes(name), name);
});

test("code keeps its text in every line, broken code too", () => {
  const text = (pieces: unknown): string => (Array.isArray(pieces) ? pieces.map(text).join("") : typeof pieces === "string" ? pieces : text((pieces as VNode<{ children: unknown }>).props.children));
  for (const code of ['x = """a\nb"""\nllm_query(x)', "def (:\n  '", "", "<b>\n&amp;"]) assert.equal(codeLines(code).map(text).join("\n"), code);
});

function app(readOnly = false): { app: App; sent: Record<string, unknown>[] } {
  const sent: Record<string, unknown>[] = [];
  return { app: new App({ send: (message) => sent.push(message), readOnly }, () => undefined, () => undefined), sent };
}
const NODES = [
  { id: "r0", kind: "run", parent: null, order: 0, status: "running", t: 0 },
  { id: "r0s1", kind: "step", parent: "r0", order: 1, number: 1, t: 0, replied: 1, end: 20 },
  { id: "r0s1b1", kind: "block", parent: "r0s1", order: 2, status: "done", t: 1, end: 3 },
  { id: "r0x1", kind: "pause", parent: "r0", order: 3, t: 3, end: 13, seconds: 10, step: "r0s1" },
  { id: "r0s1b2", kind: "block", parent: "r0s1", order: 4, status: "done", t: 13, end: 15 },
  { id: "r0u", kind: "usage", parent: "r0", order: 5, t: 15, held: 10 },
];

test("waiting for a person takes no width on the time axis", () => {
  const { app: shown } = app(true);
  shown.update({ kind: "snapshot", seq: 1, nodes: NODES });
  const drawing = draw(shown, "r0");
  assert.deepEqual(drawing.bars.find((bar) => bar.id === "r0s1b2"), { id: "r0s1b2", kind: "code", from: 3, to: 5, top: 0, height: 15 });
  assert.equal(drawing.marks.length, 1);
});

test("a command carries the stamp of the state that it was made in", () => {
  const { app: shown, sent } = app();
  shown.update({ kind: "snapshot", seq: 1, nodes: NODES });
  shown.update({ kind: "state", status: "paused", stamp: 17, can: { continue: null, step: "Pause first" } });
  shown.command("continue", { until: null });
  assert.deepEqual(sent, [{ command: "continue", at: 17, until: null }]);
});

test("a command that cannot work sends nothing and says why", () => {
  const { app: shown, sent } = app();
  shown.update({ kind: "state", status: "running", stamp: 1, can: { step: "Pause first: the run is in step 5, line 9" } });
  shown.command("step");
  assert.deepEqual([sent, shown.asked, shown.cannot("step")], [[], "step", "Pause first: the run is in step 5, line 9"]);
  assert.match(app(true).app.cannot("stop") ?? "", /saved run/);
});

test("an edit keeps its text and its stamp when the run moves on", () => {
  const { app: shown, sent } = app();
  shown.update({ kind: "snapshot", seq: 1, nodes: NODES });
  const state = { kind: "state", status: "paused", stamp: 1, gate: { kind: "block", pending: { code: "x" } }, can: { edit: null } } as const;
  shown.update(state);
  shown.write("edit", "x");
  shown.writing!.text = "y";
  shown.update({ ...state, stamp: 2 });
  assert.equal(shown.writing?.text, "y");
  shown.submit();
  assert.deepEqual(sent.at(-1), { command: "edit", at: 1, code: "y" });
});

test("a run that is over can be looked at only, unless something can still be done", () => {
  const { app: shown } = app();
  shown.update({ kind: "snapshot", seq: 1, nodes: [{ ...NODES[0]!, status: "done" }] });
  shown.run = "r0";
  assert.equal(shown.readOnly, true);
  shown.update({ kind: "state", status: "done", can: { stop: "It is over.", fork: "It is a file." } });
  assert.equal(shown.readOnly, true);
  shown.update({ kind: "state", status: "done", can: { stop: "It is over.", fork: null } });
  assert.equal(shown.readOnly, false);
});

const TWO = [...NODES.slice(0, 3), { id: "r0s2", kind: "step", parent: "r0", order: 6, number: 2, t: 20, replied: 21 }];

test("what a person does while a bar is pointed at stays when the pointer leaves it", () => {
  const { app: shown, sent } = app();
  shown.update({ kind: "snapshot", seq: 1, nodes: TWO });
  shown.update({ kind: "state", stamp: 1, can: { continue: null } } as never);
  shown.toRunning();
  shown.peek("r0s1");
  shown.choosePane("variables");
  shown.peek(null);
  assert.deepEqual([shown.pane, shown.step, shown.following], ["variables", "r0s2", true]);
  shown.select("r0s2");
  shown.peek("r0s1");
  shown.command("continue");
  shown.peek(null);
  assert.deepEqual([shown.following, sent.at(-1)!["command"]], [true, "continue"]);
});

test("a step says how many calls it made unless its summary says that very number", () => {
  const { app: shown } = app(true);
  const calls = Array.from({ length: 2 }, (_, k) => ({ id: `r0s1c${k}`, kind: "call", parent: "r0s1b1", order: 10 + k, number: k + 1, status: "answered" }));
  const told = (summary: string) => {
    shown.update({ kind: "snapshot", seq: 1, nodes: [...NODES.map((node) => (node.id === "r0s1" ? { ...node, summary } : node)), ...calls] });
    return stepFacts(shown, "r0s1").notes.map(([, note]) => note);
  };
  assert.deepEqual([told("1,2 calls"), told("makes 2 calls"), told("2 calls"), told("12 calls")], [["2 calls"], [], [], ["2 calls"]]);
});
