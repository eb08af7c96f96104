/**
 * What does not fit together in a store: the checker's rules.
 *
 * @module
 */
import { contains, overlap } from "../address/cidr.ts";
import { formatIp, type Ip } from "../address/ip.ts";
import { findOrphans, type PodFacts, type PoolFacts } from "./orphans.ts";
import { type Allocation, formatPoolKey } from "./types.ts";

/** Kinds of findings. */
export type FindingKind =
  | "orphan"
  | "duplicate"
  | "outside-range"
  | "same-interface-twice"
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

/** A reservation, as far as it is compared. */
export interface ReservationFacts {
  /** `network_name`. */
  readonly network: string;
  /** The address. */
  readonly ip: Ip;
  /** Whose. */
  readonly podRef: string;
  /** Of which interface. */
  readonly ifName: string;
}

interface Entry {
  readonly pool: PoolFacts;
  readonly allocation: Allocation;
  readonly address: string;
}

/**
 * Compares pools, reservations and pods.
 *
 * @param pods undefined: pods are not looked at
 */
export function findInconsistencies(
  pools: readonly PoolFacts[],
  reservations: readonly ReservationFacts[],
  pods: readonly PodFacts[] | undefined,
): Finding[] {
  const entries = pools.flatMap((pool) =>
    [...pool.allocations.values()].map((allocation): Entry => ({
      pool,
      allocation,
      address: formatIp({ family: pool.key.cidr.family, value: allocation.address }),
    }))
  );
  return [
    ...outside(entries),
    ...duplicates(entries),
    ...twice(entries),
    ...strayReservations(entries, reservations),
    ...(pods ? orphans(pools, pods) : []),
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

/** One address in two pools of a network that overlap, held by two owners. */
function duplicates(entries: readonly Entry[]): Finding[] {
  const byAddress = Map.groupBy(entries, ({ pool, address }) => `${pool.key.network} ${address}`);
  return [...byAddress.values()].flatMap((same) =>
    same.slice(1).filter(({ pool, allocation }) =>
      same[0] && overlap(pool.key.cidr, same[0].pool.key.cidr) &&
      (allocation.podRef !== same[0].allocation.podRef || allocation.ifName !== same[0].allocation.ifName)
    ).map((entry) =>
      finding(
        "duplicate",
        entry,
        `${entry.address} is allocated to ${entry.allocation.podRef} and to ${same[0]?.allocation.podRef}`,
      )
    )
  );
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

function strayReservations(entries: readonly Entry[], reservations: readonly ReservationFacts[]): Finding[] {
  const byAddress = Map.groupBy(entries, ({ address }) => address);
  return reservations.flatMap(({ ip, podRef, ifName }): Finding[] => {
    const address = formatIp(ip);
    const holders = byAddress.get(address) ?? [];
    const own = holders.some(({ allocation }) =>
      allocation.podRef === podRef && (ifName === "" || allocation.ifName === ifName)
    );
    if (own) return [];
    const holder = holders[0];
    const pool = holder ? formatPoolKey(holder.pool.key) : "";
    const message = holder
      ? `${address} is reserved for ${podRef} and allocated to ${holder.allocation.podRef}`
      : `${address} is reserved for ${podRef}, and no pool has it allocated`;
    return [{ kind: holder ? "reservation-of-another" : "reservation-without-entry", address, pool, podRef, message }];
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
