/**
 * Inconsistencies of node slices.
 *
 * @module
 */
import { contains, formatCidr, overlap, parseCidr, span } from "../address/cidr.ts";
import type { Elastic, Slice } from "./slice_assignment.ts";

/** Kinds of findings on slices. */
export type SliceFindingKind =
  | "slices-overlap"
  | "slice-outside-range"
  | "slices-refused"
  | "slices-not-elastic"
  | "slice-without-node"
  | "node-without-slice";

/** The slices of one range. */
export interface SliceList {
  /** The NodeSlicePool's name. */
  readonly name: string;
  /** The whole range, as text. */
  readonly range: string;
  /** The slices. */
  readonly slices: readonly Slice[];
  /** `network_name`. Absent if a controller of the original wrote the object. */
  readonly network?: string | undefined;
  /** Why nothing is allocated from them. Absent if they are in use. */
  readonly refused?: string | undefined;
  /** Whether nodes may take free slices, or why not. Absent unless slices are elastic. */
  readonly elastic?: Elastic | undefined;
}

/** The records that are compared. */
export interface SliceRecords {
  /** The slices of every range. */
  readonly stored: readonly SliceList[];
  /** Every node. */
  readonly nodes: readonly { readonly name: string }[];
}

/** One inconsistency. */
interface SliceFinding {
  /** The kind. */
  readonly kind: SliceFindingKind;
  /** The NodeSlicePool's name. */
  readonly pool: string;
  /** One sentence. */
  readonly message: string;
}

/** Compares slices with their range, with each other, and with the nodes. */
export function findSliceFaults({ stored, nodes }: SliceRecords): SliceFinding[] {
  return stored.flatMap((list) => {
    const assigned = list.slices.filter(({ node }) => node !== "");
    return [
      ...refused(list),
      ...notElastic(list),
      ...outside(list, assigned),
      ...overlapping(list, assigned),
      ...mismatched(list, assigned, nodes),
    ];
  });
}

function refused({ name: pool, refused: why }: SliceList): SliceFinding[] {
  return why === undefined
    ? []
    : [{ kind: "slices-refused", pool, message: `Nothing is allocated from the slices of ${pool}: ${why}` }];
}

function notElastic({ name: pool, elastic: why }: SliceList): SliceFinding[] {
  return typeof why === "string"
    ? [{ kind: "slices-not-elastic", pool, message: `Nodes take no slices of ${pool}: ${why}` }]
    : [];
}

function outside({ name: pool, range }: SliceList, assigned: readonly Slice[]): SliceFinding[] {
  const whole = parseCidr(range)?.cidr;
  return assigned.filter(({ cidr }) => {
    const { first, last } = span(cidr);
    return !whole || ![first, last].every((value) => contains(whole, { family: cidr.family, value }));
  }).map(({ node, cidr }) => ({
    kind: "slice-outside-range",
    pool,
    message: `Node ${node} has the slice ${formatCidr(cidr)} of ${pool}, which is outside ${range}`,
  }));
}

/** Of two CIDRs that overlap one contains the other: sorted, the wider one comes before all that it contains. */
function overlapping({ name: pool }: SliceList, assigned: readonly Slice[]): SliceFinding[] {
  const sorted = assigned.toSorted(({ cidr: a }, { cidr: b }) =>
    a.base === b.base ? a.prefix - b.prefix : a.base < b.base ? -1 : 1
  );
  let widest: Slice | undefined;
  return sorted.flatMap((slice): SliceFinding[] => {
    if (!widest || !overlap(widest.cidr, slice.cidr)) {
      widest = slice;
      return [];
    }
    const [a, b] = [widest, slice].map(({ node, cidr }) => `${formatCidr(cidr)} of node ${node}`);
    return [{ kind: "slices-overlap", pool, message: `The slices ${a} and ${b} of ${pool} overlap` }];
  });
}

function mismatched(
  { name: pool }: SliceList,
  assigned: readonly Slice[],
  nodes: SliceRecords["nodes"],
): SliceFinding[] {
  const present = new Set(nodes.map(({ name }) => name));
  const served = new Set(assigned.map(({ node }) => node));
  return [
    ...assigned.filter(({ node }) => !present.has(node)).map(({ node, cidr }): SliceFinding => ({
      kind: "slice-without-node",
      pool,
      message: `The slice ${formatCidr(cidr)} of ${pool} belongs to node ${node}, which does not exist`,
    })),
    ...[...present].filter((name) => !served.has(name)).map((name): SliceFinding => ({
      kind: "node-without-slice",
      pool,
      message: `Node ${name} has no slice of ${pool}`,
    })),
  ];
}
