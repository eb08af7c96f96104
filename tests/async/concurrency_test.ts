import assert from "node:assert/strict";
import { attemptAll, mapConcurrently, Semaphore } from "../../src/async/concurrency.ts";
import { never } from "../ipam/lab.ts";

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

Deno.test("Semaphore bounds concurrent work, runs it in order of arrival, and continues after a failure", async () => {
  const semaphore = new Semaphore(2);
  const started: number[] = [];
  const gates = Array.from({ length: 5 }, () => Promise.withResolvers<void>());
  let running = 0;
  let max = 0;
  const work = gates.map((gate, i) =>
    semaphore.run(async () => {
      started.push(i);
      max = Math.max(max, ++running);
      try {
        await gate.promise;
      } finally {
        running--;
      }
      return i;
    }, never())
  );
  await Promise.resolve();
  assert.equal(semaphore.waiting, 3);
  gates[0]?.reject(new Error("failed"));
  await assert.rejects(work[0] ?? Promise.resolve(), /failed/);
  for (const gate of gates.slice(1)) gate.resolve();
  assert.deepEqual(await Promise.all(work.slice(1)), [1, 2, 3, 4]);
  assert.deepEqual([started, max], [[0, 1, 2, 3, 4], 2]);
});

Deno.test("Semaphore rejects a waiting caller whose signal aborts, and keeps no place for it", async () => {
  const semaphore = new Semaphore(1);
  const first = await semaphore.enter(never());
  const stop = new AbortController();
  const waiting = [semaphore.enter(stop.signal), semaphore.enter(never())];
  stop.abort(new Error("aborted"));
  await assert.rejects(waiting[0] ?? Promise.resolve(), /aborted/);
  await assert.rejects(semaphore.enter(stop.signal), /aborted/);
  assert.equal(semaphore.waiting, 1);
  first[Symbol.dispose]();
  (await waiting[1])?.[Symbol.dispose]();
  (await semaphore.enter(never()))[Symbol.dispose]();
  assert.equal(semaphore.waiting, 0);
});

Deno.test("attemptAll runs all work in order, and throws the first failure at the end", async () => {
  const done: string[] = [];
  const work = (name: string, error?: Error) => () => {
    done.push(name);
    return error ? Promise.reject(error) : Promise.resolve();
  };
  const { signal } = new AbortController();
  await attemptAll([work("a"), work("b")], signal);
  const failing = [work("c", new Error("first")), work("d", new Error("second")), work("e")];
  await assert.rejects(attemptAll(failing, signal), /first/);
  assert.deepEqual(done, ["a", "b", "c", "d", "e"]);
});

Deno.test("attemptAll ends with the signal's reason once it aborts", async () => {
  const aborted = AbortSignal.abort(new Error("term ended"));
  let later = false;
  const works = [() => Promise.reject(new Error("cut off")), () => Promise.resolve(void (later = true))];
  await assert.rejects(attemptAll(works, aborted), /term ended/);
  assert.equal(later, false);
});
