/**
 * Converts objects that are not ours to the facts that we use.
 *
 * @module
 */
import type {
  V1ContainerStatus,
  V1Lease,
  V1Node,
  V1ObjectMeta,
  V1Pod,
  V1PodSpec,
  V1PodStatus,
  V1StatefulSet,
} from "npm:@kubernetes/client-node@1.4.0";
import { formatIp, parseIp } from "../../src/address/ip.ts";
import type { Attachment, NodeFacts } from "../../src/controllers/cluster.ts";
import type { ContainersState, InterfaceStatus, KeeperFacts, NodeState, PodFacts } from "../../src/pool/pod_facts.ts";
import type { Keeper } from "../../src/pool/types.ts";

/** Written by the meta-plugin (Multus), as the Network Plumbing Working Group specifies. */
const STATUS_ANNOTATION = "k8s.v1.cni.cncf.io/network-status";
/** Only mirror pods have it. Both annotations hold the uid of the static pod (kubelet, pkg/kubelet/types/constants.go). */
const MIRROR = "kubernetes.io/config.mirror";
const CONFIG_HASH = "kubernetes.io/config.hash";
/** False while a pod has no sandbox with a network. Kubelets before 1.29 do not report it. */
const SANDBOX_CONDITION = "PodReadyToStartContainers";
/** The image of the original, also in a mirror of its registry. */
export const ORIGINAL_IMAGE = /(^|\/)k8snetworkplumbingwg\/whereabouts([:@]|$)/;
/** The programs of the original that free addresses. */
const ORIGINAL_CONTROLLERS = /\/ip-(control-loop|reconciler)\b/;
/** Set by an operator who has confirmed that the node is shut down (Kubernetes, "Non-graceful node shutdown"). */
const OUT_OF_SERVICE = "node.kubernetes.io/out-of-service";

/** Objects that are not ours, as the API server writes them. */
export type { V1Lease as LeaseObject, V1Node as NodeObject, V1Pod as PodObject };

/** The used part of a NetworkAttachmentDefinition. */
interface AttachmentObject {
  /** Its identity. */
  readonly metadata?: { readonly namespace?: string; readonly name?: string; readonly uid?: string };
  /** The network configuration, as text. */
  readonly spec?: { readonly config?: string };
}

/** The facts of a pod. An unreadable annotation is ignored. */
export function toPodFacts(pod: V1Pod): PodFacts {
  const { metadata = {}, spec, status = {} } = pod;
  const { annotations = {}, uid, deletionTimestamp, namespace = "", name = "" } = metadata;
  const { phase = "", startTime, podIPs = [], conditions = [] } = status;
  const networks = networkStatus(annotations[STATUS_ANNOTATION]);
  const reported = new Set(networks?.flatMap(({ ips = [] }) => ips));
  const others = podIPs.map(({ ip }) => canonical(ip ?? "")).filter((address) => !reported.has(address));
  const configHash = annotations[MIRROR] === undefined ? undefined : annotations[CONFIG_HASH] ?? annotations[MIRROR];
  const sandboxMissing = conditions.some(({ type, status }) => type === SANDBOX_CONDITION && status === "False");
  const started = startTime === undefined ? NaN : Date.parse(String(startTime));
  const grace = spec?.terminationGracePeriodSeconds;
  const containers = containersOf(spec, status);
  return {
    podRef: [namespace, name].join("/"), // a template keeps its parts in memory as long as itself
    ...(uid && { uid }),
    ...(configHash !== undefined && { configHash }),
    ...(spec?.hostNetwork && { hostNetwork: true }),
    ...(spec?.nodeName && { node: spec.nodeName }),
    ...(grace !== undefined && { terminationGrace: grace * 1_000 }),
    finished: phase === "Succeeded" || phase === "Failed",
    running: phase === "Running" && deletionTimestamp === undefined && !sandboxMissing,
    ...(deletionTimestamp !== undefined && { deleting: true }),
    containers,
    ...(containers === "ended" && statusesOf(status).some(({ state }) => !state?.terminated) && { neverStarted: true }),
    ...(sandboxMissing && { sandboxMissing }),
    ...(!Number.isNaN(started) && { started }),
    ...(networks && { interfaces: networks }),
    ...(others.length > 0 && { addresses: others }),
    ...originalIn(pod),
  };
}

/** By image and command: our image has the paths of the original's programs too. */
function originalIn({ metadata = {}, spec, status }: V1Pod): Pick<PodFacts, "original"> {
  const runs = spec?.containers?.some(({ image = "", command = [], args = [] }) =>
    ORIGINAL_IMAGE.test(image) && ORIGINAL_CONTROLLERS.test([...command, ...args].join(" "))
  );
  if (!runs) return {};
  const { kind, name } = managerOf(metadata);
  const hasEnded = status?.phase === "Succeeded" || status?.phase === "Failed";
  return hasEnded && kind !== "CronJob" ? {} : { original: `${kind} ${metadata.namespace ?? ""}/${name}` };
}

/** The object that an operator deletes to delete a pod for good: Deployments and CronJobs own their pods through objects of derived names. */
function managerOf({ name = "", labels = {}, ownerReferences = [] }: V1ObjectMeta): Manager {
  const owner = ownerReferences.find(({ controller }) => controller);
  if (!owner) return { kind: "Pod", name };
  const hash = labels["pod-template-hash"];
  if (owner.kind === "ReplicaSet" && hash && owner.name.endsWith(`-${hash}`)) {
    return { kind: "Deployment", name: owner.name.slice(0, -hash.length - 1) };
  }
  const [, cronJob] = owner.kind === "Job" ? /^(.+)-\d+$/.exec(owner.name) ?? [] : [];
  return cronJob ? { kind: "CronJob", name: cronJob } : owner;
}

interface Manager {
  readonly kind: string;
  readonly name: string;
}

/**
 * Whether containers run. A container without a status may run: kubelets publish statuses with a delay, and omit some. A waiting container
 * may have run before (a container id, a last state), and may restart at any moment.
 */
function containersOf(spec: V1PodSpec | undefined, status: V1PodStatus): ContainersState {
  const names = [spec?.containers, spec?.initContainers, spec?.ephemeralContainers]
    .flatMap((some) => some ?? []).map(({ name }) => name);
  const statuses = statusesOf(status);
  if (statuses.some(({ state }) => state?.running)) return "running";
  const ended = new Set(statuses.filter(hasEnded).map(({ name }) => name));
  return names.length > 0 && statuses.every(hasEnded) && names.every((name) => ended.has(name)) ? "ended" : "unknown";
}

function statusesOf(status: V1PodStatus): readonly V1ContainerStatus[] {
  return [status.containerStatuses, status.initContainerStatuses, status.ephemeralContainerStatuses]
    .flatMap((some) => some ?? []);
}

function hasEnded({ state, lastState, containerID }: V1ContainerStatus): boolean {
  if (state?.terminated) return true;
  return !state?.running && !containerID && Object.keys(lastState ?? {}).length === 0;
}

/** The facts of a node. */
export function toNodeFacts(node: V1Node): NodeFacts {
  return { name: node.metadata?.name ?? "", ...(isOutOfService(node) && { outOfService: true }) };
}

function isOutOfService({ spec }: V1Node): boolean {
  return spec?.taints?.some(({ key }) => key === OUT_OF_SERVICE) ?? false;
}

/** A node's state. `lease` is its Lease in `kube-node-lease`; undefined if it is missing or unreadable. */
export function toNodeState(node: V1Node, lease: V1Lease | undefined): NodeState {
  const { status } = node;
  const ready = status?.conditions?.find(({ type }) => type === "Ready");
  const since = ready?.lastTransitionTime === undefined ? NaN : Date.parse(String(ready.lastTransitionTime));
  const renewed = lease?.spec?.renewTime;
  return {
    ready: ready?.status === "True",
    outOfService: isOutOfService(node),
    ...(renewed !== undefined && { renewed: String(renewed) }),
    ...(!Number.isNaN(since) && { since }),
  };
}

/** The facts of a NetworkAttachmentDefinition. */
export function toAttachment({ metadata = {}, spec }: AttachmentObject): Attachment {
  const { namespace = "", name = "", uid = "" } = metadata;
  const config: unknown = spec?.config;
  return { namespace, name, uid, config: typeof config === "string" ? config : "" };
}

/** A StatefulSet, or an IPAMClaim, of which only the metadata count. */
export type KeeperObject = Pick<V1StatefulSet, "metadata" | "spec">;

/** The facts of a keeper. Undefined if it has no uid. */
export function toKeeperFacts(kind: Keeper["kind"], { metadata, spec }: KeeperObject): KeeperFacts | undefined {
  const { uid, deletionTimestamp } = metadata ?? {};
  if (typeof uid !== "string" || uid === "") return undefined;
  return { uid, deleting: deletionTimestamp !== undefined, ...(kind === "StatefulSet" && ordinalsOf(spec)) };
}

/** The API server adds the default number of replicas when it stores a set, so one without a number proves nothing. */
function ordinalsOf(spec: V1StatefulSet["spec"]): Pick<KeeperFacts, "ordinals"> {
  const start: unknown = spec?.ordinals?.start ?? 0;
  const replicas: unknown = spec?.replicas;
  return typeof start === "number" && typeof replicas === "number" ? { ordinals: { start, replicas } } : {};
}

function networkStatus(annotation: string | undefined): InterfaceStatus[] | undefined {
  if (!annotation) return undefined;
  try {
    const networks: unknown = JSON.parse(annotation);
    if (!Array.isArray(networks)) return undefined;
    return networks.map(interfaceOf);
  } catch {
    return undefined;
  }
}

/** Each shape is written out: an object that grows member by member takes half as much memory again, in each of 100,000 pods. */
function interfaceOf(
  status:
    | { readonly interface?: unknown; readonly name?: unknown; readonly ips?: unknown; readonly default?: unknown }
    | null,
): InterfaceStatus {
  const ifName = textOf(status?.interface);
  const ips = Array.isArray(status?.ips) ? status.ips.map(String).map(canonical) : undefined;
  if (status?.default === true) return ips ? { ifName, ips } : { ifName };
  const network = textOf(status?.name);
  return ips ? { ifName, network, ips } : { ifName, network };
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}

/** The canonical text of an address, without its prefix length if it has one; other text unchanged. */
export function canonical(text: string): string {
  const ip = parseIp(text.split("/", 1)[0] ?? "");
  return ip ? formatIp(ip) : text;
}
