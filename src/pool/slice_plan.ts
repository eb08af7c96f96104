/**
 * Plans the next step for a group of networks: which node gets which slice, and which pools must be closed before the plan is written.
 *
 * Invariant: a slice is assigned to a node only while every other pool of its domain that overlaps it is closed, or is empty and was never
 * listed. The order of writes preserves it through a crash at any point:
 *
 * 1. Close, in a new epoch, the pool of each node that loses its slice (a missing pool is created closed, so that its node does not create
 *    it open), and every other open pool that overlaps a slice to be assigned. A pool that has allocations by now is not closed: the step
 *    fails. After a crash here nodes have slices with closed pools; the next plan reopens those that it leaves assigned.
 * 2. Write the NodeSlicePools with the new epoch, if they are still those that the plan was made from. After a crash here a node has a slice
 *    whose pool may be closed; the next plan opens it.
 * 3. Open the pools of assigned slices, in the epoch that lists them.
 *
 * Of two concurrent plans from the same list, one fails in step 2; all it did in step 1 is close pools. An opening that was decided on an
 * older list carries an older epoch than any later closing, so it has no effect.
 *
 * If slices are elastic, a node may take a free slice of the list: it writes the list with the next epoch, as step 2 does, if it is still the
 * one that it read, and then opens its own pool, as step 3 does. For it, step 1 was done before the slice was listed as free: no pool that
 * overlaps a free slice of such a list is open, unless reservations keep its addresses apart.
 *
 * @module
 */
import { Blocks } from "../address/blocks.ts";
import { formatCidr, span } from "../address/cidr.ts";
import { type IpRange, lowestFree } from "../address/range.ts";
import { epochOf, isClosed } from "./fence.ts";
import { closedMessage, type NetworkRange, type Refusal, type SliceGroup } from "./slice_networks.ts";
import { pairKey, type SlicePoolFacts, type SlicePools } from "./slice_pools.ts";
import { assignSlices, type Slice, type SliceAssignment } from "./slice_assignment.ts";
import { formatPoolKey, type PoolKey } from "./types.ts";

/** The stored state of one NodeSlicePool of a group. */
export interface StoredPlan {
  /** Its slices. */
  readonly slices: readonly Slice[];
  /** Counts its assignments. 0: last written by another controller. */
  readonly epoch: number;
}

/** A pool that must be closed first. */
export interface Closing {
  /** The pool. */
  readonly key: PoolKey;
  /** Its state when the plan was made; undefined: it did not exist. */
  readonly pool: SlicePoolFacts | undefined;
  /** The epoch. */
  readonly closed: number;
  /** The reason for the error of an ADD. Absent if the pool belongs to a node. */
  readonly reason?: string;
}

/** A pool to reopen. */
export interface Opening {
  /** Its state when the plan was made. */
  readonly pool: SlicePoolFacts;
  /** The epoch. */
  readonly opened: number;
}

/** The next step of a group. */
interface GroupPlan extends SliceAssignment {
  /** The epoch of the plan. */
  readonly epoch: number;
  /** Pools to close before the plan is written. */
  readonly close: readonly Closing[];
  /** Pools to open after the plan is written. */
  readonly open: readonly Opening[];
}

/** The input of a plan. */
export interface GroupFacts {
  /** The networks. */
  readonly group: SliceGroup;
  /** Names of nodes. */
  readonly nodes: readonly string[];
  /** Its NodeSlicePools, oldest first. */
  readonly stored: readonly StoredPlan[];
  /** The pools; undefined: not read, so that no slice is assigned or withdrawn and no pool closed or opened. */
  readonly pools: SlicePools | undefined;
  /** Pools without a node that are closed because of it. */
  readonly closed: readonly Refusal<NetworkRange>[];
  /** See {@linkcode AssignmentFacts.isIdle}. Present: nodes may take the free slices that are listed. */
  readonly isIdle?: (slice: Slice) => boolean;
}

/** Plans one group. */
export function planGroup(facts: GroupFacts): GroupPlan {
  const { group, nodes, stored, pools } = facts;
  const { network, cidr: range, prefix } = group;
  const last = stored.reduce((newest, one) => Math.max(newest, one.epoch), 0);
  const current = currentSlices(facts);
  const plan = assignSlices({
    range,
    prefix,
    nodes,
    current,
    inUse: (slice) => pools?.isUsed({ network, ...slice }) ?? true,
    next: nextAddress(group),
    occupied: pools?.occupied(group) ?? [],
    ...(facts.isIdle && { isIdle: facts.isIdle }),
  });
  if (!pools) return { ...plan, epoch: last, close: [], open: [] };
  const assigned = new Set(plan.slices.filter(({ node }) => node !== "").map((slice) => pairKey(network, slice)));
  const lost = [...stored.flatMap(({ slices }) => slices), ...current]
    .filter((slice) => slice.node !== "" && !assigned.has(pairKey(network, slice)));
  const listed = new Set((newest(stored)?.slices ?? []).map((slice) => pairKey(network, slice)));
  const gained = plan.slices.filter((slice) => slice.node !== "" && !listed.has(pairKey(network, slice)));
  const free = facts.isIdle ? plan.slices.filter(({ node }) => node === "") : [];
  const closing = new Map([
    ...lost.map((slice) => ({ key: { network, ...slice } })),
    ...openPools(facts, pools, assigned, [...gained, ...free]),
    ...wholePools(facts, pools),
  ].map((one) => [formatPoolKey(one.key), one] as const));
  const opening = closedPools(facts, pools, plan.slices);
  const latest = epochs(pools, group).reduce((max, epoch) => Math.max(max, epoch), last);
  const isLastTooOld = opening.some(({ fence }) => (fence?.closed ?? 0) >= last);
  const epoch = closing.size > 0 || gained.length > 0 || isLastTooOld ? latest + 1 : last;
  return {
    ...plan,
    epoch,
    close: [...closing.values()].map((one) => ({ ...one, pool: pools.find(one.key), closed: epoch })),
    open: opening.map((pool) => ({ pool, opened: epoch })),
  };
}

/**
 * If lists differ, the one of the latest epoch counts. Lists of other controllers have no epoch, so all of them count. A slice in use counts
 * in any list: the latest list may be of another network that had the name for a while.
 */
function currentSlices({ group, stored, pools }: GroupFacts): Slice[] {
  const { network } = group;
  const last = newest(stored);
  if (!last || isBlank(last)) return pools?.slices(group) ?? [];
  const lists = last.epoch > 0 ? [last] : stored;
  const used = stored.flatMap(({ slices }) => slices)
    .filter((slice) => slice.node !== "" && pools?.isUsed({ network, ...slice }));
  const all = [...lists.flatMap(({ slices }) => slices), ...used];
  return [...new Map(all.map((slice) => [pairKey(network, slice), slice])).values()];
}

function newest(stored: readonly StoredPlan[]): StoredPlan | undefined {
  return stored.reduce<StoredPlan | undefined>((last, one) => last && last.epoch >= one.epoch ? last : one, undefined);
}

/** The lowest address that a network of the group may allocate. */
function nextAddress({ members }: SliceGroup): (from: bigint) => bigint | undefined {
  const text = ({ first, last, excludes }: IpRange) =>
    [first, last, ...excludes.map((one) => `${one.first}-${one.last}`)].join();
  const ranges = [...new Map(members.map(({ range }) => [text(range), range])).values()];
  return (from) =>
    ranges.map((range) => lowestFree(range, () => false, from)).filter((found) => found !== undefined)
      .reduce<bigint | undefined>((low, found) => low === undefined || found < low ? found : low, undefined);
}

/** Whether a list is new: it never assigned a slice. */
function isBlank({ epoch, slices }: StoredPlan): boolean {
  return epoch === 0 && slices.length === 0;
}

interface OpenPool {
  readonly key: PoolKey;
  readonly reason?: string;
}

/**
 * Open, empty pools of nodes that have no slice for them: those whose node does not exist, and those that overlap a slice to be assigned or to
 * be listed for nodes to take.
 */
function openPools(
  { group: { network, cidr }, nodes }: GroupFacts,
  pools: SlicePools,
  assigned: ReadonlySet<string>,
  next: readonly Slice[],
): OpenPool[] {
  const present = new Set(nodes);
  const wanted = new Blocks(
    next.filter((slice) => slice.cidr.family === cidr.family).map((slice) => span(slice.cidr)),
  );
  return pools.overlapping({ network, cidr }).flatMap(({ key, fence, allocations }): OpenPool[] => {
    const { node } = key;
    if (node === undefined || isClosed(fence) || allocations.size > 0) return [];
    if (assigned.has(pairKey(network, { node, cidr: key.cidr }))) return [];
    return wanted.overlapping(span(key.cidr)) || !present.has(node) ? [{ key }] : [];
  });
}

/** Open pools without a node that overlap slices: that of the range itself, unless reservations prevent duplicates, and of refused networks. */
function wholePools({ group, closed }: GroupFacts, pools: SlicePools): OpenPool[] {
  const { network, cidr, reserves } = group;
  const own = reserves ? [] : [{ key: { network, cidr }, reason: closedMessage(cidr, group) }];
  const others = closed.map(({ of, message }) => ({ key: { network, cidr: of.range.cidr }, reason: message }));
  return [...own, ...others].filter(({ key }) => !isClosed(pools.find(key)?.fence));
}

/** Closed pools to open: those of assigned slices, and pools without a node whose networks all reserve by now. */
function closedPools({ group, closed }: GroupFacts, pools: SlicePools, slices: readonly Slice[]): SlicePoolFacts[] {
  const { network, reserves } = group;
  const refused = new Set(closed.map(({ of }) => formatCidr(of.range.cidr)));
  const own = slices.filter(({ node }) => node !== "").map((slice) => pools.find({ network, ...slice }));
  const reserved = pools.overlapping(group).filter(({ key }) =>
    reserves && key.node === undefined && !refused.has(formatCidr(key.cidr))
  );
  return [...own, ...reserved].filter((pool) => pool !== undefined).filter(({ fence }) => isClosed(fence));
}

/** The epochs of pools that overlap the group's range. */
function epochs(pools: SlicePools, group: SliceGroup): number[] {
  return pools.overlapping(group).map(({ fence }) => epochOf(fence));
}
