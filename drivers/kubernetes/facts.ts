/**
 * What is kept of objects that are not ours.
 *
 * @module
 */
import type { V1Node, V1Pod, V1PodStatus } from "@kubernetes/client-node";
import { formatIp, parseIp } from "../../src/address/ip.ts";
import type { Attachment, NodeFacts } from "../../src/controllers/cluster.ts";
import type { PodFacts } from "../../src/pool/pod_facts.ts";

/** Written by the meta-plugin (Multus), by the specification of the Network Plumbing Working Group. */
const STATUS_ANNOTATION = "k8s.v1.cni.cncf.io/network-status";

/** A NetworkAttachmentDefinition, as far as it is read. */
export interface AttachmentObject {
  /** Whose. */
  readonly metadata?: { readonly namespace?: string; readonly name?: string; readonly uid?: string };
  /** The network configuration, as text. */
  readonly spec?: { readonly config?: string };
}

/** What a pod tells of its addresses. An annotation that cannot be read tells nothing. */
export function toPodFacts({ metadata, status }: V1Pod): PodFacts {
  const phase = status?.phase ?? "";
  const podRef = `${metadata?.namespace ?? ""}/${metadata?.name ?? ""}`;
  const networks = networkStatus(metadata?.annotations?.[STATUS_ANNOTATION]);
  const own = status?.podIPs?.map(({ ip }) => canonical(ip ?? "")) ?? [];
  const attached = networks?.filter(({ isDefault }) => !isDefault)
    .flatMap(({ name, ips }) => ips.map((address) => ({ network: name, address })));
  return {
    podRef,
    ...(metadata?.uid && { uid: metadata.uid }),
    finished: phase === "Succeeded" || phase === "Failed",
    running: phase === "Running" && metadata?.deletionTimestamp === undefined && hasSandbox(status),
    ...(networks && { addresses: new Set([...networks.flatMap(({ ips }) => ips), ...own]) }),
    ...(attached && attached.length > 0 && { attached }),
  };
}

/**
 * Whether the pod's sandbox is there with its networks. While one is made anew, after its node was started again, the pod stays Running and
 * its network-status tells what the former one had. Kubelets before 1.29 do not say.
 */
function hasSandbox(status: V1PodStatus | undefined): boolean {
  return !status?.conditions?.some((one) => one.type === "PodReadyToStartContainers" && one.status === "False");
}

/** A node's name. */
export function toNodeFacts({ metadata }: V1Node): NodeFacts {
  return { name: metadata?.name ?? "" };
}

/** What a NetworkAttachmentDefinition tells. */
export function toAttachment({ metadata = {}, spec }: AttachmentObject): Attachment {
  const { namespace = "", name = "", uid = "" } = metadata;
  const config: unknown = spec?.config;
  return { namespace, name, uid, config: typeof config === "string" ? config : "" };
}

function networkStatus(
  annotation: string | undefined,
): { name: string; ips: string[]; isDefault: boolean }[] | undefined {
  if (!annotation) return undefined;
  try {
    const networks: unknown = JSON.parse(annotation);
    if (!Array.isArray(networks)) return undefined;
    return networks.map((network) => ({
      name: typeof network?.name === "string" ? network.name : "",
      ips: Array.isArray(network?.ips) ? network.ips.map(String).map(canonical) : [],
      isDefault: network?.default === true,
    }));
  } catch {
    return undefined;
  }
}

function canonical(text: string): string {
  const ip = parseIp(text.split("/", 1)[0] ?? "");
  return ip ? formatIp(ip) : text;
}
