import assert from "node:assert/strict";
import { epochOf, isClosed } from "../../src/pool/fence.ts";

Deno.test("isClosed: until a later epoch opened the pool, whatever came last", () => {
  assert.equal(isClosed(undefined), false);
  for (const [closed, opened, expected] of [[1, 0, true], [3, 3, true], [3, 4, false], [5, 4, true]] as const) {
    assert.equal(isClosed({ closed, opened }), expected, `${closed} ${opened}`);
  }
});

Deno.test("epochOf is the last epoch that the pool knows of", () => {
  assert.deepEqual([undefined, { closed: 3, opened: 0 }, { closed: 3, opened: 4 }].map(epochOf), [0, 3, 4]);
});
