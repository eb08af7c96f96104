/**
 * ADD: allocates one address per range, or one in all, or nothing.
 *
 * Order of writes for each range: the pool entry, then the cluster-wide reservation. A crash between the two leaves an entry of a pod that
 * never started; the next ADD of the same pod reuses it, or the runtime's DEL or the sweep releases it.
 *
 * @module
 */
import type { IpamConfig } from "../config/types.ts";
import type { Owner } from "../pool/types.ts";
import { type AllocateOptions, allocateRange, type Assigned, type CallWork, undo } from "./allocate_range.ts";
import { PoolExhaustedError, refuseUnrecorded } from "./errors.ts";
import { allExhausted, rangesToTry, refuseSecond } from "./first_available.ts";
import { type Ipam, mayRunInParallel } from "./ipam.ts";
import { entryFields } from "./recorded.ts";
import type { Written } from "./rollback.ts";

export type { AllocateOptions, Assigned };

/**
 * Allocates an address of each range to the owner, or one of the first range that has one (`config.rangesAllocation`). A repeated call for
 * the same pod and interface returns the same addresses.
 *
 * @returns one address per range, in order; with `first_available` one address in all
 * @throws {PoolExhaustedError} a range has no free address; with `first_available` no range has one
 * @throws {AddressUnavailableError} a requested address is in use, or the range never allocates it
 * @throws {SupersededError} a newer sandbox of the interface took the address over
 * @throws {RefusedError} the driver lacks `recordsReuse`, which the settings of a range require
 * @throws {UnavailableError | ConflictError | RefusedError} the store failed; the call was rolled back as far as the store answers
 *
 * @example
 * ```ts
 * import { allocate, denoWorld, formatIp, loadConfig, openStore } from "@whereabouts/whereabouts";
 * import assert from "node:assert/strict";
 *
 * const conf = { name: "lab", ipam: { type: "whereabouts", datastore: "embedded", database: ":memory:", range: "10.0.0.0/24" } };
 * const { config } = await loadConfig(denoWorld(), { conf });
 * await using store = await openStore(config, { world: denoWorld() });
 *
 * const owner = { podRef: "default/web-0", ifName: "net1", containerId: "9f1c" };
 * const assigned = await allocate(store, config, owner, AbortSignal.timeout(10_000));
 * assert.deepEqual(assigned.map(({ ip, prefix }) => `${formatIp(ip)}/${prefix}`), ["10.0.0.1/24"]);
 * ```
 */
export async function allocate(
  ipam: Ipam,
  config: IpamConfig,
  owner: Owner,
  signal: AbortSignal,
  options: AllocateOptions = {},
): Promise<Assigned[]> {
  const written: Written[] = [];
  let writes = 0;
  const onWrite = () => {
    writes++;
    options.onWrite?.();
  };
  const work = { ipam, config, owner, written, signal, options: { ...options, onWrite } };
  const start = ipam.clock.monotonic();
  refuseUnrecorded(ipam.driver, config);
  try {
    const assigned = config.rangesAllocation === "first_available"
      ? [await allocateFirstAvailable(work)]
      : mayRunInParallel(ipam, config.ranges)
      ? await allocateInParallel(work)
      : await allocateInOrder(work);
    logAllocated(ipam, assigned, { writes, ms: Math.round(ipam.clock.monotonic() - start) });
    return assigned;
  } catch (error) {
    await undo(work);
    throw error;
  }
}

/** Logs one line per ADD: the history of an address starts with it. */
function logAllocated(
  { driver, log }: Ipam,
  assigned: readonly Assigned[],
  { writes, ms }: { readonly writes: number; readonly ms: number },
): void {
  if (assigned.length === 0) return;
  const fields = entryFields(assigned.map(({ entry }) => entry));
  log.info("Allocated address", { ...fields, ms });
  const allocation = assigned.map(({ fresh }) => fresh ? "new" : "kept").join();
  log.debug("Allocation details", { ip: fields.ip, allocation, store: driver.name, writes });
}

async function allocateInOrder(work: CallWork): Promise<Assigned[]> {
  const assigned: Assigned[] = [];
  for (const range of work.config.ranges) assigned.push(await allocateRange({ ...work, range, assigned }));
  return assigned;
}

/** Waits for all ranges even if one fails: the rollback must know every write. */
async function allocateInParallel(work: CallWork): Promise<Assigned[]> {
  const ranges = work.config.ranges.map((range) => allocateRange({ ...work, range, assigned: [] }));
  await Promise.allSettled(ranges);
  return await Promise.all(ranges);
}

/** Allocates from the first range that has a free address. Only a full range leads to the next one, never a failure of the store. */
async function allocateFirstAvailable(work: CallWork): Promise<Assigned> {
  const { ipam, config, owner, signal, options: { recorded } } = work;
  const ranges = await rangesToTry(ipam, config, owner, signal, recorded);
  const errors: PoolExhaustedError[] = [];
  for (const range of ranges) {
    try {
      const assigned = await allocateRange({ ...work, range, assigned: [] });
      if (assigned.fresh) await refuseSecond(ipam, config, owner, assigned.entry, signal);
      return assigned;
    } catch (error) {
      if (!(error instanceof PoolExhaustedError)) throw error;
      errors.push(error);
    }
    // the last attempt may have an entry whose address is reserved for another owner
    if (!await undo(work)) throw errors.at(-1);
  }
  throw allExhausted(ranges, errors);
}
