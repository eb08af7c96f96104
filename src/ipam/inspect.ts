/**
 * One look at everything that a store holds, without changing it.
 *
 * @module
 */
import type { Finding } from "../pool/finding.ts";
import { findInconsistencies } from "../pool/findings.ts";
import type { Unconfirmed } from "../pool/orphans.ts";
import type { Ipam } from "./ipam.ts";
import type { LookContext, Pods, Swept } from "./sweep.ts";
import { sweepEntries } from "./sweep_entries.ts";
import { Suspicions } from "./suspicions.ts";

/** What was seen. */
export interface Inspected {
  /** Number of pools. */
  readonly pools: number;
  /** Number of allocations. */
  readonly allocations: number;
  /** Number of reservations. */
  readonly reservations: number;
  /** Number of pods; undefined: nothing is known of pods. */
  readonly pods: number | undefined;
  /** What is wrong. What is under way shows, too. */
  readonly findings: readonly Finding[];
  /** Entries that are kept for lack of evidence. */
  readonly unconfirmed: readonly Unconfirmed[];
}

/** Compares pools, reservations and, where they are known, pods, nodes, networks and slices. */
export async function inspect(ipam: Ipam, source: Pods | undefined, signal: AbortSignal): Promise<Inspected> {
  const { driver } = ipam;
  const unreadable = await driver.unreadable?.(signal) ?? [];
  // pools before pods: what is added between the two is seen with its pod, not taken for an orphan
  const reservations = await driver.overlaps?.list(undefined, signal) ?? [];
  const pools = await driver.list(signal);
  const pods = await source?.list(signal);
  const slices = await source?.slices?.(signal);
  const { reserves, domainsOf, configured } = source ?? {};
  const { orphans, unconfirmed } = source && pods
    ? await lookAtEntries(ipam, source, { pools, listed: pods }, signal)
    : { orphans: undefined, unconfirmed: [] };
  const facts = { pools, reservations, pods, orphans, reserves, domainsOf, configured, slices, unreadable };
  return {
    pools: pools.length,
    allocations: pools.reduce((sum, { allocations }) => sum + allocations.size, 0),
    reservations: reservations.length,
    pods: pods?.length,
    findings: [...findInconsistencies(facts), ...source?.networkFindings?.() ?? []],
    unconfirmed,
  };
}

/**
 * Looks once at the entries of pools, and changes nothing.
 *
 * @returns the entries that nobody uses by what is read now, whether they may be freed already or not, and those in doubt
 */
async function lookAtEntries(
  ipam: Ipam,
  pods: Pods,
  { pools, listed }: Pick<LookContext, "pools" | "listed">,
  signal: AbortSignal,
): Promise<Pick<Swept, "orphans" | "unconfirmed" | "failures">> {
  const suspicions = new Suspicions(ipam.clock);
  const around = { scope: undefined, marks: new Set<string>(), dryRun: true };
  const { orphans, suspected, unconfirmed, failures } = await sweepEntries({
    ...around,
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
