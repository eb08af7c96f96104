/**
 * `status`: shows on one screen whether the installation works.
 *
 * @module
 */
import type { Cluster } from "../controllers/cluster.ts";
import type { Component } from "../controllers/installation.ts";
import { podsOfCluster, podsOfFile, type PodsSource } from "../controllers/pods_source.ts";
import { inspectRecords, readRecords } from "../ipam/inspect.ts";
import { capacity, unboundedRange } from "../address/range.ts";
import { freeOf } from "../pool/pool_status.ts";
import { isBlockOf } from "../pool/grid.ts";
import { formatPoolKey, type PoolKey } from "../pool/types.ts";
import {
  type ClusterFacts,
  countKinds,
  fullPools,
  type Part,
  partsOf,
  type PoolFill,
  type Read,
  type State,
  type StatusFacts,
  worstOf,
} from "../status/status.ts";
import { type PoolSnapshot, RefusedError } from "../storage/driver.ts";
import { VERSION } from "../version.ts";
import { SILENT } from "../world/log.ts";
import { type Command, defineCommand } from "./define.ts";
import { describeEmpty, isSuspicious } from "./empty.ts";
import { clusterOf, PODS_FLAG } from "./pods_flag.ts";
import { DOCUMENT_FLAGS, formatOf, printValue } from "./output.ts";
import { openReading } from "./reading.ts";
import { type CommandStore, STORE_FLAGS, type StoreFlags } from "./store.ts";
import { table } from "./table.ts";
import type { Terminal } from "./terminal.ts";

/** 1 stays what it is for every command: nothing is known. */
const EXITS: Readonly<Record<State, number>> = { ok: 0, degraded: 3, unknown: 3 };

/** Shows whether the installation works. */
export const status: Command = defineCommand({
  about: [
    "Show whether the installation works: the store, CRDs, agents, the controller and its leader, programs of the original, pools that are " +
    "full, and the number of findings of `check`. Another store than that of a cluster has only store, pools and findings.",
    "What may not be read is shown as unknown, with the missing right.",
  ],
  flags: { ...DOCUMENT_FLAGS, ...PODS_FLAG, ...STORE_FLAGS },
  exits: { 0: "Healthy", 3: "Degraded, or a part is unknown; each such part names the next step" },
}, async (terminal, values) => {
  // what a driver would log is among the findings
  await using reading = await openReading(terminal, { ...values, "all-namespaces": false }, SILENT);
  const { parts: [found] } = await reading.read(
    (store, signal) => readFacts(terminal, store, values, signal),
    ({ facts }) => facts.pools.length === 0,
  );
  if (!found) throw new TypeError("A reading has a store");
  const { facts, components } = found.value;
  const parts = partsOf(facts);
  const state = worstOf(parts);
  const isPrinted = await printValue(
    terminal,
    formatOf(values, DOCUMENT_FLAGS),
    () => toJson(facts, components, parts),
  );
  if (!isPrinted) report(terminal, parts, state);
  return EXITS[state];
});

async function readFacts(
  terminal: Terminal,
  store: CommandStore,
  values: { readonly pods?: string | undefined; readonly config?: string | undefined } & StoreFlags,
  signal: AbortSignal,
): Promise<{ readonly facts: StatusFacts; readonly components: readonly Component[] }> {
  const { world } = terminal;
  await using cluster = await clusterOf(terminal, store.datastore, values);
  const { driver } = store.ipam;
  const { namespace } = driver;
  const source = values.pods === undefined
    ? cluster && await read(() => podsOfCluster(world, cluster, values.config))
    : { value: podsOfFile(world, values.pods) };
  const networks = source && "value" in source ? source.value : undefined;
  const records = await read(() => readRecords(store.ipam, networks, signal));
  const seen = "value" in records
    ? await read(() => inspectRecords(store.ipam, networks, records.value, signal))
    : records;
  const stored = "value" in records ? records.value.pools : await driver.list(signal);
  const pools = fillsOf(stored, networks);
  const empty = pools.length === 0 ? await describeEmpty(store, signal) : undefined;
  const withoutNetworks = source && "why" in source ? source : undefined;
  const kinds = "value" in seen ? { value: seen.value.findings.map(({ kind }) => kind) } : seen;
  const clusterFacts = cluster && await readCluster(cluster, store, signal);
  return {
    facts: {
      where: store.where,
      ...(namespace && { namespace: namespace.name }),
      now: world.now(),
      pools,
      ...(empty && { empty: { message: empty.message, suspicious: isSuspicious(empty) } }),
      findings: withoutNetworks ?? kinds,
      unconfirmed: "value" in seen ? seen.value.unconfirmed.length : 0,
      ...(clusterFacts && { cluster: clusterFacts }),
    },
    components: clusterFacts && "value" in clusterFacts.components ? clusterFacts.components.value : [],
  };
}

async function readCluster(
  { installation, nodes }: Cluster,
  { datastore }: CommandStore,
  signal: AbortSignal,
): Promise<ClusterFacts | undefined> {
  if (!installation) return undefined;
  const components = await read(() => installation.components(signal));
  const all = "value" in components ? components.value : [];
  const controller = all.find(({ role }) => role === "controller");
  return {
    components,
    nodes: await read(async () => (await nodes.list(signal)).items.length),
    leader: await read(async () => controller && await installation.leader(controller, signal)),
    ...(datastore.kind === "kubernetes" && { resources: await read(() => installation.resources(signal)) }),
  };
}

/** The value, or the right that is missing. Other failures end the command: they are no state of a part. */
async function read<T>(work: () => Promise<T>): Promise<Read<T>> {
  try {
    return { value: await work() };
  } catch (error) {
    if (error instanceof RefusedError) return { why: error.message };
    throw error;
  }
}

/** The usage of each pool; of the blocks of a range together, since pods get addresses of any of them. */
function fillsOf(pools: readonly PoolSnapshot[], networks: PodsSource | undefined): PoolFill[] {
  const rangeOf = (key: PoolKey) => networks?.rangeOf?.(key) ?? unboundedRange(key.cidr);
  const keyOf = ({ key }: PoolSnapshot): PoolKey => {
    const whole = networks?.wholeRange?.(key);
    return whole && isBlockOf(rangeOf(key), key.cidr) ? { network: key.network, cidr: whole } : key;
  };
  return [...Map.groupBy(pools, (pool) => formatPoolKey(keyOf(pool)))].flatMap(([pool, all]) => {
    const [first] = all;
    if (!first) return [];
    const used = all.reduce((sum, { allocations }) => sum + allocations.size, 0);
    const available = capacity(rangeOf(keyOf(first)));
    return [{ pool, used, capacity: available, free: freeOf(available, used) }];
  });
}

function report({ print, style }: Terminal, parts: readonly Part[], state: State): void {
  const paints = { ok: style.good, degraded: style.bad, unknown: style.warn };
  const rows = parts.map(({ part, state, details }) => [part, { text: state, paint: paints[state] }, details]);
  table(["PART", "STATE", "DETAILS"], rows, style).forEach(print);
  print("");
  const faulty = parts.filter((one) => one.state !== "ok");
  if (faulty.length === 0) return print(style.good("Healthy"));
  const names = [...new Set(faulty.map(({ part }) => part))].join(", ");
  print(style.bad(`${state === "degraded" ? "Degraded" : "Unknown"}: ${names}`));
  for (const { part, next } of faulty) if (next !== undefined) print(`  ${part}: ${next}`);
}

function toJson(
  { where, namespace, pools, findings, unconfirmed, cluster, now }: StatusFacts,
  components: readonly Component[],
  parts: readonly Part[],
): unknown {
  const { full, nearlyFull } = fullPools(pools);
  const leader = cluster && "value" in cluster.leader ? cluster.leader.value : undefined;
  const resources = cluster?.resources && "value" in cluster.resources ? cluster.resources.value : undefined;
  return {
    state: worstOf(parts),
    version: VERSION,
    store: where,
    namespace: namespace ?? null,
    components,
    nodes: cluster && "value" in cluster.nodes ? cluster.nodes.value : null,
    leader: leader
      ? { ...leader, renewed: leader.renewed === undefined ? null : new Date(leader.renewed).toISOString() }
      : null,
    resources: resources ? Object.fromEntries(resources) : null,
    pools: {
      count: pools.length,
      used: pools.reduce((sum, { used }) => sum + used, 0),
      full: full.map(({ pool }) => pool),
      nearlyFull: nearlyFull.map(({ pool }) => pool),
    },
    findings: "value" in findings ? Object.fromEntries(countKinds(findings.value)) : null,
    unconfirmed,
    parts,
    time: new Date(now).toISOString(),
  };
}
