/**
 * How pool entries and cluster-wide reservations belong together.
 *
 * @module
 */
import { formatIp, type Ip } from "../address/ip.ts";
import type { PoolFacts } from "./orphans.ts";
import type { PodFacts } from "./pod_facts.ts";
import type { Allocation, PoolKey } from "./types.ts";

/** A reservation, as far as it is compared. */
export interface ReservationFacts {
  /** `network_name`. */
  readonly network: string;
  /** The address. */
  readonly ip: Ip;
  /** Whose. */
  readonly podRef: string;
  /** Of which interface; empty in old records. */
  readonly ifName: string;
  /** Of which sandbox; absent or empty in old records. */
  readonly containerId?: string;
}

/** Why a reservation is taken for left over. */
export type StrayReason = "pod is gone" | "no pool entry";

/** An entry and its pool. */
export interface Entry {
  /** The pool. */
  readonly key: PoolKey;
  /** The entry. */
  readonly allocation: Allocation;
}

/** Every entry of the pools, by canonical address. */
export function entriesByAddress(pools: readonly PoolFacts[]): ReadonlyMap<string, readonly Entry[]> {
  const entries = pools.flatMap(({ key, allocations }) =>
    [...allocations.values()].map((allocation) => ({ key, allocation }))
  );
  return Map.groupBy(
    entries,
    ({ key, allocation }) => formatIp({ family: key.cidr.family, value: allocation.address }),
  );
}

/** Whether the reservation is that of the entry, of whose address it is. */
export function belongsTo({ key, allocation }: Entry, { network, podRef, ifName }: ReservationFacts): boolean {
  return allocation.podRef === podRef && (allocation.ifName === ifName || !allocation.ifName || !ifName) &&
    mayBeOf(key.network, network);
}

/** A listed pool of a node's slice may carry the node behind its network: a name does not tell them apart. */
export function mayBeOf(pool: string, network: string): boolean {
  return pool === network || pool.startsWith(network && `${network}-`);
}

/**
 * Reservations that no entry stands for. One whose pod is known to live with the address is not among them: it is all that keeps the
 * address from others.
 */
export function findStrays<R extends ReservationFacts>(
  reservations: readonly R[],
  pools: readonly PoolFacts[],
  pods: readonly PodFacts[],
): { readonly reservation: R; readonly reason: StrayReason }[] {
  const entries = entriesByAddress(pools);
  const live = new Map(pods.filter(({ finished }) => !finished).map((pod) => [pod.podRef, pod]));
  return reservations.flatMap((reservation) => {
    const address = formatIp(reservation.ip);
    const pod = live.get(reservation.podRef);
    if (pod?.addresses?.has(address)) return [];
    if (entries.get(address)?.some((entry) => belongsTo(entry, reservation))) return [];
    return [{ reservation, reason: pod ? "no pool entry" : "pod is gone" }];
  });
}

/**
 * Entries of live pods that lack their reservation, and whose address nobody else of the network has reserved.
 *
 * @param reserves whether the network of a pool reserves addresses at all
 */
export function findUnreserved(
  reservations: readonly ReservationFacts[],
  pools: readonly PoolFacts[],
  pods: readonly PodFacts[],
  reserves: (key: PoolKey) => boolean,
): Entry[] {
  const live = new Set(pods.filter(({ finished }) => !finished).map(({ podRef }) => podRef));
  const reserved = Map.groupBy(reservations, ({ ip }) => formatIp(ip));
  return pools.filter(({ key }) => reserves(key)).flatMap(({ key, allocations }) =>
    [...allocations.values()].map((allocation) => ({ key, allocation })).filter((entry) => {
      const address = formatIp({ family: key.cidr.family, value: entry.allocation.address });
      return live.has(entry.allocation.podRef) &&
        !reserved.get(address)?.some(({ network }) => mayBeOf(key.network, network));
    })
  );
}
