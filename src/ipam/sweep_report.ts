/**
 * A sweep as data: what it freed, or would free, each thing exactly as it was seen, so that it can be released later.
 *
 * @module
 */
import { formatIp } from "../address/ip.ts";
import type { Duplicate } from "../pool/duplicates.ts";
import type { Finding } from "../pool/finding.ts";
import { type Entry, formatPoolKey, type Owner } from "../pool/types.ts";
import type { Reservation } from "../storage/driver.ts";
import type { Swept } from "./sweep.ts";

/** An entry or a reservation, as it was seen. */
export interface Seen extends Owner {
  /** Which of the two. */
  readonly subject: "entry" | "reservation";
  /** The address, canonical. */
  readonly address: string;
  /** The pool's name; empty for a reservation. */
  readonly pool: string;
  /** `network_name`. */
  readonly network: string;
}

/** What a sweep did, or would do. */
export interface SweepReport {
  /** Whether it only looked. */
  readonly dryRun: boolean;
  /** What was freed, or would be, and why. */
  readonly freed: readonly (Seen & { readonly reason: string })[];
  /** Entries whose missing reservation was made, or would be. */
  readonly repaired: readonly Seen[];
  /** Entries that were lost and were created again from their reservation, or would be. */
  readonly restored: readonly Seen[];
  /** Addresses that a pod uses and that are allocated to another owner. */
  readonly duplicates: readonly Duplicate[];
  /** What else is wrong, and the sweep does not mend. */
  readonly findings: readonly Finding[];
  /** Entries that are kept for lack of evidence, and why. */
  readonly kept: readonly (Seen & { readonly reason: string })[];
  /** What could not be done. */
  readonly failures: readonly string[];
}

/** A sweep's report. */
export function sweepReport(swept: Swept, dryRun: boolean): SweepReport {
  const { orphans, reservations, reserved, restored, duplicates, findings, suspected, unconfirmed, failures } = swept;
  return {
    dryRun,
    freed: [
      ...orphans.map(({ reason, ...entry }) => ({ ...seenEntry(entry), reason })),
      ...reservations.map(({ reservation, reason }) => ({ ...seenReservation(reservation), reason })),
    ],
    repaired: reserved.map(seenEntry),
    restored: restored.map(seenEntry),
    duplicates: duplicates.map(({ network, address, podRef, holder: { podRef: ref, ifName, containerId } }) => ({
      network,
      address,
      podRef,
      holder: { podRef: ref, ifName, containerId },
    })),
    findings,
    kept: [
      ...suspected.map(({ reason, ...entry }) => ({ ...seenEntry(entry), reason: `${reason}, for too short a time` })),
      ...unconfirmed.map(({ why, ...entry }) => ({ ...seenEntry(entry), reason: why })),
    ],
    failures: failures.map((failure) => failure instanceof Error ? failure.message : String(failure)),
  };
}

/** An entry, as a report has it. */
export function seenEntry({ key, allocation: { address, podRef, ifName, containerId } }: Entry): Seen {
  const text = formatIp({ family: key.cidr.family, value: address });
  return {
    subject: "entry",
    address: text,
    pool: formatPoolKey(key),
    network: key.network,
    podRef,
    ifName,
    containerId,
  };
}

/** A reservation, as a report has it. */
export function seenReservation({ ip, network, podRef, ifName, containerId }: Reservation): Seen {
  return { subject: "reservation", address: formatIp(ip), pool: "", network, podRef, ifName, containerId };
}
