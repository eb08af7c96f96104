/**
 * Decides which networks with node slices can coexist.
 *
 * Networks of one allocation domain, range and slice size form a group: they share one assignment of slices, and so one pool on each node.
 * Other overlapping ranges of one domain would allocate addresses twice, so one of the networks is refused: the newer one, as long as
 * addresses of the other's slices are in use.
 *
 * @module
 */
import { Blocks } from "../address/blocks.ts";
import { type Cidr, formatCidr, type Interval, span } from "../address/cidr.ts";
import type { IpRange } from "../address/range.ts";

/** One range of a network. */
export interface NetworkRange {
  /** The definition that configures it, as `namespace/name`. */
  readonly by: string;
  /** `network_name`: its allocation domain. */
  readonly network: string;
  /** The range. */
  readonly range: IpRange;
  /** Whether its addresses are reserved cluster-wide, so that overlapping pools never allocate the same one. */
  readonly reserves: boolean;
}

/** One range that is divided into slices. */
export interface SlicedRange extends NetworkRange {
  /** The NodeSlicePool that lists its slices. */
  readonly name: string;
  /** `node_slice_size`, as written. */
  readonly size: string;
  /** The prefix length of a slice. */
  readonly prefix: number;
}

/** Networks that share their slices. */
export interface SliceGroup<S extends SlicedRange = SlicedRange> {
  /** Their domain. */
  readonly network: string;
  /** Their range. */
  readonly cidr: Cidr;
  /** Prefix length of their slices. */
  readonly prefix: number;
  /** Whether all of them reserve. */
  readonly reserves: boolean;
  /** At least one. Several may share a NodeSlicePool. */
  readonly members: readonly S[];
}

/** A network that is refused. */
export interface Refusal<N extends NetworkRange = NetworkRange> {
  /** The network's range. */
  readonly of: N;
  /** Why, and what to do. */
  readonly message: string;
}

/** Which networks are accepted and which are refused. */
export interface Settlement<S extends SlicedRange, N extends NetworkRange> {
  /** The accepted groups. Their ranges do not overlap within a domain. */
  readonly groups: readonly SliceGroup<S>[];
  /** Networks that get no slices. */
  readonly refused: readonly Refusal<S>[];
  /** Networks without slices whose pool is closed, with the accepted group that it overlaps. */
  readonly closed: readonly (Refusal<N> & { readonly group: SliceGroup<S> })[];
}

/** The facts that decide between networks. */
export interface Standing {
  /** Whether slices of a group are in use, it has slices, or it is new. */
  readonly ofGroup: (group: SliceGroup) => "used" | "stored" | "new";
  /** Whether the pool of a network without slices has allocations. */
  readonly isUsed: (range: NetworkRange) => boolean;
}

const RANKS = { used: 0, stored: 1, new: 2 } as const;

/** Decides between networks. If nothing else decides, the definition whose name sorts first is accepted. */
export function settle<S extends SlicedRange, N extends NetworkRange>(
  sliced: readonly S[],
  plain: readonly N[],
  usage: Standing,
): Settlement<S, N> {
  const ranked = groupsOf(sliced).map((group) => ({ group, rank: RANKS[usage.ofGroup(group)] }))
    .sort((a, b) => a.rank - b.rank).map(({ group }) => group);
  const { groups: named, refused } = withOwnNames(ranked);
  const domains = new Domains<S>();
  for (const group of named) {
    const other = domains.overlapping(group.network, group.cidr);
    if (!other) domains.add(group);
    else refused.push(...group.members.map((of) => ({ of, message: overlapMessage(of, other) })));
  }
  const closed: (Refusal<N> & { readonly group: SliceGroup<S> })[] = [];
  const beaten = new Map<SliceGroup<S>, N>();
  for (const of of plain) {
    const group = domains.overlapping(of.network, of.range.cidr);
    if (!group || (group.reserves && of.reserves)) continue;
    if (usage.ofGroup(group) === "new" && usage.isUsed(of)) beaten.set(group, of);
    else closed.push({ of, group, message: closedMessage(of.range.cidr, group) });
  }
  for (const [{ members }, by] of beaten) {
    refused.push(...members.map((of) => ({ of, message: besideMessage(of, by) })));
  }
  return {
    groups: named.filter((group) => domains.has(group) && !beaten.has(group)),
    refused,
    closed: closed.filter(({ group }) => !beaten.has(group)),
  };
}

/** Why the pool of a range without slices is closed because of a group, and what to do. */
export function closedMessage(cidr: Cidr, { cidr: whole, members: [first] }: SliceGroup): string {
  return `range ${formatCidr(cidr)} reservations ${
    formatCidr(whole)
  }, which is divided into node slices (NodeSlicePool ${first?.name ?? ""}); ${remedy(first)}`;
}

function groupsOf<S extends SlicedRange>(sliced: readonly S[]): SliceGroup<S>[] {
  const sorted = sliced.toSorted((a, b) => (a.by < b.by ? -1 : a.by > b.by ? 1 : 0));
  const groups = Map.groupBy(sorted, ({ network, range, prefix }) => `${formatCidr(range.cidr)} ${prefix} ${network}`);
  return [...groups.values()].map(groupOf);
}

function groupOf<S extends SlicedRange>(members: readonly S[]): SliceGroup<S> {
  const [first] = members;
  if (!first) throw new TypeError("A group has members");
  const { network, range: { cidr }, prefix } = first;
  return { network, cidr, prefix, reserves: members.every(({ reserves }) => reserves), members };
}

/** Each NodeSlicePool lists the slices of one group: the first group that names it. */
function withOwnNames<S extends SlicedRange>(ranked: readonly SliceGroup<S>[]) {
  const owners = new Map<string, S>();
  const refused: Refusal<S>[] = [];
  const groups = ranked.flatMap((group) => {
    const members = group.members.filter((of) => {
      const owner = owners.get(of.name) ?? of;
      if (owner === of || sameSlices(owner, of)) return owners.set(of.name, owner);
      refused.push({ of, message: nameMessage(of, owner) });
      return false;
    });
    return members.length > 0 ? [groupOf(members)] : [];
  });
  return { groups, refused };
}

function sameSlices(a: SlicedRange, b: SlicedRange): boolean {
  return a.network === b.network && a.prefix === b.prefix && formatCidr(a.range.cidr) === formatCidr(b.range.cidr);
}

/** Groups by domain. Groups of one domain do not overlap. */
class Domains<S extends SlicedRange> {
  readonly #blocks = new Map<string, Blocks<Interval & { readonly group: SliceGroup<S> }>>();

  overlapping(network: string, cidr: Cidr): SliceGroup<S> | undefined {
    return this.#blocks.get(keyOf(network, cidr))?.overlapping(span(cidr))?.group;
  }

  add(group: SliceGroup<S>): void {
    const key = keyOf(group.network, group.cidr);
    const blocks = this.#blocks.get(key) ?? new Blocks();
    this.#blocks.set(key, blocks);
    blocks.add({ ...span(group.cidr), group });
  }

  has(group: SliceGroup<S>): boolean {
    return this.overlapping(group.network, group.cidr) === group;
  }
}

function keyOf(network: string, { family }: Cidr): string {
  return `${family} ${network}`;
}

function nameMessage(of: SlicedRange, owner: SlicedRange): string {
  return `NodeSlicePool ${of.name} belongs to ${owner.by}, which uses ${text(owner)}; this network uses ${text(of)}: ` +
    "set another name or network_name in one of them";
}

function overlapMessage(of: SlicedRange, { members: [other] }: SliceGroup): string {
  return `NodeSlicePool ${of.name} of ${text(of)} is refused: it reservations ${other ? text(other) : ""} of ${
    other?.by ?? ""
  } (NodeSlicePool ${
    other?.name ?? ""
  }); use the same range and node_slice_size in both, or another range or network_name in one`;
}

function besideMessage(of: SlicedRange, by: NetworkRange): string {
  return `NodeSlicePool ${of.name} of ${text(of)} is refused: it reservations ${
    formatCidr(by.range.cidr)
  } of ${by.by}, ` +
    "which has no slices and has addresses in use; set node_slice_size in both, or another range or network_name in one";
}

function remedy(of: SlicedRange | undefined): string {
  return `set node_slice_size ${JSON.stringify(of?.size ?? "")} and that range in this network too, ` +
    "or another range or network_name";
}

function text({ range, size }: SlicedRange): string {
  return `${formatCidr(range.cidr)} by ${size}`;
}
