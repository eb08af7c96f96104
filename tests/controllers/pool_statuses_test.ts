import assert from "node:assert/strict";
import type { PoolUse } from "../../src/controllers/pool_use.ts";
import { PoolStatuses } from "../../src/controllers/pool_statuses.ts";
import { type PoolStatus, statusOf } from "../../src/pool/pool_status.ts";
import { formatPoolKey, type PoolKey } from "../../src/pool/types.ts";
import { RefusedError, UnavailableError } from "../../src/storage/driver.ts";
import { SILENT } from "../../src/world/log.ts";
import { cidr, NEVER } from "./lab.ts";

const MINUTE = 60_000;

/** Pools of a cluster, and a term that writes their statuses. */
function cluster() {
  const stored = new Map<string, PoolStatus>();
  const errors: Error[] = [];
  const saved: string[] = [];
  const clock = { time: 0 };
  const objects = {
    save: (key: PoolKey, status: PoolStatus) => {
      const pool = formatPoolKey(key);
      saved.push(`${pool} ${status.used}`);
      const error = errors.shift();
      if (error) return Promise.reject(error);
      stored.set(pool, status);
      return Promise.resolve();
    },
  };
  const statuses = new PoolStatuses({
    world: { now: () => clock.time, monotonic: () => clock.time },
    log: SILENT,
    objects,
  });
  const use = (range: string, allocations: number): PoolUse => {
    const key = { network: "", cidr: cidr(range) };
    const status = stored.get(formatPoolKey(key));
    return { key, allocations, capacity: 254n, free: 254n - BigInt(allocations), ...(status && { status }) };
  };
  return {
    errors,
    clock,
    stored,
    write: async (counts: Record<string, number>) => {
      const uses = Object.entries(counts).map(([range, allocations]) => use(range, allocations));
      const failures = await statuses.write(uses, NEVER);
      return { written: saved.splice(0), failures: failures.length };
    },
  };
}

const A = "10.0.0.0/24";
const B = "10.0.1.0/24";

Deno.test("PoolStatuses writes missing statuses and crossed thresholds at once, and counts every five minutes", async () => {
  const { clock, write } = cluster();
  assert.deepEqual((await write({ [A]: 1, [B]: 2 })).written, [`${A} 1`, `${B} 2`]);
  clock.time += MINUTE;
  assert.deepEqual((await write({ [A]: 100, [B]: 253 })).written, [`${B} 253`]);
  clock.time += 3 * MINUTE;
  assert.deepEqual((await write({ [A]: 101, [B]: 252 })).written, []);
  clock.time += MINUTE;
  assert.deepEqual((await write({ [A]: 102, [B]: 252 })).written, [`${A} 102`]);
  clock.time += MINUTE;
  assert.deepEqual((await write({ [A]: 102, [B]: 252 })).written, [`${B} 252`]);
  clock.time += 60 * MINUTE;
  assert.deepEqual((await write({ [A]: 102, [B]: 252 })).written, []);
});

Deno.test("PoolStatuses of a new term leaves counts for five minutes, so that a restart writes no status of every pool", async () => {
  const { clock, stored, write } = cluster();
  for (const range of [A, B]) {
    stored.set(range, statusOf({ allocations: 9, capacity: 254n, free: 245n }, undefined, 0));
  }
  assert.deepEqual((await write({ [A]: 10, [B]: 254 })).written, [`${B} 254`]);
  clock.time += 5 * MINUTE;
  assert.deepEqual((await write({ [A]: 10, [B]: 254 })).written, [`${A} 10`]);
});

Deno.test("PoolStatuses continues after a failure and retries it, and stops after a refusal", async () => {
  const { errors, write } = cluster();
  errors.push(new UnavailableError("timeout"));
  assert.deepEqual(await write({ [A]: 1, [B]: 2 }), { written: [`${A} 1`, `${B} 2`], failures: 1 });
  assert.deepEqual(await write({ [A]: 1, [B]: 2 }), { written: [`${A} 1`], failures: 0 });
  errors.push(new RefusedError("status 403"));
  assert.deepEqual(await write({ [A]: 254, [B]: 254 }), { written: [`${A} 254`], failures: 0 });
  assert.deepEqual(await write({ [A]: 254, [B]: 254 }), { written: [], failures: 0 });
});

Deno.test("PoolStatuses rejects with the signal's reason once it aborts", async () => {
  const statuses = new PoolStatuses({
    world: { now: () => 0, monotonic: () => 0 },
    log: SILENT,
    objects: { save: () => Promise.reject(new Error("cut off")) },
  });
  const uses = [{ key: { network: "", cidr: cidr(A) }, allocations: 0, capacity: 1n, free: 1n }];
  await assert.rejects(statuses.write(uses, AbortSignal.abort(new Error("term ended"))), /term ended/);
});
