/**
 * What the checker says: kinds of findings, and how bad they are.
 *
 * @module
 */
import type { SliceFindingKind } from "./slice_findings.ts";
import type { Owner } from "./types.ts";

/** Kinds of findings. */
export type FindingKind =
  | "orphan"
  | "duplicate"
  | "outside-range"
  | "unowned"
  | "same-interface-twice"
  | "pod-address-unallocated"
  | "pod-address-of-another"
  | "entry-without-reservation"
  | "reservation-without-entry"
  | "reservation-of-another"
  | "overlapping-ranges-off"
  | "unreadable"
  | SliceFindingKind;

/**
 * How bad it is: `leak` costs addresses, and the sweep or the controller mends it, but for entries that name no pod; `conflict` means that
 * an address has two owners, or may get them; `unreadable`: what is stored there is not known.
 */
export type Gravity = "leak" | "conflict" | "unreadable";

/** The gravity of each kind. */
export const GRAVITY: Readonly<Record<FindingKind, Gravity>> = {
  "orphan": "leak",
  "unowned": "leak",
  "entry-without-reservation": "leak",
  "reservation-without-entry": "leak",
  "slice-without-node": "leak",
  "node-without-slice": "leak",
  "duplicate": "conflict",
  "outside-range": "conflict",
  "same-interface-twice": "conflict",
  "pod-address-unallocated": "conflict",
  "pod-address-of-another": "conflict",
  "reservation-of-another": "conflict",
  "slices-overlap": "conflict",
  "slice-outside-range": "conflict",
  "overlapping-ranges-off": "conflict",
  "unreadable": "unreadable",
};

/** What a finding is about. */
export type Subject = "entry" | "reservation" | "pod" | "slices" | "stored" | "network";

/** One thing that does not fit. */
export interface Finding extends Owner {
  /** What kind. */
  readonly kind: FindingKind;
  /** What it is about. Entries and reservations can be released, as they were seen. */
  readonly subject: Subject;
  /** The address, canonical; empty where none is concerned. */
  readonly address: string;
  /** The pool's name, that of slices, or what cannot be read; empty where none is concerned. */
  readonly pool: string;
  /** `network_name`. */
  readonly network: string;
  /** One sentence. */
  readonly message: string;
}

/** Something stored that cannot be read. */
export interface Unreadable {
  /** The key or object. */
  readonly where: string;
  /** What is wrong with it, and what to do. */
  readonly why: string;
}

/** Nobody, where a finding is about none. */
export const NOBODY = { address: "", network: "", podRef: "", ifName: "", containerId: "" } as const;

/** An owner in words; old records know a container or a pod alone. */
export function whose({ podRef, ifName, containerId = "" }: Partial<Owner>): string {
  if (!podRef) return containerId === "" ? "nobody" : `container ${shortId({ containerId })}`;
  return ifName ? `${podRef} (${ifName})` : podRef;
}

/** The beginning of a container id, which is enough to tell. */
export function shortId({ containerId }: Pick<Owner, "containerId">): string {
  return containerId.slice(0, 13) || "unknown";
}
