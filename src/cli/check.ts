/**
 * `check`: checks a store for consistency.
 *
 * @module
 */
import { nodeLocalAdvice, nodeLocalStores } from "../config/node_local.ts";
import type { NetworkWarning } from "../controllers/pods_source.ts";
import { inspect, type Inspected } from "../ipam/inspect.ts";
import { seenEntry } from "../ipam/sweep_report.ts";
import type { Finding } from "../pool/finding.ts";
import { formatPoolKey } from "../pool/types.ts";
import { SILENT } from "../world/log.ts";
import { bySeverity, COLUMNS, exitOf, printFindings, printUnconfirmed, printWarnings } from "./check_report.ts";
import { type Command, defineCommand, type Values } from "./define.ts";
import { type Empty, isSuspicious } from "./empty.ts";
import { plural } from "./names.ts";
import { kubectlFlags, nextCommand, storeFlags } from "./next_step.ts";
import {
  FILTER_FLAGS,
  type Filters,
  filtersOf,
  formatOf,
  isWhole,
  LIST_FLAGS,
  printList,
  printValue,
} from "./output.ts";
import { PODS_FLAG, podsSource } from "./pods_flag.ts";
import { openReading, type Part, READ_FLAGS, type Reading } from "./reading.ts";
import type { CommandStore } from "./store.ts";
import type { Terminal } from "./terminal.ts";
import { WATCH_FLAG, watching } from "./watch.ts";

const FLAGS = { ...WATCH_FLAG, ...LIST_FLAGS, ...FILTER_FLAGS, ...PODS_FLAG, ...READ_FLAGS } as const;

/** What was found in one store. */
interface Checked extends Inspected {
  readonly networkWarnings: readonly NetworkWarning[];
  /** The network definitions that use each pool, by its name. */
  readonly users: ReadonlyMap<string, readonly string[]>;
  /** The findings that the filters select. */
  readonly selected: readonly Finding[];
}

/** Compares pools, reservations and, with a cluster, pods, nodes, networks and slices. */
export const check: Command = defineCommand({
  about: [
    "Check whether pools and reservations agree with each other, and with the pods, nodes, networks and node slices of the cluster, or with " +
    "the pods of a file. Records are read once, so calls in progress may appear as findings: check again before you act.",
    "Findings are grouped by kind and pool; -o wide lists each in a row. Networks that the plugin would refuse are listed with the field to " +
    "correct. The --json output is the input of `release --from-report`; with --all-namespaces it is a list of reports.",
  ],
  flags: FLAGS,
  exits: {
    0: "Consistent, or a store without pools",
    1: "The command failed, or this namespace has no pools while others have some or cannot be searched",
    3: "Leaks: unused addresses, reservations or slices, missing reservations, or an unfinished move; reconcile repairs most of them",
    4: "Conflicts: an address has two owners, or may get them; or slices overlap",
    5: "A stored object, or the configuration of a network, is invalid",
  },
}, async (terminal, values) => {
  const format = formatOf(values);
  await using reading = await openReading(terminal, values, SILENT); // what a driver would log is among the findings
  return await watching(terminal, values, isWhole(format), (shown) => checkOnce(shown, values, reading));
});

async function checkOnce(terminal: Terminal, values: Values<typeof FLAGS>, reading: Reading): Promise<number> {
  const format = formatOf(values);
  const { parts, empty } = await reading.read(
    (store, signal) => inspectStore(terminal, store, values, signal),
    ({ pools, reservations }) => pools + reservations === 0,
  );
  const nodeLocal = await nodeLocalStores(terminal.world);
  const findings = parts.flatMap(({ value }) => value.selected);
  const report = () => {
    const reports = parts.map((part) => toJson(part, empty, nodeLocal));
    return values["all-namespaces"] ? reports : reports[0];
  };
  if (await printValue(terminal, format, report)) {
    if (empty) terminal.world.stderr(empty.message);
  } else if (format === "name") {
    await printList(terminal, values, LISTING, findings);
  } else {
    for (const part of parts) await printPart(terminal, values, part, empty);
    for (const one of nodeLocal) terminal.print(terminal.style.bad(nodeLocalAdvice(one)));
  }
  const worst = Math.max(0, ...findings.map(exitOf));
  return worst === 0 && empty && isSuspicious(empty) ? 1 : worst;
}

const LISTING = {
  columns: COLUMNS,
  nameOf: ({ address, pool, podRef }: Finding) => address || pool || podRef,
  toJson: (one: Finding) => one,
};

async function inspectStore(
  terminal: Terminal,
  store: CommandStore,
  values: Values<typeof FLAGS>,
  signal: AbortSignal,
): Promise<Checked> {
  await using source = await podsSource(terminal, store.datastore, values);
  const seen = await inspect(store.ipam, source, signal);
  const users = new Map(seen.keys.map((key) => [formatPoolKey(key), source?.usersOf?.(key) ?? []] as const));
  const pods = values.node === undefined ? [] : await source?.list(signal) ?? [];
  const nodes = new Map(pods.map(({ podRef, node }) => [podRef, node]));
  const selected = select(seen.findings, filtersOf(values, (podRef) => nodes.get(podRef)));
  return { ...seen, users, selected, networkWarnings: source?.networkWarnings ?? [] };
}

/** Findings without a pod are about the whole: a filter by pod omits them. */
function select(findings: readonly Finding[], { active, accepts }: Filters): readonly Finding[] {
  return active ? findings.filter(accepts) : findings;
}

async function printPart(
  terminal: Terminal,
  values: Values<typeof FLAGS>,
  { store, value }: Part<Checked>,
  empty: Empty | undefined,
): Promise<void> {
  const findings = value.selected;
  const { print, style } = terminal;
  const { pools, allocations, pods } = value;
  if (empty) print(empty.message);
  if (findings.length > 0 || !empty) {
    const count = pods === undefined ? "no pods" : plural(pods, "pod");
    const scope = `${plural(pools, "pool")}, ${plural(allocations, "allocation")}, ${count} in ${store.where}`;
    if (findings.length === 0) {
      const others = value.findings.length;
      print(
        others > 0 ? `No findings of these pods; ${others} others in ${scope}` : style.good(`Consistent: ${scope}`),
      );
    } else {
      if (formatOf(values) === "wide" || values["sort-by"] !== undefined) {
        await printList(terminal, values, LISTING, bySeverity(findings));
        print("");
      } else printGroups(terminal, values, store, value, findings);
      print(style.bad(`${plural(findings.length, "finding")} in ${scope}`));
    }
  }
  printUnconfirmed(terminal, value.unconfirmed);
  printWarnings(terminal, value.networkWarnings);
}

function printGroups(
  terminal: Terminal,
  values: Values<typeof FLAGS>,
  store: CommandStore,
  { users }: Checked,
  findings: readonly Finding[],
): void {
  const namespace = store.ipam.driver.namespace?.name;
  const invocation = {
    program: terminal.program,
    store: storeFlags(values, namespace),
    kubectl: namespace === undefined ? undefined : kubectlFlags(values, namespace),
  };
  printFindings(
    terminal,
    findings,
    (pool) => users.get(pool) ?? [],
    (kind, some) => nextCommand(kind, some, invocation),
  );
}

function toJson(
  { store, value }: Part<Checked>,
  empty: Empty | undefined,
  nodeLocal: Awaited<ReturnType<typeof nodeLocalStores>>,
): unknown {
  const { pools, allocations, reservations, pods, unconfirmed, networkWarnings } = value;
  const namespace = store.ipam.driver.namespace?.name;
  return {
    ...(namespace !== undefined && { namespace }),
    pools,
    allocations,
    reservations,
    pods: pods ?? null,
    elsewhere: empty && !empty.elsewhere ? null : Object.fromEntries(empty?.elsewhere ?? []),
    findings: value.selected,
    unconfirmed: unconfirmed.map(({ why, since, ...entry }) => ({
      ...seenEntry(entry),
      reason: why,
      since: since === undefined ? null : new Date(since).toISOString(),
    })),
    networkWarnings,
    nodeLocal,
  };
}
