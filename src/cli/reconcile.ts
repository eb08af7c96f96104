/**
 * `reconcile`: one sweep, and exit.
 *
 * @module
 */
import { formatIp } from "../address/ip.ts";
import { LEAST_GRACE, sweep, type Swept } from "../ipam/sweep.ts";
import { whose } from "../pool/finding.ts";
import { type Command, defineCommand, UsageError } from "./define.ts";
import { PODS_FLAG, podsSource } from "./pods.ts";
import { seenEntry, seenReservation } from "./report.ts";
import { openStore, STORE_FLAGS } from "./store.ts";
import { table } from "./table.ts";
import type { Terminal } from "./terminal.ts";

/** Milliseconds a sweep may take besides its grace period. */
const SWEEP_TIMEOUT = 300_000;

/** Frees what no pod holds, and makes missing reservations. */
export const reconcile: Command = defineCommand({
  about: [
    "One sweep: addresses and reservations that no pod of the cluster, or of a file, holds are freed, and reservations that are missing are " +
    "made. Two looks, a grace period apart, must agree. Entries that name no pod are left: their DEL releases them.",
    "With --dry-run, its --json is what `release --from-report` takes.",
  ],
  flags: {
    "dry-run": { type: "boolean", help: "Look, tell what would be freed, and change nothing" },
    grace: { type: "string", value: "SECONDS", default: "30", help: "Time between the two looks" },
    ...PODS_FLAG,
    ...STORE_FLAGS,
  },
  exits: { 1: "It failed, or something could not be freed" },
}, async (terminal, values) => {
  const grace = graceOf(values.grace);
  await using store = await openStore(terminal, values);
  await using pods = await podsSource(terminal, store.datastore, values);
  if (!pods) {
    throw new UsageError(
      `Cannot sweep ${store.where} without pods: name a file of living pods with --pods, or a cluster with --kubeconfig`,
    );
  }
  const dryRun = values["dry-run"];
  const swept = await sweep(store.ipam, {
    pods,
    grace,
    dryRun,
    ...(pods.reserves && { reserves: pods.reserves }),
    signal: AbortSignal.timeout(SWEEP_TIMEOUT + grace),
  });
  const failures = swept.failures.map((failure) => failure instanceof Error ? failure.message : String(failure));
  if (values.json) terminal.print(JSON.stringify({ dryRun, ...toJson(swept), failures }, undefined, 2));
  else tell(terminal, swept, dryRun);
  for (const failure of failures) terminal.world.stderr(`Could not free: ${failure}`);
  return failures.length > 0 ? 1 : 0;
});

/**
 * Reads a grace period in seconds.
 *
 * @returns milliseconds
 * @throws {UsageError} it is too short or too long
 */
export function graceOf(text: string): number {
  const least = LEAST_GRACE / 1_000;
  const seconds = /^\d+(\.\d+)?$/.test(text) ? Number(text) : NaN;
  if (seconds >= least && seconds <= 3_600) return seconds * 1_000;
  throw new UsageError(`Cannot wait --grace ${JSON.stringify(text)}: wanted ${least} to 3600 seconds`);
}

function toJson({ orphans, reservations, reserved }: Swept) {
  return {
    freed: [
      ...orphans.map(({ reason, ...entry }) => ({ ...seenEntry(entry), reason })),
      ...reservations.map(({ reservation, reason }) => ({ ...seenReservation(reservation), reason })),
    ],
    repaired: reserved.map(seenEntry),
  };
}

function tell({ print, style }: Terminal, { orphans, reservations, reserved }: Swept, dryRun: boolean): void {
  const freed = [
    ...orphans.map(({ reason, ...entry }) => [seenEntry(entry), reason] as const),
    ...reservations.map(({ reservation, reason }) => [seenReservation(reservation), reason] as const),
  ].map(([{ address, subject, pool, ...owner }, reason]) => [
    address,
    subject === "entry" ? `pool ${pool}` : "reservation",
    whose(owner),
    reason,
  ]);
  const made = reserved.map(({ key, allocation }) => [
    formatIp({ family: key.cidr.family, value: allocation.address }),
    "reservation",
    whose(allocation),
    "it was missing",
  ]);
  if (freed.length + made.length === 0) print("Nothing to free");
  if (freed.length > 0) table([dryRun ? "WOULD FREE" : "FREED", "WHERE", "OWNER", "WHY"], freed, style).forEach(print);
  if (made.length > 0) table([dryRun ? "WOULD MAKE" : "MADE", "WHAT", "OWNER", "WHY"], made, style).forEach(print);
}
