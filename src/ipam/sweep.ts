/**
 * Taking back what nobody holds.
 *
 * Something is freed only when two looks, a grace period apart, agree on it, when its pod, asked for once more right before, does not say
 * otherwise, and if it is still exactly as it was seen. A look that fails is no look.
 *
 * @module
 */
import { formatIp } from "../address/ip.ts";
import { agreed, findOrphans, type Orphan } from "../pool/orphans.ts";
import type { PodFacts } from "../pool/pod_facts.ts";
import { type Entry, findStrays, findUnreserved, type StrayReason } from "../pool/reservations.ts";
import { formatPoolKey, type PoolKey } from "../pool/types.ts";
import type { PoolSnapshot, Reservation } from "../storage/driver.ts";
import { retry } from "../storage/retry.ts";
import type { Ipam } from "./ipam.ts";
import { type FindPod, freeOrphans, freeReservations, reserveEntries } from "./reclaim.ts";

/** The pods of a cluster. */
export interface Pods {
  /** Every one, now. A list that is not complete is an error. */
  readonly list: (signal: AbortSignal) => Promise<readonly PodFacts[]>;
  /** One, now. */
  readonly find: FindPod;
}

/** How a sweep is made. */
export interface SweepOptions {
  /** Who lives. */
  readonly pods: Pods;
  /** Milliseconds between the two looks. */
  readonly grace: number;
  /** Look, and change nothing. */
  readonly dryRun: boolean;
  /** Whether the network of a pool reserves addresses, so that a missing reservation is made again. Absent: unknown, none is made. */
  readonly reserves?: (key: PoolKey) => boolean;
  /** Ends it. */
  readonly signal: AbortSignal;
}

/** A reservation that no pool entry stands for. */
export interface StrayReservation {
  /** The reservation. */
  readonly reservation: Reservation;
  /** Why. */
  readonly reason: StrayReason;
}

/** What a sweep came to. */
export interface Swept {
  /** Freed entries; with `dryRun` those that would be. */
  readonly orphans: readonly Orphan[];
  /** Freed reservations; with `dryRun` those that would be. */
  readonly reservations: readonly StrayReservation[];
  /** Entries whose missing reservation was made; with `dryRun` would be. */
  readonly reserved: readonly Entry[];
  /** What could not be done; the rest was. */
  readonly failures: readonly unknown[];
  /** The pools as the last look saw them, before anything was freed. */
  readonly pools: readonly PoolSnapshot[];
}

interface Look {
  readonly pools: readonly PoolSnapshot[];
  readonly orphans: readonly Orphan[];
  readonly strays: readonly StrayReservation[];
  readonly unreserved: readonly Entry[];
}

/** Milliseconds between two looks, at least: while an ADD or DEL is under way an entry and its reservation may differ. */
export const LEAST_GRACE = 5_000;

/**
 * Makes one sweep over every pool of the store.
 *
 * @throws {RangeError} the grace period is too short
 * @throws what a look threw: nothing was freed then; the signal's reason once it aborts
 */
export async function sweep(ipam: Ipam, options: SweepOptions): Promise<Swept> {
  const { grace, signal, dryRun } = options;
  if (!(grace >= LEAST_GRACE)) {
    throw new RangeError(`Cannot sweep with a grace period of ${grace} ms: wanted at least ${LEAST_GRACE}`);
  }
  const first = await look(ipam, options);
  if (first.orphans.length + first.strays.length + first.unreserved.length === 0) {
    return { orphans: [], reservations: [], reserved: [], failures: [], pools: first.pools };
  }
  await ipam.clock.sleep(grace, signal);
  const { pools, ...second } = await look(ipam, options);
  const orphans = agreed(first.orphans, second.orphans);
  const strays = inBoth(first.strays, second.strays, ({ reservation }) => reservationMark(reservation));
  const unreserved = inBoth(first.unreserved, second.unreserved, entryMark);
  if (dryRun) return { orphans, reservations: strays, reserved: unreserved, failures: [], pools };
  const freed = await freeOrphans(ipam, orphans, options.pods.find, signal);
  const released = await freeReservations(ipam, strays, options.pods.find, signal);
  const reserved = await reserveEntries(ipam, unreserved, signal);
  return {
    orphans: freed.done,
    reservations: released.done,
    reserved: reserved.done,
    failures: [freed, released, reserved].flatMap(({ failures }) => failures),
    pools,
  };
}

/** Pools first, pods last: a pod that is added between the two reads is seen with its entry, not taken for gone. */
async function look(ipam: Ipam, { pods, reserves, signal }: SweepOptions): Promise<Look> {
  const { driver, clock } = ipam;
  const { overlaps } = driver;
  const reservations = overlaps ? await retry((limit) => overlaps.list(undefined, limit), clock, signal) : [];
  const pools = await retry((limit) => driver.list(limit), clock, signal);
  const known = await retry(pods.list, clock, signal);
  return {
    pools,
    orphans: findOrphans(pools, known),
    strays: findStrays(reservations, pools, known),
    unreserved: overlaps && reserves ? findUnreserved(reservations, pools, known, reserves) : [],
  };
}

function inBoth<T>(first: readonly T[], second: readonly T[], mark: (item: T) => string): T[] {
  const seen = new Set(first.map(mark));
  return second.filter((item) => seen.has(mark(item)));
}

function reservationMark({ network, ip, podRef, token = "" }: Reservation): string {
  return [network, formatIp(ip), podRef, token].join(" ");
}

function entryMark({ key, allocation: { address, podRef, ifName, containerId } }: Entry): string {
  return [formatPoolKey(key), address, podRef, ifName, containerId].join(" ");
}
