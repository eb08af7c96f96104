/**
 * DEL: everything a sandbox's interface holds goes back.
 *
 * Order of writes: the reservation, then the pool entry. The entry is what a repeated DEL finds the reservation by, so it goes last.
 *
 * @module
 */
import { formatIp, type Ip } from "../address/ip.ts";
import type { IpamConfig } from "../config/types.ts";
import { isReleasedBy } from "../pool/free.ts";
import { drop } from "../pool/requests.ts";
import { type Allocation, formatPoolKey, type PoolKey, sameInterface } from "../pool/types.ts";
import type { PoolSnapshot } from "../storage/driver.ts";
import { retry } from "../storage/retry.ts";
import type { Held } from "./held.ts";
import { type Ipam, mayGoTogether, poolsOf } from "./ipam.ts";
import { releaseLeftover, reservationOf, type ReservedPool } from "./reservation.ts";

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
  const released: Ip[] = [];
  const failures: unknown[] = [];
  const keys = new Map([...poolsOf(config), ...recorded.map(({ key }) => key)].map((key) => [formatPoolKey(key), key]));
  const one = async ([name, key]: readonly [string, PoolKey]) => {
    try {
      const remembered = recorded.filter((held) => formatPoolKey(held.key) === name);
      const allocations = await releasePool(ipam, config, key, sandbox, signal, remembered);
      released.push(...allocations.map(({ address }) => ({ family: key.cidr.family, value: address })));
    } catch (error) {
      failures.push(error);
    }
  };
  if (mayGoTogether(ipam, [...keys.values()])) await Promise.all([...keys].map(one));
  else for (const key of keys) await one(key);
  if (failures.length === 1) throw failures[0];
  if (failures.length > 1) throw new AggregateError(failures, `Cannot release in ${failures.length} pools`);
  ipam.log.info("Released", { addresses: released.map(formatIp), ...sandbox });
  return released;
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
  const overlaps = config.overlapping ? ipam.driver.overlaps : undefined;
  if (!overlaps) return (await ipam.commit(key, { kind: "release", ...sandbox }, { signal })).allocations;
  const work = { ipam, overlaps, key, signal };
  if (recorded.length > 0) {
    const held = new Map(recorded.map(({ allocation }) => [allocation.address, allocation]));
    return await releaseHeld(work, recorded, ipam.driver.presume?.(key, held));
  }
  const from = await retry((limit) => ipam.driver.read(key, limit), ipam.clock, signal);
  const held = [...from.allocations.values()].filter((allocation) => isReleasedBy(allocation, sandbox));
  return held.length === 0 ? [] : await releaseHeld(work, held.map((allocation) => ({ key, allocation })), from);
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
  const { overlaps } = ipam.driver;
  if (!overlaps) return (await ipam.commit(key, drop(allocations), { signal })).allocations;
  const from = await retry((limit) => ipam.driver.read(key, limit), ipam.clock, signal);
  return await releaseHeld(
    { ipam, overlaps, key, signal },
    allocations.map((allocation) => ({ key, allocation })),
    from,
  );
}

async function releaseHeld(
  work: ReservedPool,
  recorded: readonly Held[],
  from: PoolSnapshot | undefined,
): Promise<readonly Allocation[]> {
  const { ipam, overlaps, key, signal } = work;
  const freed = new Set<bigint>();
  for (const { allocation, token } of recorded) {
    const reservation = { ...reservationOf(key, allocation), ...(token !== undefined && { token }) };
    const deleted = await retry((limit) => overlaps.release(reservation, limit), ipam.clock, signal) ||
      await releaseLeftover(work, allocation);
    if (deleted) freed.add(allocation.address);
  }
  const held = recorded.map(({ allocation }) => allocation);
  const { allocations } = await ipam.commit(key, drop(held), { signal, ...(from && { from }) });
  const dropped = new Set(allocations.map(({ address }) => address));
  for (const allocation of held) {
    const kept = !dropped.has(allocation.address);
    if (kept) await restore(work, allocation);
    if (kept || !freed.has(allocation.address)) await releaseLeftover(work, allocation);
  }
  return allocations;
}

/**
 * The entry went to a newer sandbox of the same interface while its reservation was being released. Plugins of the original do not
 * take a reservation over, so the new holder's is made again; never over another, which a still newer sandbox may have claimed meanwhile.
 */
async function restore({ ipam, overlaps, key, signal }: ReservedPool, released: Allocation): Promise<void> {
  const { allocations } = await retry((limit) => ipam.driver.read(key, limit), ipam.clock, signal);
  const present = allocations.get(released.address);
  if (!present || !sameInterface(present, released)) return;
  ipam.log.info("Address was taken over by a newer sandbox", { pool: formatPoolKey(key), holder: present.podRef });
  await retry((limit) => overlaps.create(reservationOf(key, present), limit), ipam.clock, signal);
}
