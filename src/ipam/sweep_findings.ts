/**
 * The part of a scan that only reports: problems that the sweep does not repair.
 *
 * @module
 */
import { formatIp } from "../address/ip.ts";
import { hasClaims } from "../pool/claim_status.ts";
import { duplicateFinding } from "../pool/duplicates.ts";
import { type Finding, KINDS } from "../pool/finding.ts";
import { findInconsistencies } from "../pool/findings.ts";
import { findBesideOriginal } from "../pool/original.ts";
import { addressOf, type Entry } from "../pool/types.ts";
import type { Reservation } from "../storage/driver.ts";
import { type Clock, retry } from "../storage/retry.ts";
import type { ScanContext, Swept } from "./sweep_types.ts";

/** The results of the other parts of a scan. */
type Repaired = Pick<Swept, "orphans" | "reservations" | "reserved" | "restored">;

/**
 * Compares everything that a full scan has read, and reads unreadable objects and node slices. If that read fails, the rest is still
 * reported.
 *
 * @throws the signal's reason once it aborts
 */
export async function findFaults(
  context: ScanContext,
  reservations: readonly Reservation[],
  parts: Repaired & Pick<Swept, "suspected" | "duplicates">,
): Promise<{ readonly found: readonly Finding[]; readonly failures: readonly unknown[] }> {
  const { ipam: { driver, clock }, pods, pools, listed, unreadable, signal } = context;
  const failures: unknown[] = [];
  const read = async <T>(what: ((signal: AbortSignal) => Promise<T>) | undefined): Promise<T | undefined> => {
    try {
      return what && await retry(what, clock, signal);
    } catch (error) {
      signal.throwIfAborted();
      failures.push(error);
      return undefined;
    }
  };
  const others = await read(driver.unreadable && ((limit) => driver.unreadable?.(limit) ?? Promise.resolve([])));
  const slices = await read(pods.slices);
  const claims = await read(hasClaims(pools) && pods.ipamClaims ? pods.ipamClaims.list : undefined);
  const { reserves, domainsOf, configured, networkFindings, persistent } = pods;
  const facts = {
    pools,
    reservations,
    reserves,
    domainsOf,
    configured,
    slices,
    claims,
    unreadable: [...unreadable, ...others ?? []],
  };
  const compared = findInconsistencies({ ...facts, pods: listed, orphans: parts.suspected });
  const found = [
    ...compared.filter(({ kind }) => kind !== "pod-address-of-another"), // `duplicates` has those that two scans found
    ...parts.duplicates.map(duplicateFinding),
    ...findBesideOriginal(persistent?.() ?? [], listed),
    ...networkFindings?.() ?? [],
  ];
  return { found: withoutRepaired(found, parts), failures };
}

/** Removes findings that a sweep has repaired, or would repair. */
export function withoutRepaired(findings: readonly Finding[], parts: Repaired): Finding[] {
  const markOf = (network: string, address: string, podRef: string) => `${network} ${address} ${podRef}`;
  const ofEntry = (entry: Entry) => markOf(entry.key.network, formatIp(addressOf(entry)), entry.allocation.podRef);
  const repaired = new Set([
    ...[...parts.orphans, ...parts.reserved, ...parts.restored].map(ofEntry),
    ...parts.reservations.map(({ reservation: { network, ip, podRef } }) => markOf(network, formatIp(ip), podRef)),
  ]);
  return findings.filter(({ kind, network, address, podRef }) =>
    !KINDS[kind].transient || !repaired.has(markOf(network, address, podRef))
  );
}

/** Findings of full scans, and which of them are confirmed. */
export class FindingMemory {
  readonly #clock: Pick<Clock, "monotonic">;
  #since: ReadonlyMap<string, number> = new Map();
  #settled: readonly Finding[] = [];
  #open: readonly Finding[] = [];

  /** Starts empty. */
  constructor(clock: Pick<Clock, "monotonic">) {
    this.#clock = clock;
  }

  /** Findings of the last full scan; transient ones only if an earlier scan found them too. */
  get settled(): readonly Finding[] {
    return this.#settled;
  }

  /** New findings of the last full scan that may be transient. */
  get open(): readonly Finding[] {
    return this.#open;
  }

  /** Records the findings of a full scan. Transient ones are confirmed after `grace` milliseconds. */
  record(found: readonly Finding[], grace: number): void {
    const now = this.#clock.monotonic();
    const sinceOf = (finding: Finding) => this.#since.get(markOf(finding)) ?? now;
    const isSettled = (finding: Finding) => !KINDS[finding.kind].transient || now - sinceOf(finding) >= grace;
    const [settled = [], open = []] = [true, false].map((one) => found.filter((finding) => isSettled(finding) === one));
    this.#since = new Map(found.map((finding) => [markOf(finding), sinceOf(finding)]));
    [this.#settled, this.#open] = [settled, open];
  }
}

function markOf({ kind, message, containerId }: Finding): string {
  return `${kind} ${containerId} ${message}`;
}
