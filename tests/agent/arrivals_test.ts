import assert from "node:assert/strict";
import { Arrivals } from "../../src/agent/arrivals.ts";

Deno.test("Arrivals counts each call once, and says when nobody is on the way", async () => {
  const arrivals = new Arrivals();
  await arrivals.settled;
  const [first, second] = [arrivals.announce(), arrivals.announce()];
  const settled = arrivals.settled;
  let done = false;
  void settled.then(() => done = true);
  first();
  first();
  await Promise.resolve();
  assert.deepEqual([arrivals.count, done], [1, false]);
  second();
  await settled;
  assert.equal(arrivals.count, 0);
});
