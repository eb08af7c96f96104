/**
 * What the page shows, as the server sends it in JSON.
 *
 * @module
 */
import type { Severity } from "../pool/finding.ts";

/**
 * The states of a recorded address, in the order of their numbers in {@linkcode EntryRow}. `leaked`: nothing uses it; `conflict`: another
 * owner has the address, or may get it; `stopped`: an IPAMClaim or a StatefulSet keeps it while no pod uses it; `resting`: released, and not
 * allocated again yet; `reserved`: reserved through another pool.
 */
export const ENTRY_STATES = ["used", "stopped", "resting", "reserved", "leaked", "conflict"] as const;

/** The state of a recorded address. */
export type EntryState = typeof ENTRY_STATES[number];

/** The distance of an address from the start of its pool: a number, or decimal text where a number would lose digits. */
export type Offset = number | string;

/** One recorded address: offset, index in {@linkcode ENTRY_STATES}, pod, interface, node, container, and a remark. Empty texts are unknown. */
export type EntryRow = readonly [
  offset: Offset,
  state: number,
  pod: string,
  ifName: string,
  node: string,
  container: string,
  note: string,
];

/** The addresses of one pool. */
export interface PoolDetail {
  /** Intervals that are never allocated: excluded or out of bounds. Ascending. */
  readonly unavailable: readonly (readonly [first: Offset, last: Offset])[];
  /** Whether IPv4 addresses that end in `.0` are never allocated. */
  readonly skipsZero: boolean;
  /** The recorded addresses, lowest first. */
  readonly entries: readonly EntryRow[];
}

/** One pool. */
export interface PoolSummary {
  /** Its name: `net/node1/10.0.0.0/24`. */
  readonly name: string;
  /** `network_name`; empty for the unnamed one. */
  readonly network: string;
  /** The node, of a node slice; else empty. */
  readonly node: string;
  /** Its range. */
  readonly cidr: string;
  /** The NetworkAttachmentDefinitions that use it, as `namespace/name`. Empty if unknown. */
  readonly attachments: readonly string[];
  /** Number of allocations. */
  readonly used: number;
  /** Number of addresses that may be allocated, in decimal. */
  readonly capacity: string;
  /** Number of released addresses that rest. */
  readonly resting: number;
  /** Number of findings about it. */
  readonly findings: number;
  /** Changes with {@linkcode PoolDetail}. */
  readonly version: number;
}

/** One finding of `check`. */
export interface FindingSummary {
  /** Its kind. */
  readonly kind: string;
  /** Its severity. */
  readonly severity: Severity;
  /** The address; empty if it has none. */
  readonly address: string;
  /** The pool, slices, network or object; empty if it has none. */
  readonly pool: string;
  /** The pod; empty if it has none. */
  readonly pod: string;
  /** One sentence. */
  readonly message: string;
  /** What to do, in one or two sentences. */
  readonly remedy: string;
  /** The command that does it; empty if no command does. */
  readonly command: string;
}

/** The node slices of one range. */
export interface SlicesSummary {
  /** Name of the NodeSlicePool. */
  readonly name: string;
  /** The whole range. */
  readonly range: string;
  /** Why nothing is allocated from them; empty if they are in use. */
  readonly refused: string;
  /** Each slice, with the node and the name of its pool. Empty texts: free, or without a pool yet. */
  readonly slices: readonly { readonly cidr: string; readonly node: string; readonly pool: string }[];
  /** Nodes without a slice of it. */
  readonly without: readonly string[];
  /** Nodes in `slices` that do not exist. */
  readonly missing: readonly string[];
}

/** What every view needs: everything but the addresses. */
export interface Summary {
  /** The store, for people. */
  readonly where: string;
  /** When it was read, in milliseconds since 1970. */
  readonly at: number;
  /** The pools, unsorted. */
  readonly pools: readonly PoolSummary[];
  /** The findings, the worst first. */
  readonly findings: readonly FindingSummary[];
  /** The node slices. */
  readonly slices: readonly SlicesSummary[];
  /** What could not be read, and why: one sentence each. */
  readonly notices: readonly string[];
}

/** The latest state: the last one that was read, and why a later attempt failed. */
export interface State {
  /** What was read. */
  readonly summary: Summary;
  /** The error of the last attempt, if that failed; else empty. */
  readonly error: string;
  /** Seconds between two reads. 0: it is read once. */
  readonly interval: number;
}
