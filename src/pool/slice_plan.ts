/**
 * The next step of a group of networks: who shall have which slice, and which pools must be closed before that is written.
 *
 * Invariant: a slice is assigned to a node only while every other pool of its domain that overlaps it is closed, or holds no address and was
 * never listed. The order of writes keeps it, whatever ends in between:
 *
 * 1. Close, in a new epoch, the pool of each node that shall no longer have its slice (created where it does not exist, so that its node
 *    does not create it open), and every other open pool that overlaps what is to be assigned. Refused where the pool got addresses.
 *    After a crash here nodes have their slices and closed pools: the next plan opens those again that it leaves assigned.
 * 2. Write the NodeSlicePools with the new epoch, compared with what the plan was made from. After a crash here a node has a slice
 *    whose pool may be closed: the next plan opens it.
 * 3. Open the pools of assigned slices, in the epoch that lists them.
 *
 * Two that plan at the same time read the same list, and one of them fails in step 2. What it did in step 1 only closes. An opening that
 * was decided on an older list carries an older epoch than any closing after it, so it has no effect.
 *
 * @module
 */
import { Blocks } from "../address/blocks.ts";
import { formatCidr, span } from "../address/cidr.ts";
import { type IpRange, lowestFree } from "../address/range.ts";
import { epochOf, isClosed } from "./fence.ts";
import { closedMessage, type NetworkRange, type Refusal, type SliceGroup } from "./slice_networks.ts";
import { pairKey, type SlicePoolFacts, type SlicePools } from "./slice_pools.ts";
import { planSlices, type Slice, type SlicePlan } from "./slices.ts";
import { formatPoolKey, type PoolKey } from "./types.ts";

/** What is stored of one NodeSlicePool of a group. */
export interface StoredPlan {
  /** Its slices. */
  readonly slices: readonly Slice[];
  /** Counts its assignments. 0: another controller wrote it last. */
  readonly epoch: number;
}

/** A pool that must be closed first. */
export interface Closing {
  /** Which. */
  readonly key: PoolKey;
  /** As it was when the plan was made; undefined: it did not exist. */
  readonly pool: SlicePoolFacts | undefined;
  /** The epoch. */
  readonly closed: number;
  /** What its users are told. Absent where it belongs to a node. */
  readonly reason?: string;
}

/** A pool that is opened again. */
export interface Opening {
  /** As it was when the plan was made. */
  readonly pool: SlicePoolFacts;
  /** The epoch. */
  readonly opened: number;
}

/** The next step of a group. */
export interface GroupPlan extends SlicePlan {
  /** The epoch of the plan. */
  readonly epoch: number;
  /** To be closed before the plan is written. */
  readonly close: readonly Closing[];
  /** To be opened once the plan is stored. */
  readonly open: readonly Opening[];
}

/** What a plan is made from. */
export interface GroupFacts {
  /** The networks. */
  readonly group: SliceGroup;
  /** Names of nodes. */
  readonly nodes: readonly string[];
  /** Its NodeSlicePools, the oldest first. */
  readonly stored: readonly StoredPlan[];
  /** The pools; undefined where they were not read: then nothing is assigned, taken away, closed or opened. */
  readonly pools: SlicePools | undefined;
  /** Pools without a node that are closed beside it. */
  readonly closed: readonly Refusal<NetworkRange>[];
}

/** Plans one group. */
export function planGroup(facts: GroupFacts): GroupPlan {
  const { group, nodes, stored, pools } = facts;
  const { network, cidr: range, prefix } = group;
  const last = stored.reduce((newest, one) => Math.max(newest, one.epoch), 0);
  const current = currentSlices(facts);
  const plan = planSlices({
    range,
    prefix,
    nodes,
    current,
    inUse: (slice) => pools?.isUsed({ network, ...slice }) ?? true,
    next: nextAddress(group),
    occupied: pools?.occupied(group) ?? [],
  });
  if (!pools) return { ...plan, epoch: last, close: [], open: [] };
  const assigned = new Set(plan.slices.filter(({ node }) => node !== "").map((slice) => pairKey(network, slice)));
  const lost = [...stored.flatMap(({ slices }) => slices), ...current]
    .filter((slice) => slice.node !== "" && !assigned.has(pairKey(network, slice)));
  const listed = new Set((newest(stored)?.slices ?? []).map((slice) => pairKey(network, slice)));
  const gained = plan.slices.filter((slice) => slice.node !== "" && !listed.has(pairKey(network, slice)));
  const closing = new Map([
    ...lost.map((slice) => ({ key: { network, ...slice } })),
    ...openPools(facts, pools, assigned, gained),
    ...wholePools(facts, pools),
  ].map((one) => [formatPoolKey(one.key), one] as const));
  const opening = closedPools(facts, pools, plan.slices);
  const known = epochs(pools, group).reduce((most, epoch) => Math.max(most, epoch), last);
  const late = opening.some(({ fence }) => (fence?.closed ?? 0) >= last);
  const epoch = closing.size > 0 || gained.length > 0 || late ? known + 1 : last;
  return {
    ...plan,
    epoch,
    close: [...closing.values()].map((one) => ({ ...one, pool: pools.find(one.key), closed: epoch })),
    open: opening.map((pool) => ({ pool, opened: epoch })),
  };
}

/**
 * Of lists that differ, the one of the last epoch counts; lists of other controllers, which count none, together. Slices in use count
 * whichever list names them: a list may be that of another network, which had its name for a while.
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

/** Whether a list was only just created: nothing was ever assigned by it. */
function isBlank({ epoch, slices }: StoredPlan): boolean {
  return epoch === 0 && slices.length === 0;
}

interface OpenPool {
  readonly key: PoolKey;
  readonly reason?: string;
}

/** Open pools of nodes that no list names any more: those that overlap a slice to be assigned, and those whose node is gone. */
function openPools(
  { group: { network, cidr }, nodes }: GroupFacts,
  pools: SlicePools,
  assigned: ReadonlySet<string>,
  gained: readonly Slice[],
): OpenPool[] {
  const present = new Set(nodes);
  const wanted = new Blocks(
    gained.filter((slice) => slice.cidr.family === cidr.family).map((slice) => span(slice.cidr)),
  );
  return pools.near({ network, cidr }).flatMap(({ key, fence, allocations }): OpenPool[] => {
    const { node } = key;
    if (node === undefined || isClosed(fence) || allocations.size > 0) return [];
    if (assigned.has(pairKey(network, { node, cidr: key.cidr }))) return [];
    return wanted.overlapping(span(key.cidr)) || !present.has(node) ? [{ key }] : [];
  });
}

/** Pools without a node beside slices that no reservation keeps apart from them: that of the range itself, and those of refused networks. */
function wholePools({ group, closed }: GroupFacts, pools: SlicePools): OpenPool[] {
  const { network, cidr, reserves } = group;
  const whole = reserves ? [] : [{ key: { network, cidr }, reason: closedMessage(cidr, group) }];
  const others = closed.map(({ of, message }) => ({ key: { network, cidr: of.range.cidr }, reason: message }));
  return [...whole, ...others].filter(({ key }) => !isClosed(pools.find(key)?.fence));
}

/** Closed pools of assigned slices, and pools without a node that reservations keep apart by now. */
function closedPools({ group, closed }: GroupFacts, pools: SlicePools, slices: readonly Slice[]): SlicePoolFacts[] {
  const { network, reserves } = group;
  const refused = new Set(closed.map(({ of }) => formatCidr(of.range.cidr)));
  const own = slices.filter(({ node }) => node !== "").map((slice) => pools.find({ network, ...slice }));
  const apart = pools.near(group).filter(({ key }) =>
    reserves && key.node === undefined && !refused.has(formatCidr(key.cidr))
  );
  return [...own, ...apart].filter((pool) => pool !== undefined).filter(({ fence }) => isClosed(fence));
}

/** The epochs of pools that a slice of the group may be. */
function epochs(pools: SlicePools, group: SliceGroup): number[] {
  return pools.near(group).map(({ fence }) => epochOf(fence));
}
