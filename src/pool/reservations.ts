/**
 * How pool entries and cluster-wide reservations belong together.
 *
 * @module
 */
import { contains } from "../address/cidr.ts";
import { formatIp, type Ip } from "../address/ip.ts";
import type { PodFacts } from "./pod_facts.ts";
import { entriesOf, type Entry, type PoolFacts } from "./orphans.ts";
import { formatPoolKey, mayBeOf, type PoolKey } from "./types.ts";

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
  /** Its name can be that of another address of another network, too: nobody knows whose it is, so it is no stray. */
  readonly doubtful?: true;
}

/** Every entry of the pools, by canonical address. */
export function entriesByAddress(pools: readonly PoolFacts[]): ReadonlyMap<string, readonly Entry[]> {
  return Map.groupBy(
    entriesOf(pools),
    ({ key, allocation }) => formatIp({ family: key.cidr.family, value: allocation.address }),
  );
}

/** Whether the reservation is that of the entry, of whose address it is. */
export function belongsTo({ key, allocation }: Entry, { network, podRef, ifName }: ReservationFacts): boolean {
  return allocation.podRef === podRef && (allocation.ifName === ifName || !allocation.ifName || !ifName) &&
    mayBeOf(key, network);
}

/** A reservation that no entry stands for, and who has its address instead. */
export interface Stray<R extends ReservationFacts> {
  /** The reservation. */
  readonly reservation: R;
  /** The entry of its address in a pool of its network: somebody else's. Absent: there is none. */
  readonly holder?: Entry;
}

/** Reservations that no entry stands for. Whether their pods use the addresses is another question. */
export function findStrays<R extends ReservationFacts>(
  reservations: readonly R[],
  pools: readonly PoolFacts[],
): Stray<R>[] {
  const entries = entriesByAddress(pools);
  return reservations.filter(({ doubtful }) => !doubtful).flatMap((reservation) => {
    const present = entries.get(formatIp(reservation.ip)) ?? [];
    if (present.some((entry) => belongsTo(entry, reservation))) return [];
    const holder = present.find(({ key }) => isExactly(key, reservation.network));
    return [{ reservation, ...(holder && { holder }) }];
  });
}

/** The pools that the entry of a reservation may be of, each once. */
export function poolsFor(
  { network, ip, node }: ReservationFacts & { readonly node?: string },
  candidates: readonly PoolKey[],
): PoolKey[] {
  const fitting = candidates.filter((key) =>
    mayBeOf(key, network) && contains(key.cidr, ip) && (key.node === undefined || key.node === node)
  );
  return [...new Map(fitting.map((key) => [formatPoolKey(key), key])).values()];
}

/** Whether a pool is of the network, without a doubt. */
export function isExactly(key: PoolKey, network: string): boolean {
  return key.network === network && key.mayAlsoBe === undefined;
}

/**
 * Entries of live pods that lack their reservation, and whose address nobody else of the network has reserved. A pool whose network is in
 * doubt has none: nobody knows in which network to reserve.
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
  return pools.filter(({ key }) => isExactly(key, key.network) && reserves(key)).flatMap(({ key, allocations }) =>
    [...allocations.values()].map((allocation) => ({ key, allocation })).filter((entry) => {
      const address = formatIp({ family: key.cidr.family, value: entry.allocation.address });
      return live.has(entry.allocation.podRef) &&
        !reserved.get(address)?.some(({ network }) => mayBeOf(key, network));
    })
  );
}
