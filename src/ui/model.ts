/**
 * Derives what the page shows from what was read. Pure.
 *
 * @module
 */
import { formatCidr } from "../address/cidr.ts";
import { compareIp, parseIp } from "../address/ip.ts";
import { capacity, type IpRange, unboundedRange } from "../address/range.ts";
import type { PodsSource } from "../controllers/pods_source.ts";
import type { Inspected, Records } from "../ipam/inspect.ts";
import { type Finding, KINDS, SEVERITY_RANKS } from "../pool/finding.ts";
import { type Entry, formatPoolKey, type PoolKey } from "../pool/types.ts";
import { slicesInUse } from "../pool/slice_use.ts";
import type { PoolSnapshot } from "../storage/driver.ts";
import { type DetailFacts, detailOf, domainOf, entryPlace, placeOf } from "./detail.ts";
import {
  ENTRY_STATES,
  type FindingSummary,
  type PoolDetail,
  type PoolSummary,
  type SlicesSummary,
  type Summary,
} from "./types.ts";

/** What was read in one go. */
export interface Reading {
  /** The store, for people. */
  readonly where: string;
  /** Milliseconds since 1970. */
  readonly at: number;
  /** The records. */
  readonly records: Records;
  /** The conclusions. */
  readonly inspected: Pick<Inspected, "findings" | "unconfirmed">;
  /** The configuration of networks. Undefined: unknown. */
  readonly source: Pick<PodsSource, "rangeOf" | "usersOf"> | undefined;
  /** What could not be read: one sentence each. */
  readonly notices: readonly string[];
  /** The command for a finding; empty if there is no such command. */
  readonly commandFor: (finding: Finding) => string;
}

/** The page's data. */
export interface Model {
  /** Everything but the addresses. Versions of pools are 0. */
  readonly summary: Summary;
  /** The addresses, by the name of the pool. */
  readonly details: ReadonlyMap<string, PoolDetail>;
}

/** The page's data. */
export function modelOf(reading: Reading): Model {
  const { where, at, records, inspected, source, notices, commandFor } = reading;
  const rangeOf = (key: PoolKey): IpRange => source?.rangeOf?.(key) ?? unboundedRange(key.cidr);
  const facts = factsOf(reading);
  const details = new Map(
    records.pools.map((pool) => [formatPoolKey(pool.key), detailOf(pool, rangeOf(pool.key), facts)]),
  );
  const findings = inspected.findings.map((one) => findingOf(one, commandFor(one)))
    .sort((a, b) => SEVERITY_RANKS[a.severity] - SEVERITY_RANKS[b.severity] || compare(a.kind, b.kind));
  const counts = countBy(findings.map(({ pool }) => pool));
  const pools = records.pools.map((pool): PoolSummary => ({
    ...summaryOf(pool, rangeOf(pool.key), details.get(formatPoolKey(pool.key))),
    attachments: source?.usersOf?.(pool.key) ?? [],
    findings: counts.get(formatPoolKey(pool.key)) ?? 0,
  }));
  return { summary: { where, at, pools, findings, slices: slicesOf(records, rangeOf), notices }, details };
}

function factsOf({ at, records, inspected: { findings, unconfirmed } }: Reading): DetailFacts {
  const nodes = new Map(records.pods?.map(({ podRef, node = "" }) => [podRef, node]));
  const placed = findings.flatMap((finding) => {
    const ip = parseIp(finding.address);
    return ip ? [{ ip, finding }] : [];
  });
  const ofPods = placed.filter(({ finding: { subject } }) => subject === "pod");
  const byPlace = Map.groupBy(placed, ({ ip, finding: { network } }) => placeOf(network, ip));
  const placeOfEntry = ({ key, allocation }: Entry) => entryPlace(key, allocation.address);
  const sorted = records.reservations.toSorted((a, b) => compareIp(a.ip, b.ip));
  return {
    podAddresses: Map.groupBy(ofPods, ({ finding }) => finding.network),
    findings: new Map([...byPlace].map(([place, found]) => [place, found.map(({ finding }) => finding)])),
    unconfirmed: new Map(unconfirmed.map((one) => [placeOfEntry(one), one])),
    reservations: Map.groupBy(sorted, ({ network, ip: { family } }) => domainOf(network, family)),
    nodeOf: (podRef) => nodes.get(podRef) ?? "",
    now: at,
  };
}

function summaryOf(
  { key, allocations }: PoolSnapshot,
  range: IpRange,
  detail: PoolDetail | undefined,
): Omit<PoolSummary, "attachments" | "findings"> {
  return {
    name: formatPoolKey(key),
    network: key.network,
    node: key.node ?? "",
    cidr: formatCidr(key.cidr),
    used: allocations.size,
    capacity: `${capacity(range)}`,
    resting: detail?.entries.filter(([, state]) => state === RESTING).length ?? 0,
    version: 0,
  };
}

const RESTING = ENTRY_STATES.indexOf("resting");

function findingOf(finding: Finding, command: string): FindingSummary {
  const { kind, address, pool, podRef, message } = finding;
  const { severity, remedy } = KINDS[kind];
  return { kind, severity, address, pool, pod: podRef, message, remedy, command };
}

function slicesOf({ slices, pools }: Records, rangeOf: (key: PoolKey) => IpRange): SlicesSummary[] {
  if (!slices) return [];
  const nodes = slices.nodes.map(({ name }) => name);
  const { lists } = slicesInUse({ stored: slices.stored, nodes, pools, capacityOf: (key) => capacity(rangeOf(key)) });
  return lists.map(({ name, range, refused = "", slices, withoutSlice }) => ({
    name,
    range,
    refused,
    slices: slices.map(({ slice, node, pool }) => ({ cidr: slice, node, pool })),
    without: withoutSlice,
    missing: [...new Set(slices.filter(({ state }) => state === "stale").map(({ node }) => node))].sort(),
  }));
}

function countBy(keys: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const key of keys) counts.set(key, (counts.get(key) ?? 0) + 1);
  return counts;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
