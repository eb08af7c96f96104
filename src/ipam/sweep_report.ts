/**
 * The report of a sweep: what it freed, or would free. Each record is identified exactly as it was read, so that it can be released later.
 *
 * @module
 */
import { formatIp } from "../address/ip.ts";
import type { Duplicate } from "../pool/duplicates.ts";
import type { Finding } from "../pool/finding.ts";
import { addressOf, type Entry, formatPoolKey, type Owner } from "../pool/types.ts";
import type { Reservation } from "../storage/driver.ts";
import { messageOf } from "../values/errors.ts";
import type { Swept } from "./sweep.ts";

/** An entry or a reservation, as it was read. */
export interface Seen extends Owner {
  /** The kind of record. */
  readonly subject: "entry" | "reservation";
  /** The address, canonical. */
  readonly address: string;
  /** The pool's name; empty for a reservation. */
  readonly pool: string;
  /** `network_name`. */
  readonly network: string;
}

/** What a sweep did; in a dry run, would do. */
export interface SweepReport {
  /** Whether nothing was changed. */
  readonly dryRun: boolean;
  /** Freed records, and why. */
  readonly freed: readonly (Seen & { readonly reason: string })[];
  /** Kept entries from which a sandbox that has ended was detached, with that sandbox, and the reason. */
  readonly detached: readonly (Seen & { readonly reason: string })[];
  /** Entries whose missing reservation was created, or whose reservation lagged behind and was updated. */
  readonly repaired: readonly (Seen & { readonly reason: "missing" | "outdated" })[];
  /** Lost entries that were recreated from their reservation. */
  readonly restored: readonly Seen[];
  /** Addresses that a pod uses and that are allocated to another owner. */
  readonly duplicates: readonly Duplicate[];
  /** Other problems, which the sweep does not repair. */
  readonly findings: readonly Finding[];
  /** Entries that are kept for lack of evidence, and why. */
  readonly kept: readonly (Seen & { readonly reason: string })[];
  /** Error messages. */
  readonly failures: readonly string[];
}

/**
 * Builds the report of a sweep.
 *
 * @example
 * ```ts
 * import { datastoreOf, denoWorld, openStore, podsOfFile, Sweeps, sweepReport } from "@whereabouts/whereabouts";
 *
 * const world = denoWorld();
 * await using store = await openStore({ datastore: await datastoreOf(":memory:") }, { world });
 * const file = await Deno.makeTempFile();
 * await Deno.writeTextFile(file, "default/web-0\n");
 * await using pods = podsOfFile(world, file);
 *
 * const swept = await new Sweeps(store, { pods, dryRun: true }).scan(AbortSignal.timeout(10_000));
 * console.log(JSON.stringify(sweepReport(swept, true)));
 * ```
 */
export function sweepReport(swept: Swept, dryRun: boolean): SweepReport {
  const { orphans, reservations, detached, reserved, restored, duplicates, findings } = swept;
  const { suspected, unconfirmed, failures } = swept;
  return {
    dryRun,
    freed: [
      ...orphans.map(({ reason, ...entry }) => ({ ...seenEntry(entry), reason })),
      ...reservations.map(({ reservation, reason }) => ({ ...seenReservation(reservation), reason })),
    ],
    detached: detached.map(({ key, allocation, sandbox: { podRef, containerId }, reason }) => ({
      ...seenEntry({ key, allocation: { ...allocation, podRef, containerId } }),
      reason,
    })),
    repaired: reserved.map((one) => ({ ...seenEntry(one), reason: one.isOutdated ? "outdated" : "missing" })),
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
    failures: failures.map(messageOf),
  };
}

/** An entry in the form of a report. */
export function seenEntry(entry: Entry): Seen {
  const { key, allocation: { podRef, ifName, containerId } } = entry;
  return {
    subject: "entry",
    address: formatIp(addressOf(entry)),
    pool: formatPoolKey(key),
    network: key.network,
    podRef,
    ifName,
    containerId,
  };
}

/** A reservation in the form of a report. */
export function seenReservation({ ip, network, podRef, ifName, containerId }: Reservation): Seen {
  return { subject: "reservation", address: formatIp(ip), pool: "", network, podRef, ifName, containerId };
}
