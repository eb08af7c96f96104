/**
 * The types of sweeps: sources of facts, options, and results.
 *
 * @module
 */
import type { Cidr } from "../address/cidr.ts";
import type { ClaimFacts } from "../pool/claim_status.ts";
import type { Duplicate } from "../pool/duplicates.ts";
import type { EvidenceRules } from "../pool/evidence.ts";
import type { Finding, Unreadable } from "../pool/finding.ts";
import type { ConfiguredFacts } from "../pool/findings.ts";
import type { PersistentNetwork } from "../pool/original.ts";
import type { Detached, Orphan, Unconfirmed } from "../pool/orphans.ts";
import type { PodFacts } from "../pool/pod_facts.ts";
import type { SliceRecords } from "../pool/slice_findings.ts";
import type { Entry, PoolKey } from "../pool/types.ts";
import type { PoolSnapshot, Reservation } from "../storage/driver.ts";
import type { Ipam } from "./ipam.ts";
import type { Scope, Suspicions } from "./suspicions.ts";
import type { Witness } from "./witness.ts";

/** Configuration of networks, by pool. */
export interface NetworkRules {
  /** Whether the network of a pool reserves addresses, so that missing reservations are created. Absent: unknown, none are created. */
  readonly reserves?: (key: PoolKey) => boolean;
  /** Whether the network-status of pods counts as evidence for a pool (`verify_network_status`). Absent: yes. */
  readonly verifiesStatus?: (key: PoolKey) => boolean;
  /** The range that a pool is a part of. Absent, or undefined: the pool's own network. */
  readonly wholeRange?: (key: PoolKey) => Cidr | undefined;
  /** The pools that networks use, except those of node slices. Absent: unknown. */
  readonly poolsInUse?: () => readonly PoolKey[];
  /** Configuration that explains what would be an inconsistency otherwise. Absent: unknown. */
  readonly configured?: ConfiguredFacts;
  /** The networks whose addresses may outlive pods. Absent: unknown. */
  readonly persistent?: () => readonly PersistentNetwork[];
  /** Problems of the networks themselves. Absent: unknown. */
  readonly networkFindings?: () => readonly Finding[];
}

/** The source of a sweep's facts about pods and their networks. */
export interface Pods extends Witness, NetworkRules {
  /** Lists every pod. An incomplete list is an error. */
  readonly list: (signal: AbortSignal) => Promise<readonly PodFacts[]>;
  /** The allocation domains of an attachment, by its name in a pod's network-status. Absent, or undefined: unknown. */
  readonly domainsOf?: (attachment: string) => readonly string[] | undefined;
  /** The IPAMClaims of the cluster. Absent without a cluster. */
  readonly ipamClaims?: { readonly list: (signal: AbortSignal) => Promise<readonly ClaimFacts[]> };
  /** Reads the node slices and the nodes. Absent without slices. */
  readonly slices?: (signal: AbortSignal) => Promise<SliceRecords>;
}

/** The rules of sweeps. */
export interface SweepRules extends Pick<EvidenceRules, "grace" | "deadNodeGrace"> {
  /** The pods. */
  readonly pods: Pods;
  /** Change nothing. */
  readonly dryRun: boolean;
  /** Called after each list of the store: its pages are garbage then. */
  readonly onListed?: () => void;
}

/** Options of one sweep. */
export interface SweepOptions extends SweepRules {
  /** The deadline. */
  readonly signal: AbortSignal;
  /** Called before each wait, with its milliseconds and the number of records that it is for. */
  readonly waiting?: (milliseconds: number, records: number) => void;
}

/** A reservation without a pool entry. */
export interface StrayReservation {
  /** The reservation. */
  readonly reservation: Reservation;
  /** Why it is unused. */
  readonly reason: Orphan["reason"];
}

/** An entry whose reservation a sweep has written. */
export interface Reserved extends Entry {
  /** Whether the reservation lagged behind. Default false: it was missing. */
  readonly isOutdated?: true;
}

/** The result of a sweep, or of one scan. With `dryRun`: what would have been changed. */
export interface Swept {
  /** Freed entries. */
  readonly orphans: readonly Orphan[];
  /** Sandboxes that have ended and were detached from addresses that stay allocated. */
  readonly detached: readonly Detached[];
  /** Entries that a later scan frees if it observes the same. */
  readonly suspected: readonly Orphan[];
  /** Freed reservations. */
  readonly reservations: readonly StrayReservation[];
  /** Entries whose missing reservation was created, or whose reservation lagged behind and was updated. */
  readonly reserved: readonly Reserved[];
  /** Lost entries that were recreated from their reservation. */
  readonly restored: readonly Entry[];
  /** Addresses that two pods use, observed twice. */
  readonly duplicates: readonly Duplicate[];
  /** Other problems, as of the last full scan. What may be an ADD or DEL in progress is reported once two full scans have found it. */
  readonly findings: readonly Finding[];
  /** Entries that are kept for lack of evidence. */
  readonly unconfirmed: readonly Unconfirmed[];
  /** Entries whose evidence was read directly, and whose pods use them. */
  readonly kept: readonly Entry[];
  /** Entries that could not be read or freed: a later scan retries them. */
  readonly failed: readonly Entry[];
  /** Errors. Everything else was done. */
  readonly failures: readonly unknown[];
  /** The pools as they were listed, before anything was freed. */
  readonly pools: readonly PoolSnapshot[];
}

/** The context of one scan. */
export interface ScanContext {
  /** The store. */
  readonly ipam: Ipam;
  /** The pods. */
  readonly pods: Pods;
  /** How long evidence must last. */
  readonly rules: EvidenceRules;
  /** Change nothing. */
  readonly dryRun: boolean;
  /** Suspicions of earlier scans. */
  readonly suspicions: Suspicions;
  /** The records to scan. Absent: all. */
  readonly scope: Scope | undefined;
  /** Every pod, in a scan of all records. */
  readonly listed: readonly PodFacts[];
  /** The pools. */
  readonly pools: readonly PoolSnapshot[];
  /** What the lists of the store could not read. */
  readonly unreadable: readonly Unreadable[];
  /** Collects the marks of records that stay suspect. */
  readonly marks: Set<string>;
  /** The deadline. */
  readonly signal: AbortSignal;
}
