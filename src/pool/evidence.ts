/**
 * What may free an address without its DEL: the only code that draws conclusions about an owner from its pod, node and ResourceClaims.
 *
 * Missing information never frees an address. `docs/OPERATIONS.md` has the table of rules, and the test of `judge` has the same one.
 *
 * @module
 */
import { type Cidr, contains } from "../address/cidr.ts";
import { formatIp, type Ip, parseIp } from "../address/ip.ts";
import type { NodeState, PodFacts, Reading } from "./pod_facts.ts";
import type { Owner } from "./types.ts";

/** An address and its recorded owner: a pool entry or a reservation. */
export interface Assignment {
  /** The owner as recorded. Its uid and node, if present, were written together with its container id. */
  readonly owner: Owner;
  /** The address. */
  readonly ip: Ip;
  /** The range it was allocated from. Absent if unknown: then no network-status contradicts the owner. */
  readonly range?: Cidr;
}

/** Everything that one scan read about one owner. */
export interface Evidence {
  /** The pod of the owner's podRef. `absent` only if the API server answered NotFound for this pod. */
  readonly pod: Reading<PodFacts>;
  /** The last deleted pod of that podRef, as it was last observed. Absent if it was not observed. */
  readonly last?: PodFacts;
  /** The node of the owner, else of `last`. Absent if neither is known. */
  readonly node?: Reading<NodeState>;
  /** The addresses that ResourceClaims of the pod contain, canonical. */
  readonly claims: Reading<ReadonlySet<string>>;
}

/** How long evidence must last before it counts. */
export interface EvidenceRules {
  /** `--grace`: milliseconds that replace every duration below. Default: each kind of evidence has its own. */
  readonly grace?: number;
  /** `--dead-node-grace`: milliseconds for a pod on a node that is not ready, or never. Default {@linkcode DEAD_NODE_GRACE}. */
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

/** The observation behind a suspicion. A second scan counts only if it observes the same. */
export interface Sighting {
  /** Why the address seems unused. */
  readonly reason: FreeReason;
  /** The state of the node, if the evidence depends on it. */
  readonly node: "any" | "unknown" | "ready" | "works" | "not ready" | "down";
  /** When the Lease of the node was last renewed. */
  readonly renewed?: string | undefined;
  /** When the node became ready, or not ready, in milliseconds since 1970. */
  readonly since?: number | undefined;
}

/**
 * The conclusion from evidence:
 *
 * - `kept`: the pod uses the address, or may still get it;
 * - `unconfirmed`: kept, because nothing proves that the address is unused, nor that it is in use. `since`: when that began, in
 *   milliseconds since 1970, if known;
 * - `suspect`: to be freed if a scan at least `wait` milliseconds after the first sighting observes the same;
 * - `free`: to be freed now.
 */
export type Verdict =
  | { readonly kind: "kept" }
  | { readonly kind: "unconfirmed"; readonly why: string; readonly since?: number }
  | { readonly kind: "suspect"; readonly sighting: Sighting; readonly wait: number }
  | { readonly kind: "free"; readonly reason: FreeReason };

/** The earlier scan that made the owner a suspect. */
export interface Earlier {
  /** The first sighting. */
  readonly sighting: Sighting;
  /** Milliseconds since then, on the monotonic clock. */
  readonly ago: number;
}

/** Milliseconds after a pod's termination grace period in which a working kubelet removes the sandbox; also for a node that is down. */
export const REMOVAL_GRACE = 30_000;
/** Milliseconds if the termination grace period or the node is unknown: four times the default grace period of a pod. */
export const UNKNOWN_GRACE = 120_000;
/** Milliseconds between two reads of a pod that exists: publishing a status takes less, and so does an ADD or DEL. */
export const RECHECK_GRACE = 30_000;
/** Milliseconds in which a working kubelet renews its Lease: it does so every 10 s (a quarter of `nodeLeaseDurationSeconds`). */
export const LEASE_GRACE = 15_000;
/** Milliseconds for a node that is not ready: as long as Kubernetes waits before it evicts pods (default `tolerationSeconds`). */
export const DEAD_NODE_GRACE = 300_000;

/**
 * Judges one owner.
 *
 * @param earlier the sighting that made it a suspect; absent: this is the first scan
 */
export function judge(assignment: Assignment, evidence: Evidence, rules: EvidenceRules, earlier?: Earlier): Verdict {
  const { owner, ip } = assignment;
  const { pod, claims } = evidence;
  if (!namesPod(owner)) return KEPT; // no pod to read
  if (pod.kind === "unread") return unconfirmed(`the pod cannot be read: ${pod.why}`);
  const verdict = pod.kind === "absent"
    ? judgeAbsent("pod is gone", assignment, evidence, rules, earlier)
    : judgePod(assignment, pod.value, evidence, rules, earlier);
  if (verdict.kind === "kept" || verdict.kind === "unconfirmed") return verdict;
  if (claims.kind === "unread") return unconfirmed(`the ResourceClaims of the pod cannot be read: ${claims.why}`);
  const claimHolds = claims.kind === "found" && claims.value.has(formatIp(ip));
  return claimHolds ? unconfirmed("a ResourceClaim of the pod has the address") : verdict;
}

/** Whether the podRef of an owner names a pod: runtimes without pods, and old records, have a container id or nothing there. */
export function namesPod({ podRef }: Pick<Owner, "podRef">): boolean {
  return /^[^/]+\/[^/]+$/.test(podRef);
}

/** Judges by the pod that has the name now. */
function judgePod(
  assignment: Assignment,
  pod: PodFacts,
  evidence: Evidence,
  rules: EvidenceRules,
  earlier: Earlier | undefined,
): Verdict {
  const { owner, ip } = assignment;
  if (pod.hostNetwork) return judgeAbsent("pod was replaced by another", assignment, evidence, rules, earlier);
  const reported = pod.addresses?.has(formatIp(ip)) ?? false;
  if (isAnother(pod, owner)) {
    return reported ? KEPT : judgeAbsent("pod was replaced by another", assignment, evidence, rules, earlier);
  }
  if (pod.finished) return judgeFinished(pod, rules, earlier);
  if (!pod.running || reported) return KEPT;
  const others = reportedFor(pod, owner.ifName);
  const kept = (why: string) => unconfirmed(`the network-status of the pod has ${why}`, pod.started);
  if (!others) return kept(`no addresses of ${owner.ifName || "the interface"}`);
  if (!contradicts(pod, assignment)) return kept(`no address of this range for ${owner.ifName}`);
  if (rules.verifyNetworkStatus === false) {
    return kept(`${others.join(", ")} for ${owner.ifName}; verify_network_status is false`);
  }
  return seenTwice(rules.grace ?? RECHECK_GRACE, { reason: "pod does not have the address", node: "any" }, earlier);
}

/** The kubelet writes the final phase of an evicted pod, and of one past its deadline, before the containers end. */
function judgeFinished(pod: PodFacts, { grace }: EvidenceRules, earlier: Earlier | undefined): Verdict {
  if (pod.containers === "running") return KEPT;
  if (pod.containers !== "ended") {
    return unconfirmed(
      "the pod has finished, and its status does not show that every container has ended",
      pod.started,
    );
  }
  if (pod.sandboxMissing) return { kind: "free", reason: "pod has finished" };
  return seenTwice(grace ?? RECHECK_GRACE, { reason: "pod has finished", node: "any" }, earlier);
}

/** Judges by the node: the pod object no longer exists, but the sandbox may. */
function judgeAbsent(
  reason: FreeReason,
  assignment: Assignment,
  { last: seen, node }: Evidence,
  rules: EvidenceRules,
  earlier: Earlier | undefined,
): Verdict {
  const { owner } = assignment;
  if (node?.kind === "unread") return unconfirmed(`the node cannot be read: ${node.why}`);
  const last = seen && mayHold(seen, assignment) ? seen : undefined;
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
  // a node known only from the pod may differ from the node of the sandbox
  const min = owner.node === undefined ? UNKNOWN_GRACE : 0;
  const wait = (usual: number) => rules.grace ?? Math.max(min, usual);
  if (!node) return seenTwice(wait(removed), { reason, node: "unknown" }, earlier);
  if (node.kind === "absent" || node.value.outOfService) {
    return seenTwice(wait(REMOVAL_GRACE), { reason, node: "down" }, earlier);
  }
  return judgeNode(reason, node.value, { removed, wait }, rules, earlier);
}

/**
 * Judges by a node that exists.
 *
 * A node that loses its network stays Ready for almost a minute, and its kubelet learns of the deletion only after it reconnects. A Lease
 * that was renewed after a scan found no pod proves that the kubelet works and knows; only then does the time start that containers may
 * take to end.
 */
function judgeNode(
  reason: FreeReason,
  { ready, renewed, since }: NodeState,
  { removed, wait }: { readonly removed: number; readonly wait: (usual: number) => number },
  { deadNodeGrace = DEAD_NODE_GRACE, grace }: EvidenceRules,
  earlier: Earlier | undefined,
): Verdict {
  const seen = (node: Sighting["node"]): Sighting => ({ reason, node, renewed, since });
  if (!ready) {
    return deadNodeGrace === "never"
      ? unconfirmed("the node is not ready, and --dead-node-grace is never", since)
      : seenTwice(wait(deadNodeGrace), seen("not ready"), earlier);
  }
  const [works, sighting] = [seen("works"), seen("ready")];
  const knew = sameAs(works, earlier);
  if (knew) return seenTwice(wait(removed), works, knew);
  const first = sameAs(sighting, earlier);
  if (!first) return { kind: "suspect", sighting, wait: grace ?? LEASE_GRACE };
  if (renewed !== undefined && renewed !== first.sighting.renewed) {
    return grace === undefined ? seenTwice(wait(removed), works, undefined) : seenTwice(grace, sighting, first);
  }
  const max = deadNodeGrace === "never" ? Infinity : wait(Math.max(removed, deadNodeGrace));
  if (first.ago >= max) return { kind: "free", reason };
  return { kind: "suspect", sighting: first.sighting, wait: Math.min(max, first.ago + RECHECK_GRACE) };
}

const KEPT: Verdict = { kind: "kept" };

function unconfirmed(why: string, since?: number): Verdict {
  return { kind: "unconfirmed", why, ...(since !== undefined && { since }) };
}

/** Frees if an earlier scan observed the same long enough ago. A different observation starts a new wait. */
function seenTwice(wait: number, sighting: Sighting, earlier: Earlier | undefined): Verdict {
  const same = sameAs(sighting, earlier);
  if (same && same.ago >= wait) return { kind: "free", reason: sighting.reason };
  return { kind: "suspect", sighting: same?.sighting ?? sighting, wait };
}

/** The earlier scan if it observed the same. A node that was not ready meanwhile is not the same: its kubelet may have ended nothing. */
function sameAs({ reason, node, since }: Sighting, earlier: Earlier | undefined): Earlier | undefined {
  const seen = earlier?.sighting;
  return seen?.reason === reason && seen.node === node && seen.since === since ? earlier : undefined;
}

/** A uid that an API server generates. */
const API_UID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
/** A uid that a kubelet generates for a static pod: `config.hash`, the MD5 of the manifest. */
const STATIC_UID = /^[0-9a-f]{32}$/i;

/** Whether the pod is certainly not the owner's. A uid that neither an API server nor a kubelet generates proves nothing. */
function isAnother({ uid, configHash }: PodFacts, owner: Owner): boolean {
  const present = configHash ?? uid;
  if (owner.uid === undefined || present === undefined) return false;
  return (API_UID.test(owner.uid) || STATIC_UID.test(owner.uid)) && owner.uid !== present;
}

/** Whether the pod is certainly the owner's, and not a later pod of the same name. */
function isOwn({ uid, configHash }: PodFacts, owner: Owner): boolean {
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

function isStatic({ uid }: Owner, last: PodFacts | undefined): boolean {
  return last?.configHash !== undefined || (uid !== undefined && STATIC_UID.test(uid));
}

/**
 * Whether the owner may be a static pod if neither its uid nor its mirror pod is known: a mirror pod's name ends with the node's. Names of
 * pods of Deployments, DaemonSets and Jobs end in random characters, those of StatefulSets in a number.
 */
function mayBeStatic({ podRef, node, uid }: Owner, last: PodFacts | undefined): boolean {
  return !last && node !== undefined && !API_UID.test(uid ?? "") && podRef.endsWith(`-${node}`);
}

/** Whether the network-status has another address of the range for the owner's interface, and does not have this one. */
function contradicts(pod: PodFacts, { owner, ip, range }: Assignment): boolean {
  const reported = reportedFor(pod, owner.ifName);
  if (!reported || !range || pod.addresses?.has(formatIp(ip))) return false;
  return reported.map((text) => parseIp(text)).some((other) => other !== undefined && contains(range, other));
}

/** The addresses that the network-status lists for an interface; undefined if it lists none. */
function reportedFor({ interfaces = [] }: PodFacts, ifName: string): readonly string[] | undefined {
  const ips = interfaces.filter((one) => ifName !== "" && one.ifName === ifName).flatMap((one) => one.ips ?? []);
  return ips.length > 0 ? ips : undefined;
}
