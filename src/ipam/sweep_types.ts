/**
 * What sweeps are made of: where they learn of pods, what they are told, and what they come to.
 *
 * @module
 */
import type { Cidr } from "../address/cidr.ts";
import type { Duplicate } from "../pool/duplicates.ts";
import type { EvidenceRules } from "../pool/evidence.ts";
import type { Finding } from "../pool/finding.ts";
import type { ConfiguredFacts } from "../pool/findings.ts";
import type { Orphan, Unconfirmed } from "../pool/orphans.ts";
import type { PodFacts } from "../pool/pod_facts.ts";
import type { SliceRecords } from "../pool/slice_findings.ts";
import type { Entry, PoolKey } from "../pool/types.ts";
import type { PoolSnapshot, Reservation } from "../storage/driver.ts";
import type { Ipam } from "./ipam.ts";
import type { Scope, Suspicions } from "./suspicions.ts";
import type { Witness } from "./witness.ts";

/** What the configured networks say of pools. */
export interface NetworkRules {
  /** Whether the network of a pool reserves addresses, so that a missing reservation is created. Absent: unknown, none is. */
  readonly reserves?: (key: PoolKey) => boolean;
  /** Whether the network-status of pods counts for a pool (`verify_network_status`). Absent: it does. */
  readonly verifiesStatus?: (key: PoolKey) => boolean;
  /** The range that a pool is of. Absent, or its answer: the pool's own network. */
  readonly wholeRange?: (key: PoolKey) => Cidr | undefined;
  /** The pools that networks use, those of node slices left out. Absent: unknown. */
  readonly poolsInUse?: () => readonly PoolKey[];
  /** What networks are configured to do that would be a mistake elsewhere. Absent: unknown. */
  readonly configured?: ConfiguredFacts;
  /** What is wrong with the networks themselves. Absent: unknown. */
  readonly networkFindings?: () => readonly Finding[];
}

/** Where a sweep learns of pods, and of what their networks are configured to do. */
export interface Pods extends Witness, NetworkRules {
  /** Every one, now. A list that is not complete is an error. */
  readonly list: (signal: AbortSignal) => Promise<readonly PodFacts[]>;
  /** The allocation domains of an attachment, by its name in a pod's network-status. Absent, or its answer: unknown. */
  readonly domainsOf?: (attachment: string) => readonly string[] | undefined;
  /** The node slices and the nodes. Absent where there are none. */
  readonly slices?: (signal: AbortSignal) => Promise<SliceRecords>;
}

/** What is swept by. */
export interface SweepRules extends Pick<EvidenceRules, "grace" | "deadNodeGrace"> {
  /** Who lives. */
  readonly pods: Pods;
  /** Look, and change nothing. */
  readonly dryRun: boolean;
}

/** How a sweep is made. */
export interface SweepOptions extends SweepRules {
  /** Ends it. */
  readonly signal: AbortSignal;
  /** Called before it waits, with the milliseconds and the number of records that it waits for. */
  readonly waiting?: (milliseconds: number, records: number) => void;
}

/** A reservation that no pool entry stands for. */
export interface StrayReservation {
  /** The reservation. */
  readonly reservation: Reservation;
  /** Why nobody uses it. */
  readonly reason: Orphan["reason"];
}

/** What a sweep, or one look of it, came to. */
export interface Swept {
  /** Freed entries; with `dryRun` those that would be. */
  readonly orphans: readonly Orphan[];
  /** Entries that are freed at a later look if it sees the same. */
  readonly suspected: readonly Orphan[];
  /** Freed reservations; with `dryRun` those that would be. */
  readonly reservations: readonly StrayReservation[];
  /** Entries whose missing reservation was created; with `dryRun` would be. */
  readonly reserved: readonly Entry[];
  /** Entries that were lost and created again from their reservation; with `dryRun` would be. */
  readonly restored: readonly Entry[];
  /** Addresses that two pods use, seen twice. */
  readonly duplicates: readonly Duplicate[];
  /**
   * What else is wrong by the last whole look. What may be an ADD or DEL under way is reported once two whole looks have found it.
   */
  readonly findings: readonly Finding[];
  /** Entries that are kept for lack of evidence. */
  readonly unconfirmed: readonly Unconfirmed[];
  /** Entries that were looked at directly, and whose pods hold them. */
  readonly kept: readonly Entry[];
  /** Entries whose evidence could not be read, or that could not be freed: to be looked at again. */
  readonly failed: readonly Entry[];
  /** What could not be done; the rest was. */
  readonly failures: readonly unknown[];
  /** The pools as they were seen, before anything was freed. */
  readonly pools: readonly PoolSnapshot[];
}

/** What the parts of a look work with. */
export interface LookContext {
  /** The store. */
  readonly ipam: Ipam;
  /** Who lives. */
  readonly pods: Pods;
  /** How long evidence must last. */
  readonly rules: EvidenceRules;
  /** Look, and change nothing. */
  readonly dryRun: boolean;
  /** What was seen before. */
  readonly suspicions: Suspicions;
  /** Which records are looked at. Absent: all. */
  readonly scope: Scope | undefined;
  /** Every pod, where all records are looked at. */
  readonly listed: readonly PodFacts[];
  /** The pools. */
  readonly pools: readonly PoolSnapshot[];
  /** The marks of records that stay suspect. */
  readonly marks: Set<string>;
  /** Ends the look. */
  readonly signal: AbortSignal;
}
