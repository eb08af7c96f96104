/**
 * Pods of a simulated cluster, as their kubelets know them, and the objects that kubelets and meta-plugins publish for them.
 *
 * @module
 */
import type { SimNode } from "../node.ts";
import type { Network, Sandbox } from "../runtime.ts";
import type { ApiObject, Metadata } from "./objects.ts";

/** One sandbox of a pod. */
export interface PodSandbox extends Omit<Sandbox, "superseded"> {
  /** Its pod. */
  readonly pod: SimPod;
  /** State of the containers that use its addresses. */
  containers: "none" | "running" | "ended";
  /** Whether its reservation may be deleted while it is live: see `exposure.ts`. */
  exposed: boolean;
  /** Whether an ADD of the original created its reservation, and found none with its pod's name. */
  reserved: boolean;
  /** Time from which its runtime may release it, in milliseconds since 1970. 0: at any time. */
  releasedAfter: number;
  /** Time at which the other plugins of its pod have ended, so that its addresses are published. Absent: they have ended. */
  attachedAt?: number;
  /** Whether a ResourceClaim lists its addresses. */
  claimed: boolean;
  /** Whether a newer sandbox of the pod's name has taken its addresses over: they are no longer its own, whatever runs in it. */
  superseded: boolean;
  /** Addresses that a newer sandbox of the pod's name has taken over in another network: networks may share pools. */
  readonly yielded: Set<string>;
  /** The keeper of its addresses, as the store has it: `KIND/NAME/UID`. Absent before its first ADD has succeeded, and without a keeper. */
  keeper?: string;
}

/** The object that keeps the addresses of a pod. */
export interface Kept {
  /** Its kind. */
  readonly kind: "IPAMClaim" | "StatefulSet";
  /** Its name. */
  readonly name: string;
  /** How the pod's object names it. */
  readonly metadata: Pick<Metadata, "labels" | "annotations" | "ownerReferences">;
  /** The pod from which a virtual machine moves to this one. */
  readonly movesFrom?: string;
}

/**
 * What the meta-plugin writes into the network-status of a pod: everything; an interface without `ips`; one with `ips: null`; nothing;
 * everything, which the next write of the object loses; the last address only; or another address of the range.
 */
export type StatusKind = "whole" | "without" | "null" | "none" | "lost" | "last" | "other";

/** One pod on its node, with its own uid. */
export interface SimPod {
  /** `namespace/name`. */
  readonly podRef: string;
  /** Its node. */
  readonly node: SimNode;
  /** The network that it attaches to. */
  readonly network: Network;
  /** `static`: from a file of the node, with a mirror pod as its object; `host`: in the network of its node, without attachments. */
  readonly kind: "plain" | "static" | "host";
  /** Whether its addresses belong to a device, with a ResourceClaim until its sandbox is released. */
  readonly claims: boolean;
  /** What keeps its addresses. Absent: nothing does. */
  readonly kept?: Kept;
  /** Termination grace period in seconds. */
  readonly grace: number;
  /** `K8S_POD_UID`; for a static pod the hash of its file. Some runtimes pass another text. */
  readonly runtimeUid: string;
  /** What its network-status holds. */
  readonly statusKind: StatusKind;
  /** The uid of its object; a recreated mirror pod gets another. */
  uid: string;
  /** Phase, as the kubelet knows it. */
  phase: "Pending" | "Running" | "Succeeded" | "Failed";
  /** Whether its kubelet is an older one, which publishes the phase Failed before the containers have ended, and without their statuses. */
  readonly terse: boolean;
  /** Its sandboxes, newest last. */
  readonly sandboxes: PodSandbox[];
  /** Time at which the containers end; absent if the pod is to run. */
  endsAt?: number;
  /** Time at which its mirror pod is recreated. */
  mirrorAt?: number;
  /** Time at which a failed sandbox is retried. */
  retryAt?: number;
  /** Whether its containers ran in a former sandbox. */
  ran: boolean;
  /** Whether the kubelet has finished with it. */
  done: boolean;
}

/** A sandbox of a pod before its first ADD. */
export function newSandbox(pod: SimPod, containerId: string, network: Network): PodSandbox {
  const { podRef, node, runtimeUid: uid } = pod;
  return {
    ...{ pod, podRef, containerId, uid, node, network },
    ...{ state: "new", containers: "none", addresses: [], running: 0, releasedAfter: 0 },
    ...{ claimed: false, exposed: false, reserved: false, superseded: false, yielded: new Set() },
  };
}

/** Namespace and name of a pod's object. */
export function namesOf(podRef: string): { readonly namespace: string; readonly name: string } {
  const [namespace = "", name = ""] = podRef.split("/");
  return { namespace, name };
}

/** Annotations of mirror pods, and that of meta-plugins. */
const HASH = "kubernetes.io/config.hash";
const MIRROR = "kubernetes.io/config.mirror";
const NETWORK_STATUS = "k8s.v1.cni.cncf.io/network-status";

/** The object of a pod that has not started. */
export function newObject(pod: Omit<SimPod, "uid">): ApiObject {
  const hash = pod.kind === "static" ? { annotations: { [HASH]: pod.runtimeUid, [MIRROR]: pod.runtimeUid } } : {};
  return {
    metadata: { ...namesOf(pod.podRef), ...hash, ...pod.kept?.metadata },
    spec: {
      nodeName: pod.node.name,
      terminationGracePeriodSeconds: pod.grace,
      containers: [{ name: "app" }],
      ...(pod.kind === "host" && { hostNetwork: true }),
    },
    status: { phase: "Pending" },
  };
}

/** A pod's object with the current status. */
export function published(pod: SimPod, object: ApiObject): ApiObject {
  const current = pod.sandboxes.at(-1);
  const ready = pod.kind === "host"
    ? pod.phase === "Running"
    : current?.state === "live" && current.attachedAt === undefined;
  const condition = (type: string, is: boolean) => ({ type, status: is ? "True" : "False" });
  const silent = pod.terse && pod.phase === "Failed";
  const status = {
    phase: pod.phase,
    startTime: object.metadata.creationTimestamp,
    conditions: [condition("PodReadyToStartContainers", ready), condition("Ready", pod.phase === "Running")],
    ...(!silent && { containerStatuses: [{ name: "app", ...containerState(pod, current) }] }),
    ...(ready && { podIPs: [{ ip: "172.16.0.9" }] }),
  };
  return { ...object, metadata: withoutLost(pod, object), status };
}

/** Container states of a pod in the network of its node, by phase. */
const HOST_CONTAINERS = { Pending: "none", Running: "running", Succeeded: "ended", Failed: "ended" } as const;

function containerState(pod: SimPod, current: PodSandbox | undefined): Record<string, unknown> {
  const containerID = `containerd://${current?.containerId ?? pod.uid}-app`;
  const before = pod.ran ? { lastState: { terminated: { exitCode: 137, containerID } } } : {};
  const containers = pod.kind === "host" ? HOST_CONTAINERS[pod.phase] : current?.containers ?? "none";
  switch (containers) {
    case "none":
      return { ...before, state: { waiting: { reason: "ContainerCreating" } } };
    case "running":
      return { ...before, containerID, state: { running: {} } };
    case "ended":
      return { containerID, state: { terminated: { exitCode: 0 } } };
  }
}

function withoutLost({ statusKind }: SimPod, { metadata }: ApiObject): ApiObject["metadata"] {
  if (statusKind !== "lost" || !metadata.annotations?.[NETWORK_STATUS]) return metadata;
  const { [NETWORK_STATUS]: _, ...annotations } = metadata.annotations;
  return { ...metadata, annotations };
}

/** The ResourceClaim of a sandbox. */
export function claimOf({ podRef, containerId, addresses }: PodSandbox): ApiObject {
  const { namespace, name } = namesOf(podRef);
  return {
    metadata: { namespace, name: `${name}-${containerId}` },
    status: { reservedFor: [{ resource: "pods", name }], devices: [{ networkData: { ips: addresses } }] },
  };
}

/** A pod's object with the network-status that the meta-plugin writes after all plugins have answered. */
export function attached({ network, statusKind }: SimPod, addresses: readonly string[], object: ApiObject): ApiObject {
  if (statusKind === "none") return object;
  const ips = reported(statusKind, addresses.map((address) => address.split("/", 1)[0] ?? ""));
  const own = { name: `default/${network.name}`, interface: "net1" };
  const networks = [
    { name: "cbr0", interface: "eth0", ips: ["172.16.0.9"], default: true },
    ips === undefined ? own : { ...own, ips },
  ];
  const annotations = { ...object.metadata.annotations, [NETWORK_STATUS]: JSON.stringify(networks) };
  return { ...object, metadata: { ...object.metadata, annotations } };
}

/** An address of the range of every network whose pods may report another address. */
const OTHER = "10.1.0.14";

function reported(statusKind: StatusKind, addresses: readonly string[]): readonly string[] | null | undefined {
  switch (statusKind) {
    case "without":
      return undefined;
    case "null":
      return null;
    case "last":
      return addresses.slice(-1);
    case "other":
      return [OTHER];
    default:
      return addresses;
  }
}
