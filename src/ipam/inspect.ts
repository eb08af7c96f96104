/**
 * Inspects the whole store without changing it.
 *
 * @module
 */
import { hasClaims } from "../pool/claim_status.ts";
import type { Finding, Unreadable } from "../pool/finding.ts";
import { findInconsistencies, type StoreFacts } from "../pool/findings.ts";
import { findBesideOriginal } from "../pool/original.ts";
import type { Unconfirmed } from "../pool/orphans.ts";
import type { PoolKey } from "../pool/types.ts";
import type { PoolSnapshot, Reservation } from "../storage/driver.ts";
import type { Ipam } from "./ipam.ts";
import { readStore } from "./read_store.ts";
import type { Pods, ScanContext, Swept } from "./sweep.ts";
import { sweepEntries } from "./sweep_entries.ts";
import { Suspicions } from "./suspicions.ts";

/** The result of an inspection. */
export interface Inspected {
  /** Number of pools. */
  readonly pools: number;
  /** The pools. */
  readonly keys: readonly PoolKey[];
  /** Number of allocations. */
  readonly allocations: number;
  /** Number of reservations. */
  readonly reservations: number;
  /** Number of pods; undefined: pods are unknown. */
  readonly pods: number | undefined;
  /** Problems. ADDs and DELs in progress may show up as well. */
  readonly findings: readonly Finding[];
  /** Entries that are kept for lack of evidence. */
  readonly unconfirmed: readonly Unconfirmed[];
}

/**
 * Compares pools, reservations and, if they are known, pods, nodes, networks and slices.
 *
 * @example
 * ```ts
 * import { datastoreOf, denoWorld, inspect, openStore } from "@whereabouts/whereabouts";
 * import assert from "node:assert/strict";
 *
 * await using store = await openStore({ datastore: await datastoreOf(":memory:") }, { world: denoWorld() });
 * const { pools, findings } = await inspect(store, undefined, AbortSignal.timeout(10_000));
 * assert.deepEqual([pools, findings], [0, []]);
 * ```
 */
export async function inspect(ipam: Ipam, source: Pods | undefined, signal: AbortSignal): Promise<Inspected> {
  return await inspectRecords(ipam, source, await readRecords(ipam, source, signal), signal);
}

/** What an inspection compares. */
export interface Records extends Pick<StoreFacts, "pods" | "slices" | "claims"> {
  /** The pools. */
  readonly pools: readonly PoolSnapshot[];
  /** The reservations. */
  readonly reservations: readonly Reservation[];
  /** What cannot be read. */
  readonly unreadable: readonly Unreadable[];
}

/** Reads what an inspection compares. */
export async function readRecords(ipam: Ipam, source: Pods | undefined, signal: AbortSignal): Promise<Records> {
  const { driver } = ipam;
  const others = await driver.unreadable?.(signal) ?? [];
  // pools before pods: the pod of every listed entry is then in the list, unless it was deleted
  const { reservations, pools, unreadable } = await readStore(driver, driver.reservations, signal);
  const pods = await source?.list(signal);
  const slices = await source?.slices?.(signal);
  const claims = hasClaims(pools) ? await source?.ipamClaims?.list(signal) : undefined;
  return { pools, reservations, pods, slices, claims, unreadable: [...unreadable, ...others] };
}

/** Compares what was read. Reads only the evidence about entries that seem unused. */
export async function inspectRecords(
  ipam: Ipam,
  source: Pods | undefined,
  records: Records,
  signal: AbortSignal,
): Promise<Inspected> {
  const { pools, reservations, pods } = records;
  const { reserves, domainsOf, configured } = source ?? {};
  const { orphans, unconfirmed } = source && pods
    ? await examineEntries(ipam, source, { pools, listed: pods }, signal)
    : { orphans: undefined, unconfirmed: [] };
  const facts = { ...records, orphans, reserves, domainsOf, configured };
  return {
    pools: pools.length,
    keys: pools.map(({ key }) => key),
    allocations: pools.reduce((sum, { allocations }) => sum + allocations.size, 0),
    reservations: reservations.length,
    pods: pods?.length,
    findings: [
      ...findInconsistencies(facts),
      ...findBesideOriginal(source?.persistent?.() ?? [], pods ?? []),
      ...source?.networkFindings?.() ?? [],
    ],
    unconfirmed,
  };
}

/**
 * Scans the entries of pools once, and changes nothing.
 *
 * @returns the entries that seem unused now, including those that must last longer before they are freed, and the unconfirmed ones
 */
async function examineEntries(
  ipam: Ipam,
  pods: Pods,
  { pools, listed }: Pick<ScanContext, "pools" | "listed">,
  signal: AbortSignal,
): Promise<Pick<Swept, "orphans" | "unconfirmed" | "failures">> {
  const suspicions = new Suspicions(ipam.clock);
  const { orphans, suspected, unconfirmed, failures } = await sweepEntries({
    scope: undefined,
    marks: new Set(),
    dryRun: true,
    unreadable: [],
    ipam,
    pods,
    rules: {},
    suspicions,
    listed,
    pools,
    signal,
  });
  return { orphans: [...orphans, ...suspected], unconfirmed, failures };
}
