/**
 * Plans how NodeSlicePools, and the pools of their slices, reach the state that networks and nodes demand.
 *
 * @module
 */
import { formatCidr, overlap } from "../address/cidr.ts";
import { settle, type Settlement, type SliceGroup } from "../pool/slice_networks.ts";
import { planGroup } from "../pool/slice_plan.ts";
import { pairKey, type SlicePoolFacts, SlicePools } from "../pool/slice_pools.ts";
import type { Elastic, Slice } from "../pool/slice_assignment.ts";
import type { NodeFacts, StoredSlices, WantedSlices } from "./cluster.ts";
import type { Network } from "./networks.ts";
import { removals, reopenings, type UnusedPool, unusedPools, type Withdrawal } from "./slice_leftovers.ts";
import {
  conflicting,
  type Demand,
  demandsOf,
  exhausted,
  notElastic,
  type SliceProblem,
  type UnslicedRange,
} from "./slice_demands.ts";
import { type Planned, refusedSteps, type SliceStates, type SliceStep } from "./slice_refused.ts";
import { cidrOf, differs, elasticOf, rangeOf, sameSlices, storedOf } from "./slice_lists.ts";

export type { SliceProblem, SliceStates, SliceStep, UnusedPool, Withdrawal };

/** A plan. */
export interface SliceWork {
  /** One independent step per group. */
  readonly steps: readonly SliceStep[];
  /** NodeSlicePools to delete: no network demands them, and nothing of them is in use. */
  readonly remove: readonly StoredSlices[];
  /** Lists from which nodes may allocate, although no network demands that any more. Written before the steps. */
  readonly withdraw: readonly Withdrawal[];
  /** Empty pools to delete. */
  readonly unused: readonly UnusedPool[];
  /** Problems that operators must correct. */
  readonly problems: readonly SliceProblem[];
  /** Numbers of slices by NodeSlicePool. */
  readonly states: readonly SliceStates[];
  /** The assigned elastic slices without addresses in use, by {@linkcode pairKey}. Empty if the pools were not read. */
  readonly empty: readonly string[];
  /** Whether another plan is needed after this one. */
  readonly unfinished: boolean;
  /** Mark of the accepted and refused networks, for {@linkcode needsPools}. */
  readonly settlement: string;
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
  /** The elastic slices that were empty for the grace period, by {@linkcode pairKey}. Default: none. */
  readonly idle?: ReadonlySet<string>;
  /** The object that runs a controller of the original; undefined: none runs, or no network is elastic. */
  readonly original?: string | undefined;
}

/** The prepared input. */
interface Plan {
  readonly stored: ReadonlyMap<string, StoredSlices>;
  readonly nodes: readonly string[];
  readonly pools: SlicePools | undefined;
  readonly settled: Settlement<Demand, UnslicedRange>;
  readonly idle: ReadonlySet<string>;
  readonly original: string | undefined;
  /** Lists from which nodes may allocate until this plan is written, although their networks are deleted or refused. */
  readonly rivals: readonly StoredSlices[];
}

/** Plans what to write. */
export function planSliceWork(facts: SliceFacts): SliceWork {
  const { demands, unsliced, names, problems } = demandsOf(facts.networks);
  const prepared = prepare(facts, demands, unsliced);
  const { settled: { groups, refused, closed }, nodes, pools, stored } = prepared;
  const unwanted = facts.stored.filter(({ name }) => !names.has(name));
  const refusing = refused.flatMap(({ of }) => stored.get(of.name) ?? []).filter((one) => one.refused === undefined);
  const rivals = [...removals(pools, unwanted, new Set()).withdraw.map(({ list }) => list), ...refusing];
  const plan = { ...prepared, rivals };
  const planned = groups.map((group) => planOne(plan, group));
  const all = [...planned, ...refusedSteps(plan, planned)];
  const { remove, kept, withdraw } = removals(pools, unwanted, new Set(planned.flatMap(({ pairs }) => pairs)));
  const present = { nodes, groups, refused, kept };
  const open = pools ? reopenings(facts.stored, groups, pools) : [];
  return {
    steps: [...all.map(({ step }) => step), { close: [], save: [], open }].filter(isNeeded),
    remove,
    withdraw,
    unused: pools ? unusedPools(present, pools, new Set(all.flatMap(({ pairs }) => pairs))) : [],
    problems: [
      ...problems,
      ...planned.flatMap(({ group, without }) => without.length > 0 ? [exhausted(group, without)] : []),
      ...[...refused, ...closed].map(conflicting),
      ...planned.flatMap(({ group, elastic }) => typeof elastic === "string" ? [notElastic(group, elastic)] : []),
    ],
    states: all.flatMap(({ states }) => states),
    empty: planned.flatMap(({ empty }) => empty),
    unfinished: planned.some(({ unfinished }) => unfinished) || remove.length + withdraw.length > 0 ||
      all.some(({ step }) => step.save.some(isWithdrawn)),
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
  return plan.settled.groups.some((group) =>
    !isSettled(group, storedOf(group, plan.stored), plan.nodes, elasticOf(group, facts.stored, facts.original))
  );
}

/** The accepted and refused networks, as text. */
function markOfSettlement({ settled: { groups, refused, closed } }: Plan): string {
  return JSON.stringify([
    groups.map(({ network, cidr, prefix, reserves }) => [network, formatCidr(cidr), prefix, reserves]).sort(),
    [...refused, ...closed].map(({ message }) => message).sort(),
  ]);
}

/** Whether all lists of a group agree, and every node has its slice; at least one if slices are elastic. */
function isSettled(
  { cidr, prefix, members }: SliceGroup,
  stored: readonly StoredSlices[],
  nodes: readonly string[],
  elastic: Elastic | undefined,
): boolean {
  const [first] = stored;
  if (!first || stored.length < new Set(members.map(({ name }) => name)).size) return false;
  const same = stored.every((one) =>
    one.refused === undefined && one.epoch === first.epoch && rangeOf(one) === formatCidr(cidr) &&
    one.elastic === elastic && sameSlices(one.slices, first.slices)
  );
  const present = new Set(nodes);
  const assigned = first.slices.filter(({ node }) => node !== "");
  const count = elastic === undefined ? assigned.length : new Set(assigned.map(({ node }) => node)).size;
  return same && count === present.size &&
    assigned.every((slice) => present.has(slice.node) && slice.cidr.prefix === prefix);
}

function prepare(
  { stored, nodes, pools, networks, idle = new Set(), original }: SliceFacts,
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
  return { stored: byName, nodes: nodes.map(({ name }) => name), pools: known, settled, idle, original, rivals: [] };
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

/** The plan of a group. */
interface PlannedGroup extends Planned {
  readonly group: SliceGroup<Demand>;
  readonly without: readonly string[];
  readonly elastic: Elastic | undefined;
  /** As in {@linkcode SliceWork}. */
  readonly empty: readonly string[];
  readonly unfinished: boolean;
}

function planOne(plan: Plan, group: SliceGroup<Demand>): PlannedGroup {
  const { pools } = plan;
  const { network } = group;
  const stored = storedOf(group, plan.stored);
  const closed = plan.settled.closed.filter((one) => one.group === group);
  const wanted = elasticOf(group, plan.stored.values(), plan.original);
  const isIdle = (slice: Slice) => plan.idle.has(pairKey(network, slice));
  const next = planGroup({
    group,
    nodes: plan.nodes,
    stored,
    pools,
    closed,
    ...(wanted !== undefined && { isIdle }),
  });
  // a node that reads another list must not get a slice that this list has
  const hasRival = plan.rivals.some((one) => competes(one, group));
  // a pool without a node is closed only after its lists exist, so that a plan which reopens it sees them
  const unfinished = hasRival ||
    (next.close.some(({ key }) => key.node === undefined) && stored.every(({ refused }) => refused !== undefined));
  // without the pools it is unknown which slices are free, and nodes take what is listed as free
  const { slices, epoch, close, open } = unfinished || (wanted !== undefined && !pools) ? unchanged(stored) : next;
  const elastic = unfinished && wanted === true ? "its slices are not assigned yet; wait for the controller" : wanted;
  const { without } = next;
  const owners = new Map(group.members.toReversed().map((member) => [member.name, member]));
  const assigned = slices.filter(({ node }) => node !== "");
  const rest = { missing: without.length, assigned: assigned.length, free: slices.length - assigned.length };
  const order = new Map(stored.map(({ name }, at) => [name, at]));
  const save = [...owners.values()].map((member): readonly [WantedSlices, StoredSlices | undefined] => {
    const { name, size, attachment: owner } = member;
    return [
      { name, network, range: formatCidr(group.cidr), size, slices, epoch, refused: undefined, elastic, owner },
      plan.stored.get(name),
    ];
  }).filter(([wanted, last]) => !last || differs(wanted, last))
    .sort(([a], [b]) =>
      (order.get(a.name) ?? Infinity) - (order.get(b.name) ?? Infinity) || (a.name < b.name ? -1 : 1)
    );
  const isEmpty = (slice: Slice) => wanted !== undefined && pools !== undefined && !pools.isUsed({ network, ...slice });
  return {
    group,
    without,
    elastic: wanted,
    empty: assigned.filter(isEmpty).map((slice) => pairKey(network, slice)),
    unfinished,
    step: { close, save, open },
    pairs: assigned.map((slice) => pairKey(network, slice)),
    states: [...owners.keys()].map((name) => ({ name, ...rest })),
  };
}

/** Whether a list of another name may have slices that overlap those of a group. */
function competes(list: StoredSlices, { network, cidr, members }: SliceGroup<Demand>): boolean {
  if (list.network !== network || members.some(({ name }) => name === list.name)) return false;
  const whole = cidrOf(list);
  return [...(whole ? [whole] : []), ...list.slices.map((slice) => slice.cidr)].some((one) => overlap(one, cidr));
}

/** The lists of a group as stored, for a plan that only creates or adopts them. */
function unchanged(stored: readonly StoredSlices[]) {
  const [{ slices = [], epoch = 0 } = {}] = stored;
  return { slices, epoch, close: [], open: [] };
}

/** Whether nodes may take no more slices of a list once it is written: another one may let them then. */
function isWithdrawn([wanted, last]: SliceStep["save"][number]): boolean {
  return last?.elastic === true && wanted.elastic !== true;
}

function isNeeded({ close, save, open }: SliceStep): boolean {
  return close.length + save.length + open.length > 0;
}
