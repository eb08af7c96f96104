/**
 * Frees and repairs records that a scan found. A record is changed only if it is still exactly as it was read.
 *
 * @module
 */
import { formatIp } from "../address/ip.ts";
import { adopt } from "../pool/adopt.ts";
import { obstacleIn } from "../pool/move.ts";
import type { Detached, Orphan } from "../pool/orphans.ts";
import { replace, withdraw } from "../pool/requests.ts";
import { hasEntryOf } from "../pool/restore.ts";
import type { Lagging } from "../pool/strays.ts";
import { withoutSandbox } from "../pool/kept.ts";
import { type Allocation, type Entry, sameEntry, sameInterface, sameOwner } from "../pool/types.ts";
import type { Reservation } from "../storage/driver.ts";
import type { Ipam } from "./ipam.ts";
import { entryFields } from "./recorded.ts";
import { releaseAllocations } from "./release.ts";
import { detachReservation, reservationOf } from "./release_reservation.ts";

/** The result of work on a list. */
export interface Reclaimed<T> {
  /** Items that were changed. Items in neither list needed no change any more. */
  readonly done: readonly T[];
  /** Items to retry. */
  readonly failed: readonly T[];
  /** The errors of the failed items. */
  readonly failures: readonly unknown[];
}

/**
 * Frees orphans of one pool.
 *
 * @returns the freed ones
 * @throws the store's error
 */
export async function freeOrphans(ipam: Ipam, orphans: readonly Orphan[], signal: AbortSignal): Promise<Orphan[]> {
  const [first] = orphans;
  if (!first) return [];
  const freed = await releaseAllocations(ipam, first.key, orphans.map(({ allocation }) => allocation), signal);
  const addresses = new Set(freed.map(({ address }) => address));
  const done = orphans.filter(({ allocation }) => addresses.has(allocation.address));
  for (const { reason, ...orphan } of done) ipam.log.info("Freed address", { ...entryFields([orphan]), reason });
  return done;
}

/**
 * Detaches sandboxes from the entries and reservations of kept addresses.
 *
 * @throws the signal's reason once it aborts
 */
export async function detachSandboxes<D extends Detached>(
  ipam: Ipam,
  ended: readonly D[],
  signal: AbortSignal,
): Promise<Reclaimed<D>> {
  const { driver: { reservations }, log } = ipam;
  const remaining = new Map<Allocation, Allocation>(); // both sandboxes of an entry may have ended
  return await each(ended, signal, async ({ key, allocation, sandbox, reason }) => {
    using _lock = await ipam.lockPool(key, signal);
    const before = remaining.get(allocation) ?? allocation;
    const after = withoutSandbox(before, sandbox);
    let written = false;
    const onAttempt = () => {
      written = true;
    };
    await ipam.commit(key, replace(before, after), { signal, onAttempt });
    if (!written) return false;
    remaining.set(allocation, after);
    if (reservations) await detachReservation({ reservations, key, signal }, after, sandbox.containerId);
    const { podRef: pod, containerId: container } = sandbox;
    log.info("Detached sandbox", { ...entryFields([{ key, allocation: after }]), pod, container, reason });
    return true;
  });
}

/**
 * Deletes reservations that have not changed since they were read.
 *
 * @throws the signal's reason once it aborts
 */
export async function freeReservations<R extends { readonly reservation: Reservation }>(
  { driver, log }: Ipam,
  strays: readonly R[],
  signal: AbortSignal,
): Promise<Reclaimed<R>> {
  return await each(strays, signal, async ({ reservation }) => {
    const freed = await driver.reservations?.release(reservation, signal) ?? false;
    const { network, podRef } = reservation;
    if (freed) log.info("Freed reservation", { ip: formatIp(reservation.ip), pod: podRef, network });
    return freed;
  });
}

/**
 * Creates the missing reservations of entries. A reservation is deleted again if its entry no longer exists after it was created. An address
 * that is reserved for another owner by now is skipped; `check` reports it.
 *
 * @throws the signal's reason once it aborts
 */
export async function reserveEntries(
  { driver, log }: Ipam,
  entries: readonly Entry[],
  signal: AbortSignal,
): Promise<Reclaimed<Entry>> {
  const { reservations } = driver;
  if (!reservations) return { done: [], failed: [], failures: [] };
  return await each(entries, signal, async ({ key, allocation }) => {
    const wanted = reservationOf(key, allocation);
    const made = await reservations.create(wanted, signal);
    if (!made) return false;
    const { allocations } = await driver.read(key, signal);
    const present = allocations.get(allocation.address);
    if (!present || !sameOwner(present, allocation)) {
      await reservations.release(made, signal);
      return false;
    }
    log.info("Recreated reservation", entryFields([{ key, allocation }]));
    return true;
  });
}

/**
 * Updates reservations that lag behind their kept entries. A reservation that changed since it was read, or whose entry did, is skipped.
 *
 * @throws the signal's reason once it aborts
 */
export async function updateReservations<U extends Lagging<Reservation>>(
  { driver, log }: Ipam,
  lagging: readonly U[],
  signal: AbortSignal,
): Promise<Reclaimed<U>> {
  return await each(lagging, signal, async ({ entry, reservation }) => {
    const { key, allocation } = entry;
    const present = (await driver.read(key, signal)).allocations.get(allocation.address);
    if (!present || !sameEntry(present, allocation)) return false;
    const written = await driver.reservations?.takeOver(reservation, reservationOf(key, allocation), signal);
    if (written) log.info("Updated reservation", entryFields([entry]));
    return written !== undefined;
  });
}

/**
 * Recreates lost entries from their reservations. An address that has an entry by now is skipped, and so is an owner that has another one in
 * the pool. An entry is removed again if its
 * reservation no longer exists, or has another owner, after it was created.
 *
 * @throws the signal's reason once it aborts
 */
export async function restoreEntries(
  ipam: Ipam,
  entries: readonly Entry[],
  signal: AbortSignal,
): Promise<Reclaimed<Entry>> {
  const { driver, log } = ipam;
  const { reservations } = driver;
  if (!reservations) return { done: [], failed: [], failures: [] };
  return await each(entries, signal, async ({ key, allocation }) => {
    using _lock = await ipam.lockPool(key, signal);
    const written = await ipam.onSnapshot(key, async (snapshot, deadline) => {
      // its next ADD may have been faster, or a resize may move the entries of the pool
      if (obstacleIn(snapshot.move) || hasEntryOf(snapshot.allocations, allocation)) return false;
      const { changes } = adopt(snapshot.allocations, [allocation]);
      if (changes.length > 0) await driver.commit(snapshot, changes, deadline);
      return changes.length > 0;
    }, signal);
    if (!written) return false;
    const { network, ip } = reservationOf(key, allocation);
    const reserved = await reservations.find(network, ip, signal);
    if (!reserved || !sameInterface(reserved, allocation)) {
      await ipam.commit(key, withdraw(allocation), { signal });
      return false;
    }
    log.info("Recreated lost entry", entryFields([{ key, allocation }]));
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
