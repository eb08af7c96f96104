/**
 * What `check` and the sweep report: kinds of findings, their severity, and their remedy.
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
  | "keeper-gone"
  | "claim-status-differs"
  | "unowned"
  | "same-interface-twice"
  | "pod-address-unallocated"
  | "pod-address-of-another"
  | "entry-without-reservation"
  | "reservation-without-entry"
  | "reservation-of-another"
  | "overlapping-ranges-off"
  | "reuse-settings-differ"
  | "persistent-beside-original"
  | "blocks-beside-original"
  | "block-layouts-differ"
  | "unusable-network"
  | "unfinished-move"
  | "unreadable"
  | SliceFindingKind;

/**
 * `leak`: addresses are lost; the sweep or the controller repairs most leaks. `conflict`: an address has two owners, or may get them.
 * `unusable`: something stored or configured is invalid.
 */
export type Severity = "leak" | "conflict" | "unusable";

/** The order of severities in an overview: a conflict first, since two pods may have one address. */
export const SEVERITY_RANKS: Readonly<Record<Severity, number>> = { conflict: 0, unusable: 1, leak: 2 };

/** The properties of a kind. */
export interface KindFacts {
  /** The severity. */
  readonly severity: Severity;
  /** The reason in its event and log line. */
  readonly reason: string;
  /** What to do about it: one or two sentences. */
  readonly remedy: string;
  /**
   * Whether work in progress looks the same: an ADD or DEL, since the finding compares records that are read one after the other, or a
   * command. A sweep reports it once two scans have found it.
   */
  readonly transient?: true;
}

/** Every kind. */
export const KINDS: Readonly<Record<FindingKind, KindFacts>> = {
  "orphan": {
    severity: "leak",
    reason: "OrphanedIPAddress",
    remedy: "The sweep frees it: run the controller, or whereabouts reconcile",
    transient: true,
  },
  "keeper-gone": {
    severity: "leak",
    reason: "KeeperGone",
    remedy: "The sweep frees it once no pod uses it: run the controller, or whereabouts reconcile",
    transient: true,
  },
  "unowned": {
    severity: "leak",
    reason: "UnownedIPAddress",
    remedy: "Its DEL releases it; otherwise whereabouts release ADDRESS once its container has ended",
  },
  "same-interface-twice": {
    severity: "leak",
    reason: "SurplusIPAddress",
    remedy: "Restart the pod: its DEL releases every address of the interface",
  },
  "entry-without-reservation": {
    severity: "leak",
    reason: "MissingIPReservation",
    remedy: "The sweep creates it: run the controller, or whereabouts reconcile",
    transient: true,
  },
  "reservation-without-entry": {
    severity: "leak",
    reason: "StrayIPReservation",
    remedy: "The sweep frees it, or creates the entry of a running pod: run the controller, or whereabouts reconcile",
    transient: true,
  },
  "slice-without-node": {
    severity: "leak",
    reason: "StaleNodeSlice",
    remedy: "The controller assigns it to another node once its pool is empty: run the controller",
    transient: true,
  },
  "node-without-slice": {
    severity: "leak",
    reason: "MissingNodeSlice",
    remedy: "Run the controller; where all slices are assigned, widen the range or make node_slice_size smaller",
    transient: true,
  },
  "unfinished-move": {
    severity: "leak",
    reason: "UnfinishedMove",
    remedy:
      "Run the command in the message again, unless it still runs: until it has ended, no pod gets an address of these ranges",
    transient: true,
  },
  "duplicate": {
    severity: "conflict",
    reason: "DuplicateIPAddress",
    remedy: "Restart one of the two pods after whereabouts release ADDRESS --pod NAMESPACE/NAME --force",
    transient: true,
  },
  "pod-address-of-another": {
    severity: "conflict",
    reason: "DuplicateIPAddress",
    remedy: "Delete one of the two pods",
    transient: true,
  },
  "pod-address-unallocated": {
    severity: "conflict",
    reason: "UnallocatedIPAddress",
    remedy:
      "Restart the pod before another pod gets its address; whereabouts reconcile restores what is reserved for it",
    transient: true,
  },
  "reservation-of-another": {
    severity: "conflict",
    reason: "ConflictingIPReservation",
    remedy: "Delete the pod that does not use the address; the sweep then frees its addresses",
    transient: true,
  },
  "claim-status-differs": {
    severity: "conflict",
    reason: "ClaimStatusDiffers",
    remedy:
      "The controller corrects the status: run it, or whereabouts reconcile; restart a virtual machine that uses the other address",
    transient: true,
  },
  "outside-range": {
    severity: "conflict",
    reason: "IPAddressOutsideRange",
    remedy: "Restart the pod, or whereabouts release ADDRESS once it is deleted: another pool may allocate the address",
  },
  "overlapping-ranges-off": {
    severity: "conflict",
    reason: "OverlappingRangesOff",
    remedy: "Enable enable_overlapping_ranges in both networks, or set another network_name or range in one of them",
  },
  "persistent-beside-original": {
    severity: "conflict",
    reason: "PersistentBesideOriginal",
    remedy:
      "Delete the DaemonSet, the Deployments and the CronJob of the original (MIGRATION.md): they free addresses that have no pod",
  },
  "blocks-beside-original": {
    severity: "conflict",
    reason: "BlocksBesideOriginal",
    remedy:
      "Delete the DaemonSet, the Deployments and the CronJob of the original (MIGRATION.md), or remove block_size",
  },
  "block-layouts-differ": {
    severity: "conflict",
    reason: "BlockLayoutsDiffer",
    remedy: "Set the same block_size in both networks, or another network_name in one of them",
  },
  "slices-overlap": {
    severity: "conflict",
    reason: "OverlappingNodeSlices",
    remedy:
      "Move the pods of one of the two nodes, then remove its slice from the NodeSlicePool: the controller assigns another",
  },
  "slice-outside-range": {
    severity: "conflict",
    reason: "NodeSliceOutsideRange",
    remedy:
      "It is left of a former range: restart the pods of the node, and the controller assigns a slice of the range",
  },
  "reuse-settings-differ": {
    severity: "unusable",
    reason: "ReuseSettingsDiffer",
    remedy: "Set the same order and reuse_after in both networks, or another network_name in one of them",
  },
  "slices-refused": {
    severity: "unusable",
    reason: "SlicesRefused",
    remedy: "Change the NetworkAttachmentDefinition of one of the networks as the message describes",
  },
  "slices-not-elastic": {
    severity: "unusable",
    reason: "SlicesNotElastic",
    remedy: "Follow the message: until then pods of a node whose slices are full do not start",
    transient: true,
  },
  "unusable-network": {
    severity: "unusable",
    reason: "InvalidConfiguration",
    remedy: "Correct the field: kubectl -n NAMESPACE edit network-attachment-definition NAME",
  },
  "unreadable": {
    severity: "unusable",
    reason: "UnreadableObject",
    remedy: "Correct or delete the object in the message: kubectl edit, with its kind and name",
  },
};

/** The kind of object that a finding is about. */
export type Subject = "entry" | "reservation" | "pool" | "pod" | "slices" | "stored" | "network" | "claim";

/** One problem. */
export interface Finding extends Owner {
  /** The kind. */
  readonly kind: FindingKind;
  /** What it is about. Entries and reservations can be released exactly as they were read. */
  readonly subject: Subject;
  /** The address, canonical; empty if the finding has none. */
  readonly address: string;
  /**
   * The name of the pool, the NodeSlicePool, the network or IPAMClaim (`namespace/name`), or the unreadable object; empty if the finding has
   * none of them.
   */
  readonly pool: string;
  /** `network_name`. */
  readonly network: string;
  /** The other pod, if two pods use one address. */
  readonly otherPod?: string;
  /** One sentence. */
  readonly message: string;
}

/** A stored object that cannot be read. */
export interface Unreadable {
  /** The key or object. */
  readonly where: string;
  /** The problem, and what to do. */
  readonly why: string;
}

/** The owner fields of a finding that has no owner. */
export const NO_OWNER = { address: "", network: "", podRef: "", ifName: "", containerId: "" } as const;

/** An owner in words. Old records have only a container or only a pod. */
export function describeOwner({ podRef, ifName, containerId = "" }: Partial<Owner>): string {
  if (!podRef) return containerId === "" ? "nobody" : `container ${shortId({ containerId })}`;
  return ifName ? `${podRef} (${ifName})` : podRef;
}

/** The beginning of a container id, enough to identify it. */
export function shortId({ containerId }: Pick<Owner, "containerId">): string {
  return containerId.slice(0, 13) || "unknown";
}
