/**
 * What controllers need of a cluster, whoever asks it.
 *
 * @module
 */
import type { KubernetesClient } from "../config/types.ts";
import type { FindPod, Witness } from "../ipam/witness.ts";
import type { PodFacts } from "../pool/pod_facts.ts";
import type { Slice } from "../pool/slices.ts";
import type { World } from "../world/world.ts";

/** A node. */
export interface NodeFacts {
  /** Its name. */
  readonly name: string;
  /** Whether it has the taint `node.kubernetes.io/out-of-service`. */
  readonly outOfService?: boolean;
}

/** A NetworkAttachmentDefinition. */
export interface Attachment {
  /** Its namespace. */
  readonly namespace: string;
  /** Its name. */
  readonly name: string;
  /** Another object of the same name has another. */
  readonly uid: string;
  /** `spec.config`, as written: a network configuration or a list of them. Empty where there is none. */
  readonly config: string;
}

/** What happened to one object of a feed. */
export type FeedEvent<T> =
  | { readonly kind: "put" | "gone"; readonly item: T; readonly version: string }
  | { readonly kind: "bookmark"; readonly version: string };

/** Objects of one kind in the whole cluster, and what becomes of them. */
export interface Feed<T> {
  /** What the objects are, for messages: `pods`. */
  readonly name: string;
  /** Tells objects apart. */
  readonly keyOf: (item: T) => string;
  /**
   * Every object now, with the version from which to watch.
   *
   * @throws an Error where the list is not complete: it is never evidence of anything
   */
  list(signal: AbortSignal): Promise<{ readonly items: readonly T[]; readonly version: string }>;
  /**
   * What happened after the version. Ends when the server ends it, which it does every few minutes; throws when the connection breaks or is
   * silent for too long.
   *
   * @throws {ConflictError} the version is too old: list again
   */
  watch(version: string, signal: AbortSignal): AsyncIterable<FeedEvent<T>>;
}

/** Seconds after which a lease that nobody renews may be taken; written into the object for other readers. */
export const LEASE_SECONDS = 15;

/** A lease, as far as an election looks at it. */
export interface LeaseState {
  /** Who holds it; empty: nobody. */
  readonly holder: string;
  /** Changes with each write. */
  readonly version: string;
}

/** One Lease object. */
export interface LeaseStore {
  /** The lease now; undefined: there is none. */
  read(signal: AbortSignal): Promise<LeaseState | undefined>;
  /**
   * Takes it, renews it, or (with an empty holder) gives it up.
   *
   * @param last what was read or written last; undefined: there was none
   * @throws {ConflictError} it is no longer the one of `last`
   */
  write(holder: string, last: LeaseState | undefined, signal: AbortSignal): Promise<LeaseState>;
}

/** A NodeSlicePool as it is stored. */
export interface StoredSlices {
  /** Its name. */
  readonly name: string;
  /** `spec.range`. */
  readonly range: string;
  /** `spec.sliceSize`. */
  readonly size: string;
  /** Its slices. */
  readonly slices: readonly Slice[];
  /** Counts its assignments (`pool/slice_plan.ts`). 0: another controller wrote it last. */
  readonly epoch: number;
  /** `network_name`; undefined where another controller wrote it. */
  readonly network: string | undefined;
  /** Why nothing is allocated of its slices; undefined where it is. */
  readonly refused: string | undefined;
  /** When it was created: RFC 3339, so that text compares as time does. */
  readonly created: string;
  /** Whether a controller, ours or the original's, made it for an attachment. */
  readonly managed: boolean;
  /** Whether Kubernetes deletes it with an object that it names as its owner, in use or not: the original's are so. */
  readonly collected: boolean;
  /** The driver's own: compared with what is stored when it is written. */
  readonly version: unknown;
}

/** What a NodeSlicePool shall be. */
export type WantedSlices = Pick<StoredSlices, "name" | "range" | "size" | "slices" | "epoch" | "refused"> & {
  /** `network_name`. */
  readonly network: string;
  /** The attachment that it is for. */
  readonly owner: Attachment;
};

/** The NodeSlicePools. Their unreadable slices are left out. */
export interface SliceObjects extends Feed<StoredSlices> {
  /**
   * Creates one, or replaces what it says.
   *
   * @param last as it was listed; undefined: it was not there
   * @throws {ConflictError} it is no longer as it was
   */
  save(wanted: WantedSlices, last: StoredSlices | undefined, signal: AbortSignal): Promise<void>;
  /** Deletes one as it was listed. @throws {ConflictError} it is no longer as it was */
  remove(last: StoredSlices, signal: AbortSignal): Promise<void>;
}

/** An object that an event is about. */
export type Regarding =
  | { readonly kind: "Pod"; readonly namespace: string; readonly name: string; readonly uid?: string }
  | { readonly kind: "NetworkAttachmentDefinition"; readonly namespace: string; readonly name: string }
  /** By the pool's name (`formatPoolKey`). */
  | { readonly kind: "IPPool"; readonly pool: string }
  | { readonly kind: "OverlappingRangeIPReservation"; readonly network: string; readonly address: string }
  | { readonly kind: "NodeSlicePool"; readonly name: string }
  /** By `KIND NAME`, as the store lists what it cannot read. */
  | { readonly kind: "Stored"; readonly where: string };

/** Something that operators shall see beside the object it concerns. */
export interface ClusterEvent {
  /** The object. Where its uid is not given, it is read: without it `kubectl describe` does not show the event. */
  readonly regarding: Regarding;
  /** Warning or not. */
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
  /** NetworkAttachmentDefinitions; where their resource is not installed, there are none. */
  readonly attachments: Feed<Attachment>;
  /** NodeSlicePools, in the namespace of our objects. */
  readonly slices: SliceObjects;
  /** One pod, now. */
  readonly findPod: FindPod;
  /** One node with its Lease, now. Absent where nodes are unknown. */
  readonly findNode?: Required<Witness>["findNode"];
  /** What the ResourceClaims of a namespace hold, now. Absent where there can be none. */
  readonly claims?: Required<Witness>["claims"];
  /** The Lease of a name. An empty namespace is that of this pod, else of the kubeconfig. */
  lease(namespace: string, name: string): LeaseStore;
  /** Records an event. */
  tell(event: ClusterEvent, signal: AbortSignal): Promise<void>;
}

/** How a cluster is reached. */
export interface ClusterAccess {
  /** Context of the kubeconfig; undefined: its current one. */
  readonly context?: string | undefined;
  /** Whose process this is; undefined: a node's. */
  readonly client?: KubernetesClient | undefined;
  /** Path of a kubeconfig; undefined: the service account of the pod this runs in. */
  readonly kubeconfig?: string | undefined;
  /** Namespace of our objects; undefined: that of the credentials. */
  readonly namespace?: string | undefined;
}

/** Opens a cluster. */
export type OpenCluster = (world: World, access: ClusterAccess) => Promise<Cluster>;
