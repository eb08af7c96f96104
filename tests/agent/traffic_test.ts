import assert from "node:assert/strict";
import { Traffic } from "../../src/agent/traffic.ts";

Deno.test("Traffic counts each call once, and resolves when no call is coming", async () => {
  const traffic = new Traffic(() => 0);
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

Deno.test("Traffic counts a delayed call for some milliseconds only", async () => {
  let now = 1_000;
  const traffic = new Traffic(() => now);
  const delayed = traffic.begin();
  now += 30;
  const next = traffic.begin();
  assert.deepEqual([traffic.coming, traffic.active], [2, 2]);
  now += 15;
  assert.deepEqual([traffic.coming, traffic.active], [1, 2]);
  const { settled } = traffic;
  now += 40;
  assert.equal(traffic.coming, 0);
  await settled;
  now += 200;
  assert.equal(traffic.active, 0);
  delayed.arrived();
  next.end();
  delayed.end();
  assert.deepEqual([traffic.coming, traffic.active], [0, 0]);
  traffic.begin();
  assert.deepEqual([traffic.coming, traffic.active], [1, 1]);
});
