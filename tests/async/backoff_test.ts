import assert from "node:assert/strict";
import { backoff } from "../../src/async/backoff.ts";

Deno.test("backoff doubles the first delay up to max, for any number of failures", () => {
  const bounds = { first: 100, max: 1_000 };
  assert.deepEqual([0, 1, 2, 3, 4, 5, 10_000].map((n) => backoff(bounds, n)), [
    100,
    200,
    400,
    800,
    1_000,
    1_000,
    1_000,
  ]);
});
