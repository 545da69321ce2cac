// The store: what it is told adds up, and what is read from it is right.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Store } from "../src/store";
import type { RunNode } from "../src/types";

const node = (id: string, kind: string, parent: string | null, fields: Record<string, unknown> = {}): RunNode => ({ id, kind, parent, order: 0, ...fields });
const RUN = [node("r0", "run", null, { status: "running" }), node("r0s1", "step", "r0", { number: 1 }), node("r0s1b1", "block", "r0s1", { code: "x" })];

function told(...nodes: RunNode[]): Store {
  const store = new Store();
  store.apply({ kind: "snapshot", seq: 1, nodes: [...RUN, ...nodes] });
  return store;
}

test("a snapshot replaces what was known", () => {
  const store = told(node("r0c1", "call", "r0s1b1"));
  store.apply({ kind: "snapshot", seq: 2, nodes: RUN });
  assert.equal(store.get("r0c1"), undefined);
  assert.deepEqual(store.steps("r0"), ["r0s1"]);
});

test("a delta changes only the fields that it names, and null takes one away", () => {
  const store = told(node("r0c1", "call", "r0s1b1", { prompt: "q", status: "waiting", error: "x" }));
  store.apply({ kind: "delta", seq: 2, nodes: [{ id: "r0c1", status: "answered", answer: "yes", error: null }] });
  assert.deepEqual({ ...store.get("r0c1") }, node("r0c1", "call", "r0s1b1", { prompt: "q", status: "answered", answer: "yes" }));
});

test("a reply that streams is put together, and gives way to the reply", () => {
  const store = told();
  for (const more of ["I ", "look."]) store.apply({ kind: "delta", seq: 2, nodes: [{ id: "r0s1", more }] });
  assert.equal(store.get("r0s1")?.["written"], "I look.");
  store.apply({ kind: "delta", seq: 3, nodes: [{ id: "r0s1", reasoning: "I look." }] });
  assert.equal(store.get("r0s1")?.["written"], undefined);
});

test("steps that were put aside are not among the run's steps", () => {
  const store = told(node("r0s2", "step", "r0"));
  store.apply({ kind: "delta", seq: 2, nodes: [{ id: "r0s2", aside: true }] });
  assert.deepEqual(store.steps("r0"), ["r0s1"]);
});

test("a batch is tallied: how many answered, failed, tried again, and which differ from the commonest", () => {
  const answers = ["NONE", "NONE", "NONE", "yes"];
  const calls = answers.map((answer, at) => node(`r0c${at}`, "call", "r0t1", { status: "answered", answer, cost: 0.5, tokens_in: 10, retries: at === 0 ? 1 : 0 }));
  const store = told(node("r0t1", "batch", "r0s1b1"), ...calls, node("r0c9", "call", "r0t1", { status: "failed" }), node("r0c10", "call", "r0t1"));
  const tally = store.tally("r0t1", store.children("r0t1", "call"));
  assert.deepEqual([tally.answered, tally.failed, tally.waiting, tally.retried, tally.common, tally.different], [4, 1, 1, 1, "NONE", 1]);
  assert.deepEqual([tally.cost, tally.tokens], [2, 40]);
});

test("a tally is made anew when a call changes", () => {
  const store = told(node("r0t1", "batch", "r0s1b1"), node("r0c1", "call", "r0t1", { status: "waiting" }));
  assert.equal(store.tally("r0t1", store.children("r0t1", "call")).answered, 0);
  store.apply({ kind: "delta", seq: 2, nodes: [{ id: "r0c1", status: "answered", answer: "a" }] });
  assert.equal(store.tally("r0t1", store.children("r0t1", "call")).answered, 1);
});

test("text is found in every field, whatever its case, with counts", () => {
  const store = told(node("r0c1", "call", "r0s1b1", { prompt: "Rotterdam rotterdam", answer: "no" }));
  assert.deepEqual(store.find("ROTTERDAM"), [["r0c1", "prompt", 2]]);
  assert.deepEqual(store.find(""), []);
});

test("a node knows its run and its step, through child runs too", () => {
  const store = told(node("r1", "run", "r0s1b1"), node("r1s1", "step", "r1"), node("r1c1", "call", "r1s1"));
  assert.equal(store.runOf("r1c1"), "r1");
  assert.equal(store.stepOf("r1c1"), "r1s1");
  assert.deepEqual(store.path("r1"), ["r0", "r1"]);
});

test("fields of a wrong kind do no harm", () => {
  const store = told(node("r0c1", "call", "r0s1b1", { prompt: 5, answer: { a: 1 }, status: [], cost: "much" }));
  assert.equal(store.tally("r0s1b1", ["r0c1"]).waiting, 1);
  assert.deepEqual(store.find("5"), []);
});

test("a fact that the log of another engine does not hold is absent; of a run of ours none is", () => {
  const store = told();
  assert.equal(store.absent("r0", "times"), false);
  store.apply({ kind: "delta", seq: 2, nodes: [{ id: "r0", imported: { format: "dspy", absent: ["times", 7] } }] });
  assert.deepEqual([store.absent("r0", "times"), store.absent("r0", "cost"), store.absent("r9", "times")], [true, false, false]);
});

test("runs that went on when their process ended are interrupted, others stay as they are", () => {
  const store = told(node("r1", "run", "r0s1", { status: "done" }), node("r2", "run", "r0s1", { status: "waiting" }));
  store.end("interrupted");
  assert.deepEqual(["r0", "r1", "r2"].map((id) => store.get(id)?.["status"]), ["interrupted", "done", "interrupted"]);
});
