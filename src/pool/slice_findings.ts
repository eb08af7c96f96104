/**
 * What does not fit together in node slices.
 *
 * @module
 */
import { contains, formatCidr, overlap, parseCidr, span } from "../address/cidr.ts";
import type { Slice } from "./slices.ts";

/** Kinds of findings on slices. */
export type SliceFindingKind =
  | "slices-overlap"
  | "slice-outside-range"
  | "slices-refused"
  | "slice-without-node"
  | "node-without-slice";

/** The slices of one range. */
export interface SliceList {
  /** The object's name. */
  readonly name: string;
  /** The whole range, as text. */
  readonly range: string;
  /** The slices. */
  readonly slices: readonly Slice[];
  /** Why nothing is allocated of them. Absent where it is. */
  readonly refused?: string | undefined;
}

/** What is compared. */
export interface SliceRecords {
  /** The slices of every range. */
  readonly stored: readonly SliceList[];
  /** Every node. */
  readonly nodes: readonly { readonly name: string }[];
}

/** One thing that does not fit. */
export interface SliceFinding {
  /** What kind. */
  readonly kind: SliceFindingKind;
  /** The object's name. */
  readonly pool: string;
  /** One sentence. */
  readonly message: string;
}

/** Compares slices with their range, with each other, and with the nodes. */
export function findSliceFaults({ stored, nodes }: SliceRecords): SliceFinding[] {
  return stored.flatMap((list) => {
    const given = list.slices.filter(({ node }) => node !== "");
    return [...refused(list), ...outside(list, given), ...overlapping(list, given), ...lacking(list, given, nodes)];
  });
}

function refused({ name: pool, refused: why }: SliceList): SliceFinding[] {
  return why === undefined
    ? []
    : [{ kind: "slices-refused", pool, message: `Nothing is allocated of the slices of ${pool}: ${why}` }];
}

function outside({ name: pool, range }: SliceList, given: readonly Slice[]): SliceFinding[] {
  const whole = parseCidr(range)?.cidr;
  return given.filter(({ cidr }) => {
    const { first, last } = span(cidr);
    return !whole || ![first, last].every((value) => contains(whole, { family: cidr.family, value }));
  }).map(({ node, cidr }) => ({
    kind: "slice-outside-range",
    pool,
    message: `Node ${node} has the slice ${formatCidr(cidr)} of ${pool}, which lies outside of ${range}`,
  }));
}

/** Slices are blocks, so two that overlap lie one inside the other: the wider one comes first, and reaches over all that follow inside. */
function overlapping({ name: pool }: SliceList, given: readonly Slice[]): SliceFinding[] {
  const sorted = given.toSorted(({ cidr: a }, { cidr: b }) =>
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

function lacking({ name: pool }: SliceList, given: readonly Slice[], nodes: SliceRecords["nodes"]): SliceFinding[] {
  const present = new Set(nodes.map(({ name }) => name));
  const served = new Set(given.map(({ node }) => node));
  return [
    ...given.filter(({ node }) => !present.has(node)).map(({ node, cidr }): SliceFinding => ({
      kind: "slice-without-node",
      pool,
      message: `The slice ${formatCidr(cidr)} of ${pool} is that of node ${node}, which is not there`,
    })),
    ...[...present].filter((name) => !served.has(name)).map((name): SliceFinding => ({
      kind: "node-without-slice",
      pool,
      message: `Node ${name} has no slice of ${pool}`,
    })),
  ];
}
