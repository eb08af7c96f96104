import assert from "node:assert/strict";
import { Limit } from "../../src/agent/limit.ts";

Deno.test("Limit runs so many at once, in order of arrival, and goes on after a failure", async () => {
  const limit = new Limit(2);
  const started: number[] = [];
  const gates = Array.from({ length: 5 }, () => Promise.withResolvers<void>());
  let running = 0;
  let most = 0;
  const work = gates.map((gate, i) =>
    limit.run(async () => {
      started.push(i);
      most = Math.max(most, ++running);
      try {
        await gate.promise;
      } finally {
        running--;
      }
      return i;
    })
  );
  await Promise.resolve();
  assert.equal(limit.waiting, 3);
  gates[0]?.reject(new Error("failed"));
  await assert.rejects(work[0] ?? Promise.resolve(), /failed/);
  for (const gate of gates.slice(1)) gate.resolve();
  assert.deepEqual(await Promise.all(work.slice(1)), [1, 2, 3, 4]);
  assert.deepEqual([started, most], [[0, 1, 2, 3, 4], 2]);
});
