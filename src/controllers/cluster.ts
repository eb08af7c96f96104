/**
 * What the controllers need from a cluster; the Kubernetes driver implements it.
 *
 * @module
 */
import type { KubernetesClient } from "../config/types.ts";
import type { FindPod, Witness } from "../ipam/witness.ts";
import type { ClaimFacts, ClaimStatus } from "../pool/claim_status.ts";
import type { PodFacts } from "../pool/pod_facts.ts";
import type { PoolStatus } from "../pool/pool_status.ts";
import type { Elastic, Slice } from "../pool/slice_assignment.ts";
import type { PoolKey } from "../pool/types.ts";
import type { OnPart } from "../storage/driver.ts";
import type { World } from "../world/world.ts";
import type { Installation } from "./installation.ts";
import type { RawObjects } from "./raw_objects.ts";

/** A node. */
export interface NodeFacts {
  /** Its name. */
  readonly name: string;
  /** Whether it has the taint `node.kubernetes.io/out-of-service`. Default: false. */
  readonly outOfService?: boolean;
}

/** A NetworkAttachmentDefinition. */
export interface Attachment {
  /** Its namespace. */
  readonly namespace: string;
  /** Its name. */
  readonly name: string;
  /** Distinguishes it from former objects of the same name. */
  readonly uid: string;
  /** `spec.config` unparsed: a network configuration or a list of them. May be empty. */
  readonly config: string;
}

/** A change of one object. `gone`: it was deleted. */
export type FeedEvent<T> =
  | { readonly kind: "put" | "gone"; readonly item: T; readonly version: string }
  | { readonly kind: "bookmark"; readonly version: string };

/** Lists and watches the objects of one kind in the whole cluster. */
export interface Feed<T> {
  /** Name of the resource for messages: `pods`. */
  readonly name: string;
  /** Unique key of an object. */
  readonly keyOf: (item: T) => string;
  /**
   * Lists all objects, with the version from which to watch.
   *
   * @throws an Error if the list is incomplete: absence from it would be no evidence
   */
  list(signal: AbortSignal, onPart?: OnPart): Promise<{ readonly items: readonly T[]; readonly version: string }>;
  /**
   * Lists page by page, each with the version of the list, so that no more than a page is held besides what the caller keeps. Absent: only as
   * a whole.
   */
  pages?(signal: AbortSignal): AsyncIterable<{ readonly items: readonly T[]; readonly version: string }>;
  /**
   * Yields the changes after a version. Ends when the server ends it, every few minutes; throws when the connection breaks or is silent for
   * too long.
   *
   * @throws {ConflictError} the version has expired: list again
   */
  watch(version: string, signal: AbortSignal): AsyncIterable<FeedEvent<T>>;
}

/** Seconds after which a lease without renewal expires; written into the object for other readers. */
export const LEASE_SECONDS = 15;

/** The fields of a lease that an election reads. */
export interface LeaseState {
  /** Identity of the leader; empty: the lease is free. */
  readonly holder: string;
  /** Changes with each write. */
  readonly version: string;
}

/** A network whose addresses the cluster itself uses. */
export interface ClusterNetwork {
  /** Its CIDR, as stored. */
  readonly cidr: string;
  /** Its description: `the pod network of node n1`, `the Service network`. */
  readonly what: string;
}

/** One Lease object. */
export interface LeaseStore {
  /** Reads the lease; undefined: it does not exist. */
  read(signal: AbortSignal): Promise<LeaseState | undefined>;
  /**
   * Takes the lease, renews it, or (with an empty holder) releases it.
   *
   * @param last the lease as last read or written; undefined: it did not exist
   * @throws {ConflictError} the lease is no longer `last`
   */
  write(holder: string, last: LeaseState | undefined, signal: AbortSignal): Promise<LeaseState>;
}

/** A stored NodeSlicePool. */
export interface StoredSlices {
  /** Its name. */
  readonly name: string;
  /** `spec.range`. */
  readonly range: string;
  /** `spec.sliceSize`. */
  readonly size: string;
  /** Its slices. */
  readonly slices: readonly Slice[];
  /** Number of its assignments (`pool/slice_plan.ts`). 0: another controller wrote it last. */
  readonly epoch: number;
  /** `network_name`; undefined if another controller wrote it. */
  readonly network: string | undefined;
  /** Why its slices are refused; undefined if they are in use. */
  readonly refused: string | undefined;
  /** Whether nodes may take free slices, or why not; undefined if its networks have no elastic slices. */
  readonly elastic?: Elastic | undefined;
  /** Time of creation in RFC 3339, so that texts compare as times. */
  readonly created: string;
  /** Whether a controller, ours or the original's, created it for an attachment. */
  readonly managed: boolean;
  /** Whether Kubernetes deletes it with its owner, in use or not, as it does with those of the original. */
  readonly collected: boolean;
  /** The term of the leader that last prepared to write slices. Absent: none has since this release. */
  readonly term?: string | undefined;
  /** Opaque version, compared with the stored one on each write. */
  readonly version: unknown;
}

/** What is written of a NodeSlicePool. */
export type SavedSlices =
  & Pick<StoredSlices, "name" | "range" | "size" | "slices" | "epoch" | "refused" | "elastic" | "term">
  & {
    /** `network_name`. */
    readonly network: string;
  };

/** The desired state of a NodeSlicePool. */
export interface WantedSlices extends SavedSlices {
  /** The attachment that it is for. */
  readonly owner: Attachment;
}

/** The NodeSlicePools. Unreadable slices are skipped. */
export interface SliceObjects extends Feed<StoredSlices> {
  /**
   * Creates or replaces one.
   *
   * @param last the object as listed; undefined: it did not exist
   * @throws {ConflictError} it changed since
   */
  save(wanted: SavedSlices, last: StoredSlices | undefined, signal: AbortSignal): Promise<void>;
  /** Writes the term of a leader to one that we wrote before, and nothing else. @throws {ConflictError} it changed since it was listed */
  claim(last: StoredSlices, term: string, signal: AbortSignal): Promise<void>;
  /** Deletes one as it was listed. @throws {ConflictError} it changed since */
  remove(last: StoredSlices, signal: AbortSignal): Promise<void>;
}

/** The IPAMClaims of a cluster. */
export interface ClaimObjects {
  /**
   * Lists them.
   *
   * @throws {RefusedError} the cluster does not serve them, or the account may not list them
   */
  list(signal: AbortSignal): Promise<readonly ClaimFacts[]>;
  /** Replaces the status of a claim as it was listed. @throws {ConflictError} it changed since */
  saveStatus(claim: ClaimFacts, status: ClaimStatus, signal: AbortSignal): Promise<void>;
}

/** Identifies an IPAMClaim. */
export type ClaimName = Pick<ClaimFacts, "namespace" | "name" | "uid">;

/** The statuses of the pools of a cluster. */
export interface PoolStatusObjects {
  /**
   * Replaces the status of a pool. Does nothing if the pool was deleted.
   *
   * @throws {RefusedError} the definition has no status, or the account may not write it
   */
  save(key: PoolKey, status: PoolStatus, signal: AbortSignal): Promise<void>;
}

/** An object that an event is about. */
export type Regarding =
  | { readonly kind: "Pod"; readonly namespace: string; readonly name: string; readonly uid?: string }
  | { readonly kind: "NetworkAttachmentDefinition" | "IPAMClaim"; readonly namespace: string; readonly name: string }
  /** By the pool's name (`formatPoolKey`). */
  | { readonly kind: "IPPool"; readonly pool: string }
  | { readonly kind: "OverlappingRangeIPReservation"; readonly network: string; readonly address: string }
  | { readonly kind: "NodeSlicePool"; readonly name: string }
  /** By `KIND NAME`, as the store lists unreadable objects. */
  | { readonly kind: "Stored"; readonly where: string };

/** An event about an object. */
export interface ClusterEvent {
  /** The object. A missing uid is read from the API server: without it `kubectl describe` does not show the event. */
  readonly regarding: Regarding;
  /** Type of the event. */
  readonly type: "Normal" | "Warning";
  /** One word, for machines. */
  readonly reason: string;
  /** One sentence. */
  readonly message: string;
}

/** A cluster. */
export interface Cluster extends AsyncDisposable {
  /** Pods. */
  readonly pods: Feed<PodFacts>;
  /** Nodes. */
  readonly nodes: Feed<NodeFacts>;
  /** NetworkAttachmentDefinitions; empty if the CRD is not installed. */
  readonly attachments: Feed<Attachment>;
  /** The names of the IPPools, to notice changes. Absent if the pools are in another store. */
  readonly pools?: Feed<{ readonly name: string }>;
  /** NodeSlicePools, in the namespace of the IPPools. */
  readonly slices: SliceObjects;
  /** Reads one pod. */
  readonly findPod: FindPod;
  /** Reads one node and its Lease. Absent if nodes are unknown. */
  readonly findNode?: Required<Witness>["findNode"];
  /** Reads the addresses of the ResourceClaims of a namespace. Absent if there cannot be any. */
  readonly claims?: Required<Witness>["claims"];
  /** Reads the networks whose addresses the cluster itself uses. Absent if they are unknown. */
  readonly networks?: (signal: AbortSignal) => Promise<readonly ClusterNetwork[]>;
  /** Reads an IPAMClaim or a StatefulSet. Absent if there cannot be any. */
  readonly findKeeper?: Required<Witness>["findKeeper"];
  /** IPAMClaims. Absent if there cannot be any. */
  readonly ipamClaims?: ClaimObjects;
  /** The same, watched. */
  readonly claimFeed?: Feed<ClaimName>;
  /** The name of the IPPool of a key; undefined if it forms none. Absent if pools have no objects. */
  readonly poolName?: (key: PoolKey) => string | undefined;
  /** The statuses of pools. Absent if pools have none. */
  readonly poolStatuses?: PoolStatusObjects;
  /** What the cluster reports about our programs. Absent if it runs none. */
  readonly installation?: Installation;
  /** Objects for a report. Absent if nothing serves them. */
  readonly rawObjects?: RawObjects;
  /** The Lease of this name. An empty namespace stands for that of this pod, else of the kubeconfig. */
  lease(namespace: string, name: string): LeaseStore;
  /** Records an event. */
  recordEvent(event: ClusterEvent, signal: AbortSignal): Promise<void>;
}

/** How a cluster is reached. */
export interface ClusterAccess {
  /** Context of the kubeconfig; undefined: its current one. */
  readonly context?: string | undefined;
  /** Kind of this process; undefined: a node's. */
  readonly client?: KubernetesClient | undefined;
  /** Path of a kubeconfig; undefined: the service account of the pod this runs in. */
  readonly kubeconfig?: string | undefined;
  /** Namespace of the IPPools; undefined: that of the credentials. */
  readonly namespace?: string | undefined;
}

/** Opens a cluster. */
export type OpenCluster = (world: World, access: ClusterAccess) => Promise<Cluster>;
