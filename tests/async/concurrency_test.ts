import assert from "node:assert/strict";
import { mapConcurrently } from "../../src/async/concurrency.ts";

Deno.test("mapConcurrently returns results in order, and never runs more than the limit at the same time", async () => {
  let running = 0;
  let max = 0;
  const results = await mapConcurrently([30, 10, 20, 0, 5], 2, async (delay) => {
    max = Math.max(max, ++running);
    for (let i = 0; i < delay; i++) await Promise.resolve();
    running--;
    return delay;
  });
  assert.deepEqual([results, max], [[30, 10, 20, 0, 5], 2]);
  assert.deepEqual(await mapConcurrently([], 2, () => Promise.reject(new Error("unused"))), []);
});

Deno.test("mapConcurrently throws the first error, and starts nothing after it", async () => {
  const started: number[] = [];
  const work = (item: number) => {
    started.push(item);
    return item === 1 ? Promise.reject(new Error("failed")) : Promise.resolve(item);
  };
  await assert.rejects(mapConcurrently([1, 2, 3, 4], 1, work), /failed/);
  assert.deepEqual(started, [1]);
});
