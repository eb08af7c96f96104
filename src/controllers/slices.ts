/**
 * Keeps the NodeSlicePools as the networks and the nodes want them.
 *
 * @module
 */
import { type Cidr, contains, formatCidr, parseCidr } from "../address/cidr.ts";
import { capacity, type IpRange } from "../address/range.ts";
import { narrowed, slicePoolName } from "../ipam/slices.ts";
import { planSlices, type Slice, slicePrefix } from "../pool/slices.ts";
import type { PoolSnapshot } from "../storage/driver.ts";
import type { Attachment, NodeFacts, StoredSlices, WantedSlices } from "./cluster.ts";
import type { Network } from "./networks.ts";

/** Something about an attachment's slices that an operator has to put right. */
export interface SliceProblem {
  /** Whose. */
  readonly attachment: Attachment;
  /** One word. */
  readonly reason: "NoFreeSlices" | "InvalidSliceSize" | "ConflictingSlices" | "SlicesRefused";
  /** One sentence. */
  readonly message: string;
}

/** What there is to be done. */
export interface SliceWork {
  /** To be written, with what is stored where something is. */
  readonly save: readonly (readonly [WantedSlices, StoredSlices | undefined])[];
  /** To be deleted: nobody wants them, and nothing of them is in use. */
  readonly remove: readonly StoredSlices[];
  /** What stands in the way. */
  readonly problems: readonly SliceProblem[];
  /** How many slices are given, free, and missing, by NodeSlicePool. */
  readonly states: readonly SliceStates[];
}

/** The slices of one NodeSlicePool by state. */
export interface SliceStates {
  /** Its name. */
  readonly name: string;
  /** Nodes have them. */
  readonly assigned: number;
  /** Listed, and nobody's. Long lists name no free ones. */
  readonly free: number;
  /** Nodes without. */
  readonly missing: number;
}

/** What is known. */
export interface SliceFacts {
  /** Every network. */
  readonly networks: readonly Network[];
  /** Every node. */
  readonly nodes: readonly NodeFacts[];
  /** Every NodeSlicePool. */
  readonly stored: readonly StoredSlices[];
  /** The pools; undefined: not read yet, all slices count as in use. */
  readonly pools: readonly PoolSnapshot[] | undefined;
}

/** A range that is to be cut, for the attachment that names it first. */
interface Demand {
  readonly attachment: Attachment;
  readonly name: string;
  /** `network_name`. */
  readonly network: string;
  readonly range: IpRange;
  readonly size: string;
}

/** Decides what to write. */
export function planSliceWork(facts: SliceFacts): SliceWork {
  const { networks, nodes, stored, pools } = facts;
  const { demands, problems } = demandsOf(networks);
  const save: [WantedSlices, StoredSlices | undefined][] = [];
  const states: SliceStates[] = [];
  const found: SliceProblem[] = [...problems];
  for (const demand of demands) {
    const last = stored.find(({ name }) => name === demand.name);
    const prefix = slicePrefix(demand.size, demand.range.cidr);
    if (prefix === undefined) {
      found.push(invalid(demand));
      continue;
    }
    const { slices, without } = planSlices({
      range: demand.range.cidr,
      prefix,
      nodes: nodes.map(({ name }) => name),
      current: last?.slices ?? heldSlices(demand, nodes, pools ?? []),
      inUse: (slice) => inUse(slice, pools),
      usable: (cidr) => capacity(narrowed(demand.range, "", cidr)) > 0n,
    });
    const { name, attachment: owner, size } = demand;
    const wanted = { name, range: formatCidr(demand.range.cidr), size, slices, owner };
    if (!last || differs(wanted, last)) save.push([wanted, last]);
    const assigned = slices.filter(({ node }) => node !== "").length;
    states.push({ name, assigned, free: slices.length - assigned, missing: without.length });
    if (without.length > 0) found.push(exhausted(demand, without));
  }
  const wanted = new Set(demands.map(({ name }) => name));
  const remove = stored.filter(({ name, managed, slices }) =>
    managed && !wanted.has(name) && !slices.some((slice) => slice.node !== "" && inUse(slice, pools))
  );
  return { save, remove, problems: found, states };
}

/** Whether the decision needs the pools: a slice is to be taken from its node, or a NodeSlicePool is to be made. */
export function needsPools(facts: Omit<SliceFacts, "pools">): boolean {
  const mark = (pools: readonly PoolSnapshot[] | undefined) => {
    const { save, remove } = planSliceWork({ ...facts, pools });
    return JSON.stringify([save.map(([wanted]) => wanted.slices.map(markOf)), remove.map(({ name }) => name)]);
  };
  return planSliceWork({ ...facts, pools: undefined }).save.some(([, last]) => !last) || mark(undefined) !== mark([]);
}

/** What nodes hold already of a range whose NodeSlicePool was lost: they get that again. */
function heldSlices({ network, range }: Demand, nodes: readonly NodeFacts[], pools: readonly PoolSnapshot[]): Slice[] {
  return pools.filter(({ key, allocations }) =>
    allocations.size > 0 && key.cidr.prefix > range.cidr.prefix &&
    contains(range.cidr, { family: key.cidr.family, value: key.cidr.base })
  ).flatMap(({ key }) => {
    const holder = nodes.find(({ name }) =>
      key.node === name ? key.network === network : key.network === (network === "" ? name : `${network}-${name}`)
    );
    return holder ? [{ node: holder.name, cidr: key.cidr }] : [];
  });
}

/** Each range of a name once; who asks for something else under the same name is told. */
function demandsOf(networks: readonly Network[]): { demands: Demand[]; problems: SliceProblem[] } {
  const demands = new Map<string, Demand>();
  const problems: SliceProblem[] = [];
  const named = (network: Network) => `${network.attachment.namespace}/${network.attachment.name}`;
  for (const network of networks.toSorted((a, b) => (named(a) < named(b) ? -1 : 1))) {
    const { config, attachment } = network;
    const { nodeSliceSize: size } = config;
    if (size === undefined) continue;
    for (const [index, range] of config.ranges.entries()) {
      const name = slicePoolName(config, range, index);
      const first = demands.get(name);
      if (!first) demands.set(name, { attachment, name, network: config.networkName, range, size });
      else if (formatCidr(first.range.cidr) !== formatCidr(range.cidr) || first.size !== size) {
        const message =
          `NodeSlicePool ${name} is cut as ${first.attachment.namespace}/${first.attachment.name} says: ` +
          `${formatCidr(first.range.cidr)} by ${first.size}; this one wants ${formatCidr(range.cidr)} by ${size}: ` +
          "give one of them another network_name";
        problems.push({ attachment, reason: "ConflictingSlices", message });
      }
    }
  }
  return { demands: [...demands.values()], problems };
}

function invalid({ attachment, range, size }: Demand): SliceProblem {
  const message =
    `Cannot cut ${formatCidr(range.cidr)} by node_slice_size ${JSON.stringify(size)}: wanted a prefix length of ` +
    `${range.cidr.prefix} to ${range.cidr.family === 4 ? 32 : 128}`;
  return { attachment, reason: "InvalidSliceSize", message };
}

function exhausted({ attachment, name, range, size }: Demand, without: readonly string[]): SliceProblem {
  const few = without.slice(0, 5).join(", ");
  const more = without.length > 5 ? ` and ${without.length - 5} more` : "";
  const message =
    `No slice of ${formatCidr(range.cidr)} by ${size} is left in NodeSlicePool ${name} for ${few}${more}: ` +
    "pods with this network do not start there; use a larger range or smaller slices";
  return { attachment, reason: "NoFreeSlices", message };
}

function inUse(slice: Slice, pools: readonly PoolSnapshot[] | undefined): boolean {
  return pools?.some(({ key, allocations }) =>
    allocations.size > 0 && sameCidr(key.cidr, slice.cidr) &&
    (key.node === slice.node || key.network === slice.node || key.network.endsWith(`-${slice.node}`))
  ) ?? true;
}

function differs(wanted: WantedSlices, last: StoredSlices): boolean {
  const range = parseCidr(last.range)?.cidr;
  return last.collected || !range || formatCidr(range) !== wanted.range || last.size !== wanted.size ||
    last.slices.map(markOf).join() !== wanted.slices.map(markOf).join();
}

function markOf({ node, cidr }: Slice): string {
  return `${node} ${formatCidr(cidr)}`;
}

function sameCidr(a: Cidr, b: Cidr): boolean {
  return a.family === b.family && a.base === b.base && a.prefix === b.prefix;
}
