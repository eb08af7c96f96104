/**
 * Taking back, and putting right, what a look at the store found. Everything is done only to what is still exactly as it was seen.
 *
 * @module
 */
import { formatIp } from "../address/ip.ts";
import { findOrphans, type Orphan } from "../pool/orphans.ts";
import type { PodFacts } from "../pool/pod_facts.ts";
import { type Entry, findStrays } from "../pool/reservations.ts";
import { formatPoolKey, sameOwner } from "../pool/types.ts";
import type { Reservation } from "../storage/driver.ts";
import { retry } from "../storage/retry.ts";
import type { Ipam } from "./ipam.ts";
import { releaseAllocations } from "./release.ts";
import { reservationOf } from "./reservation.ts";

/** Orphans whose pods are asked for, and that are then freed, together. */
const CHUNK = 50;
/** Pods of a pool that are asked for at once. */
const AT_ONCE = 10;
/** Pools that are worked on at once. */
const POOLS_AT_ONCE = 4;

/** Asks the cluster for one pod, now. Undefined: there is none. An error is no answer. */
export type FindPod = (podRef: string, signal: AbortSignal) => Promise<PodFacts | undefined>;

/** What became of a list. */
export interface Reclaimed<T> {
  /** Done. */
  readonly done: readonly T[];
  /** To be tried again. */
  readonly failed: readonly T[];
  /** What could not be done, each with its reason; the rest was, or had become needless. */
  readonly failures: readonly unknown[];
}

/** What became of orphans. */
export interface Freed extends Reclaimed<Orphan> {
  /** Their pods may hold them. */
  readonly kept: readonly Orphan[];
}

/**
 * Frees orphans, some pools at a time. Each one's pod is asked for once more right before: between that and the write, a new pod of its name
 * would have to be made, scheduled and started.
 *
 * @throws the signal's reason once it aborts
 */
export async function freeOrphans(
  ipam: Ipam,
  orphans: readonly Orphan[],
  findPod: FindPod,
  signal: AbortSignal,
): Promise<Freed> {
  const done: Orphan[] = [];
  const kept: Orphan[] = [];
  const failed: Orphan[] = [];
  const failures: unknown[] = [];
  const pools = Map.groupBy(orphans, ({ key }) => formatPoolKey(key));
  const freeChunk = async (chunk: readonly Orphan[]) => {
    const { pods, unknown } = await askFor(ipam, chunk.map(({ allocation }) => allocation.podRef), findPod, signal);
    failures.push(...unknown.values());
    failed.push(...chunk.filter(({ allocation }) => unknown.has(allocation.podRef)));
    const asked = chunk.filter(({ allocation }) => !unknown.has(allocation.podRef));
    const confirmed = findAgain(asked, pods);
    kept.push(...asked.filter(({ allocation }) => !confirmed.some((one) => one.allocation === allocation)));
    try {
      done.push(...await freeEntries(ipam, confirmed, signal));
    } catch (error) {
      signal.throwIfAborted();
      failures.push(error);
      failed.push(...confirmed);
    }
  };
  const freePool = async (ofPool: readonly Orphan[]) => {
    for (const chunk of chunks(ofPool, CHUNK)) await freeChunk(chunk);
  };
  for (const some of chunks([...pools.values()], POOLS_AT_ONCE)) await Promise.all(some.map(freePool));
  for (const { key, allocation, reason } of done) {
    const address = formatIp({ family: key.cidr.family, value: allocation.address });
    ipam.log.info("Freed", { pool: formatPoolKey(key), address, pod: allocation.podRef, reason });
  }
  return { done, kept, failed, failures };
}

/** Asks for each pod once; one that cannot be asked for stops no other. */
async function askFor(
  { clock }: Ipam,
  podRefs: readonly string[],
  findPod: FindPod,
  signal: AbortSignal,
): Promise<{ readonly pods: readonly PodFacts[]; readonly unknown: ReadonlyMap<string, unknown> }> {
  const pods: PodFacts[] = [];
  const unknown = new Map<string, unknown>();
  const ask = async (podRef: string) => {
    try {
      const pod = await retry((limit) => findPod(podRef, limit), clock, signal);
      if (pod) pods.push(pod);
    } catch (error) {
      signal.throwIfAborted();
      unknown.set(podRef, error);
    }
  };
  for (const some of chunks([...new Set(podRefs)], AT_ONCE)) await Promise.all(some.map(ask));
  return { pods, unknown };
}

/** Those of one pool that are orphans by these pods too. */
function findAgain(orphans: readonly Orphan[], pods: readonly PodFacts[]): Orphan[] {
  const [first] = orphans;
  if (!first) return [];
  const allocations = new Map(orphans.map(({ allocation }) => [allocation.address, allocation]));
  return findOrphans([{ key: first.key, allocations }], pods);
}

async function freeEntries(ipam: Ipam, orphans: readonly Orphan[], signal: AbortSignal): Promise<Orphan[]> {
  const [first] = orphans;
  if (!first) return [];
  const freed = await releaseAllocations(ipam, first.key, orphans.map(({ allocation }) => allocation), signal);
  const addresses = new Set(freed.map(({ address }) => address));
  return orphans.filter(({ allocation }) => addresses.has(allocation.address));
}

/**
 * Deletes reservations that did not change since they were seen. Each one's pod is asked for once more right before: where it lives with
 * the address, the reservation is all that keeps it from others.
 *
 * @throws the signal's reason once it aborts
 */
export async function freeReservations<R extends { readonly reservation: Reservation }>(
  { driver, clock, log }: Ipam,
  strays: readonly R[],
  findPod: FindPod,
  signal: AbortSignal,
): Promise<Reclaimed<R>> {
  return await each(strays, signal, async ({ reservation }) => {
    const pod = await retry((limit) => findPod(reservation.podRef, limit), clock, signal);
    if (findStrays([reservation], [], pod ? [pod] : []).length === 0) return false;
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
  if (!overlaps) return { done: [], failed: [], failures: [] };
  return await each(entries, signal, async ({ key, allocation }) => {
    const wanted = reservationOf(key, allocation);
    const made = await retry((limit) => overlaps.create(wanted, limit), clock, signal);
    if (!made) return false;
    const { allocations } = await retry((limit) => driver.read(key, limit), clock, signal);
    const present = allocations.get(allocation.address);
    if (!present || !sameOwner(present, allocation)) {
      await retry((limit) => overlaps.release(made, limit), clock, signal);
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

function chunks<T>(items: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, i) => items.slice(i * size, (i + 1) * size));
}
