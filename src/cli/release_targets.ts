/**
 * Finds what `release` may release: the owners of addresses, or the records of a report.
 *
 * @module
 */
import { type Ip, parseIp, sameIp } from "../address/ip.ts";
import { type Seen, seenEntry, seenReservation } from "../ipam/sweep_report.ts";
import type { Assignment } from "../pool/evidence.ts";
import { describeOwner } from "../pool/finding.ts";
import { belongsTo } from "../pool/strays.ts";
import { type Entry, formatPoolKey, sameOwner } from "../pool/types.ts";
import type { PoolSnapshot, Reservation } from "../storage/driver.ts";
import { UsageError } from "./define.ts";

/** An entry or a reservation, as read. */
export type Target =
  & { readonly seen: Seen }
  & (
    | { readonly entry: Entry }
    | { readonly reservation: Reservation }
  );

/** The records to release. */
export interface Found {
  /** Unchanged records. */
  readonly targets: readonly Target[];
  /** Records that changed since the report. */
  readonly changed: readonly Seen[];
}

/** Selects owners and pools. */
export interface Only {
  /** `namespace/name`. */
  readonly pod?: string;
  /** The pool's name. */
  readonly pool?: string;
}

/** Whether a record is selected. */
export function isSelected({ podRef, pool }: Seen, only: Only): boolean {
  return (only.pod === undefined || only.pod === podRef) && (only.pool === undefined || only.pool === pool);
}

/**
 * Refuses addresses with several owners, since the address does not show which owner is right.
 *
 * @throws {UsageError} an address has several owners
 */
export function refuseAmbiguous(targets: readonly Target[]): void {
  for (const [address, same] of Map.groupBy(targets, ({ seen }) => seen.address)) {
    const owners = new Set(same.map(({ seen }) => describeOwner(seen)));
    if (owners.size < 2) continue;
    throw new UsageError(
      `Cannot release ${address}: it has ${owners.size} owners, ${[...owners].join(" and ")}; select one with ` +
        "--pod NAMESPACE/NAME or --pool POOL",
    );
  }
}

/** The records of addresses: entries, and reservations without an entry. */
export function findByAddress(
  wanted: readonly Ip[],
  pools: readonly PoolSnapshot[],
  reservations: readonly Reservation[],
): Found {
  const targets = wanted.flatMap((ip): Target[] => {
    const entries = pools.flatMap(({ key, allocations }) => {
      const allocation = key.cidr.family === ip.family ? allocations.get(ip.value) : undefined;
      return allocation ? [{ key, allocation }] : [];
    });
    const alone = reservations.filter((one) => sameIp(one.ip, ip) && !entries.some((entry) => belongsTo(entry, one)));
    return [
      ...entries.map((entry) => ({ seen: seenEntry(entry), entry })),
      ...alone.map((reservation) => ({ seen: seenReservation(reservation), reservation })),
    ];
  });
  return { targets, changed: [] };
}

/** The records of a report that are unchanged, and those that changed. */
export function findByReport(
  all: readonly Seen[],
  pools: readonly PoolSnapshot[],
  reservations: readonly Reservation[],
): Found {
  const byName = new Map(pools.map((pool) => [formatPoolKey(pool.key), pool]));
  const targets: Target[] = [];
  const changed: Seen[] = [];
  for (const seen of all) {
    const ip = parseIp(seen.address);
    const pool = byName.get(seen.pool);
    const isEntry = seen.subject === "entry" && ip?.family === pool?.key.cidr.family;
    const allocation = isEntry && ip ? pool?.allocations.get(ip.value) : undefined;
    const reservation = seen.subject === "reservation"
      ? reservations.find((one) => ip && sameIp(one.ip, ip) && one.network === seen.network && sameOwner(one, seen))
      : undefined;
    if (pool && allocation && sameOwner(allocation, seen)) {
      targets.push({ seen, entry: { key: pool.key, allocation } });
    } else if (reservation) targets.push({ seen, reservation });
    else changed.push(seen);
  }
  return { targets, changed };
}

/** The address and owner of a target. */
export function claimedOf(target: Target): Assignment {
  if (!("entry" in target)) return { owner: target.reservation, ip: target.reservation.ip };
  const { key: { cidr }, allocation } = target.entry;
  return { owner: allocation, ip: { family: cidr.family, value: allocation.address }, range: cidr };
}
