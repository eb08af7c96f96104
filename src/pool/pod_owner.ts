/**
 * Whether a pod is the owner of an address, or may be.
 *
 * @module
 */
import { contains } from "../address/cidr.ts";
import { formatIp, parseIp } from "../address/ip.ts";
import type { Assignment } from "./evidence_types.ts";
import { usersOf } from "./kept.ts";
import type { PodFacts } from "./pod_facts.ts";
import type { Allocation, Owner } from "./types.ts";

/** Whether the podRef of an owner names a pod: runtimes without pods, and old records, have a container id or nothing there. */
export function namesPod({ podRef }: Pick<Owner, "podRef">): boolean {
  return /^[^/]+\/[^/]+$/.test(podRef);
}

/** A uid that an API server generates. */
const API_UID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
/** A uid that a kubelet generates for a static pod: `config.hash`, the MD5 of the manifest. */
const STATIC_UID = /^[0-9a-f]{32}$/i;

/** Whether the pod is certainly not the owner's. A uid that neither an API server nor a kubelet generates proves nothing. */
export function isAnother({ uid, configHash }: PodFacts, owner: Pick<Owner, "uid">): boolean {
  const present = configHash ?? uid;
  if (owner.uid === undefined || present === undefined) return false;
  return (API_UID.test(owner.uid) || STATIC_UID.test(owner.uid)) && owner.uid !== present;
}

/** Whether the pod is certainly the owner's, and not a later pod of the same name. */
export function isOwn({ uid, configHash }: PodFacts, owner: Owner): boolean {
  return owner.uid !== undefined && owner.uid === (configHash ?? uid);
}

/** Whether the pod may be the owner's: neither its uid nor its network rules that out. */
export function mayBeNamed(pod: PodFacts, owner: Owner): boolean {
  return !pod.hostNetwork && !isAnother(pod, owner);
}

/** Whether the pod may use the address. */
export function mayHold(pod: PodFacts, assignment: Assignment): boolean {
  return mayBeNamed(pod, assignment.owner) && !contradicts(pod, assignment);
}

/** Whether one read of a pod proves that no container of it uses an address, and none will. */
export function hasEnded({ finished, containers, sandboxMissing = false }: PodFacts): boolean {
  return finished && containers === "ended" && sandboxMissing;
}

/**
 * Whether a sandbox may use a kept address: the entry names one whose pod does not show that it has ended. A pod that is missing may still run
 * on a node without network.
 *
 * @param find a pod of the cluster; undefined: it does not exist, or is unknown
 */
export function mayBeUsed(entry: Allocation, find: (podRef: string) => PodFacts | undefined): boolean {
  return usersOf(entry).some((user) => {
    const pod = find(user.podRef);
    return !pod || isAnother(pod, user) || !hasEnded(pod);
  });
}

/** Whether the owner is certainly a static pod, by its uid or its mirror pod. */
export function isStatic({ uid }: Owner, last: PodFacts | undefined): boolean {
  return last?.configHash !== undefined || (uid !== undefined && STATIC_UID.test(uid));
}

/**
 * Whether the owner may be a static pod if neither its uid nor its mirror pod is known: a mirror pod's name ends with the node's. Names of
 * pods of Deployments, DaemonSets and Jobs end in random characters, those of StatefulSets in a number.
 */
export function mayBeStatic({ podRef, node, uid }: Owner, last: PodFacts | undefined): boolean {
  return !last && node !== undefined && !API_UID.test(uid ?? "") && podRef.endsWith(`-${node}`);
}

/** Whether the network-status has another address of the range for the owner's interface, and does not have this one. */
export function contradicts(pod: PodFacts, { owner, ip, range }: Assignment): boolean {
  const reported = reportedFor(pod, owner.ifName);
  if (!reported || !range || hasAddress(pod, formatIp(ip))) return false;
  return reported.map((text) => parseIp(text)).some((other) => other !== undefined && contains(range, other));
}

/** Whether the pod reports an address, canonical: of any interface, the default network's included. */
export function hasAddress({ interfaces = [], addresses = [] }: PodFacts, address: string): boolean {
  return addresses.includes(address) || interfaces.some(({ ips }) => ips?.includes(address));
}

/** The addresses that the network-status lists for an interface; undefined if it lists none. */
export function reportedFor({ interfaces = [] }: PodFacts, ifName: string): readonly string[] | undefined {
  const ips = interfaces.filter((one) => ifName !== "" && one.ifName === ifName).flatMap((one) => one.ips ?? []);
  return ips.length > 0 ? ips : undefined;
}

/** Whether the network-status lists an address of a network other than the default one. */
export function isAttached({ interfaces = [] }: PodFacts): boolean {
  return interfaces.some(({ network, ips = [] }) => network !== undefined && ips.length > 0);
}
