/**
 * Reads and compares stored NodeSlicePools.
 *
 * @module
 */
import { type Cidr, formatCidr, overlap, parseCidr } from "../address/cidr.ts";
import type { SliceGroup } from "../pool/slice_networks.ts";
import type { Elastic, Slice } from "../pool/slice_assignment.ts";
import type { SavedSlices, StoredSlices, WantedSlices } from "./cluster.ts";
import type { Demand } from "./slice_demands.ts";

/** The NodeSlicePools of a group, the oldest first. */
export function storedOf({ members }: SliceGroup, byName: ReadonlyMap<string, StoredSlices>): StoredSlices[] {
  return [...new Set(members.map(({ name }) => name))].map((name) => byName.get(name)).filter((one) =>
    one !== undefined
  )
    .sort((a, b) => (a.created < b.created ? -1 : a.created > b.created ? 1 : a.name < b.name ? -1 : 1));
}

/** The domains that a list may be of. One of another controller does not name its domain: it is that of its own name, or the unnamed one. */
export function domainsOf({ network, name }: StoredSlices): readonly string[] {
  return network === undefined ? ["", name] : [network];
}

/** The range of a list; undefined if it is invalid. */
export function cidrOf({ range }: StoredSlices): Cidr | undefined {
  return parseCidr(range)?.cidr;
}

/** Whether a list must be written. */
export function differs(wanted: WantedSlices, last: StoredSlices): boolean {
  return last.collected || rangeOf(last) !== wanted.range || last.size !== wanted.size || last.epoch !== wanted.epoch ||
    last.refused !== wanted.refused || last.elastic !== wanted.elastic || !sameSlices(last.slices, wanted.slices);
}

/** The range of a list as text; undefined if it is invalid. */
export function rangeOf(list: StoredSlices): string | undefined {
  const whole = cidrOf(list);
  return whole && formatCidr(whole);
}

/** Whether two lists have the same slices and nodes. */
export function sameSlices(a: readonly Slice[], b: readonly Slice[]): boolean {
  return a.length === b.length && a.every((slice, at) => markOf(slice) === markOf(b[at] ?? slice));
}

/** The slices that a list, once it is written, assigns to a node no longer. */
export function unassigned(wanted: Pick<SavedSlices, "slices">, last: StoredSlices | undefined): Slice[] {
  const kept = new Set(wanted.slices.map(markOf));
  return last?.slices.filter((slice) => slice.node !== "" && !kept.has(markOf(slice))) ?? [];
}

function markOf({ node, cidr }: Slice): string {
  return `${node} ${formatCidr(cidr)}`;
}

/**
 * Whether nodes may take free slices of a group's list by themselves; undefined unless its networks are elastic. Two lists that overlap must
 * never let nodes take the same slice, so there is one at a time.
 *
 * @param original the object that runs a controller of the original, which assigns slices without closing pools
 */
export function elasticOf(
  { network, cidr, members }: SliceGroup<Demand>,
  stored: Iterable<StoredSlices>,
  original: string | undefined,
): Elastic | undefined {
  if (!members.some(({ elastic }) => elastic)) return undefined;
  const rigid = members.find(({ elastic }) => !elastic);
  if (rigid) return `network ${rigid.by} shares its slices and does not set node_slice_elastic`;
  const [name = "", other] = new Set(members.map((member) => member.name));
  if (other !== undefined) {
    return `its slices are also those of NodeSlicePool ${other}; set one network_name in both networks`;
  }
  if (original !== undefined) {
    return `${original} runs a controller of the original, which assigns slices too; delete it`;
  }
  const rival = [...stored].find((one) => {
    const whole = one.name !== name && one.elastic === true ? cidrOf(one) : undefined;
    return whole && overlap(whole, cidr) && domainsOf(one).includes(network);
  });
  return rival
    ? `nodes may still take slices of NodeSlicePool ${rival.name}, which overlap; wait for the controller`
    : true;
}
