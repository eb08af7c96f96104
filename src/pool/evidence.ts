/**
 * What may free an address without its DEL: the one place that draws conclusions about an owner from its pod, its node and its claims.
 *
 * Silence is never "no". The table is in `docs/OPERATIONS.md`; the test of `judge` has the same one.
 *
 * @module
 */
import { type Cidr, contains } from "../address/cidr.ts";
import { formatIp, type Ip, parseIp } from "../address/ip.ts";
import type { NodeState, PodFacts, Reading } from "./pod_facts.ts";
import type { Owner } from "./types.ts";

/** An address and its recorded owner: a pool entry or a reservation. */
export interface Claimed {
  /** The owner as recorded. Its uid and node, where present, were written with its container id. */
  readonly owner: Owner;
  /** The address. */
  readonly ip: Ip;
  /** The range it was allocated from. Absent where it is unknown: then no network-status contradicts the owner. */
  readonly range?: Cidr;
}

/** Everything that was read about one owner at one time. */
export interface Evidence {
  /** The pod of the owner's podRef. Absent only where the API server answered NotFound for that very pod. */
  readonly pod: Reading<PodFacts>;
  /** The pod of that podRef that was deleted last, as it was last seen. Absent where nobody saw it. */
  readonly last?: PodFacts;
  /** The node of the owner, or else of `last`. Absent where neither is known. */
  readonly node?: Reading<NodeState>;
  /** The addresses that ResourceClaims hold for the pod, canonical. */
  readonly claims: Reading<ReadonlySet<string>>;
}

/** How long evidence must last before it counts. */
export interface EvidenceRules {
  /** `--grace`: milliseconds in place of every duration below. Default: each evidence has its own. */
  readonly grace?: number;
  /** `--dead-node-grace`: milliseconds for a pod of a node that is not ready, or never. Default {@linkcode DEAD_NODE_GRACE}. */
  readonly deadNodeGrace?: number | "never";
  /** `verify_network_status`: whether the network-status of a pod may contradict an owner. Default true. */
  readonly verifyNetworkStatus?: boolean;
}

/** Why an address is freed. */
export type FreeReason =
  | "pod is gone"
  | "pod was replaced by another"
  | "pod has finished"
  | "pod does not have the address";

/** What a suspicion rests on. A second look counts only if it finds the same. */
export interface Sighting {
  /** Why the owner is taken for gone. */
  readonly reason: FreeReason;
  /** The state of its node, where the evidence depends on it. */
  readonly node: "any" | "unknown" | "ready" | "works" | "not ready" | "down";
  /** When the Lease of the node was renewed last. */
  readonly renewed?: string;
}

/**
 * What evidence comes to:
 *
 * - `kept`: the pod holds the address, or may still get it;
 * - `unconfirmed`: kept, because nothing proves that the address is unused and nothing proves that it is in use. `since`: when that began, in
 *   milliseconds since 1970, where it is known;
 * - `suspect`: to be freed if the same is seen `wait` milliseconds after it was seen first;
 * - `free`: to be freed now.
 */
export type Verdict =
  | { readonly kind: "kept" }
  | { readonly kind: "unconfirmed"; readonly why: string; readonly since?: number }
  | { readonly kind: "suspect"; readonly sighting: Sighting; readonly wait: number }
  | { readonly kind: "free"; readonly reason: FreeReason };

/** An earlier look that made the owner a suspect. */
export interface Earlier {
  /** What was seen first. */
  readonly sighting: Sighting;
  /** Milliseconds since then, of a clock that is never set. */
  readonly ago: number;
}

/** Milliseconds after a pod's termination grace period in which a working kubelet has removed the sandbox; also for a node that is down. */
export const REMOVAL_GRACE = 30_000;
/** Milliseconds where the termination grace period or the node is unknown: four times the default grace period of a pod. */
export const UNKNOWN_GRACE = 120_000;
/** Milliseconds between two looks at a pod that exists: a status is published in less, and an ADD or DEL takes less. */
export const LOOK_GRACE = 30_000;
/** Milliseconds in which a working kubelet renews its Lease: it does so every 10 s (a quarter of `nodeLeaseDurationSeconds`). */
export const LEASE_GRACE = 15_000;
/** Milliseconds for a node that is not ready: Kubernetes evicts its pods after as long (`tolerationSeconds` of its default tolerations). */
export const DEAD_NODE_GRACE = 300_000;

/**
 * Judges one owner.
 *
 * @param earlier what made it a suspect before; absent: this is the first look
 */
export function judge(claimed: Claimed, evidence: Evidence, rules: EvidenceRules, earlier?: Earlier): Verdict {
  const { owner, ip } = claimed;
  const { pod, claims } = evidence;
  if (!namesPod(owner)) return KEPT; // there is nothing to look for
  if (pod.kind === "unread") return unconfirmed(`the pod cannot be read: ${pod.why}`);
  const verdict = pod.kind === "absent"
    ? judgeAbsent("pod is gone", claimed, evidence, rules, earlier)
    : judgePod(claimed, pod.value, evidence, rules, earlier);
  if (verdict.kind === "kept" || verdict.kind === "unconfirmed") return verdict;
  if (claims.kind === "unread") return unconfirmed(`the ResourceClaims of the pod cannot be read: ${claims.why}`);
  const claimHolds = claims.kind === "found" && claims.value.has(formatIp(ip));
  return claimHolds ? unconfirmed("a ResourceClaim of the pod has the address") : verdict;
}

/** Whether the podRef of an owner is one: runtimes without pods, and old records, leave a container id there, or nothing. */
export function namesPod({ podRef }: Pick<Owner, "podRef">): boolean {
  return /^[^/]+\/[^/]+$/.test(podRef);
}

/** By the pod that has the name now. */
function judgePod(
  claimed: Claimed,
  pod: PodFacts,
  evidence: Evidence,
  rules: EvidenceRules,
  earlier: Earlier | undefined,
): Verdict {
  const { owner, ip } = claimed;
  if (pod.hostNetwork) return judgeAbsent("pod was replaced by another", claimed, evidence, rules, earlier);
  const reported = pod.addresses?.has(formatIp(ip)) ?? false;
  if (isAnother(pod, owner)) {
    return reported ? KEPT : judgeAbsent("pod was replaced by another", claimed, evidence, rules, earlier);
  }
  if (pod.finished) return judgeFinished(pod, rules, earlier);
  if (!pod.running || reported) return KEPT;
  const others = reportedFor(pod, owner.ifName);
  if (!others) {
    return unconfirmed(
      `the network-status of the pod has no addresses of ${owner.ifName || "the interface"}`,
      pod.started,
    );
  }
  if (!contradicts(pod, claimed)) {
    return unconfirmed(`the network-status of the pod has no address of this range for ${owner.ifName}`, pod.started);
  }
  if (rules.verifyNetworkStatus === false) {
    return unconfirmed(
      `the network-status of the pod has ${others.join(", ")} for ${owner.ifName}; verify_network_status is false`,
      pod.started,
    );
  }
  return twice(rules.grace ?? LOOK_GRACE, { reason: "pod does not have the address", node: "any" }, earlier);
}

/** The kubelet writes the last phase of a pod past its deadline, and of an evicted one, before the containers end. */
function judgeFinished(pod: PodFacts, { grace }: EvidenceRules, earlier: Earlier | undefined): Verdict {
  if (pod.containers === "running") return KEPT;
  if (pod.containers !== "ended") {
    return unconfirmed(
      "the pod has finished, and its status does not show that every container has ended",
      pod.started,
    );
  }
  if (pod.sandboxMissing) return { kind: "free", reason: "pod has finished" };
  return twice(grace ?? LOOK_GRACE, { reason: "pod has finished", node: "any" }, earlier);
}

/** By the node: the pod object does not exist any more, but the sandbox may. */
function judgeAbsent(
  reason: FreeReason,
  claimed: Claimed,
  { last: seen, node }: Evidence,
  rules: EvidenceRules,
  earlier: Earlier | undefined,
): Verdict {
  const { owner } = claimed;
  if (node?.kind === "unread") return unconfirmed(`the node cannot be read: ${node.why}`);
  const last = seen && mayHold(seen, claimed) ? seen : undefined;
  if (isStatic(owner, last) && node?.kind !== "absent") {
    return unconfirmed("it is an address of a static pod, whose node exists or is unknown");
  }
  if (mayBeStatic(owner, last) && node?.kind === "found" && !node.value.outOfService) {
    return unconfirmed(`it may be an address of a static pod of node ${owner.node}, which exists`);
  }
  const own = last !== undefined && isOwn(last, owner) ? last : undefined;
  if (own?.deleting && own.containers === "ended" && !own.neverStarted) return { kind: "free", reason };
  const known = last?.terminationGrace === undefined ? UNKNOWN_GRACE : last.terminationGrace + REMOVAL_GRACE;
  const removed = own ? known : Math.max(known, UNKNOWN_GRACE);
  // a node that is known from the pod alone need not be that of the sandbox
  const least = owner.node === undefined ? UNKNOWN_GRACE : 0;
  const wait = (usual: number) => rules.grace ?? Math.max(least, usual);
  if (!node) return twice(wait(removed), { reason, node: "unknown" }, earlier);
  if (node.kind === "absent" || node.value.outOfService) {
    return twice(wait(REMOVAL_GRACE), { reason, node: "down" }, earlier);
  }
  return judgeNode(reason, node.value, { removed, wait }, rules, earlier);
}

/**
 * By a node that exists.
 *
 * A node that was cut off stays Ready for most of a minute, and its kubelet learns of the deletion only when it is back. A Lease that was
 * renewed since a look found no pod shows that the kubelet works and knows; from then on it has the time that containers may take to end.
 */
function judgeNode(
  reason: FreeReason,
  { ready, renewed, since }: NodeState,
  { removed, wait }: { readonly removed: number; readonly wait: (usual: number) => number },
  { deadNodeGrace = DEAD_NODE_GRACE, grace }: EvidenceRules,
  earlier: Earlier | undefined,
): Verdict {
  if (!ready) {
    return deadNodeGrace === "never"
      ? unconfirmed("the node is not ready, and --dead-node-grace is never", since)
      : twice(wait(deadNodeGrace), { reason, node: "not ready" }, earlier);
  }
  const at = renewed !== undefined && { renewed };
  const works: Sighting = { reason, node: "works", ...at };
  if (earlier?.sighting.reason === reason && earlier.sighting.node === "works") {
    return twice(wait(removed), works, earlier);
  }
  const sighting: Sighting = { reason, node: "ready", ...at };
  if (earlier?.sighting.reason !== reason || earlier.sighting.node !== "ready") {
    return { kind: "suspect", sighting, wait: grace ?? LEASE_GRACE };
  }
  if (renewed !== undefined && renewed !== earlier.sighting.renewed) {
    return grace === undefined ? twice(wait(removed), works, undefined) : twice(grace, sighting, earlier);
  }
  const most = deadNodeGrace === "never" ? Infinity : wait(Math.max(removed, deadNodeGrace));
  if (earlier.ago >= most) return { kind: "free", reason };
  return { kind: "suspect", sighting: earlier.sighting, wait: Math.min(most, earlier.ago + LOOK_GRACE) };
}

const KEPT: Verdict = { kind: "kept" };

function unconfirmed(why: string, since?: number): Verdict {
  return { kind: "unconfirmed", why, ...(since !== undefined && { since }) };
}

/** Free where an earlier look found the same, long enough ago. What differs from the earlier look starts anew. */
function twice(wait: number, sighting: Sighting, earlier: Earlier | undefined): Verdict {
  const same = earlier?.sighting.reason === sighting.reason && earlier.sighting.node === sighting.node;
  if (same && earlier.ago >= wait) return { kind: "free", reason: sighting.reason };
  return { kind: "suspect", sighting: same ? earlier.sighting : sighting, wait };
}

/** Uids as an API server makes them. */
const API_UID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
/** Uids as a kubelet makes them for static pods: `config.hash`, the MD5 of the manifest. */
const STATIC_UID = /^[0-9a-f]{32}$/i;

/** Whether the pod is certainly not the owner's: nothing is concluded from a uid that no API server and no kubelet makes. */
function isAnother({ uid, configHash }: PodFacts, owner: Owner): boolean {
  const present = configHash ?? uid;
  if (owner.uid === undefined || present === undefined) return false;
  return (API_UID.test(owner.uid) || STATIC_UID.test(owner.uid)) && owner.uid !== present;
}

/** Whether the pod is certainly the owner's: another one of that name may have come and gone since. */
function isOwn({ uid, configHash }: PodFacts, owner: Owner): boolean {
  return owner.uid !== undefined && owner.uid === (configHash ?? uid);
}

/** Whether the pod may be the one that the owner names: neither its uid nor its network rules that out. */
export function mayBeNamed(pod: PodFacts, owner: Owner): boolean {
  return !pod.hostNetwork && !isAnother(pod, owner);
}

/** Whether the pod may have the address. */
export function mayHold(pod: PodFacts, claimed: Claimed): boolean {
  return mayBeNamed(pod, claimed.owner) && !contradicts(pod, claimed);
}

function isStatic({ uid }: Owner, last: PodFacts | undefined): boolean {
  return last?.configHash !== undefined || (uid !== undefined && STATIC_UID.test(uid));
}

/**
 * Whether the owner may be a static pod, where neither its uid nor its mirror pod is known: a mirror pod is named after the static pod and
 * the node. Pods of Deployments, DaemonSets and Jobs end in random characters, those of StatefulSets in a number.
 */
function mayBeStatic({ podRef, node, uid }: Owner, last: PodFacts | undefined): boolean {
  return !last && node !== undefined && !API_UID.test(uid ?? "") && podRef.endsWith(`-${node}`);
}

/** Whether the network-status names, for the owner's interface, another address of its range and not this one. */
function contradicts(pod: PodFacts, { owner, ip, range }: Claimed): boolean {
  const reported = reportedFor(pod, owner.ifName);
  if (!reported || !range || pod.addresses?.has(formatIp(ip))) return false;
  return reported.map((text) => parseIp(text)).some((other) => other !== undefined && contains(range, other));
}

/** The addresses that the network-status lists for an interface; undefined where it lists none. */
function reportedFor({ interfaces = [] }: PodFacts, ifName: string): readonly string[] | undefined {
  const ips = interfaces.filter((one) => ifName !== "" && one.ifName === ifName).flatMap((one) => one.ips ?? []);
  return ips.length > 0 ? ips : undefined;
}
