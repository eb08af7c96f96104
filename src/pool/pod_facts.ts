/**
 * Facts about pods, nodes and keepers of addresses, as the API server reports them. No conclusions are drawn here. An absent member is unknown.
 *
 * @module
 */

/** One interface of a pod's network-status, the default network's included. */
export interface InterfaceStatus {
  /** `CNI_IFNAME` of the attachment. Empty if the status has no name. */
  readonly ifName: string;
  /** The attachment as named in the status: `namespace/name` of its definition. Absent for the default network. */
  readonly network?: string;
  /** Its addresses, canonical. Absent if the status has no list of them, which proves nothing. */
  readonly ips?: readonly string[];
}

/**
 * The containers of a pod, including init and ephemeral ones. `running`: at least one runs; `ended`: each has terminated or never started;
 * `unknown`: a status is missing, or a container waits for its restart.
 */
export type ContainersState = "running" | "ended" | "unknown";

/** Facts about one pod. */
export interface PodFacts {
  /** `namespace/name`. */
  readonly podRef: string;
  /** Differs between pods of the same name. */
  readonly uid?: string;
  /**
   * On mirror pods only: the annotation `kubernetes.io/config.hash`, which is the uid (`K8S_POD_UID`) of the static pod on the node.
   */
  readonly configHash?: string;
  /** Whether the pod uses the network of its node: no CNI plugin is called for it. */
  readonly hostNetwork?: boolean;
  /** `spec.nodeName`. */
  readonly node?: string;
  /** `spec.terminationGracePeriodSeconds` in milliseconds. */
  readonly terminationGrace?: number;
  /** Whether the phase is Succeeded or Failed. Containers may still run. */
  readonly finished: boolean;
  /** Whether the phase is Running, the pod is not being deleted, and its sandbox is not reported missing. */
  readonly running: boolean;
  /** Whether the pod has a deletionTimestamp. */
  readonly deleting?: boolean;
  /** The state of its containers. Absent: unknown. */
  readonly containers?: ContainersState;
  /**
   * Whether a container that counts as ended never started. A kubelet that has not learned of the deletion may still start it.
   */
  readonly neverStarted?: boolean;
  /** Whether the condition PodReadyToStartContainers is False: the pod has no sandbox with a network, not yet or no longer. */
  readonly sandboxMissing?: boolean;
  /** `status.startTime` in milliseconds since 1970. */
  readonly started?: number;
  /** Every interface of the network-status. Absent if the network-status is missing or unreadable. */
  readonly interfaces?: readonly InterfaceStatus[];
  /** The addresses of `status.podIPs`, canonical, without those of `interfaces`. Absent: none. */
  readonly addresses?: readonly string[];
  /**
   * The object whose pod it is, such as `DaemonSet kube-system/whereabouts`, if a container runs a controller of the original, which frees every
   * address without a pod. A pod that has ended has it only if the object is a CronJob, which repeats it. Absent otherwise.
   */
  readonly original?: string;
}

/** Facts about one node. */
export interface NodeState {
  /** Whether the condition Ready is True. */
  readonly ready: boolean;
  /** Whether the node has the taint `node.kubernetes.io/out-of-service`: an operator confirms that it is shut down. */
  readonly outOfService: boolean;
  /** When the kubelet last renewed the node's Lease, as written in the Lease. Absent if the Lease is missing or unreadable. */
  readonly renewed?: string;
  /** When the condition Ready last changed, in milliseconds since 1970. */
  readonly since?: number;
}

/** Facts about the object of a keeper's kind and name that exists now. */
export interface KeeperFacts {
  /** Its uid. */
  readonly uid: string;
  /** Whether it has a deletionTimestamp. */
  readonly deleting: boolean;
  /** The ordinals of the pods of a StatefulSet: from `start` (`spec.ordinals.start`), so many. Absent for an IPAMClaim. */
  readonly ordinals?: { readonly start: number; readonly replicas: number };
}

/** The result of reading one object. Any answer other than the object or NotFound proves nothing. */
export type Reading<T> =
  | { readonly kind: "found"; readonly value: T }
  | { readonly kind: "absent" }
  | { readonly kind: "unread"; readonly why: string };
