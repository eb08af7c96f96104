/**
 * Freeing, and putting right, what a look at the store found. Everything is done only to what is still exactly as it was seen.
 *
 * @module
 */
import { formatIp } from "../address/ip.ts";
import { adopt } from "../pool/adopt.ts";
import type { Orphan } from "../pool/orphans.ts";
import { drop } from "../pool/requests.ts";
import { type Entry, formatPoolKey, sameInterface, sameOwner } from "../pool/types.ts";
import type { Reservation } from "../storage/driver.ts";
import type { Ipam } from "./ipam.ts";
import { releaseAllocations } from "./release.ts";
import { reservationOf } from "./reservation.ts";

/** What became of a list. */
export interface Reclaimed<T> {
  /** Done. */
  readonly done: readonly T[];
  /** To be tried again. */
  readonly failed: readonly T[];
  /** What could not be done, each with its reason; the rest was, or had become needless. */
  readonly failures: readonly unknown[];
}

/**
 * Frees orphans of one pool.
 *
 * @returns those that were freed
 * @throws what the store threw
 */
export async function freeOrphans(ipam: Ipam, orphans: readonly Orphan[], signal: AbortSignal): Promise<Orphan[]> {
  const [first] = orphans;
  if (!first) return [];
  const freed = await releaseAllocations(ipam, first.key, orphans.map(({ allocation }) => allocation), signal);
  const addresses = new Set(freed.map(({ address }) => address));
  const done = orphans.filter(({ allocation }) => addresses.has(allocation.address));
  for (const { key, allocation, reason } of done) {
    const address = formatIp({ family: key.cidr.family, value: allocation.address });
    ipam.log.info("Freed", { pool: formatPoolKey(key), address, pod: allocation.podRef, reason });
  }
  return done;
}

/**
 * Deletes reservations that did not change since they were seen.
 *
 * @throws the signal's reason once it aborts
 */
export async function freeReservations<R extends { readonly reservation: Reservation }>(
  { driver, log }: Ipam,
  strays: readonly R[],
  signal: AbortSignal,
): Promise<Reclaimed<R>> {
  return await each(strays, signal, async ({ reservation }) => {
    const freed = await driver.overlaps?.release(reservation, signal) ?? false;
    const { network, podRef } = reservation;
    if (freed) log.info("Freed a reservation", { address: formatIp(reservation.ip), network, pod: podRef });
    return freed;
  });
}

/**
 * Creates the missing reservations of entries. One whose entry is gone when it exists is deleted again; an address that somebody else has
 * reserved meanwhile is left for `check` to report.
 *
 * @throws the signal's reason once it aborts
 */
export async function reserveEntries(
  { driver, log }: Ipam,
  entries: readonly Entry[],
  signal: AbortSignal,
): Promise<Reclaimed<Entry>> {
  const { overlaps } = driver;
  if (!overlaps) return { done: [], failed: [], failures: [] };
  return await each(entries, signal, async ({ key, allocation }) => {
    const wanted = reservationOf(key, allocation);
    const made = await overlaps.create(wanted, signal);
    if (!made) return false;
    const { allocations } = await driver.read(key, signal);
    const present = allocations.get(allocation.address);
    if (!present || !sameOwner(present, allocation)) {
      await overlaps.release(made, signal);
      return false;
    }
    log.info("Reserved again", { address: formatIp(wanted.ip), pool: formatPoolKey(key), pod: allocation.podRef });
    return true;
  });
}

/**
 * Creates entries that were lost, each as its reservation has it. An address that has an entry meanwhile keeps that one; and where the
 * reservation is gone or somebody else's when the entry exists, the entry goes again.
 *
 * @throws the signal's reason once it aborts
 */
export async function restoreEntries(
  ipam: Ipam,
  entries: readonly Entry[],
  signal: AbortSignal,
): Promise<Reclaimed<Entry>> {
  const { driver, log } = ipam;
  const { overlaps } = driver;
  if (!overlaps) return { done: [], failed: [], failures: [] };
  return await each(entries, signal, async ({ key, allocation }) => {
    using _turn = await ipam.turn(key, signal);
    const written = await ipam.onSnapshot(key, async (snapshot, limit) => {
      const { changes } = adopt(snapshot.allocations, [allocation]);
      if (changes.length > 0) await driver.commit(snapshot, changes, limit);
      return changes.length > 0;
    }, signal);
    if (!written) return false;
    const { network, ip } = reservationOf(key, allocation);
    const reserved = await overlaps.find(network, ip, signal);
    if (!reserved || !sameInterface(reserved, allocation)) {
      await ipam.commit(key, drop([allocation]), { signal });
      return false;
    }
    log.info("Created the lost entry of a reservation", {
      address: formatIp(ip),
      pool: formatPoolKey(key),
      pod: allocation.podRef,
    });
    return true;
  });
}

async function each<T>(
  items: readonly T[],
  signal: AbortSignal,
  work: (item: T) => Promise<boolean>,
): Promise<Reclaimed<T>> {
  const done: T[] = [];
  const failed: T[] = [];
  const failures: unknown[] = [];
  for (const item of items) {
    try {
      if (await work(item)) done.push(item);
    } catch (error) {
      signal.throwIfAborted();
      failures.push(error);
      failed.push(item);
    }
  }
  return { done, failed, failures };
}
