/**
 * Promise 5: a sweep without pods leaves nothing.
 *
 * @module
 */
import { MIN_GRACE } from "../../src/ipam/graces.ts";
import { directIpam } from "../../src/ipam/ipam.ts";
import { sweep } from "../../src/ipam/sweep.ts";
import type { StorageDriver } from "../../src/storage/driver.ts";
import { ATTEMPT_TIMEOUT } from "../../src/storage/retry.ts";
import { SILENT } from "../../src/world/log.ts";
import { STANDING_CLOCK } from "../support/orders.ts";
import { memoryWorld } from "../support/world.ts";

/** Sweeps a store without pods. It takes no simulated time. */
export async function sweepAll(truth: StorageDriver): Promise<void> {
  let now = 0;
  const sleep: typeof STANDING_CLOCK.sleep = (milliseconds, signal) => {
    if (milliseconds < ATTEMPT_TIMEOUT) now += milliseconds;
    return STANDING_CLOCK.sleep(milliseconds, signal);
  };
  const world = { ...memoryWorld(), ...STANDING_CLOCK, monotonic: () => now, sleep };
  const ipam = directIpam(truth, world, SILENT);
  const { signal } = new AbortController();
  const pods = { list: () => Promise.resolve([]), find: () => Promise.resolve(undefined) };
  await sweep(ipam, { pods, grace: MIN_GRACE, dryRun: false, signal });
}
