/**
 * `check`: checks a store for consistency.
 *
 * @module
 */
import { nodeLocalAdvice, nodeLocalStores } from "../config/node_local.ts";
import type { NetworkWarning } from "../controllers/pods_source.ts";
import { inspect } from "../ipam/inspect.ts";
import { seenEntry } from "../ipam/sweep_report.ts";
import { type Finding, KINDS, type Severity } from "../pool/finding.ts";
import type { Unconfirmed } from "../pool/orphans.ts";
import { SILENT } from "../world/log.ts";
import { type Command, defineCommand } from "./define.ts";
import { describeEmpty, isSuspicious } from "./empty.ts";
import { PODS_FLAG, podsSource } from "./pods_flag.ts";
import { READ_TIMEOUT } from "./show.ts";
import { openStore, STORE_FLAGS } from "./store.ts";
import { table } from "./table.ts";
import type { Terminal } from "./terminal.ts";

/** The exit code of the worst finding. */
export const EXITS: Readonly<Record<Severity, number>> = { leak: 3, conflict: 4, unusable: 5 };

/** Compares pools, reservations and, with a cluster, pods, nodes, networks and slices. */
export const check: Command = defineCommand({
  about: [
    "Check whether pools and reservations agree with each other, and with the pods, nodes, networks and node slices of the cluster, or with " +
    "the pods of a file. Records are read once, so calls in progress may appear as findings: check again before you act.",
    "Networks that the plugin would refuse are listed with the field to correct.",
    "The --json output is the input of `release --from-report`.",
  ],
  flags: { ...PODS_FLAG, ...STORE_FLAGS },
  exits: {
    0: "Consistent, or a store without pools",
    1: "The command failed, or this namespace has no pools while others have some or cannot be searched",
    3: "Leaks: unused addresses, reservations or slices, or missing reservations; reconcile repairs most of them",
    4: "Conflicts: an address has two owners, or may get them; or slices overlap",
    5: "A stored object, or the configuration of a network, is invalid",
  },
}, async (terminal, values) => {
  await using store = await openStore(terminal, values, SILENT); // what a driver would log is among the findings
  await using source = await podsSource(terminal, store.datastore, values);
  const signal = AbortSignal.timeout(READ_TIMEOUT);
  const seen = await inspect(store.ipam, source, signal);
  const { pools, allocations, reservations, pods, findings, unconfirmed } = seen;
  const empty = pools + reservations === 0 ? await describeEmpty(store, signal) : undefined;
  const networkWarnings = source?.networkWarnings ?? [];
  const nodeLocal = await nodeLocalStores(terminal.world);
  if (values.json) {
    const counts = { pools, allocations, reservations, pods: pods ?? null };
    const elsewhere = empty && !empty.elsewhere ? null : Object.fromEntries(empty?.elsewhere ?? []);
    const unconfirmedEntries = unconfirmed.map(({ why, since, ...entry }) => ({
      ...seenEntry(entry),
      reason: why,
      since: since === undefined ? null : new Date(since).toISOString(),
    }));
    const report = { ...counts, elsewhere, findings, unconfirmed: unconfirmedEntries, networkWarnings, nodeLocal };
    terminal.print(JSON.stringify(report, undefined, 2));
    if (empty) terminal.world.stderr(empty.message);
  } else {
    if (empty) terminal.print(empty.message);
    if (findings.length > 0 || !empty) {
      report(terminal, findings, `${scopeOf(pools, allocations, pods)} in ${store.where}`);
    }
    reportUnconfirmed(terminal, unconfirmed);
    reportWarnings(terminal, networkWarnings);
    for (const one of nodeLocal) terminal.print(terminal.style.bad(nodeLocalAdvice(one)));
  }
  const worst = Math.max(0, ...findings.map(({ kind }) => EXITS[KINDS[kind].severity]));
  return worst === 0 && empty && isSuspicious(empty) ? 1 : worst;
});

function scopeOf(pools: number, allocations: number, pods: number | undefined): string {
  return [count(pools, "pool"), count(allocations, "allocation"), pods === undefined ? "no pods" : count(pods, "pod")]
    .join(", ");
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}

function report({ print, style }: Terminal, findings: readonly Finding[], scope: string): void {
  if (findings.length === 0) {
    print(style.good(`Consistent: ${scope}`));
    return;
  }
  const exitOf = ({ kind }: Finding) => EXITS[KINDS[kind].severity];
  const sorted = findings.toSorted((a, b) => exitOf(b) - exitOf(a));
  const rows = sorted.map(({ kind, address, pool, message }) => [kind, address || "-", pool || "-", message]);
  table(["FINDING", "ADDRESS", "POOL", "DETAILS"], rows, style).forEach(print);
  print("");
  const remedies = [...new Set(sorted.map(({ kind }) => kind))].map((kind) => [kind, KINDS[kind].remedy]);
  table(["FINDING", "REMEDY"], remedies, style).forEach(print);
  print("");
  print(style.bad(`${count(findings.length, "finding")} in ${scope}`));
}

/** These are no findings: nothing proves that the addresses are unused. */
function reportUnconfirmed({ print, style, world }: Terminal, unconfirmed: readonly Unconfirmed[]): void {
  if (unconfirmed.length === 0) return;
  const rows = unconfirmed.map(({ why, since, ...entry }) => {
    const { address, pool, podRef } = seenEntry(entry);
    return [address, pool, podRef, since === undefined ? "-" : ageOf(world.now() - since), why];
  });
  print("");
  table(["UNCONFIRMED", "POOL", "POD", "AGE", "REASON"], rows, style).forEach(print);
  print("");
  print(`${count(unconfirmed.length, "allocation")} kept for lack of evidence`);
}

/** These are no findings: the networks work. */
function reportWarnings({ print, style }: Terminal, warnings: readonly NetworkWarning[]): void {
  if (warnings.length === 0) return;
  print("");
  table(["WARNING", "DETAILS"], warnings.map(({ network, message }) => [network, message]), style).forEach(print);
}

/** As kubectl prints ages, in one unit. */
function ageOf(milliseconds: number): string {
  const seconds = Math.max(0, Math.floor(milliseconds / 1_000));
  if (seconds < 120) return `${seconds}s`;
  if (seconds < 7_200) return `${Math.floor(seconds / 60)}m`;
  return seconds < 172_800 ? `${Math.floor(seconds / 3_600)}h` : `${Math.floor(seconds / 86_400)}d`;
}
