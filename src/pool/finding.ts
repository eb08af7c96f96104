/**
 * What checker and sweep report: kinds of findings, how bad they are, and what to do about them.
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
  | "unusable-network"
  | "unreadable"
  | SliceFindingKind;

/**
 * How bad it is: `leak` costs addresses, and the sweep or the controller mends most of it; `conflict` means that an address has two owners,
 * or may get them; `unusable`: what is stored or configured there cannot be read or used.
 */
export type Gravity = "leak" | "conflict" | "unusable";

/** What is known of a kind. */
export interface KindFacts {
  /** How bad it is. */
  readonly gravity: Gravity;
  /** Reason of its event, and of its log line. */
  readonly reason: string;
  /** What to do about it: one sentence, or two. */
  readonly remedy: string;
  /**
   * Whether it compares records that are read one after the other, so that an ADD or DEL in between looks like it: a sweep reports it once two
   * looks have found it.
   */
  readonly passing?: true;
}

/** Every kind. */
export const KINDS: Readonly<Record<FindingKind, KindFacts>> = {
  "orphan": {
    gravity: "leak",
    reason: "OrphanedIPAddress",
    remedy: "The sweep frees it: run the controller, or whereabouts reconcile",
    passing: true,
  },
  "unowned": {
    gravity: "leak",
    reason: "UnownedIPAddress",
    remedy: "Its DEL releases it; otherwise whereabouts release ADDRESS once its container is gone",
  },
  "same-interface-twice": {
    gravity: "leak",
    reason: "SurplusIPAddress",
    remedy: "Restart the pod: its DEL releases every address of the interface",
  },
  "entry-without-reservation": {
    gravity: "leak",
    reason: "MissingIPReservation",
    remedy: "The sweep creates it: run the controller, or whereabouts reconcile",
    passing: true,
  },
  "reservation-without-entry": {
    gravity: "leak",
    reason: "StrayIPReservation",
    remedy: "The sweep frees it, or creates the entry of a running pod: run the controller, or whereabouts reconcile",
    passing: true,
  },
  "slice-without-node": {
    gravity: "leak",
    reason: "StaleNodeSlice",
    remedy: "The controller assigns it to another node once its pool is empty: run the controller",
    passing: true,
  },
  "node-without-slice": {
    gravity: "leak",
    reason: "MissingNodeSlice",
    remedy: "Run the controller; where all slices are assigned, widen the range or make node_slice_size smaller",
    passing: true,
  },
  "duplicate": {
    gravity: "conflict",
    reason: "DuplicateIPAddress",
    remedy: "Restart one of the two pods after whereabouts release ADDRESS --pod NAMESPACE/NAME --force",
    passing: true,
  },
  "pod-address-of-another": {
    gravity: "conflict",
    reason: "DuplicateIPAddress",
    remedy: "Delete one of the two pods",
    passing: true,
  },
  "pod-address-unallocated": {
    gravity: "conflict",
    reason: "UnallocatedIPAddress",
    remedy:
      "Restart the pod before another pod gets its address; whereabouts reconcile restores what is reserved for it",
    passing: true,
  },
  "reservation-of-another": {
    gravity: "conflict",
    reason: "ConflictingIPReservation",
    remedy: "Delete the pod that does not use the address; the sweep then frees what it had",
    passing: true,
  },
  "outside-range": {
    gravity: "conflict",
    reason: "IPAddressOutsideRange",
    remedy: "Restart the pod, or whereabouts release ADDRESS once it is gone: another pool may allocate the address",
  },
  "overlapping-ranges-off": {
    gravity: "conflict",
    reason: "OverlappingRangesOff",
    remedy:
      "Switch enable_overlapping_ranges on in both networks, or give one a network_name of its own or another range",
  },
  "slices-overlap": {
    gravity: "conflict",
    reason: "OverlappingNodeSlices",
    remedy:
      "Move the pods of one of the two nodes, then remove its slice from the NodeSlicePool: the controller assigns another",
  },
  "slice-outside-range": {
    gravity: "conflict",
    reason: "NodeSliceOutsideRange",
    remedy:
      "It is left of a former range: restart the pods of the node, and the controller assigns a slice of the range",
  },
  "slices-refused": {
    gravity: "unusable",
    reason: "SlicesRefused",
    remedy: "Do what the message names in the NetworkAttachmentDefinition of one of the networks",
  },
  "unusable-network": {
    gravity: "unusable",
    reason: "InvalidConfiguration",
    remedy: "Correct the field: kubectl -n NAMESPACE edit network-attachment-definition NAME",
  },
  "unreadable": {
    gravity: "unusable",
    reason: "UnreadableObject",
    remedy: "Correct or delete what the message names: kubectl edit, with the kind and name of the object",
  },
};

/** What a finding is about. */
export type Subject = "entry" | "reservation" | "pod" | "slices" | "stored" | "network";

/** One thing that is wrong. */
export interface Finding extends Owner {
  /** What kind. */
  readonly kind: FindingKind;
  /** What it is about. Entries and reservations can be released, as they were seen. */
  readonly subject: Subject;
  /** The address, canonical; empty where none is concerned. */
  readonly address: string;
  /** The pool's name, that of slices or of a network (`namespace/name`), or what cannot be read; empty where none is concerned. */
  readonly pool: string;
  /** `network_name`. */
  readonly network: string;
  /** The other pod, where two claim one address. */
  readonly otherPod?: string;
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
