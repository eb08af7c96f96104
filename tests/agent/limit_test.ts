import assert from "node:assert/strict";
import { Limit } from "../../src/agent/limit.ts";
import { never } from "../ipam/lab.ts";

Deno.test("Limit bounds concurrent work, runs it in order of arrival, and continues after a failure", async () => {
  const limit = new Limit(2);
  const started: number[] = [];
  const gates = Array.from({ length: 5 }, () => Promise.withResolvers<void>());
  let running = 0;
  let max = 0;
  const work = gates.map((gate, i) =>
    limit.run(async () => {
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
  assert.equal(limit.waiting, 3);
  gates[0]?.reject(new Error("failed"));
  await assert.rejects(work[0] ?? Promise.resolve(), /failed/);
  for (const gate of gates.slice(1)) gate.resolve();
  assert.deepEqual(await Promise.all(work.slice(1)), [1, 2, 3, 4]);
  assert.deepEqual([started, max], [[0, 1, 2, 3, 4], 2]);
});

Deno.test("Limit rejects a waiting caller whose signal aborts, and keeps no place for it", async () => {
  const limit = new Limit(1);
  const first = await limit.enter(never());
  const stop = new AbortController();
  const waiting = [limit.enter(stop.signal), limit.enter(never())];
  stop.abort(new Error("aborted"));
  await assert.rejects(waiting[0] ?? Promise.resolve(), /aborted/);
  await assert.rejects(limit.enter(stop.signal), /aborted/);
  assert.equal(limit.waiting, 1);
  first[Symbol.dispose]();
  (await waiting[1])?.[Symbol.dispose]();
  (await limit.enter(never()))[Symbol.dispose]();
  assert.equal(limit.waiting, 0);
});
