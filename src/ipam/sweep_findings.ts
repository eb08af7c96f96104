/**
 * The part of a sweep that only reports: what is wrong, and what the sweep does not mend.
 *
 * @module
 */
import { formatIp } from "../address/ip.ts";
import { duplicateFinding } from "../pool/duplicates.ts";
import { type Finding, KINDS } from "../pool/finding.ts";
import { findInconsistencies } from "../pool/findings.ts";
import type { Entry } from "../pool/types.ts";
import type { Reservation } from "../storage/driver.ts";
import { type Clock, retry } from "../storage/retry.ts";
import type { LookContext, Swept } from "./sweep_types.ts";

/** What the other parts of a look came to. */
type Mended = Pick<Swept, "orphans" | "reservations" | "reserved" | "restored">;

/**
 * Compares everything that a whole look has read, and what is read here: unreadable objects and node slices. What cannot be read here is a
 * failure of the look, and hinders nothing else.
 *
 * @throws the signal's reason once it aborts
 */
export async function findFaults(
  context: LookContext,
  reservations: readonly Reservation[],
  parts: Mended & Pick<Swept, "suspected" | "duplicates">,
): Promise<{ readonly found: readonly Finding[]; readonly failures: readonly unknown[] }> {
  const { ipam: { driver, clock }, pods, pools, listed, signal } = context;
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
  const unreadable = await read(driver.unreadable && ((limit) => driver.unreadable?.(limit) ?? Promise.resolve([])));
  const slices = await read(pods.slices);
  const { reserves, domainsOf, configured, networkFindings } = pods;
  const facts = { pools, reservations, reserves, domainsOf, configured, slices, unreadable: unreadable ?? [] };
  const compared = findInconsistencies({ ...facts, pods: listed, orphans: parts.suspected });
  const found = [
    ...compared.filter(({ kind }) => kind !== "pod-address-of-another"), // it takes two looks at the pod: those are the duplicates
    ...parts.duplicates.map(duplicateFinding),
    ...networkFindings?.() ?? [],
  ];
  return { found: withoutMended(found, parts), failures };
}

/** Without what a sweep has mended, or would mend. */
export function withoutMended(findings: readonly Finding[], parts: Mended): Finding[] {
  const markOf = (network: string, address: string, podRef: string) => `${network} ${address} ${podRef}`;
  const ofEntry = ({ key: { network, cidr }, allocation: { address, podRef } }: Entry) =>
    markOf(network, formatIp({ family: cidr.family, value: address }), podRef);
  const mended = new Set([
    ...[...parts.orphans, ...parts.reserved, ...parts.restored].map(ofEntry),
    ...parts.reservations.map(({ reservation: { network, ip, podRef } }) => markOf(network, formatIp(ip), podRef)),
  ]);
  return findings.filter(({ kind, network, address, podRef }) =>
    !KINDS[kind].transient || !mended.has(markOf(network, address, podRef))
  );
}

/** Findings that whole looks made, and which of them are no longer in question. */
export class FindingMemory {
  readonly #clock: Pick<Clock, "monotonic">;
  #since: ReadonlyMap<string, number> = new Map();
  #settled: readonly Finding[] = [];
  #open: readonly Finding[] = [];

  /** Remembers none. */
  constructor(clock: Pick<Clock, "monotonic">) {
    this.#clock = clock;
  }

  /** What the last whole look found: passing things if an earlier one found them too. */
  get settled(): readonly Finding[] {
    return this.#settled;
  }

  /** What it found for the first time, and may be passing. */
  get open(): readonly Finding[] {
    return this.#open;
  }

  /** A whole look found these. What is passing must last so many milliseconds. */
  look(found: readonly Finding[], wait: number): void {
    const now = this.#clock.monotonic();
    const sinceOf = (finding: Finding) => this.#since.get(markOf(finding)) ?? now;
    const isSettled = (finding: Finding) => !KINDS[finding.kind].transient || now - sinceOf(finding) >= wait;
    const [settled = [], open = []] = [true, false].map((one) => found.filter((finding) => isSettled(finding) === one));
    this.#since = new Map(found.map((finding) => [markOf(finding), sinceOf(finding)]));
    [this.#settled, this.#open] = [settled, open];
  }
}

function markOf({ kind, message, containerId }: Finding): string {
  return `${kind} ${containerId} ${message}`;
}
