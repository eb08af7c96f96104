/**
 * `reconcile`: one sweep, and exit.
 *
 * @module
 */
import { LEAST_GRACE, sweep } from "../ipam/sweep.ts";
import { type Seen, type SweepReport, sweepReport } from "../ipam/sweep_report.ts";
import { whose } from "../pool/finding.ts";
import { type Command, defineCommand, UsageError } from "./define.ts";
import { PODS_FLAG, podsSource } from "./pods.ts";
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
  const report = sweepReport(swept, dryRun);
  if (values.json) terminal.print(JSON.stringify(report, undefined, 2));
  else tell(terminal, report);
  for (const failure of report.failures) terminal.world.stderr(`Could not free: ${failure}`);
  return report.failures.length > 0 ? 1 : 0;
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

function tell({ print, style }: Terminal, { dryRun, freed, repaired }: SweepReport): void {
  const row = ({ address, subject, pool, ...owner }: Seen, where: string, reason: string) => [
    address,
    where || (subject === "entry" ? `pool ${pool}` : "reservation"),
    whose(owner),
    reason,
  ];
  const gone = freed.map((seen) => row(seen, "", seen.reason));
  const made = repaired.map((seen) => row(seen, "reservation", "it was missing"));
  if (gone.length + made.length === 0) print("Nothing to free");
  if (gone.length > 0) table([dryRun ? "WOULD FREE" : "FREED", "WHERE", "OWNER", "WHY"], gone, style).forEach(print);
  if (made.length > 0) table([dryRun ? "WOULD MAKE" : "MADE", "WHAT", "OWNER", "WHY"], made, style).forEach(print);
}
