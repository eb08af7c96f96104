/**
 * What does not fit together in a store: the checker's rules.
 *
 * @module
 */
import { contains, overlap } from "../address/cidr.ts";
import { formatIp, parseIp } from "../address/ip.ts";
import { findOrphans, type PodFacts, type PoolFacts } from "./orphans.ts";
import { belongsTo, findUnreserved, type ReservationFacts } from "./reservations.ts";
import { type Allocation, formatPoolKey, type PoolKey } from "./types.ts";

/** Kinds of findings. */
export type FindingKind =
  | "orphan"
  | "duplicate"
  | "outside-range"
  | "unowned"
  | "same-interface-twice"
  | "pod-address-unallocated"
  | "pod-address-of-another"
  | "entry-without-reservation"
  | "reservation-without-entry"
  | "reservation-of-another";

/** One thing that does not fit. */
export interface Finding {
  /** What kind. */
  readonly kind: FindingKind;
  /** The address, canonical. */
  readonly address: string;
  /** The pool's name; empty where no pool is concerned. */
  readonly pool: string;
  /** The pod's reference. */
  readonly podRef: string;
  /** One sentence. */
  readonly message: string;
}

/** What is compared. */
export interface StoreFacts {
  /** Every pool. */
  readonly pools: readonly PoolFacts[];
  /** Every reservation. */
  readonly reservations: readonly ReservationFacts[];
  /** Every pod; undefined: pods are not looked at. */
  readonly pods?: readonly PodFacts[] | undefined;
  /** Whether the network of a pool reserves addresses; undefined: unknown, missing reservations are not looked for. */
  readonly reserves?: ((key: PoolKey) => boolean) | undefined;
}

interface Entry {
  readonly pool: PoolFacts;
  readonly allocation: Allocation;
  readonly address: string;
}

/** Compares pools, reservations and pods. */
export function findInconsistencies({ pools, reservations, pods, reserves }: StoreFacts): Finding[] {
  const entries = pools.flatMap((pool) =>
    [...pool.allocations.values()].map((allocation): Entry => ({
      pool,
      allocation,
      address: formatIp({ family: pool.key.cidr.family, value: allocation.address }),
    }))
  );
  const byAddress = Map.groupBy(entries, ({ address }) => address);
  return [
    ...outside(entries),
    ...unowned(entries),
    ...duplicates(byAddress),
    ...twice(entries),
    ...strayReservations(byAddress, reservations),
    ...(pods ? orphans(pools, pods) : []),
    ...(pods ? unallocated(pools, byAddress, pods) : []),
    ...(pods && reserves ? unreserved(pools, reservations, pods, reserves) : []),
  ];
}

function finding(kind: FindingKind, { pool, allocation, address }: Entry, message: string): Finding {
  return { kind, address, pool: formatPoolKey(pool.key), podRef: allocation.podRef, message };
}

function outside(entries: readonly Entry[]): Finding[] {
  return entries.filter(({ pool, allocation }) =>
    !contains(pool.key.cidr, { family: pool.key.cidr.family, value: allocation.address })
  ).map((entry) =>
    finding("outside-range", entry, `${entry.address} lies outside of its pool ${formatPoolKey(entry.pool.key)}`)
  );
}

/** The original keeps them for ever, and so does the sweep: nobody can be asked whether they are in use. */
function unowned(entries: readonly Entry[]): Finding[] {
  return entries.filter(({ allocation }) => allocation.podRef === "").map((entry) =>
    finding("unowned", entry, `${entry.address} is allocated to no pod: release it by hand once nobody uses it`)
  );
}

/** One address in two pools of a network that overlap, held by two owners. */
function duplicates(byAddress: ReadonlyMap<string, readonly Entry[]>): Finding[] {
  return [...byAddress.values()].flatMap((same) =>
    same.flatMap((entry, i) => {
      const other = same.slice(0, i).find((before) => meets(before, entry) && !sameHolder(before, entry));
      if (!other) return [];
      const message = `${entry.address} is allocated to ${entry.allocation.podRef} and to ${other.allocation.podRef}`;
      return [finding("duplicate", entry, message)];
    })
  );
}

function meets(a: Entry, b: Entry): boolean {
  return a.pool.key.network === b.pool.key.network && overlap(a.pool.key.cidr, b.pool.key.cidr);
}

function sameHolder({ allocation: a }: Entry, { allocation: b }: Entry): boolean {
  return a.podRef === b.podRef && (a.ifName === b.ifName || !a.ifName || !b.ifName);
}

/** Two addresses of one pool for one interface: only one of them can be in use. */
function twice(entries: readonly Entry[]): Finding[] {
  const byInterface = Map.groupBy(
    entries,
    ({ pool, allocation }) =>
      `${formatPoolKey(pool.key)} ${allocation.podRef} ${allocation.ifName} ${allocation.containerId}`,
  );
  return [...byInterface.values()].flatMap((same) =>
    same.slice(1).map((entry) =>
      finding(
        "same-interface-twice",
        entry,
        `${entry.allocation.podRef} (${entry.allocation.ifName}) has ${entry.address} and ${
          same[0]?.address
        } of one pool`,
      )
    )
  );
}

function strayReservations(
  byAddress: ReadonlyMap<string, readonly Entry[]>,
  reservations: readonly ReservationFacts[],
): Finding[] {
  return reservations.flatMap((reservation): Finding[] => {
    const { ip, podRef, ifName, network } = reservation;
    const address = formatIp(ip);
    const holders = byAddress.get(address) ?? [];
    if (holders.some(({ pool, allocation }) => belongsTo({ key: pool.key, allocation }, reservation))) return [];
    const holder = holders.find(({ pool }) => pool.key.network === network);
    const whose = ifName === "" ? podRef : `${podRef} (${ifName})`;
    const where = network === "" ? "" : ` in network ${network}`;
    const message = holder
      ? `${address} is reserved for ${whose}${where} and allocated to ${holder.allocation.podRef} (${holder.allocation.ifName})`
      : `${address} is reserved for ${whose}${where}, and no pool has it allocated`;
    const pool = holder ? formatPoolKey(holder.pool.key) : "";
    return [{ kind: holder ? "reservation-of-another" : "reservation-without-entry", address, pool, podRef, message }];
  });
}

/** Addresses that pods say they have, inside of a pool, without an entry of theirs. */
function unallocated(
  pools: readonly PoolFacts[],
  byAddress: ReadonlyMap<string, readonly Entry[]>,
  pods: readonly PodFacts[],
): Finding[] {
  return pods.filter(({ running }) => running).flatMap(({ podRef, attached = [] }) =>
    [...attached].flatMap((address): Finding[] => {
      const holders = byAddress.get(address) ?? [];
      if (holders.some(({ allocation }) => allocation.podRef === podRef)) return [];
      const ip = parseIp(address);
      const pool = holders[0]?.pool ?? pools.find(({ key }) => ip && contains(key.cidr, ip));
      if (!pool) return [];
      const holder = holders[0]?.allocation.podRef;
      const message = holder === undefined
        ? `${podRef} has ${address}, which its pool does not have allocated`
        : `${podRef} has ${address}, which is allocated to ${holder || "nobody"}`;
      const kind = holder === undefined ? "pod-address-unallocated" : "pod-address-of-another";
      return [{ kind, address, pool: formatPoolKey(pool.key), podRef, message }];
    })
  );
}

function unreserved(
  pools: readonly PoolFacts[],
  reservations: readonly ReservationFacts[],
  pods: readonly PodFacts[],
  reserves: (key: PoolKey) => boolean,
): Finding[] {
  return findUnreserved(reservations, pools, pods, reserves).map(({ key, allocation }) => {
    const address = formatIp({ family: key.cidr.family, value: allocation.address });
    const message = `${address} is allocated to ${allocation.podRef}, and not reserved over overlapping pools`;
    return {
      kind: "entry-without-reservation",
      address,
      pool: formatPoolKey(key),
      podRef: allocation.podRef,
      message,
    };
  });
}

function orphans(pools: readonly PoolFacts[], pods: readonly PodFacts[]): Finding[] {
  return findOrphans(pools, pods).map(({ key, allocation, reason }) => {
    const address = formatIp({ family: key.cidr.family, value: allocation.address });
    const message = `${address} is allocated to ${allocation.podRef}, but ${
      reason === "pod is gone" ? "the pod is gone" : `the ${reason}`
    }`;
    return { kind: "orphan", address, pool: formatPoolKey(key), podRef: allocation.podRef, message };
  });
}
