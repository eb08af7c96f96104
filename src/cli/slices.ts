/**
 * `slices`: shows node slices against nodes.
 *
 * @module
 */
import { capacity, unboundedRange } from "../address/range.ts";
import type { StoredSlices } from "../controllers/cluster.ts";
import { podsOfCluster } from "../controllers/pods_source.ts";
import { type NodeUse, type SliceListUse, slicesInUse, type SliceUse } from "../pool/slice_use.ts";
import { KINDS } from "../pool/finding.ts";
import { countOf, freeOf } from "../pool/pool_status.ts";
import type { PoolKey } from "../pool/types.ts";
import { RefusedError } from "../storage/driver.ts";
import { type Command, defineCommand } from "./define.ts";
import { isSuspicious } from "./empty.ts";
import { clusterOf } from "./pods_flag.ts";
import { DOCUMENT_FLAGS, formatOf, printValue } from "./output.ts";
import { networksOf } from "./read_pools.ts";
import { openReading } from "./reading.ts";
import { type CommandStore, STORE_FLAGS, type StoreFlags } from "./store.ts";
import { clean, table } from "./table.ts";
import type { Terminal } from "./terminal.ts";

/** Shows node slices against nodes. */
export const slices: Command = defineCommand({
  operands: "[NODE|NODESLICEPOOL...]",
  about: [
    "Show node slices with their nodes, used and free addresses, and how many of them other nodes have borrowed (lent); which slices belong " +
    "to a node that does not exist (stale) or to no node (unassigned), and which nodes have no slice. Where nodes may take slices " +
    "(node_slice_elastic), show also how many each node has and borrows. With names, only those of these nodes and NodeSlicePools.",
    "Only a cluster has node slices: networks with `node_slice_size`.",
  ],
  flags: { ...DOCUMENT_FLAGS, ...STORE_FLAGS },
  exits: { 1: "A node or NodeSlicePool was not found, the objects are in another namespace, or the command failed" },
}, async (terminal, values, names) => {
  await using reading = await openReading(terminal, { ...values, "all-namespaces": false });
  const { parts: [found], empty } = await reading.read(
    (store, signal) => readSlices(terminal, store, values, signal),
    ({ stored, pools }) => stored + pools === 0,
  );
  if (!found) throw new TypeError("A reading has a store");
  const { store: { where }, value: { use, known } } = found;
  const missing = names.filter((name) => !known.has(name));
  const { lists, leftovers } = selected(use, names);
  const isPrinted = await printValue(terminal, formatOf(values, DOCUMENT_FLAGS), () => toJson(lists, leftovers));
  if (!isPrinted) {
    if (use.lists.length + use.leftovers.length === 0) terminal.print(`No node slices in ${where}`);
    else report(terminal, lists, leftovers);
  }
  if (empty) terminal.world.stderr(empty.message);
  for (const name of missing) {
    terminal.world.stderr(`Node or NodeSlicePool ${JSON.stringify(name)} not found; run slices to list them`);
  }
  return missing.length > 0 || (empty && isSuspicious(empty)) ? 1 : 0;
});

/** What was read in one store. */
interface SlicesRead {
  readonly use: Found;
  /** Names of nodes and NodeSlicePools. */
  readonly known: ReadonlySet<string>;
  /** Number of NodeSlicePools. */
  readonly stored: number;
  /** Number of pools. */
  readonly pools: number;
}

async function readSlices(
  terminal: Terminal,
  store: CommandStore,
  values: StoreFlags,
  signal: AbortSignal,
): Promise<SlicesRead> {
  await using cluster = await clusterOf(terminal, store.datastore, values);
  if (!cluster || !store.ipam.driver.slices) {
    throw new RefusedError(`Found no node slices: ${store.where} keeps none; select a cluster with --kubeconfig`);
  }
  const { items: stored } = await cluster.slices.list(signal);
  const pools = await store.ipam.driver.list(signal);
  const nodes = (await cluster.nodes.list(signal)).items.map(({ name }) => name);
  // networks are optional: without them the capacity is that of the whole slice
  const networks = await networksOf(terminal, () => podsOfCluster(terminal.world, cluster, values.config));
  const capacityOf = (key: PoolKey) => capacity(networks?.rangeOf?.(key) ?? unboundedRange(key.cidr));
  const known = new Set([...nodes, ...stored.flatMap(({ name, slices }) => [name, ...slices.map(({ node }) => node)])]);
  const use = slicesInUse({ stored, nodes, pools, capacityOf });
  return { use, known, stored: stored.length, pools: pools.length };
}

type Found = ReturnType<typeof slicesInUse<StoredSlices>>;

/** Those of the names: every slice of a NodeSlicePool, and the slices of a node. */
function selected({ lists, leftovers }: Found, names: readonly string[]): Found {
  if (names.length === 0) return { lists, leftovers };
  const chosen = lists.map((list) => {
    if (names.includes(list.name)) return list;
    const slices = list.slices.filter(({ node }) => names.includes(node));
    const nodes = list.nodes.filter(({ node }) => names.includes(node));
    return { ...list, slices, nodes, withoutSlice: list.withoutSlice.filter((node) => names.includes(node)) };
  });
  return {
    lists: chosen.filter(({ slices, nodes, withoutSlice }) => slices.length + nodes.length + withoutSlice.length > 0),
    leftovers: leftovers.filter(({ node }) => names.includes(node)),
  };
}

function report(
  terminal: Terminal,
  lists: readonly SliceListUse[],
  leftovers: readonly SliceUse[],
): void {
  const { print, style } = terminal;
  const areLent = [...lists.flatMap((list) => list.slices), ...leftovers].some(({ lent }) => lent > 0);
  const row = (pool: string, { slice, node, used, lent, capacity, state }: SliceUse) => [
    pool,
    slice,
    node || "-",
    used,
    ...(areLent ? [lent] : []),
    freeOf(capacity, used),
    { text: state, paint: state === "assigned" ? style.good : state === "unassigned" ? style.faint : style.bad },
  ];
  const rows = [
    ...lists.flatMap((list) => list.slices.map((one) => row(list.name, one))),
    ...leftovers.map((one) => row("-", one)),
  ];
  const header = ["NODESLICEPOOL", "SLICE", "NODE", "USED", ...(areLent ? ["LENT"] : []), "FREE", "STATE"];
  if (rows.length > 0) table(header, rows, style).forEach(print);
  reportNodes(terminal, lists);
  const refused = lists.filter((list) => list.refused !== undefined);
  const without = lists.filter(({ withoutSlice }) => withoutSlice.length > 0);
  if (rows.length > 0 && refused.length + without.length > 0) print("");
  for (const { name, elastic } of lists) {
    if (typeof elastic === "string") print(style.bad(clean(`Nodes take no slices of ${name}: ${elastic}`)));
  }
  for (const { name, refused: why } of refused) print(style.bad(clean(`${name} is refused: ${why}`)));
  for (const { name, withoutSlice } of without) {
    print(style.bad(clean(`Nodes without a slice of ${name}: ${withoutSlice.join(", ")}`)));
  }
  if (without.length > 0) print(KINDS["node-without-slice"].remedy);
}

/** What each node has of slices that nodes may take: a full slice is usual there, a node that borrows is about to be out of addresses. */
function reportNodes({ print, style }: Terminal, lists: readonly SliceListUse[]): void {
  const rows = lists.filter(({ elastic }) => elastic !== undefined).flatMap(({ name, nodes }) =>
    nodes.map(({ node, slices, used, lent, borrowed, capacity }) => [
      ...[name, node, slices, used, lent],
      freeOf(capacity, used),
      { text: borrowed, paint: borrowed > 0 ? style.warn : String },
    ])
  );
  if (rows.length === 0) return;
  print("");
  table(["NODESLICEPOOL", "NODE", "SLICES", "USED", "LENT", "FREE", "BORROWED"], rows, style).forEach(print);
}

function toJson(lists: Found["lists"], leftovers: readonly SliceUse[]): unknown {
  const sliceJson = ({ slice, node, state, used, lent, capacity }: SliceUse) => ({
    slice,
    node: node || null,
    state,
    used,
    lent,
    free: countOf(freeOf(capacity, used)),
    capacity: countOf(capacity),
  });
  const nodeJson = ({ node, slices, used, lent, borrowed, capacity }: NodeUse) => ({
    node,
    slices,
    used,
    lent,
    borrowed,
    free: countOf(freeOf(capacity, used)),
    capacity: countOf(capacity),
  });
  return {
    pools: lists.map(({ name, network, range, size, refused, elastic, slices, nodes, withoutSlice }) => ({
      name,
      network: network ?? null,
      range,
      size,
      refused: refused ?? null,
      elastic: elastic ?? null,
      slices: slices.map(sliceJson),
      nodes: nodes.map(nodeJson),
      withoutSlice,
    })),
    leftovers: leftovers.map(sliceJson),
  };
}
