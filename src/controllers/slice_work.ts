/**
 * Plans how NodeSlicePools, and the pools of their slices, reach the state that networks and nodes demand.
 *
 * @module
 */
import { formatCidr, overlap, parseCidr } from "../address/cidr.ts";
import { epochOf, isClosed } from "../pool/fence.ts";
import { settle, type Settlement, type SliceGroup } from "../pool/slice_networks.ts";
import { type Closing, type Opening, planGroup } from "../pool/slice_plan.ts";
import { pairKey, type SlicePoolFacts, SlicePools } from "../pool/slice_pools.ts";
import type { Slice } from "../pool/slice_assignment.ts";
import type { NodeFacts, StoredSlices, WantedSlices } from "./cluster.ts";
import type { Network } from "./networks.ts";
import { removals, reopenings, type UnusedPool, unusedPools } from "./slice_leftovers.ts";
import {
  conflicting,
  type Demand,
  demandsOf,
  exhausted,
  type SliceProblem,
  type UnslicedRange,
} from "./slice_demands.ts";

export type { SliceProblem, UnusedPool };

/** The writes for one group of networks, in this order. */
export interface SliceStep {
  /** Pools to close. */
  readonly close: readonly Closing[];
  /** NodeSlicePools to save, each with the stored one if it exists; the oldest first. */
  readonly save: readonly (readonly [WantedSlices, StoredSlices | undefined])[];
  /** Pools to open. */
  readonly open: readonly Opening[];
}

/** A plan. */
export interface SliceWork {
  /** One independent step per group. */
  readonly steps: readonly SliceStep[];
  /** NodeSlicePools to delete: no network demands them, and nothing of them is in use. */
  readonly remove: readonly StoredSlices[];
  /** Empty pools to delete. */
  readonly unused: readonly UnusedPool[];
  /** Problems that operators must correct. */
  readonly problems: readonly SliceProblem[];
  /** Numbers of slices by NodeSlicePool. */
  readonly states: readonly SliceStates[];
  /** Whether another plan is needed after this one. */
  readonly unfinished: boolean;
  /** Mark of the accepted and refused networks, for {@linkcode needsPools}. */
  readonly settlement: string;
}

/** The slices of one NodeSlicePool by state. */
export interface SliceStates {
  /** Its name. */
  readonly name: string;
  /** Slices of nodes. */
  readonly assigned: number;
  /** Listed slices without a node. Long lists omit them. */
  readonly free: number;
  /** Nodes without a slice. */
  readonly missing: number;
}

/** The input of a plan. */
interface SliceFacts {
  /** Every network. */
  readonly networks: readonly Network[];
  /** Every node. */
  readonly nodes: readonly NodeFacts[];
  /** Every NodeSlicePool. */
  readonly stored: readonly StoredSlices[];
  /** The pools; undefined if they were not read: the plan then leaves out what depends on them. */
  readonly pools: readonly SlicePoolFacts[] | undefined;
}

/** The prepared input. */
interface Plan {
  readonly stored: ReadonlyMap<string, StoredSlices>;
  readonly nodes: readonly string[];
  readonly pools: SlicePools | undefined;
  readonly settled: Settlement<Demand, UnslicedRange>;
}

/** Plans what to write. */
export function planSliceWork(facts: SliceFacts): SliceWork {
  const { demands, unsliced, names, problems } = demandsOf(facts.networks);
  const plan = prepare(facts, demands, unsliced);
  const { settled: { groups, refused, closed }, nodes, pools } = plan;
  const planned = groups.map((group) => planOne(plan, group));
  const all = [...planned, ...refusedSteps(plan, planned)];
  const { remove, kept } = removals(pools, facts.stored.filter(({ name }) => !names.has(name)));
  const present = { nodes, groups, refused, kept };
  const open = pools ? reopenings(facts.stored, groups, pools) : [];
  return {
    steps: [...all.map(({ step }) => step), { close: [], save: [], open }].filter(isNeeded),
    remove,
    unused: pools ? unusedPools(present, pools, new Set(all.flatMap(({ pairs }) => pairs))) : [],
    problems: [
      ...problems,
      ...planned.flatMap(({ group, without }) => without.length > 0 ? [exhausted(group, without)] : []),
      ...[...refused, ...closed].map(conflicting),
    ],
    states: all.flatMap(({ states }) => states),
    unfinished: planned.some(({ unfinished }) => unfinished) || remove.length > 0,
    settlement: markOfSettlement(prepare({ ...facts, pools: undefined }, demands, unsliced)),
  };
}

/**
 * Whether a plan needs the pools: a slice or list must change, or networks are accepted or refused that were not in the last plan.
 *
 * @param settlement of the last plan with pools that was fully written; undefined: no plan was
 */
export function needsPools(facts: Omit<SliceFacts, "pools">, settlement: string | undefined): boolean {
  const { demands, unsliced, names } = demandsOf(facts.networks);
  const plan = prepare({ ...facts, pools: undefined }, demands, unsliced);
  if (markOfSettlement(plan) !== settlement) return true;
  if (facts.stored.some(({ name, managed }) => managed && !names.has(name))) return true;
  return plan.settled.groups.some((group) => !isSettled(group, storedOf(group, plan.stored), plan.nodes));
}

/** The accepted and refused networks, as text. */
function markOfSettlement({ settled: { groups, refused, closed } }: Plan): string {
  return JSON.stringify([
    groups.map(({ network, cidr, prefix, reserves }) => [network, formatCidr(cidr), prefix, reserves]).sort(),
    [...refused, ...closed].map(({ message }) => message).sort(),
  ]);
}

/** Whether all lists of a group agree, and every node has its slice. */
function isSettled(
  { cidr, prefix, members }: SliceGroup,
  stored: readonly StoredSlices[],
  nodes: readonly string[],
): boolean {
  const [first] = stored;
  if (!first || stored.length < new Set(members.map(({ name }) => name)).size) return false;
  const same = stored.every((one) =>
    one.refused === undefined && one.epoch === first.epoch && rangeOf(one) === formatCidr(cidr) &&
    sameSlices(one.slices, first.slices)
  );
  const present = new Set(nodes);
  const assigned = first.slices.filter(({ node }) => node !== "");
  return same && assigned.length === present.size &&
    assigned.every((slice) => present.has(slice.node) && slice.cidr.prefix === prefix);
}

function prepare(
  { stored, nodes, pools, networks }: SliceFacts,
  demands: readonly Demand[],
  unsliced: readonly UnslicedRange[],
): Plan {
  const names = new Set([
    ...nodes.map(({ name }) => name),
    ...stored.flatMap(({ slices }) => slices.map(({ node }) => node)),
  ]);
  const domains = new Set(networks.map(({ config }) => config.networkName));
  const known = pools && new SlicePools(pools, { nodes: names, networks: domains });
  const byName = new Map(stored.map((one) => [one.name, one]));
  const settled = settle(demands, unsliced, {
    ofGroup: (group) => usageOf(group as SliceGroup<Demand>, byName, known),
    isUsed: ({ network, range: { cidr } }) => known?.isUsed({ network, cidr }) ?? true,
  });
  return { stored: byName, nodes: nodes.map(({ name }) => name), pools: known, settled };
}

function usageOf(
  group: SliceGroup<Demand>,
  byName: ReadonlyMap<string, StoredSlices>,
  pools: SlicePools | undefined,
): "used" | "stored" | "new" {
  const { network, cidr } = group;
  const stored = storedOf(group, byName).filter(({ refused }) => refused === undefined);
  const used = stored.flatMap(({ slices }) => slices)
    .some((slice) => slice.node !== "" && overlap(slice.cidr, cidr) && (pools?.isUsed({ network, ...slice }) ?? true));
  if (used) return "used";
  return stored.some((one) => rangeOf(one) === formatCidr(cidr)) ? "stored" : "new";
}

/** The NodeSlicePools of a group, the oldest first. */
function storedOf({ members }: SliceGroup, byName: ReadonlyMap<string, StoredSlices>): StoredSlices[] {
  return [...new Set(members.map(({ name }) => name))].map((name) => byName.get(name)).filter((one) =>
    one !== undefined
  )
    .sort((a, b) => (a.created < b.created ? -1 : a.created > b.created ? 1 : a.name < b.name ? -1 : 1));
}

interface Planned {
  readonly step: SliceStep;
  /** Keys of the slices that the written list assigns. */
  readonly pairs: readonly string[];
  readonly states: readonly SliceStates[];
}

function planOne(
  plan: Plan,
  group: SliceGroup<Demand>,
): Planned & { group: SliceGroup<Demand>; without: readonly string[]; unfinished: boolean } {
  const stored = storedOf(group, plan.stored);
  const closed = plan.settled.closed.filter((one) => one.group === group);
  const next = planGroup({ group, nodes: plan.nodes, stored, pools: plan.pools, closed });
  // a pool without a node is closed only after its lists exist, so that a plan which reopens it sees them
  const unfinished = next.close.some(({ key }) => key.node === undefined) &&
    stored.every(({ refused }) => refused !== undefined);
  const { slices, epoch, close, open } = unfinished ? unchanged(stored) : next;
  const { without } = next;
  const owners = new Map(group.members.toReversed().map((member) => [member.name, member]));
  const { network } = group;
  const assigned = slices.filter(({ node }) => node !== "");
  const rest = { missing: without.length, assigned: assigned.length, free: slices.length - assigned.length };
  const order = new Map(stored.map(({ name }, at) => [name, at]));
  const save = [...owners.values()].map((member): readonly [WantedSlices, StoredSlices | undefined] => {
    const { name, size, attachment: owner } = member;
    return [
      { name, network, range: formatCidr(group.cidr), size, slices, epoch, refused: undefined, owner },
      plan.stored.get(name),
    ];
  }).filter(([wanted, last]) => !last || differs(wanted, last))
    .sort(([a], [b]) =>
      (order.get(a.name) ?? Infinity) - (order.get(b.name) ?? Infinity) || (a.name < b.name ? -1 : 1)
    );
  return {
    group,
    without,
    unfinished,
    step: { close, save, open },
    pairs: assigned.map((slice) => pairKey(network, slice)),
    states: [...owners.keys()].map((name) => ({ name, ...rest })),
  };
}

/** The lists of a group as stored, for a plan that only creates or adopts them. */
function unchanged(stored: readonly StoredSlices[]) {
  const [{ slices = [], epoch = 0 } = {}] = stored;
  return { slices, epoch, close: [], open: [] };
}

/** The steps of refused networks: their NodeSlicePools get the reason, which the plugin returns. Slices in use stay listed, and closed. */
function refusedSteps(
  { settled: { groups, refused }, stored, nodes, pools }: Plan,
  planned: readonly Planned[],
): Planned[] {
  const assigned = new Set(planned.flatMap(({ pairs }) => pairs));
  const owned = new Set(groups.flatMap(({ members }) => members.map(({ name }) => name)));
  const byName = new Map(refused.filter(({ of }) => !owned.has(of.name)).map((one) => [one.of.name, one]));
  return [...byName.values()].map(({ of, message }): Planned => {
    const { name, network, size, attachment: owner, range: { cidr } } = of;
    const last = stored.get(name);
    const isUsed = (slice: Slice) => pools?.isUsed({ network, ...slice }) ?? true;
    const former = last?.slices.filter((slice) => slice.node !== "" && !assigned.has(pairKey(network, slice))) ?? [];
    const slices = former.filter(isUsed);
    const open = pools
      ? former.filter((slice) => !isUsed(slice) || !isClosed(pools.find({ network, ...slice })?.fence))
      : [];
    const epoch = (last?.epoch ?? 0) + (open.length > 0 ? 1 : 0);
    const close = open.map((slice) => {
      const key = { network, ...slice };
      const pool = pools?.find(key);
      return { key, pool, closed: Math.max(epoch, epochOf(pool?.fence) + 1) };
    });
    const wanted = { name, network, range: formatCidr(cidr), size, slices, epoch, refused: message, owner };
    const missing = nodes.length;
    return {
      step: { close, save: !last || differs(wanted, last) ? [[wanted, last]] : [], open: [] },
      pairs: slices.map((slice) => pairKey(network, slice)),
      states: [{ name, assigned: slices.length, free: 0, missing }],
    };
  });
}

function isNeeded({ close, save, open }: SliceStep): boolean {
  return close.length + save.length + open.length > 0;
}

function differs(wanted: WantedSlices, last: StoredSlices): boolean {
  return last.collected || rangeOf(last) !== wanted.range || last.size !== wanted.size || last.epoch !== wanted.epoch ||
    last.refused !== wanted.refused || !sameSlices(last.slices, wanted.slices);
}

function rangeOf({ range }: StoredSlices): string | undefined {
  const whole = parseCidr(range)?.cidr;
  return whole && formatCidr(whole);
}

function sameSlices(a: readonly Slice[], b: readonly Slice[]): boolean {
  return a.length === b.length && a.every((slice, at) => markOf(slice) === markOf(b[at] ?? slice));
}

function markOf({ node, cidr }: Slice): string {
  return `${node} ${formatCidr(cidr)}`;
}
