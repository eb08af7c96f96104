/**
 * Which slices an ADD tries, if slices are elastic. Pure.
 *
 * @module
 */
import { type Cidr, contains, formatCidr, within } from "../address/cidr.ts";
import { capacity, type IpRange, lowestFree } from "../address/range.ts";
import type { Slice } from "../pool/slice_assignment.ts";
import { isClosed } from "../pool/fence.ts";
import { type Allocations, formatPoolKey, type PoolKey } from "../pool/types.ts";
import type { PoolSnapshot } from "../storage/driver.ts";
import { narrowed } from "./node_slice.ts";

/** Max slices of other nodes from which an ADD tries to borrow: each is a commit, and concurrent ADDs fill the first ones. */
const MAX_LENDERS = 3;

/** A slice as text, for sets: node and CIDR. */
export function sliceName({ node, cidr }: Slice): string {
  return `${node} ${formatCidr(cidr)}`;
}

/** The slices of a node inside a range, lowest first; a requested address selects the one that contains it, if there is one. */
export function ownSlices(slices: readonly Slice[], node: string, cidr: Cidr, requested?: bigint): Slice[] {
  const own = sorted(slices.filter((one) => one.node === node && within(cidr, one.cidr)));
  const only = own.find((one) =>
    requested !== undefined && contains(one.cidr, { family: one.cidr.family, value: requested })
  );
  return only ? [only] : requested === undefined ? own : own.slice(0, 1);
}

/** The slices of a list that a record names for their nodes. One that is not listed so any more may be another node's. */
export function recordedSlices(slices: readonly Slice[], cidr: Cidr, recorded: readonly PoolKey[]): Slice[] {
  const names = new Set(recorded.map(({ node = "", cidr }) => sliceName({ node, cidr })));
  return slices.filter((one) => one.node !== "" && within(cidr, one.cidr) && names.has(sliceName(one)));
}

/** Moves the slices of which the owner has an address to the front. */
export function ownedFirst(slices: readonly Slice[], isOwner: (slice: Slice) => boolean): Slice[] {
  const { true: owned = [], false: others = [] } = Object.groupBy(slices, (one) => `${isOwner(one)}`);
  return [...owned, ...others];
}

/** The lowest free slice of a list with an address that the range may allocate; undefined if none has. */
export function freeSlice(slices: readonly Slice[], range: IpRange): Slice | undefined {
  return sorted(slices.filter(({ node, cidr }) => node === "" && within(range.cidr, cidr)))
    .find(({ cidr }) => lowestFree(narrowed(range, "", cidr), () => false) !== undefined);
}

/**
 * The slices of other nodes to borrow an address from: those with most room, at most three. A pool that does not exist is empty.
 *
 * @param pools the pools of the store, of any network
 */
export function lenders(
  slices: readonly Slice[],
  node: string,
  { network, range }: { readonly network: string; readonly range: IpRange },
  pools: readonly Pick<PoolSnapshot, "key" | "allocations" | "fence">[],
): Slice[] {
  const byKey = new Map(pools.map((pool) => [formatPoolKey(pool.key), pool]));
  const others = slices.filter((one) => one.node !== "" && one.node !== node && within(range.cidr, one.cidr));
  return sorted(others).flatMap((slice) => {
    const pool = byKey.get(formatPoolKey({ network, ...slice }));
    const room = isClosed(pool?.fence) ? 0n : roomOf(narrowed(range, slice.node, slice.cidr), pool?.allocations);
    return room > 0n ? [{ slice, room }] : [];
  }).sort((a, b) => (a.room > b.room ? -1 : a.room < b.room ? 1 : 0)).slice(0, MAX_LENDERS).map(({ slice }) => slice);
}

function roomOf(range: IpRange, allocations: Allocations | undefined): bigint {
  return capacity(range) - BigInt(allocations?.size ?? 0);
}

function sorted(slices: readonly Slice[]): Slice[] {
  return slices.toSorted(({ cidr: a }, { cidr: b }) => (a.base < b.base ? -1 : a.base > b.base ? 1 : 0));
}
