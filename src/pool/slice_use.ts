/**
 * How much of each node slice is in use. Pure.
 *
 * @module
 */
import { formatCidr, parseCidr } from "../address/cidr.ts";
import type { Slice } from "./slice_assignment.ts";
import type { SliceList } from "./slice_findings.ts";
import { type SlicePoolFacts, SlicePools } from "./slice_pools.ts";
import { formatPoolKey, type PoolKey } from "./types.ts";

/** `stale`: the node does not exist. `unassigned`: no node has it. `leftover`: a pool with addresses that no NodeSlicePool lists. */
type SliceState = "assigned" | "stale" | "unassigned" | "leftover";

/** One slice. */
export interface SliceUse {
  /** The slice. */
  readonly slice: string;
  /** Its node; empty if no node has it. */
  readonly node: string;
  /** Its state. */
  readonly state: SliceState;
  /** The name of its pool; empty if it has none yet. */
  readonly pool: string;
  /** Addresses allocated. */
  readonly used: number;
  /** Those of them that pods of other nodes have borrowed. */
  readonly lent: number;
  /** Addresses that can be allocated. */
  readonly capacity: bigint;
}

/** The slices of one node. */
export interface NodeUse {
  /** The node. */
  readonly node: string;
  /** Number of its slices. */
  readonly slices: number;
  /** Addresses allocated from them. */
  readonly used: number;
  /** Those of them that pods of other nodes have borrowed. */
  readonly lent: number;
  /** Addresses that its pods have borrowed from slices of other nodes. */
  readonly borrowed: number;
  /** Addresses of its slices that can be allocated. */
  readonly capacity: bigint;
}

/** The slices of one range, and the nodes that lack one. */
export type SliceListUse<L extends SliceList = SliceList> = Omit<L, "slices"> & {
  /** By address. */
  readonly slices: readonly SliceUse[];
  /** The nodes that have slices, or addresses of them, by name. */
  readonly nodes: readonly NodeUse[];
  /** Existing nodes without a slice inside the range. */
  readonly withoutSlice: readonly string[];
};

/** What is compared. */
interface SliceUseFacts<L extends SliceList> {
  /** The NodeSlicePools. */
  readonly stored: readonly L[];
  /** Names of the existing nodes. */
  readonly nodes: readonly string[];
  /** The pools of the store. */
  readonly pools: readonly SlicePoolFacts[];
  /** Addresses of a pool that can be allocated. */
  readonly capacityOf: (key: PoolKey) => bigint;
}

/** The use of every slice, and pools of nodes with addresses that no NodeSlicePool lists. */
export function slicesInUse<L extends SliceList>(
  { stored, nodes, pools, capacityOf }: SliceUseFacts<L>,
): { readonly lists: readonly SliceListUse<L>[]; readonly leftovers: readonly SliceUse[] } {
  const known = {
    nodes: new Set([...nodes, ...stored.flatMap(({ slices }) => slices.map(({ node }) => node))]),
    networks: new Set(stored.flatMap((list) => networksOf(list))),
  };
  const index = new SlicePools(pools, known);
  const present = new Set(nodes);
  const listed = new Set<string>();
  const useOf = (list: L, { node, cidr }: Slice): CountedSlice => {
    const keys = networksOf(list).map((network): PoolKey => ({ network, ...(node !== "" && { node }), cidr }));
    const key = keys.find((one) => index.find(one)) ?? keys[0] ?? { network: "", cidr };
    if (node !== "") listed.add(formatPoolKey(key));
    const pool = node === "" ? undefined : index.find(key);
    const borrowers = borrowersOf(pool);
    return {
      slice: formatCidr(cidr),
      node,
      state: node === "" ? "unassigned" : present.has(node) ? "assigned" : "stale",
      pool: pool ? formatPoolKey(pool.key) : "",
      used: pool?.allocations.size ?? 0,
      lent: borrowers.length,
      borrowers,
      capacity: capacityOf(key),
    };
  };
  const lists = stored.toSorted((a, b) => (a.name < b.name ? -1 : 1)).map((list): SliceListUse<L> => {
    const { slices, ...rest } = list;
    const family = parseCidr(list.range)?.cidr.family;
    const served = new Set(slices.filter(({ cidr }) => cidr.family === family).map(({ node }) => node));
    const counted = slices.toSorted((a, b) => (a.cidr.base < b.cidr.base ? -1 : 1)).map((slice) => useOf(list, slice));
    return {
      ...rest,
      slices: counted.map(({ borrowers: _, ...slice }) => slice),
      nodes: nodesOf(counted),
      withoutSlice: nodes.filter((node) => !served.has(node)).toSorted(),
    };
  });
  const leftovers = [...index.all()].filter(({ key, allocations }) =>
    key.node !== undefined && allocations.size > 0 && !listed.has(formatPoolKey(key))
  ).map(({ key, allocations }): SliceUse => ({
    slice: formatCidr(key.cidr),
    node: key.node ?? "",
    state: "leftover",
    pool: formatPoolKey(key),
    used: allocations.size,
    lent: borrowersOf({ key, allocations }).length,
    capacity: capacityOf(key),
  }));
  return { lists, leftovers };
}

/** A slice, and the node of each entry that is on another one. */
interface CountedSlice extends SliceUse {
  readonly borrowers: readonly string[];
}

/** The nodes of the entries whose sandbox is on another node than that of the slice. */
function borrowersOf(pool: SlicePoolFacts | undefined): string[] {
  return pool?.allocations.values().flatMap(({ node = "" }) => node === "" || node === pool.key.node ? [] : [node])
    .toArray() ?? [];
}

function nodesOf(slices: readonly CountedSlice[]): NodeUse[] {
  const borrowed = Map.groupBy(slices.flatMap(({ borrowers }) => borrowers), (node) => node);
  const own = Map.groupBy(slices.filter(({ node }) => node !== ""), ({ node }) => node);
  return [...new Set([...own.keys(), ...borrowed.keys()])].sort().map((node) => {
    const ofNode = own.get(node) ?? [];
    return {
      node,
      slices: ofNode.length,
      used: ofNode.reduce((sum, { used }) => sum + used, 0),
      lent: ofNode.reduce((sum, { lent }) => sum + lent, 0),
      borrowed: borrowed.get(node)?.length ?? 0,
      capacity: ofNode.reduce((sum, { capacity }) => sum + capacity, 0n),
    };
  });
}

/** The domains that the pools of a NodeSlicePool may have. Objects of the original do not record theirs, but are named after it. */
function networksOf({ network, name }: SliceList): string[] {
  return network === undefined ? ["", name] : [network];
}
