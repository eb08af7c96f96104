/**
 * Pods of a simulated cluster, as their nodes know them, and the objects that kubelets and meta-plugins publish of them.
 *
 * @module
 */
import type { SimNode } from "../node.ts";
import type { Network, Sandbox } from "../runtime.ts";
import type { ApiObject } from "./objects.ts";

/** One sandbox of a pod. */
export interface PodSandbox extends Omit<Sandbox, "superseded"> {
  /** Its pod. */
  readonly pod: SimPod;
  /** Whether anything runs in it that can use its addresses. */
  containers: "none" | "running" | "ended";
  /** Whether its reservation may be deleted while it lives: see `exposure.ts`. */
  exposed: boolean;
  /** Whether an ADD of the original created its reservation, and did not find one of its pod's name. */
  reserved: boolean;
  /** When its runtime may release it, in milliseconds since 1970. 0: at any time. */
  releasedAfter: number;
  /** Whether a ResourceClaim holds its addresses. */
  claimed: boolean;
  /** Addresses that a newer sandbox of the same name has taken over: they are no longer this one's, whatever runs in it. */
  superseded: boolean;
}

/**
 * What the meta-plugin writes into the network-status of a pod: all; an interface without `ips`; with `ips: null`; nothing at all; or it is
 * lost when the object is next written.
 */
export type StatusKind = "whole" | "without" | "null" | "none" | "lost";

/** One pod on its node: an instance, with a uid of its own. */
export interface SimPod {
  /** `namespace/name`. */
  readonly podRef: string;
  /** Where it runs. */
  readonly node: SimNode;
  /** What it attaches to. */
  readonly network: Network;
  /** `static`: of a file of the node, with a mirror pod as its object; `host`: in the network of its node, attached to nothing. */
  readonly kind: "plain" | "static" | "host";
  /** Whether its addresses are those of a device, which a ResourceClaim holds until its sandbox is released. */
  readonly claims: boolean;
  /** Seconds that its containers may take to end. */
  readonly grace: number;
  /** `K8S_POD_UID`: of a static pod the hash of its file. */
  readonly runtimeUid: string;
  /** What its network-status tells. */
  readonly statusKind: StatusKind;
  /** The uid of its object; a mirror pod gets another each time it is made. */
  uid: string;
  /** As the kubelet has it. */
  phase: "Pending" | "Running" | "Succeeded" | "Failed";
  /** An older kubelet, which says that a pod has failed before its containers ended, and nothing of them. */
  readonly tersely: boolean;
  /** Its sandboxes, newest last. */
  readonly sandboxes: PodSandbox[];
  /** When the containers end; absent: nobody wants that. */
  endsAt?: number;
  /** When its mirror pod is made again. */
  mirrorAt?: number;
  /** When a sandbox is tried again. */
  retryAt?: number;
  /** Its containers ran already, in a former sandbox. */
  ran: boolean;
  /** The kubelet has nothing more to do for it. */
  done: boolean;
}

/** The names of an object. */
export function namesOf(podRef: string): { readonly namespace: string; readonly name: string } {
  const [namespace = "", name = ""] = podRef.split("/");
  return { namespace, name };
}

/** Where a static pod's hash stands, and what marks its object. */
const HASH = "kubernetes.io/config.hash";
const MIRROR = "kubernetes.io/config.mirror";
const NETWORK_STATUS = "k8s.v1.cni.cncf.io/network-status";

/** The object of a pod that nobody has started yet. */
export function newObject(pod: Omit<SimPod, "uid">): ApiObject {
  const hash = pod.kind === "static" ? { annotations: { [HASH]: pod.runtimeUid, [MIRROR]: pod.runtimeUid } } : {};
  return {
    metadata: { ...namesOf(pod.podRef), ...hash },
    spec: {
      nodeName: pod.node.name,
      terminationGracePeriodSeconds: pod.grace,
      containers: [{ name: "app" }],
      ...(pod.kind === "host" && { hostNetwork: true }),
    },
    status: { phase: "Pending" },
  };
}

/** Its object with the status that the kubelet has now. */
export function published(pod: SimPod, object: ApiObject): ApiObject {
  const current = pod.sandboxes.at(-1);
  const ready = pod.kind === "host" ? pod.phase === "Running" : current?.state === "live";
  const condition = (type: string, is: boolean) => ({ type, status: is ? "True" : "False" });
  const silent = pod.tersely && pod.phase === "Failed";
  const status = {
    phase: pod.phase,
    startTime: object.metadata.creationTimestamp,
    conditions: [condition("PodReadyToStartContainers", ready), condition("Ready", pod.phase === "Running")],
    ...(!silent && { containerStatuses: [{ name: "app", ...containerState(pod, current) }] }),
    ...(ready && { podIPs: [{ ip: "172.16.0.9" }] }),
  };
  return { ...object, metadata: withoutLost(pod, object), status };
}

/** What becomes of the containers of a pod in the network of its node. */
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

/** Its object with the network-status that the meta-plugin writes once all of its plugins have answered. */
export function attached({ network, statusKind }: SimPod, addresses: readonly string[], object: ApiObject): ApiObject {
  if (statusKind === "none") return object;
  const ips = addresses.map((address) => address.split("/")[0]);
  const own = { name: `default/${network.name}`, interface: "net1" };
  const networks = [
    { name: "cbr0", interface: "eth0", ips: ["172.16.0.9"], default: true },
    statusKind === "without" ? own : { ...own, ips: statusKind === "null" ? null : ips },
  ];
  const annotations = { ...object.metadata.annotations, [NETWORK_STATUS]: JSON.stringify(networks) };
  return { ...object, metadata: { ...object.metadata, annotations } };
}
