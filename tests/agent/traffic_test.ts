import assert from "node:assert/strict";
import { Traffic } from "../../src/agent/traffic.ts";

Deno.test("Traffic counts each call once, and says when nobody is coming", async () => {
  const traffic = new Traffic();
  await traffic.settled;
  const [first, second] = [traffic.begin(), traffic.begin()];
  let settled = false;
  const waiting = traffic.settled.then(() => settled = true);
  first.arrived();
  first.arrived();
  await Promise.resolve();
  assert.deepEqual([traffic.coming, traffic.active, settled], [1, 2, false]);
  second.end();
  await waiting;
  second.end();
  second.arrived();
  assert.deepEqual([traffic.coming, traffic.active], [0, 1]);
  first.end();
  assert.equal(traffic.active, 0);
});
