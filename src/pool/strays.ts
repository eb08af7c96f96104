/**
 * Matches pool entries with cluster-wide reservations.
 *
 * @module
 */
import { span } from "../address/cidr.ts";
import { formatIp, type Ip } from "../address/ip.ts";
import type { PodFacts } from "./pod_facts.ts";
import { entriesOf, type PoolFacts } from "./orphans.ts";
import { PoolIndex } from "./pool_index.ts";
import { addressOf, type Entry, formatPoolKey, isKeptFor, type Keeper, mayBeOf, type PoolKey } from "./types.ts";

/** The fields of a reservation that are compared. */
export interface ReservationFacts {
  /** `network_name`. */
  readonly network: string;
  /** The address. */
  readonly ip: Ip;
  /** The pod. */
  readonly podRef: string;
  /** The interface; empty in old records. */
  readonly ifName: string;
  /** The sandbox; absent or empty in old records. */
  readonly containerId?: string;
  /** The object that keeps the address; absent if none does. */
  readonly keeper?: Keeper;
  /** Its stored name may also mean another address of another network. Its owner is unknown, so it is never a stray. */
  readonly doubtful?: true;
}

/** By lists of pools, which are never changed: a scan compares the same list with reservations and pods several times. */
const known = new WeakMap<readonly PoolFacts[], EntryIndex>();

/** The entries of an address in all pools, without a copy of them: a cluster has them by the hundred thousand. */
type EntryIndex = (ip: Ip) => readonly Entry[];

/** Finds the entries of the pools by address, in the order of the pools. */
export function entriesByAddress(pools: readonly PoolFacts[]): EntryIndex {
  const index = known.get(pools) ?? makeIndex(pools);
  known.set(pools, index);
  return index;
}

function makeIndex(pools: readonly PoolFacts[]): EntryIndex {
  const inside = new PoolIndex(pools);
  const outside = Map.groupBy(entriesOutside(pools), (entry) => formatIp(addressOf(entry)));
  return (ip) => {
    const found = inside.containing(ip).flatMap(({ key, allocations }): Entry[] => {
      const allocation = allocations.get(ip.value);
      return allocation ? [{ key, allocation }] : [];
    });
    return outside.size === 0 ? found : [...found, ...outside.get(formatIp(ip)) ?? []];
  };
}

/** The entries whose address is outside their pool. */
export function entriesOutside(pools: readonly PoolFacts[]): Entry[] {
  return pools.flatMap((pool) => {
    const { first, last } = span(pool.key.cidr);
    return entriesOf([pool]).filter(({ allocation: { address } }) => address < first || address > last).toArray();
  });
}

/** Whether a reservation of the entry's address belongs to the entry. Of a kept address, it may name an earlier pod. */
export function belongsTo({ key, allocation }: Entry, reservation: ReservationFacts): boolean {
  const { network, podRef, ifName } = reservation;
  const isSame = allocation.podRef === podRef && (allocation.ifName === ifName || !allocation.ifName || !ifName);
  return (isSame || isKeptFor(reservation, allocation)) && mayBeOf(key, network);
}

/** A reservation without an entry, and the entry that has its address instead. */
export interface Stray<R extends ReservationFacts> {
  /** The reservation. */
  readonly reservation: R;
  /** The entry of its address in a pool of its network, of another owner. Absent: the address has no entry. */
  readonly holder?: Entry;
}

/** Reservations without an entry. Their pods may still use the addresses. */
export function findStrays<R extends ReservationFacts>(
  reservations: readonly R[],
  pools: readonly PoolFacts[],
): Stray<R>[] {
  const entries = entriesByAddress(pools);
  return reservations.filter(({ doubtful }) => !doubtful).flatMap((reservation) => {
    const present = entries(reservation.ip);
    if (present.some((entry) => belongsTo(entry, reservation))) return [];
    const holder = present.find(({ key }) => isExactly(key, reservation.network));
    return [{ reservation, ...(holder && { holder }) }];
  });
}

/** A kept entry, and the reservation of its address. */
export interface Lagging<R extends ReservationFacts> {
  /** The entry. */
  readonly entry: Entry;
  /** Its reservation, which lags behind it. */
  readonly reservation: R;
}

/**
 * Kept entries whose reservation lags behind them, because a call ended between its two writes: it names their pod, but not their keeper, so
 * that the keeper's next pod would find the address reserved for another owner; or it names a sandbox that was detached.
 */
export function findLagging<R extends ReservationFacts>(
  reservations: readonly R[],
  pools: readonly PoolFacts[],
): Lagging<R>[] {
  const entries = entriesByAddress(pools);
  return reservations.filter(({ doubtful }) => !doubtful).flatMap((reservation) =>
    (entries(reservation.ip)).filter((entry) =>
      entry.allocation.keeper && isExactly(entry.key, reservation.network) && belongsTo(entry, reservation) &&
      (!isKeptFor(entry.allocation, reservation) || (entry.allocation.containerId === "" && reservation.containerId))
    ).map((entry) => ({ entry, reservation }))
  );
}

/** The pools that may contain the entry of a reservation, each once. */
export function poolsFor(
  { network, ip, node }: ReservationFacts & { readonly node?: string },
  candidates: PoolIndex<{ readonly key: PoolKey }>,
): PoolKey[] {
  const fitting = candidates.containing(ip).map(({ key }) => key).filter((key) =>
    mayBeOf(key, network) && (key.node === undefined || key.node === node)
  );
  return [...new Map(fitting.map((key) => [formatPoolKey(key), key])).values()];
}

/** Whether a pool certainly belongs to the network. */
export function isExactly(key: PoolKey, network: string): boolean {
  return key.network === network && key.otherReadings === undefined;
}

/**
 * Entries of live pods without a reservation, whose address is not reserved for another owner in the network either. Pools whose network is
 * uncertain are skipped: the network to reserve in is unknown.
 *
 * @param reserves whether the network of a pool reserves addresses; a pool that must reserve does so anyway
 */
export function findUnreserved(
  reservations: readonly ReservationFacts[],
  pools: readonly PoolFacts[],
  pods: readonly PodFacts[],
  reserves: (key: PoolKey) => boolean,
): Entry[] {
  const entries = entriesByAddress(pools);
  const reserved = new Set(
    reservations.flatMap(({ ip, network }) =>
      entries(ip).filter(({ key }) => mayBeOf(key, network)).map(({ allocation }) => allocation)
    ),
  );
  const reserving = pools.filter(({ key, mustReserve }) =>
    isExactly(key, key.network) && (mustReserve || reserves(key))
  );
  const missing = entriesOf(reserving).filter(({ allocation }) => !reserved.has(allocation)).toArray();
  if (missing.length === 0) return []; // as usual: the pods need not be indexed
  const live = new Set(pods.filter(({ finished }) => !finished).map(({ podRef }) => podRef));
  return missing.filter(({ allocation: { keeper, podRef } }) => keeper || live.has(podRef));
}
