import assert from "node:assert/strict";
import { PoolMemory, REMEMBERED_FOR } from "../../src/agent/memory.ts";
import type { PoolSnapshot } from "../../src/storage/driver.ts";
import { CIDR } from "../pool/pools.ts";

const snapshot: PoolSnapshot = { key: { network: "", cidr: CIDR }, allocations: new Map(), version: "1" };

Deno.test("PoolMemory remembers a pool for a minute, and not after forget", () => {
  const memory = new PoolMemory(() => 0);
  assert.equal(memory.recall(0), undefined, "nothing was committed yet");
  memory.keep(snapshot, 5);
  assert.equal(memory.recall(5 + REMEMBERED_FOR), snapshot);
  assert.equal(memory.recall(6 + REMEMBERED_FOR), undefined);
  memory.keep(snapshot, 5);
  memory.forget();
  assert.equal(memory.recall(6), undefined);
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
