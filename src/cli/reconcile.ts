/**
 * `reconcile`: one sweep, and exit.
 *
 * @module
 */
import { findingEvents } from "../controllers/finding_events.ts";
import type { PodsSource } from "../controllers/pods_source.ts";
import { parseGraces } from "../ipam/graces.ts";
import { sweep } from "../ipam/sweep.ts";
import { type Seen, type SweepReport, sweepReport } from "../ipam/sweep_report.ts";
import { describeOwner, type Finding } from "../pool/finding.ts";
import { messageOf } from "../values/errors.ts";
import { type Command, defineCommand, type Flags, UsageError } from "./define.ts";
import { describeEmpty, type Empty } from "./empty.ts";
import { PODS_FLAG, podsSource } from "./pods.ts";
import { LOOK_TIMEOUT } from "./show.ts";
import { type CommandStore, openStore, STORE_FLAGS } from "./store.ts";
import { table } from "./table.ts";
import type { Terminal } from "./terminal.ts";

/** Flags that say how long evidence must last. */
export const EVIDENCE_FLAGS = {
  grace: {
    type: "string",
    value: "TIME",
    help: "Free after this time (30s, 5m) instead of what each evidence takes",
  },
  "dead-node-grace": {
    type: "string",
    value: "TIME",
    help: "Keep addresses of missing pods for this time, or `never` free them, while their node is not ready; else 5m",
  },
} as const satisfies Flags;

/** Milliseconds that one event may take. */
const EVENT_TIMEOUT = 10_000;

/** Frees what no pod uses, and creates what is missing. */
export const reconcile: Command = defineCommand({
  about: [
    "One sweep: frees addresses and reservations that no pod of the cluster, or of a file, uses, and creates reservations and entries " +
    "that are missing. An address is freed once the evidence has lasted as long as OPERATIONS.md says: most often 30 seconds to " +
    "5 minutes, which the sweep waits. Entries that name no pod are left: their DEL releases them.",
    "What else is wrong it prints as check does, once two looks have found it, and records as events beside the objects.",
    "With --dry-run, its --json is what `release --from-report` takes.",
  ],
  flags: {
    "dry-run": { type: "boolean", help: "Look, tell what would be freed, and change nothing" },
    ...EVIDENCE_FLAGS,
    ...PODS_FLAG,
    ...STORE_FLAGS,
  },
  exits: { 1: "It failed, something could not be freed, or the pools are in another namespace" },
}, async (terminal, values) => {
  const graces = gracesOf(values);
  await using store = await openStore(terminal, values);
  await using pods = await podsSource(terminal, store.datastore, values);
  if (!pods) {
    throw new UsageError(
      `Cannot sweep ${store.where} without pods: name a file of living pods with --pods, or a cluster with --kubeconfig`,
    );
  }
  const empty = await emptyStore(store);
  if (empty) terminal.world.stderr(empty.words);
  if (empty?.elsewhere?.size) return 1;
  const dryRun = values["dry-run"];
  const waiting = (milliseconds: number, records: number) => {
    const seconds = Math.ceil(milliseconds / 1_000);
    terminal.world.stderr(
      `Waiting ${seconds} s until ${records === 1 ? "1 record is" : `${records} records are`} read again`,
    );
  };
  const swept = await sweep(store.ipam, { pods, ...graces, dryRun, waiting, signal: NEVER });
  const report = sweepReport(swept, dryRun);
  if (values.json) terminal.print(JSON.stringify(report, undefined, 2));
  else tell(terminal, report);
  for (const failure of report.failures) terminal.world.stderr(`Could not free: ${failure}`);
  if (!dryRun) await recordFindings(terminal, pods, report.findings);
  return report.failures.length > 0 ? 1 : 0;
});

/** What is known of a store without pools; undefined where it has some. */
async function emptyStore(store: CommandStore): Promise<Empty | undefined> {
  const signal = AbortSignal.timeout(LOOK_TIMEOUT);
  const { driver } = store.ipam;
  if ((await driver.list(signal)).length > 0) return undefined;
  if ((await driver.overlaps?.list(undefined, signal) ?? []).length > 0) return undefined;
  return await describeEmpty(store, signal);
}

/** An event that cannot be recorded is no failure of the sweep: what it is about is printed. */
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
  if (first !== undefined) world.stderr(`Not every finding is recorded as an event: ${first}`);
}

/** Each look has a limit of its own. */
const NEVER = new AbortController().signal;

/**
 * Reads the flags that say how long evidence must last.
 *
 * @throws {UsageError} a time is too short or too long
 */
export function gracesOf(values: Parameters<typeof parseGraces>[0]): ReturnType<typeof parseGraces> {
  try {
    return parseGraces(values);
  } catch (error) {
    throw new UsageError(messageOf(error), { cause: error });
  }
}

function tell({ print, style }: Terminal, report: SweepReport): void {
  const { dryRun, freed, repaired, restored, findings, kept } = report;
  const row = ({ address, subject, pool, ...owner }: Seen, where: string, reason: string) => [
    address,
    where || (subject === "entry" ? `pool ${pool}` : "reservation"),
    describeOwner(owner),
    reason,
  ];
  const gone = freed.map((seen) => row(seen, "", seen.reason));
  const made = [
    ...repaired.map((seen) => row(seen, "reservation", "it was missing")),
    ...restored.map((seen) => row(seen, "", "it was missing")),
  ];
  if (gone.length + made.length === 0) print("Nothing to free");
  if (gone.length > 0) table([dryRun ? "WOULD FREE" : "FREED", "WHERE", "OWNER", "WHY"], gone, style).forEach(print);
  if (made.length > 0) table([dryRun ? "WOULD MAKE" : "MADE", "WHAT", "OWNER", "WHY"], made, style).forEach(print);
  if (findings.length > 0) {
    const rows = findings.map(({ kind, address, pool, message }) => [kind, address || "-", pool || "-", message]);
    table(["FINDING", "ADDRESS", "POOL", "WHAT"], rows, style).forEach(print);
  }
  if (kept.length > 0) print(`Kept for lack of evidence: ${kept.length}, which \`check\` lists`);
}
