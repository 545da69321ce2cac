// What the messages that a model saw are called.
import assert from "node:assert/strict";
import { test } from "node:test";
import { messageName } from "../src/inspector";

const message = (role: string, text = "x") => ({ id: "m", kind: "message", parent: "r0s1", order: 0, role, text });

test("what stands before the question of the first step is an example of the prompt", () => {
  assert.equal(messageName(message("assistant"), "1", true), "example in the prompt, a reply");
  assert.equal(messageName(message("user"), "1", true), "example in the prompt");
  assert.equal(messageName(message("user"), "1", false), "question");
});

test("later messages are those of the step before", () => {
  assert.equal(messageName(message("assistant"), "3", false), "step 2, its reply");
  assert.equal(messageName(message("user", "Output of block 1"), "3", false), "step 2, output");
  assert.equal(messageName(message("user", "Output:\n814"), "3", false), "step 2, output");
});
