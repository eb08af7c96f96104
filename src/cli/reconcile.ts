/**
 * `reconcile`: sweeps once.
 *
 * @module
 */
import { writeClaimStatuses } from "../controllers/claim_statuses.ts";
import { findingEvents } from "../controllers/finding_events.ts";
import { writeRefusals } from "../controllers/original_guard.ts";
import type { PodsSource } from "../controllers/pods_source.ts";
import { parseGrace, parseGraces } from "../ipam/graces.ts";
import { sweep, type Swept } from "../ipam/sweep.ts";
import { type Seen, type SweepReport, sweepReport } from "../ipam/sweep_report.ts";
import { describeOwner, type Finding } from "../pool/finding.ts";
import { originalOf, refusalsIn, refusalsToWrite } from "../pool/original.ts";
import { messageOf } from "../values/errors.ts";
import { SILENT } from "../world/log.ts";
import { type Command, defineCommand, type Flags, UsageError } from "./define.ts";
import { describeEmpty, type Empty } from "./empty.ts";
import { plural } from "./names.ts";
import { JSON_FLAG } from "./output.ts";
import { PODS_FLAG, podsSource } from "./pods_flag.ts";
import { showing } from "./progress.ts";
import { READ_TIMEOUT } from "./reading.ts";
import { type CommandStore, openStore, STORE_FLAGS } from "./store.ts";
import { table } from "./table.ts";
import type { Terminal } from "./terminal.ts";

/** Flags for grace periods. */
export const EVIDENCE_FLAGS = {
  grace: {
    type: "string",
    value: "TIME",
    help: "Grace period before an address is freed (30s, 5m), instead of that of each kind of evidence",
  },
  "dead-node-grace": {
    type: "string",
    value: "TIME",
    help: "Grace period of missing pods whose node is not ready, or `never` to keep their addresses (default 5m)",
  },
} as const satisfies Flags;

/** Milliseconds for recording one event. */
const EVENT_TIMEOUT = 10_000;

/** Frees addresses that no pod uses, and recreates missing records. */
export const reconcile: Command = defineCommand({
  about: [
    "Sweep once: free addresses and reservations that no pod of the cluster, or of a file, uses, and recreate missing reservations and " +
    "entries. An address is freed when the evidence has lasted for its grace period (OPERATIONS.md), usually 30 seconds to 5 minutes, " +
    "for which the sweep waits. Entries without a pod are kept: their DEL releases them.",
    "Print other findings as check does, after two checks found them, and record them as events.",
    "With --dry-run, the --json output is the input of `release --from-report`.",
  ],
  flags: {
    "dry-run": { type: "boolean", help: "Show what would be freed; change nothing" },
    ...EVIDENCE_FLAGS,
    ...PODS_FLAG,
    ...JSON_FLAG,
    ...STORE_FLAGS,
  },
  exits: { 1: "The command failed, a record could not be freed, or the pools are in another namespace" },
}, async (terminal, values) => {
  const graces = gracesOf(values);
  await using store = await openStore(terminal, values);
  await using pods = await podsSource(terminal, store.datastore, values);
  if (!pods) {
    throw new UsageError(
      `Cannot sweep ${store.where} without pods: add --pods FILE or --kubeconfig FILE`,
    );
  }
  const empty = await emptyStore(store);
  if (empty) terminal.world.stderr(empty.message);
  if (empty?.elsewhere?.size) return 1;
  const dryRun = values["dry-run"];
  const swept = await showing(terminal, (show) => {
    const waiting = (milliseconds: number, records: number) =>
      show(`Waiting ${Math.ceil(milliseconds / 1_000)} s before checking ${plural(records, "record")} again`, true);
    return sweep(store.ipam, { pods, ...graces, dryRun, waiting, signal: NEVER });
  });
  const report = sweepReport(swept, dryRun);
  if (values.json) terminal.print(JSON.stringify(report, undefined, 2));
  else printReport(terminal, report);
  for (const failure of report.failures) terminal.world.stderr(`Could not free: ${failure}`);
  if (!dryRun) {
    await recordFindings(terminal, pods, report.findings);
    await writeStatuses(terminal, pods, swept);
    await guardPools(terminal, store, pods, swept);
  }
  return report.failures.length > 0 ? 1 : 0;
});

/** Describes a store without pools and reservations; undefined if it has some. */
async function emptyStore(store: CommandStore): Promise<Empty | undefined> {
  const signal = AbortSignal.timeout(READ_TIMEOUT);
  const { driver } = store.ipam;
  if ((await driver.list(signal)).length > 0) return undefined;
  if ((await driver.reservations?.list(undefined, signal) ?? []).length > 0) return undefined;
  return await describeEmpty(store, signal);
}

/** Records findings as events. An event that cannot be recorded does not fail the sweep, since findings are printed, too. */
async function recordFindings(
  { world }: Terminal,
  { recordEvent }: PodsSource,
  findings: readonly Finding[],
): Promise<void> {
  const failures = new Set<string>();
  for (const event of recordEvent ? findingEvents(findings) : []) {
    await recordEvent?.(event, AbortSignal.timeout(EVENT_TIMEOUT)).catch((error) => failures.add(messageOf(error)));
  }
  const [first] = failures;
  if (first !== undefined) world.stderr(`Could not record every finding as an event: ${first}`);
}

/** Writes the status of IPAMClaims. One that cannot be written does not fail the sweep: it only informs. */
async function writeStatuses({ world }: Terminal, pods: PodsSource, { pools }: Swept): Promise<void> {
  const { ipamClaims: claims, wholeRange = () => undefined } = pods;
  if (!claims) return;
  const signal = AbortSignal.timeout(READ_TIMEOUT);
  const failures = await writeClaimStatuses({ claims, world, log: SILENT }, pools, wholeRange, signal)
    .catch((error) => [error]);
  if (failures.length > 0) world.stderr(`Could not write the status of every IPAMClaim: ${messageOf(failures[0])}`);
}

/** Lets the pools of networks with persistent addresses refuse keepers beside the original. A failure does not fail the sweep. */
async function guardPools({ world }: Terminal, { ipam }: CommandStore, pods: PodsSource, swept: Swept): Promise<void> {
  if (!pods.persistent) return;
  const signal = AbortSignal.timeout(READ_TIMEOUT);
  try {
    const networks = pods.persistent();
    const present = refusalsIn(swept.pools);
    if (networks.length + present.length === 0) return;
    await writeRefusals(ipam, refusalsToWrite(networks, originalOf(await pods.list(signal)), present), signal);
  } catch (error) {
    world.stderr(`Could not mark every pool that keeps no address beside the original: ${messageOf(error)}`);
  }
}

/** Each check has its own timeout. */
const NEVER = new AbortController().signal;

/**
 * Reads the flags for grace periods.
 *
 * @throws {UsageError} a time is too short or too long
 */
export function gracesOf(values: Parameters<typeof parseGraces>[0]): ReturnType<typeof parseGraces> {
  return reportingUsage(() => parseGraces(values));
}

/** The grace period of another flag. @throws {UsageError} it is invalid */
export function graceOf(flag: string, text: string): number {
  return reportingUsage(() => parseGrace(flag, text));
}

function reportingUsage<T>(parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    throw new UsageError(messageOf(error), { cause: error });
  }
}

function printReport({ print, style }: Terminal, report: SweepReport): void {
  const { dryRun, freed, detached, repaired, restored, findings, kept } = report;
  const row = ({ address, subject, pool, ...owner }: Seen, where: string, reason: string) => [
    address,
    where || (subject === "entry" ? `pool ${pool}` : "reservation"),
    describeOwner(owner),
    reason,
  ];
  const freedRows = freed.map((seen) => row(seen, "", seen.reason));
  const detachedRows = detached.map((seen) => row(seen, "", seen.reason));
  const createdRows = [
    ...repaired.map((seen) => row(seen, "reservation", seen.reason)),
    ...restored.map((seen) => row(seen, "", "missing")),
  ];
  if (freedRows.length + createdRows.length + detachedRows.length === 0) print("Nothing to free");
  if (freedRows.length > 0) {
    table([dryRun ? "WOULD FREE" : "FREED", "WHERE", "OWNER", "REASON"], freedRows, style).forEach(print);
  }
  if (detachedRows.length > 0) {
    table([dryRun ? "WOULD DETACH" : "DETACHED", "WHERE", "OWNER", "REASON"], detachedRows, style).forEach(print);
  }
  if (createdRows.length > 0) {
    table([dryRun ? "WOULD CREATE" : "CREATED", "WHERE", "OWNER", "REASON"], createdRows, style).forEach(print);
  }
  if (findings.length > 0) {
    const rows = findings.map(({ kind, address, pool, message }) => [kind, address || "-", pool || "-", message]);
    table(["FINDING", "ADDRESS", "POOL", "DETAILS"], rows, style).forEach(print);
  }
  if (kept.length > 0) print(`Kept for lack of evidence: ${kept.length}; run check to list them`);
}
