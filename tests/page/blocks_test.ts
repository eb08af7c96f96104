import assert from "node:assert/strict";
import { byCell, isAvailable, offsetOf, partInUse, perCell, stateOf, zoomInto, zoomOut } from "../../page/blocks.ts";
import type { EntryRow } from "../../src/ui/types.ts";

function entry(offset: number | string, state = 0): EntryRow {
  return [offset, state, "a/b", "net1", "n1", "c", ""];
}

const WHOLE = 2n ** 64n;

Deno.test("a map of up to 65,536 addresses has a cell for each, a larger one 4,096 cells", () => {
  assert.deepEqual([perCell({ start: 0n, size: 65_536n }), perCell({ start: 0n, size: 131_072n })], [1n, 32n]);
});

Deno.test("a large pool is drawn from the smallest block with all its records", () => {
  assert.deepEqual(partInUse(256n, [entry(1)]), { start: 0n, size: 256n });
  assert.deepEqual(partInUse(WHOLE, []), { start: 0n, size: WHOLE });
  assert.deepEqual(partInUse(WHOLE, [entry(1), entry(255)]), { start: 0n, size: 256n });
  assert.deepEqual(partInUse(WHOLE, [entry(1), entry(256)]), { start: 0n, size: 512n });
  assert.deepEqual(partInUse(WHOLE, [entry(1_000), entry(1_001)]), { start: 768n, size: 256n });
  assert.deepEqual(partInUse(WHOLE, [entry(0), entry(`${WHOLE - 1n}`)]), { start: 0n, size: WHOLE });
});

Deno.test("zooming goes into the block of a cell, and out by 16 until the whole pool is drawn", () => {
  const inner = zoomInto({ start: 0n, size: WHOLE }, 3);
  assert.deepEqual(inner, { start: 3n * 2n ** 52n, size: 2n ** 52n });
  assert.deepEqual(zoomOut(inner, WHOLE), { start: 0n, size: 2n ** 56n });
  assert.deepEqual(zoomOut({ start: 17n * 256n, size: 256n }, WHOLE), { start: 4_096n, size: 4_096n });
  assert.deepEqual(zoomOut({ start: 2n ** 61n, size: 2n ** 61n }, WHOLE), { start: 0n, size: WHOLE });
});

Deno.test("entries are in the cell of their address, and those of other blocks in none", () => {
  const cells = byCell({ start: 256n, size: 256n }, [entry(255), entry(256), entry(511), entry(512)]);
  assert.deepEqual([...cells].map(([index, found]) => [index, found.map(offsetOf)]), [[0, [256n]], [255, [511n]]]);
  const shared = byCell({ start: 0n, size: WHOLE }, [entry(0), entry(1), entry(`${2n ** 52n}`)]);
  assert.deepEqual([...shared].map(([index, found]) => [index, found.length]), [[0, 2], [1, 1]]);
});

Deno.test("a cell is available unless an interval covers it, or it is the .0 that IPv4 skips", () => {
  const detail = { unavailable: [[0, 9], [20, "100"]] as const, skipsZero: true };
  const single = [0n, 9n, 10n, 19n, 20n, 100n, 101n].map((start) => isAvailable(detail, 1n, { start, size: 1n }));
  assert.deepEqual(single, [false, false, true, true, false, false, true]);
  assert.equal(isAvailable(detail, 0n, { start: 256n, size: 1n }), false);
  assert.equal(isAvailable({ ...detail, skipsZero: false }, 0n, { start: 256n, size: 1n }), true);
  assert.deepEqual([0n, 5n].map((start) => isAvailable(detail, 0n, { start, size: 8n })), [false, true]);
});

Deno.test("states have the names of their numbers", () => {
  assert.deepEqual([0, 1, 2, 3, 4, 5].map((state) => stateOf(entry(0, state))), [
    "used",
    "stopped",
    "resting",
    "reserved",
    "leaked",
    "conflict",
  ]);
});
