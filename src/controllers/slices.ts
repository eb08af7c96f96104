/**
 * Decides how NodeSlicePools, and the pools of their slices, become what networks and nodes want.
 *
 * @module
 */
import { formatCidr, overlap, parseCidr } from "../address/cidr.ts";
import { epochOf, isClosed } from "../pool/fence.ts";
import { settle, type Settlement, type SliceGroup } from "../pool/slice_networks.ts";
import { type Closing, type Opening, planGroup } from "../pool/slice_plan.ts";
import { pairKey, type SlicePoolFacts, SlicePools } from "../pool/slice_pools.ts";
import type { Slice } from "../pool/slices.ts";
import type { NodeFacts, StoredSlices, WantedSlices } from "./cluster.ts";
import type { Network } from "./networks.ts";
import { removals, reopenings, type UnusedPool, unusedPools } from "./slice_leftovers.ts";
import { conflicting, type Demand, demandsOf, exhausted, type Plain, type SliceProblem } from "./slice_demands.ts";

export type { SliceProblem, UnusedPool };

/** What there is to be done for one group of networks, in this order. */
export interface SliceStep {
  /** Pools to be closed. */
  readonly close: readonly Closing[];
  /** NodeSlicePools to be written, with what is stored where something is: the oldest first. */
  readonly save: readonly (readonly [WantedSlices, StoredSlices | undefined])[];
  /** Pools to be opened. */
  readonly open: readonly Opening[];
}

/** What there is to be done. */
export interface SliceWork {
  /** One a group. They do not depend on each other. */
  readonly steps: readonly SliceStep[];
  /** NodeSlicePools to be deleted: nobody wants them, and nothing of them is in use. */
  readonly remove: readonly StoredSlices[];
  /** Empty pools to be deleted. */
  readonly unused: readonly UnusedPool[];
  /** What stands in the way. */
  readonly problems: readonly SliceProblem[];
  /** How many slices are given, free, and missing, by NodeSlicePool. */
  readonly states: readonly SliceStates[];
  /** Whether something more is to be done as soon as this is. */
  readonly again: boolean;
  /** How the networks stand to each other, for {@linkcode needsPools}. */
  readonly settlement: string;
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
  /** The pools; undefined where they were not read: then only what needs no look at them is decided. */
  readonly pools: readonly SlicePoolFacts[] | undefined;
}

/** What the decisions of one plan have in common. */
interface Plan {
  readonly stored: ReadonlyMap<string, StoredSlices>;
  readonly nodes: readonly string[];
  readonly pools: SlicePools | undefined;
  readonly settled: Settlement<Demand, Plain>;
}

/** Decides what to write. */
export function planSliceWork(facts: SliceFacts): SliceWork {
  const { demands, plain, names, problems } = demandsOf(facts.networks);
  const plan = prepare(facts, demands, plain);
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
    again: planned.some(({ again }) => again) || remove.length > 0,
    settlement: markOfSettlement(prepare({ ...facts, pools: undefined }, demands, plain)),
  };
}

/**
 * Whether the decision needs the pools: something is to be assigned, taken away, created or deleted, or networks stand otherwise than the last
 * decision left them.
 *
 * @param settlement of the last work that was done with the pools; undefined: there was none
 */
export function needsPools(facts: Omit<SliceFacts, "pools">, settlement: string | undefined): boolean {
  const { demands, plain, names } = demandsOf(facts.networks);
  const plan = prepare({ ...facts, pools: undefined }, demands, plain);
  if (markOfSettlement(plan) !== settlement) return true;
  if (facts.stored.some(({ name, managed }) => managed && !names.has(name))) return true;
  return plan.settled.groups.some((group) => !isSettled(group, storedOf(group, plan.stored), plan.nodes));
}

/** How networks stand, as text. */
function markOfSettlement({ settled: { groups, refused, closed } }: Plan): string {
  return JSON.stringify([
    groups.map(({ network, cidr, prefix, reserves }) => [network, formatCidr(cidr), prefix, reserves]).sort(),
    [...refused, ...closed].map(({ message }) => message).sort(),
  ]);
}

/** Whether every list of a group says the same, and every node has its slice. */
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
  const given = first.slices.filter(({ node }) => node !== "");
  return same && given.length === present.size &&
    given.every((slice) => present.has(slice.node) && slice.cidr.prefix === prefix);
}

function prepare(
  { stored, nodes, pools, networks }: SliceFacts,
  demands: readonly Demand[],
  plain: readonly Plain[],
): Plan {
  const names = new Set([
    ...nodes.map(({ name }) => name),
    ...stored.flatMap(({ slices }) => slices.map(({ node }) => node)),
  ]);
  const domains = new Set(networks.map(({ config }) => config.networkName));
  const known = pools && new SlicePools(pools, { nodes: names, networks: domains });
  const byName = new Map(stored.map((one) => [one.name, one]));
  const settled = settle(demands, plain, {
    ofGroup: (group) => standingOf(group as SliceGroup<Demand>, byName, known),
    isUsed: ({ network, range: { cidr } }) => known?.isUsed({ network, cidr }) ?? true,
  });
  return { stored: byName, nodes: nodes.map(({ name }) => name), pools: known, settled };
}

function standingOf(
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
  /** What is listed as somebody's, once it is written. */
  readonly pairs: readonly string[];
  readonly states: readonly SliceStates[];
}

function planOne(
  plan: Plan,
  group: SliceGroup<Demand>,
): Planned & { group: SliceGroup<Demand>; without: readonly string[]; again: boolean } {
  const stored = storedOf(group, plan.stored);
  const closed = plan.settled.closed.filter((one) => one.group === group);
  const next = planGroup({ group, nodes: plan.nodes, stored, pools: plan.pools, closed });
  // a pool without a node is closed beside lists that exist, so that whoever opens it sees them
  const again = next.close.some(({ key }) => key.node === undefined) &&
    stored.every(({ refused }) => refused !== undefined);
  const { slices, epoch, close, open } = again ? blank(stored) : next;
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
    again,
    step: { close, save, open },
    pairs: assigned.map((slice) => pairKey(network, slice)),
    states: [...owners.keys()].map((name) => ({ name, ...rest })),
  };
}

/** The lists of a group as they are, for a plan that only makes them its own. */
function blank(stored: readonly StoredSlices[]) {
  const [{ slices = [], epoch = 0 } = {}] = stored;
  return { slices, epoch, close: [], open: [] };
}

/**
 * NodeSlicePools of networks that are refused: they say why, for whoever asks for a slice. What is in use of them stays listed, and closed.
 */
function refusedSteps(
  { settled: { groups, refused }, stored, nodes, pools }: Plan,
  planned: readonly Planned[],
): Planned[] {
  const standing = new Set(planned.flatMap(({ pairs }) => pairs));
  const owned = new Set(groups.flatMap(({ members }) => members.map(({ name }) => name)));
  const byName = new Map(refused.filter(({ of }) => !owned.has(of.name)).map((one) => [one.of.name, one]));
  return [...byName.values()].map(({ of, message }): Planned => {
    const { name, network, size, attachment: owner, range: { cidr } } = of;
    const last = stored.get(name);
    const isUsed = (slice: Slice) => pools?.isUsed({ network, ...slice }) ?? true;
    const given = last?.slices.filter((slice) => slice.node !== "" && !standing.has(pairKey(network, slice))) ?? [];
    const slices = given.filter(isUsed);
    const open = pools
      ? given.filter((slice) => !isUsed(slice) || !isClosed(pools.find({ network, ...slice })?.fence))
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
