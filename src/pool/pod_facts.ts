/**
 * What is known of pods and nodes: facts as the API server reports them, without a conclusion. A member that is absent is unknown.
 *
 * @module
 */

/** An address of an attachment beside the default network. */
export interface Attached {
  /** The attachment, as the pod's status names it: `namespace/name` of its definition. */
  readonly network: string;
  /** The address, canonical. */
  readonly address: string;
}

/** One interface of a pod's network-status, the default network's included. */
export interface InterfaceStatus {
  /** `CNI_IFNAME` of the attachment. Empty where the status does not name it. */
  readonly ifName: string;
  /** Its addresses, canonical. Absent where the status has no list of them: it says nothing then. */
  readonly ips?: readonly string[];
}

/**
 * The containers of a pod, init and ephemeral ones included: at least one runs; each has terminated or never started; or unknown, where a
 * status is missing or a container waits for its restart.
 */
export type ContainersState = "running" | "ended" | "unknown";

/** What is known of one pod. */
export interface PodFacts {
  /** `namespace/name`. */
  readonly podRef: string;
  /** Another pod of the same name has another. */
  readonly uid?: string;
  /**
   * Present on mirror pods alone: the annotation `kubernetes.io/config.hash`, which is the uid (`K8S_POD_UID`) of the static pod that the
   * node runs.
   */
  readonly configHash?: string;
  /** Whether it lives in the network of its node: no CNI plugin is called for it. */
  readonly hostNetwork?: boolean;
  /** `spec.nodeName`. */
  readonly node?: string;
  /** `spec.terminationGracePeriodSeconds` in milliseconds. */
  readonly terminationGrace?: number;
  /** Whether its phase is Succeeded or Failed. Its containers may still run. */
  readonly finished: boolean;
  /** Whether its phase is Running, it is not being deleted, and its sandbox is not reported missing. */
  readonly running: boolean;
  /** Whether it has a deletionTimestamp. */
  readonly deleting?: boolean;
  /** Its containers. Absent: unknown. */
  readonly containers?: ContainersState;
  /**
   * Whether a container that counts as ended never started. Its kubelet may start it later, where it does not know yet that the pod is being
   * deleted.
   */
  readonly neverStarted?: boolean;
  /** Whether the condition PodReadyToStartContainers is False: there is no sandbox with a network (yet, or any more). */
  readonly sandboxMissing?: boolean;
  /** `status.startTime` in milliseconds since 1970. */
  readonly started?: number;
  /** Every interface of its network-status. Absent where it has none that can be read. */
  readonly interfaces?: readonly InterfaceStatus[];
  /** Every address it reports, canonical: of its network-status, the default network's included, and `status.podIPs`. Absent: none. */
  readonly addresses?: ReadonlySet<string>;
  /** Those of them that stand for attachments beside the default network. */
  readonly attached?: readonly Attached[];
}

/** What is known of one node. */
export interface NodeState {
  /** Whether its condition Ready is True. */
  readonly ready: boolean;
  /** Whether it has the taint `node.kubernetes.io/out-of-service`: an operator vouches that it is shut down. */
  readonly outOfService: boolean;
  /** When its kubelet renewed its Lease last, as written there. Absent where there is no Lease, or it cannot be read. */
  readonly renewed?: string;
  /** Since when its condition Ready is what it is, in milliseconds since 1970. */
  readonly since?: number;
}

/** What came of reading one thing. An answer other than the object or its absence proves nothing. */
export type Reading<T> =
  | { readonly kind: "found"; readonly value: T }
  | { readonly kind: "absent" }
  | { readonly kind: "unread"; readonly why: string };
