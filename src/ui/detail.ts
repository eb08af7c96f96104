/**
 * The addresses of one pool, with the state of each.
 *
 * @module
 */
import type { Family, Ip } from "../address/ip.ts";
import { type Cidr, contains, span } from "../address/cidr.ts";
import { type IpRange, mergeIntervals } from "../address/range.ts";
import { type Finding, KINDS, shortId } from "../pool/finding.ts";
import { describeKeeper } from "../pool/keepers.ts";
import type { Unconfirmed } from "../pool/orphans.ts";
import { restingAt } from "../pool/reuse.ts";
import { type Allocation, formatPoolKey, type Owner, type PoolKey } from "../pool/types.ts";
import type { PoolSnapshot, Reservation } from "../storage/driver.ts";
import { ENTRY_STATES, type EntryRow, type EntryState, type Offset, type PoolDetail } from "./types.ts";

/** What the states of addresses are derived from. */
export interface DetailFacts {
  /** Findings with an address, by {@linkcode placeOf}. */
  readonly findings: ReadonlyMap<string, readonly Finding[]>;
  /** Addresses that pods use without an entry of theirs, by network. */
  readonly podAddresses: ReadonlyMap<string, readonly { readonly ip: Ip; readonly finding: Finding }[]>;
  /** Entries that are kept for lack of evidence, by {@linkcode entryPlace}. */
  readonly unconfirmed: ReadonlyMap<string, Unconfirmed>;
  /** Reservations by {@linkcode domainOf}, lowest address first. */
  readonly reservations: ReadonlyMap<string, readonly Reservation[]>;
  /** The node of a pod; empty if unknown. */
  readonly nodeOf: (podRef: string) => string;
  /** Milliseconds since 1970. */
  readonly now: number;
}

/** The key of an address in a network. Not its text: a store has many addresses, and few with findings. */
export function placeOf(network: string, { family, value }: Ip): string {
  return `${domainOf(network, family)} ${value}`;
}

/** The key of the addresses of one family in a network. */
export function domainOf(network: string, family: Family): string {
  return `${family} ${network}`;
}

/** The key of an entry. */
export function entryPlace(key: PoolKey, address: bigint): string {
  return `${formatPoolKey(key)} ${address}`;
}

/** The addresses of a pool that are recorded, and those that are never allocated. */
export function detailOf(pool: PoolSnapshot, range: IpRange, facts: DetailFacts): PoolDetail {
  const { key, allocations } = pool;
  const { base } = key.cidr;
  const rows = new Map<bigint, EntryRow>();
  for (const allocation of allocations.values()) rows.set(allocation.address, allocationRow(key, allocation, facts));
  const add = (address: bigint, state: EntryState, owner: Partial<Owner>, note: string) => {
    if (!rows.has(address)) rows.set(address, row(address - base, state, owner, facts, note));
  };
  for (const [address, rest] of restingAt(pool.reuse, facts.now, (address) => allocations.has(address))) {
    add(address, "resting", rest, `released ${new Date(rest.since).toISOString()}`);
  }
  for (const reservation of inside(facts.reservations.get(domainOf(key.network, key.cidr.family)) ?? [], key.cidr)) {
    const found = facts.findings.get(placeOf(key.network, reservation.ip)) ?? [];
    add(reservation.ip.value, stateBy(found) ?? "reserved", reservation, noteOf(found));
  }
  for (const { ip, finding } of facts.podAddresses.get(key.network) ?? []) {
    if (contains(key.cidr, ip)) add(ip.value, "conflict", finding, finding.message);
  }
  return {
    unavailable: unavailable(key, range).map(([first, last]) => [offset(first - base), offset(last - base)]),
    skipsZero: key.cidr.family === 4 && key.cidr.prefix < 31 && range.l3 !== true,
    entries: [...rows].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, one]) => one),
  };
}

/** The part of a sorted list that a pool contains: a network may have thousands of pools and as many reservations. */
function* inside(sorted: readonly Reservation[], cidr: Cidr): Generator<Reservation> {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((sorted[middle]?.ip.value ?? 0n) < cidr.base) low = middle + 1;
    else high = middle;
  }
  for (let i = low; i < sorted.length; i++) {
    const one = sorted[i];
    if (!one || !contains(cidr, one.ip)) return;
    yield one;
  }
}

function allocationRow(key: PoolKey, allocation: Allocation, facts: DetailFacts): EntryRow {
  const { address, keeper, containerId } = allocation;
  const found = facts.findings.get(placeOf(key.network, { family: key.cidr.family, value: address })) ?? [];
  const kept = keeper ? `kept by ${describeKeeper(keeper)}` : "";
  const state = stateBy(found) ?? (keeper && containerId === "" ? "stopped" : "used");
  const doubt = facts.unconfirmed.get(entryPlace(key, address));
  const notes = [kept, noteOf(found), doubt ? `not confirmed: ${doubt.why}` : ""].filter((text) => text !== "");
  return row(address - key.cidr.base, state, { node: key.node ?? "", ...allocation }, facts, notes.join("; "));
}

function row(distance: bigint, state: EntryState, owner: Partial<Owner>, facts: DetailFacts, note: string): EntryRow {
  const { podRef = "", ifName = "", containerId = "" } = owner;
  const node = owner.node || facts.nodeOf(podRef);
  const id = containerId === "" ? "" : shortId({ containerId });
  return [offset(distance), ENTRY_STATES.indexOf(state), podRef, ifName, node, id, note];
}

/** The worst state that findings about an address show. */
function stateBy(found: readonly Finding[]): EntryState | undefined {
  if (found.some(({ kind }) => KINDS[kind].severity === "conflict")) return "conflict";
  return found.some(({ kind }) => kind !== "entry-without-reservation") ? "leaked" : undefined;
}

function noteOf(found: readonly Finding[]): string {
  return found.map(({ message }) => message).join("; ");
}

/** The intervals of a pool that its range never allocates. */
function unavailable({ cidr }: PoolKey, { first, last, excludes, picks }: IpRange): [bigint, bigint][] {
  const all = span(cidr);
  const [low, high] = [first > all.first ? first : all.first, last < all.last ? last : all.last];
  const within = excludes.filter((hole) => hole.last >= all.first && hole.first <= all.last);
  const outside = [
    ...(low > all.first ? [{ first: all.first, last: low - 1n }] : []),
    ...(high < all.last ? [{ first: high + 1n, last: all.last }] : []),
    ...(picks ? between(picks, low, high) : []),
  ];
  return mergeIntervals([...outside, ...within]).map((one) => [
    one.first > all.first ? one.first : all.first,
    one.last < all.last ? one.last : all.last,
  ]);
}

/** The gaps between the only addresses to allocate. */
function between(picks: readonly bigint[], low: bigint, high: bigint) {
  const sorted = [...picks].filter((one) => one >= low && one <= high).sort((a, b) => (a < b ? -1 : 1));
  return [low - 1n, ...sorted].map((one, i) => ({ first: one + 1n, last: (sorted[i] ?? high + 1n) - 1n }))
    .filter(({ first, last }) => first <= last);
}

function offset(distance: bigint): Offset {
  return distance <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(distance) : `${distance}`;
}
