/**
 * What `release` may release: the owners of addresses, and what a report lists.
 *
 * @module
 */
import { type Ip, parseIp, sameIp } from "../address/ip.ts";
import { type Seen, seenEntry, seenReservation } from "../ipam/sweep_report.ts";
import type { Assignment } from "../pool/evidence.ts";
import { describeOwner } from "../pool/finding.ts";
import { belongsTo } from "../pool/reservations.ts";
import { type Entry, formatPoolKey, sameOwner } from "../pool/types.ts";
import type { PoolSnapshot, Reservation } from "../storage/driver.ts";
import { UsageError } from "./define.ts";

/** An entry or a reservation, as it was seen. */
export type Target =
  & { readonly seen: Seen }
  & (
    | { readonly entry: Entry }
    | { readonly reservation: Reservation }
  );

/** What is to be released. */
export interface Found {
  /** What is still as it was seen. */
  readonly targets: readonly Target[];
  /** What is no longer as it was seen. */
  readonly changed: readonly Seen[];
}

/** Which owners and pools are meant. */
export interface Only {
  /** `namespace/name`. */
  readonly pod?: string;
  /** The pool's name. */
  readonly pool?: string;
}

/** Whether something is among what is meant. */
export function isMeant({ podRef, pool }: Seen, only: Only): boolean {
  return (only.pod === undefined || only.pod === podRef) && (only.pool === undefined || only.pool === pool);
}

/**
 * Of two owners of one address one is right, and the address does not show which one.
 *
 * @throws {UsageError} an address has several owners
 */
export function refuseAmbiguous(targets: readonly Target[]): void {
  for (const [address, same] of Map.groupBy(targets, ({ seen }) => seen.address)) {
    const owners = new Set(same.map(({ seen }) => describeOwner(seen)));
    if (owners.size < 2) continue;
    throw new UsageError(
      `Cannot release ${address}: it has ${owners.size} owners, ${[...owners].join(" and ")}; choose one with ` +
        "--pod NAMESPACE/NAME or --pool POOL",
    );
  }
}

/** Who has the addresses: entries, and reservations that no entry stands for. */
export function haveOf(
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

/** What of a report is still there as it was seen. */
export function seenIn(
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
