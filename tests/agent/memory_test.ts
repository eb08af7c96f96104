import assert from "node:assert/strict";
import { PoolMemory, REMEMBERED_FOR } from "../../src/agent/memory.ts";
import type { PoolSnapshot } from "../../src/storage/driver.ts";
import { CIDR } from "../pool/pools.ts";

const snapshot: PoolSnapshot = { key: { network: "", cidr: CIDR }, allocations: new Map(), version: "1" };

/** Commits at these times; `stale`: whether another process wrote before. Returns the times at which the memory was used. */
function trusted(memory: PoolMemory, times: readonly number[], stale: (time: number) => boolean): number[] {
  return times.filter((now) => {
    const used = memory.recall(now) !== undefined;
    if (used && stale(now)) memory.refused(now);
    memory.keep(snapshot, now);
    return used;
  });
}

const answering = () => new PoolMemory(() => 0);

const every = (milliseconds: number, count: number, from = 0) =>
  Array.from({ length: count }, (_, i) => from + (i + 1) * milliseconds);

Deno.test("PoolMemory is used for a minute while no other process writes", () => {
  const memory = answering();
  assert.equal(memory.recall(0), undefined, "it remembers nothing");
  memory.keep(snapshot, 0);
  const minute = [1, REMEMBERED_FOR, 2 * REMEMBERED_FOR];
  assert.deepEqual(trusted(memory, minute, () => false), minute);
  assert.deepEqual(trusted(memory, [4 * REMEMBERED_FOR, 4 * REMEMBERED_FOR + 1], () => false), [
    4 * REMEMBERED_FOR + 1,
  ]);
});

Deno.test("PoolMemory is dropped after an outage: the store may have been restored to an older state", () => {
  let outages = 0;
  const memory = new PoolMemory(() => outages);
  memory.keep(snapshot, 0);
  outages++;
  assert.equal(memory.recall(1), undefined);
  outages--;
  assert.equal(memory.recall(1), undefined, "it was dropped");
  memory.keep(snapshot, 2);
  assert.equal(memory.recall(3), snapshot);
});

Deno.test("PoolMemory is seldom used if other processes write before every commit", () => {
  const memory = answering();
  memory.keep(snapshot, 0);
  const used = trusted(memory, every(1_000, 100), () => true);
  assert(used.length > 5 && used.length <= 25, `${used.length} of 100`);
});

Deno.test("PoolMemory is used only while younger than a refused memory, and later again up to its max age", () => {
  const memory = answering();
  memory.keep(snapshot, 0);
  assert.deepEqual(trusted(memory, [1_000], () => true), [1_000]);
  assert.deepEqual(trusted(memory, [1_400, 1_800], () => false), [1_400, 1_800]);
  const later = every(1_000, 20, 1_800);
  const used = trusted(memory, later, () => false);
  assert.deepEqual(used, later.slice(-used.length), "once more, and from then on");
  assert(used.length >= 15, `${used.length} of 20`);
});

Deno.test("PoolMemory is used again after a refusal at age 0, and not after forget", () => {
  const memory = answering();
  memory.keep(snapshot, 5);
  memory.refused(0); // a clock that was set back
  assert.equal(memory.recall(6), snapshot);
  memory.forget();
  assert.equal(memory.recall(6), undefined);
});
