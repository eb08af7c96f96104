import assert from "node:assert/strict";
import { type Condition, dated } from "../../src/pool/condition.ts";

const FULL = { type: "Full", status: "True", reason: "NoAddressFree", message: "all" };
const stored = (status: string, lastTransitionTime: string, type = "Full"): Condition => ({
  ...FULL,
  type,
  status,
  lastTransitionTime,
});

Deno.test("dated keeps the transition time while the status stays, and writes whole seconds", () => {
  const since = (...conditions: Condition[]) => dated(FULL, conditions, 61_500).lastTransitionTime;
  assert.equal(since(), "1970-01-01T00:01:01Z");
  assert.equal(since(stored("True", "2026-01-02T03:04:05Z")), "2026-01-02T03:04:05Z");
  assert.equal(since(stored("True", "2026-01-02T03:04:05.678Z")), "2026-01-02T03:04:05Z");
  assert.equal(since(stored("False", "2026-01-02T03:04:05Z")), "1970-01-01T00:01:01Z");
  assert.equal(since(stored("True", "2026-01-02T03:04:05Z", "Other")), "1970-01-01T00:01:01Z");
});
