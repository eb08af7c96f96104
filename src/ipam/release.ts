/**
 * DEL: everything a sandbox's interface holds goes back.
 *
 * Order of writes: the pool entry, then the reservation. The entry's removal compares the sandbox, so it is the proof that the address
 * was this sandbox's; without it no reservation is deleted. A call that ends between the two leaves a reservation without an entry: a
 * repeated DEL finds it by what the node recorded, a new ADD of the same interface takes it over, and the sweep deletes it.
 *
 * @module
 */
import type { Ip } from "../address/ip.ts";
import type { IpamConfig } from "../config/types.ts";
import { drop } from "../pool/requests.ts";
import { type Allocation, type Change, formatPoolKey, type PoolKey } from "../pool/types.ts";
import type { PoolSnapshot } from "../storage/driver.ts";
import type { Held } from "./held.ts";
import { entryFields } from "./log_fields.ts";
import { type Ipam, mayGoTogether, poolsOf } from "./ipam.ts";
import { releaseRemnant, releaseReservation } from "./reservation.ts";

/** Whose addresses are released. */
export interface Sandbox {
  /** `CNI_CONTAINERID`. */
  readonly containerId: string;
  /** `CNI_IFNAME`. */
  readonly ifName: string;
}

/**
 * Releases what the sandbox's interface holds in the configured pools. Nothing there is success. Every pool is tried, whatever becomes
 * of the others.
 *
 * @param recorded what the node remembers the sandbox to hold: saves looking, and finds pools that the configuration has no more
 * @returns the addresses released
 * @throws what the store threw; with several failures, an AggregateError of them
 */
export async function release(
  ipam: Ipam,
  config: IpamConfig,
  sandbox: Sandbox,
  signal: AbortSignal,
  recorded: readonly Held[] = [],
): Promise<Ip[]> {
  const released: { readonly key: PoolKey; readonly allocation: Allocation }[] = [];
  const failures: unknown[] = [];
  const start = ipam.clock.monotonic();
  const keys = new Map([...poolsOf(config), ...recorded.map(({ key }) => key)].map((key) => [formatPoolKey(key), key]));
  const one = async ([name, key]: readonly [string, PoolKey]) => {
    try {
      const remembered = recorded.filter((held) => formatPoolKey(held.key) === name);
      const allocations = await releasePool(ipam, config, key, sandbox, signal, remembered);
      released.push(...allocations.map((allocation) => ({ key, allocation })));
    } catch (error) {
      failures.push(error);
    }
  };
  if (mayGoTogether(ipam, [...keys.values()])) await Promise.all([...keys].map(one));
  else for (const key of keys) await one(key);
  const ms = Math.round(ipam.clock.monotonic() - start);
  const { containerId: container, ifName } = sandbox; // not whatever else a caller hands over with them
  if (released.length > 0) ipam.log.info("Released address", { ...entryFields(released), ms });
  else if (failures.length === 0) ipam.log.info("Nothing to release", { if: ifName, container, ms });
  if (failures.length === 1) throw failures[0];
  if (failures.length > 1) throw new AggregateError(failures, `Cannot release in ${failures.length} pools`);
  return released.map(({ key, allocation }) => ({ family: key.cidr.family, value: allocation.address }));
}

async function releasePool(
  ipam: Ipam,
  config: IpamConfig,
  key: PoolKey,
  sandbox: Sandbox,
  signal: AbortSignal,
  recorded: readonly Held[],
): Promise<readonly Allocation[]> {
  using _turn = await ipam.turn(key, signal);
  const released: Allocation[] = [];
  if (recorded.length > 0) {
    const held = new Map(recorded.map(({ allocation }) => [allocation.address, allocation]));
    const possible = recorded.map((one) => ({ ...one, reserved: config.overlapping || one.reserved !== false }));
    released.push(...await releaseHeld(ipam, key, possible, signal, ipam.driver.presume?.(key, held)));
    if (released.length === recorded.length) return released;
  }
  // nothing is recorded, or what is differs from what is stored: whatever names the sandbox goes
  const found = new Map<bigint, Allocation>(); // an attempt whose answer was lost may have removed them
  const onAttempt = (changes: readonly Change[]) => {
    for (const { address, before } of changes) if (before) found.set(address, before);
  };
  const { allocations } = await ipam.commit(key, { kind: "release", ...sandbox }, { signal, onAttempt });
  await releaseReservations(
    ipam,
    key,
    [...found.values()].map((allocation) => ({ key, allocation })),
    signal,
    allocations,
  );
  return [...released, ...allocations];
}

/**
 * Releases exactly these allocations of a pool, and their reservations; what belongs to another owner or sandbox by now stays.
 *
 * @returns those that were released
 */
export async function releaseAllocations(
  ipam: Ipam,
  key: PoolKey,
  allocations: readonly Allocation[],
  signal: AbortSignal,
): Promise<readonly Allocation[]> {
  using _turn = await ipam.turn(key, signal);
  return await releaseHeld(ipam, key, allocations.map((allocation) => ({ key, allocation })), signal);
}

/** Entries first, then the reservations of those that were still there: each with the proof that the entry was this sandbox's. */
async function releaseHeld(
  ipam: Ipam,
  key: PoolKey,
  recorded: readonly Held[],
  signal: AbortSignal,
  from?: PoolSnapshot,
): Promise<readonly Allocation[]> {
  const held = recorded.map(({ allocation }) => allocation);
  const { allocations } = await ipam.commit(key, drop(held), { signal, ...(from && { from }) });
  await releaseReservations(ipam, key, recorded, signal, allocations);
  return allocations;
}

async function releaseReservations(
  ipam: Ipam,
  key: PoolKey,
  recorded: readonly Held[],
  signal: AbortSignal,
  released: readonly Allocation[],
): Promise<void> {
  const { overlaps } = ipam.driver;
  if (!overlaps) return;
  const work = { ipam, overlaps, key, signal };
  const removed = new Set(released.map(({ address }) => address));
  for (const { allocation, reserved, token } of recorded) {
    if (reserved === false) continue;
    if (removed.has(allocation.address)) await releaseReservation(work, allocation, token);
    else await releaseRemnant(work, allocation);
  }
}
