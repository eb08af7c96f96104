/**
 * `check`: whether a store is consistent.
 *
 * @module
 */
import { nodeLocalAdvice, nodeLocalStores } from "../config/node_local.ts";
import { lookAtEntries } from "../ipam/sweep.ts";
import { seenEntry } from "../ipam/sweep_report.ts";
import { type Finding, GRAVITY, type Gravity, NOBODY } from "../pool/finding.ts";
import { findInconsistencies } from "../pool/findings.ts";
import type { Unconfirmed } from "../pool/orphans.ts";
import { SILENT } from "../world/log.ts";
import { type Command, defineCommand } from "./define.ts";
import { PODS_FLAG, podsSource } from "./pods.ts";
import { LOOK_TIMEOUT } from "./show.ts";
import { openStore, STORE_FLAGS } from "./store.ts";
import { table } from "./table.ts";
import type { Terminal } from "./terminal.ts";

/** The exit code of the worst finding. */
const EXITS: Readonly<Record<Gravity, number>> = { leak: 3, conflict: 4, unreadable: 5 };

/** Compares pools, reservations and, where a cluster can be asked, pods, nodes and slices. */
export const check: Command = defineCommand({
  about: [
    "Whether pools and reservations agree: with each other, and with the pods, nodes and node slices of the cluster, or with the pods of " +
    "a file. One look is taken, so what is under way at the moment may show; look again before you act.",
    "Its --json is what `release --from-report` takes.",
  ],
  flags: { ...PODS_FLAG, ...STORE_FLAGS },
  exits: {
    0: "All fits",
    3: "Leaks: addresses, reservations or slices that nobody holds, or reservations that are missing; reconcile mends most",
    4: "Conflicts: an address has two owners, or may get them; slices overlap",
    5: "Something stored cannot be read",
  },
}, async (terminal, values) => {
  await using store = await openStore(terminal, values, SILENT); // what a driver would log here is among the findings
  await using source = await podsSource(terminal, store.datastore, values);
  const signal = AbortSignal.timeout(LOOK_TIMEOUT);
  const { driver } = store.ipam;
  const unreadable = await driver.unreadable?.(signal) ?? [];
  // pools before pods: what is added between the two is seen with its pod, not taken for an orphan
  const reservations = await driver.overlaps?.list(undefined, signal) ?? [];
  const pools = await driver.list(signal);
  const pods = await source?.list(signal);
  const slices = await source?.slices?.(signal);
  const { reserves, domainsOf } = source ?? {};
  const { orphans, unconfirmed } = source && pods
    ? await lookAtEntries(store.ipam, { pods: source, dryRun: true }, { pools, listed: pods }, signal)
    : { orphans: undefined, unconfirmed: [] };
  const findings = [
    ...findInconsistencies({ pools, reservations, pods, orphans, reserves, domainsOf, slices, unreadable }),
    ...(source?.overlapProblems ?? []).map(({ attachment: { namespace, name }, message }): Finding => ({
      ...NOBODY,
      kind: "overlapping-ranges-off",
      subject: "network",
      pool: `${namespace}/${name}`,
      message,
    })),
  ];
  const nodeLocal = await nodeLocalStores(terminal.world);
  const allocations = pools.reduce((sum, pool) => sum + pool.allocations.size, 0);
  if (values.json) {
    const looked = { pools: pools.length, allocations, reservations: reservations.length, pods: pods?.length ?? null };
    const doubts = unconfirmed.map(({ why, since, ...entry }) => ({
      ...seenEntry(entry),
      reason: why,
      since: since === undefined ? null : new Date(since).toISOString(),
    }));
    terminal.print(JSON.stringify({ ...looked, findings, unconfirmed: doubts, nodeLocal }, undefined, 2));
  } else {
    report(terminal, findings, `${lookedAt(pools.length, allocations, pods?.length)} in ${store.where}`);
    reportUnconfirmed(terminal, unconfirmed);
    for (const one of nodeLocal) terminal.print(terminal.style.bad(nodeLocalAdvice(one)));
  }
  return Math.max(0, ...findings.map(({ kind }) => EXITS[GRAVITY[kind]]));
});

function lookedAt(pools: number, allocations: number, pods: number | undefined): string {
  return [count(pools, "pool"), count(allocations, "allocation"), pods === undefined ? "no pods" : count(pods, "pod")]
    .join(", ");
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}

function report({ print, style }: Terminal, findings: readonly Finding[], looked: string): void {
  if (findings.length === 0) {
    print(style.good(`Consistent: ${looked}`));
    return;
  }
  const sorted = findings.toSorted((a, b) => EXITS[GRAVITY[b.kind]] - EXITS[GRAVITY[a.kind]]);
  const rows = sorted.map(({ kind, address, pool, message }) => [kind, address || "-", pool || "-", message]);
  table(["FINDING", "ADDRESS", "POOL", "WHAT"], rows, style).forEach(print);
  print("");
  print(style.bad(`${count(findings.length, "finding")} in ${looked}`));
}

/** Not findings: nothing shows that they are wrong. */
function reportUnconfirmed({ print, style, world }: Terminal, unconfirmed: readonly Unconfirmed[]): void {
  if (unconfirmed.length === 0) return;
  const rows = unconfirmed.map(({ why, since, ...entry }) => {
    const { address, pool, podRef } = seenEntry(entry);
    return [address, pool, podRef, since === undefined ? "-" : ageOf(world.now() - since), why];
  });
  print("");
  table(["UNCONFIRMED", "POOL", "POD", "AGE", "WHY"], rows, style).forEach(print);
  print("");
  print(`${count(unconfirmed.length, "allocation")} kept for lack of evidence`);
}

/** As kubectl prints ages, in one unit. */
function ageOf(milliseconds: number): string {
  const seconds = Math.max(0, Math.floor(milliseconds / 1_000));
  if (seconds < 120) return `${seconds}s`;
  if (seconds < 7_200) return `${Math.floor(seconds / 60)}m`;
  return seconds < 172_800 ? `${Math.floor(seconds / 3_600)}h` : `${Math.floor(seconds / 86_400)}d`;
}
