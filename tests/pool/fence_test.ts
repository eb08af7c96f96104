import assert from "node:assert/strict";
import { epochOf, isClosed } from "../../src/pool/fence.ts";

Deno.test("isClosed is true until a later epoch opens the pool, in any order of writes", () => {
  assert.equal(isClosed(undefined), false);
  for (const [closed, opened, expected] of [[1, 0, true], [3, 3, true], [3, 4, false], [5, 4, true]] as const) {
    assert.equal(isClosed({ closed, opened }), expected, `${closed} ${opened}`);
  }
});

Deno.test("epochOf returns the latest epoch that the pool records", () => {
  assert.deepEqual([undefined, { closed: 3, opened: 0 }, { closed: 3, opened: 4 }].map(epochOf), [0, 3, 4]);
});
