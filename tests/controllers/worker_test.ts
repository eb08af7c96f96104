import assert from "node:assert/strict";
import { Worker } from "../../src/controllers/worker.ts";
import { SILENT } from "../../src/world/log.ts";
import { memoryWorld } from "../support/world.ts";

const OPTIONS = { name: "work", delay: 500, retry: { first: 1_000, max: 8_000 } };

Deno.test("Worker runs its task once for concurrent triggers, and never without a trigger", async () => {
  const world = memoryWorld();
  const stop = new AbortController();
  const times: number[] = [];
  const worker = new Worker(world, SILENT, OPTIONS, () => Promise.resolve(void times.push(world.now())));
  const running = worker.run(stop.signal);
  await world.advance(10_000);
  assert.deepEqual(times, []);
  for (let i = 0; i < 5; i++) worker.trigger();
  await world.advance(10_000);
  worker.trigger();
  await world.advance(10_000);
  assert.deepEqual(times, [10_500, 20_500]);
  stop.abort();
  await running;
});

Deno.test("Worker runs again after a trigger during a run", async () => {
  const world = memoryWorld();
  const stop = new AbortController();
  let count = 0;
  const worker: Worker = new Worker(world, SILENT, OPTIONS, async () => {
    if (++count === 1) worker.trigger();
    await world.sleep(100);
  });
  const running = worker.run(stop.signal);
  worker.trigger();
  await world.advance(10_000);
  assert.equal(count, 2);
  stop.abort();
  await running;
});

Deno.test("Worker runs a failed task immediately when triggered", async () => {
  const world = memoryWorld();
  const stop = new AbortController();
  const times: number[] = [];
  const worker = new Worker(world, SILENT, OPTIONS, () => (times.push(world.now()), Promise.reject(new Error("no"))));
  const running = worker.run(stop.signal);
  worker.trigger();
  await world.advance(5_000);
  assert.deepEqual(times, [500, 2_000, 4_500]);
  worker.trigger();
  await world.advance(600);
  assert.deepEqual(times, [500, 2_000, 4_500, 5_500]);
  stop.abort();
  await running;
});

Deno.test("Worker retries a failed task with growing delays", async () => {
  const world = memoryWorld();
  const stop = new AbortController();
  const times: number[] = [];
  const worker = new Worker(world, SILENT, OPTIONS, () => {
    times.push(world.now());
    return times.length < 4 ? Promise.reject(new Error("no")) : Promise.resolve();
  });
  const running = worker.run(stop.signal);
  worker.trigger();
  await world.advance(60_000);
  assert.deepEqual(times, [500, 2_000, 4_500, 9_000]);
  stop.abort();
  await running;
});
