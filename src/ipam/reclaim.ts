/**
 * Taking back, and putting right, what a look at the store found. Everything is done only to what is still exactly as it was seen.
 *
 * @module
 */
import { formatIp } from "../address/ip.ts";
import { findOrphans, type Orphan, type PodFacts } from "../pool/orphans.ts";
import type { Entry } from "../pool/reservations.ts";
import { formatPoolKey, sameOwner } from "../pool/types.ts";
import type { Reservation } from "../storage/driver.ts";
import { retry } from "../storage/retry.ts";
import type { Ipam } from "./ipam.ts";
import { releaseAllocations } from "./release.ts";
import { reservationOf } from "./reservation.ts";

/** Orphans whose pods are asked for, and that are then freed, together. */
const CHUNK = 50;
/** Pods that are asked for at once. */
const AT_ONCE = 10;

/** Asks the cluster for one pod, now. Undefined: there is none. An error is no answer. */
export type FindPod = (podRef: string, signal: AbortSignal) => Promise<PodFacts | undefined>;

/** What became of a list. */
export interface Reclaimed<T> {
  /** Done. */
  readonly done: readonly T[];
  /** What could not be done, each with its reason; the rest was. */
  readonly failures: readonly unknown[];
}

/**
 * Frees orphans, pool by pool. Each one's pod is asked for once more right before: between that and the write, a new pod of its name
 * would have to be made, scheduled and started.
 *
 * @throws the signal's reason once it aborts
 */
export async function freeOrphans(
  ipam: Ipam,
  orphans: readonly Orphan[],
  findPod: FindPod,
  signal: AbortSignal,
): Promise<Reclaimed<Orphan>> {
  const done: Orphan[] = [];
  const failures: unknown[] = [];
  const pools = Map.groupBy(orphans, ({ key }) => formatPoolKey(key));
  for (const chunk of [...pools.values()].flatMap((ofPool) => chunks(ofPool, CHUNK))) {
    try {
      done.push(...await freeChunk(ipam, chunk, findPod, signal));
    } catch (error) {
      signal.throwIfAborted();
      failures.push(error);
    }
  }
  for (const { key, allocation, reason } of done) {
    const address = formatIp({ family: key.cidr.family, value: allocation.address });
    ipam.log.info("Freed", { pool: formatPoolKey(key), address, pod: allocation.podRef, reason });
  }
  return { done, failures };
}

async function freeChunk(
  ipam: Ipam,
  chunk: readonly Orphan[],
  findPod: FindPod,
  signal: AbortSignal,
): Promise<Orphan[]> {
  const [first] = chunk;
  if (!first) return [];
  const { key } = first;
  const pods: PodFacts[] = [];
  for (const podRefs of chunks([...new Set(chunk.map(({ allocation }) => allocation.podRef))], AT_ONCE)) {
    const find = (podRef: string) => retry((limit) => findPod(podRef, limit), ipam.clock, signal);
    pods.push(...(await Promise.all(podRefs.map(find))).filter((pod) => pod !== undefined));
  }
  const allocations = new Map(chunk.map(({ allocation }) => [allocation.address, allocation]));
  const confirmed = findOrphans([{ key, allocations }], pods);
  if (confirmed.length === 0) return [];
  const freed = await releaseAllocations(ipam, key, confirmed.map(({ allocation }) => allocation), signal);
  const addresses = new Set(freed.map(({ address }) => address));
  return confirmed.filter(({ allocation }) => addresses.has(allocation.address));
}

/**
 * Deletes reservations that did not change since they were seen.
 *
 * @throws the signal's reason once it aborts
 */
export async function freeReservations<R extends { readonly reservation: Reservation }>(
  { driver, clock, log }: Ipam,
  strays: readonly R[],
  signal: AbortSignal,
): Promise<Reclaimed<R>> {
  return await each(strays, signal, async ({ reservation }) => {
    const release = (limit: AbortSignal) => driver.overlaps?.release(reservation, limit) ?? Promise.resolve(false);
    const freed = await retry(release, clock, signal);
    const { network, podRef } = reservation;
    if (freed) log.info("Freed a reservation", { address: formatIp(reservation.ip), network, pod: podRef });
    return freed;
  });
}

/**
 * Makes the missing reservations of entries. One whose entry is gone when it is made is taken back; an address that somebody else has
 * reserved meanwhile is left for `check` to tell.
 *
 * @throws the signal's reason once it aborts
 */
export async function reserveEntries(
  { driver, clock, log }: Ipam,
  entries: readonly Entry[],
  signal: AbortSignal,
): Promise<Reclaimed<Entry>> {
  const { overlaps } = driver;
  if (!overlaps) return { done: [], failures: [] };
  return await each(entries, signal, async ({ key, allocation }) => {
    const wanted = reservationOf(key, allocation);
    const claim = await retry((limit) => overlaps.claim(wanted, limit), clock, signal);
    if (claim.kind !== "created") return false;
    const { allocations } = await retry((limit) => driver.read(key, limit), clock, signal);
    const present = allocations.get(allocation.address);
    if (!present || !sameOwner(present, allocation)) {
      await retry((limit) => overlaps.release(claim.reservation, limit), clock, signal);
      return false;
    }
    log.info("Reserved again", { address: formatIp(wanted.ip), pool: formatPoolKey(key), pod: allocation.podRef });
    return true;
  });
}

async function each<T>(
  items: readonly T[],
  signal: AbortSignal,
  work: (item: T) => Promise<boolean>,
): Promise<Reclaimed<T>> {
  const done: T[] = [];
  const failures: unknown[] = [];
  for (const item of items) {
    try {
      if (await work(item)) done.push(item);
    } catch (error) {
      signal.throwIfAborted();
      failures.push(error);
    }
  }
  return { done, failures };
}

function chunks<T>(items: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, i) => items.slice(i * size, (i + 1) * size));
}
