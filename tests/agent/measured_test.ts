import assert from "node:assert/strict";
import { measuring } from "../../src/agent/measured.ts";
import { wrap } from "../../src/storage/wrap.ts";
import { faulty } from "../support/faulty.ts";
import { ip, memory, never, range } from "../ipam/lab.ts";

const KEY = { network: "", cidr: range("10.0.0.0/28").cidr };

Deno.test("measuring reports the outcome and the duration of each operation, and does not change its result", async () => {
  let now = 0;
  await using store = faulty(await memory(), ({ index }) => {
    now += 5;
    const then = ([undefined, "conflict", "unavailable", "refused"] as const)[index];
    return then && { done: false, then };
  });
  const observed: unknown[] = [];
  const driver = wrap(store, measuring(() => now, (...one) => observed.push(one)));
  const snapshot = await driver.read(KEY, never());
  for (let i = 0; i < 3; i++) await assert.rejects(driver.commit(snapshot, [], never()), /Injected/);
  const owner = { podRef: "default/a", ifName: "net1", containerId: "c" };
  const reserved = await driver.reservations?.reserve({ ...owner, network: "", ip: ip("10.0.0.1") }, never());
  assert.equal(reserved?.kind, "created");
  assert.deepEqual(observed, [
    ["read", "success", 5],
    ["commit", "conflict", 5],
    ["commit", "unavailable", 5],
    ["commit", "refused", 5],
    ["reserve", "success", 5],
  ]);
});
