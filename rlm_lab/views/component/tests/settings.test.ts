// What the form of settings says to the run.
import assert from "node:assert/strict";
import { test } from "node:test";
import { asked } from "../src/settings";

test("models are names, limits numbers, and an empty limit is none", () => {
  const told = asked({ model: " gpt-4.1 ", calls: "1,500", cost: "0.25", seconds: "" });
  assert.deepEqual(told, { fields: { model: "gpt-4.1", budget: { calls: 1500, cost: 0.25, seconds: null } }, wrong: null });
});

test("what is no number is named", () => {
  assert.match(asked({ calls: "many" }).wrong ?? "", /calls: many is no number/);
  assert.match(asked({ steps: "-3" }).wrong ?? "", /steps/);
});
