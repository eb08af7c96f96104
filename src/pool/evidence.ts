/**
 * What may free an address without its DEL: the only code that draws conclusions about an owner from its pod, node, ResourceClaims and keeper.
 *
 * Missing information never frees an address. `docs/OPERATIONS.md` has the table of rules, and the test of `judge` has the same one.
 *
 * @module
 */
import { formatIp } from "../address/ip.ts";
import type { Assignment, Earlier, Evidence, EvidenceRules, FreeReason, Sighting, Verdict } from "./evidence_types.ts";
import { judgeKept, keeperState } from "./keepers.ts";
import type { NodeState, PodFacts } from "./pod_facts.ts";
import {
  contradicts,
  hasAddress,
  isAnother,
  isOwn,
  isStatic,
  mayBeStatic,
  mayHold,
  namesPod,
  reportedFor,
} from "./pod_owner.ts";

export type * from "./evidence_types.ts";

/** The reason for which a suspect would be freed. */
export function reasonOf({ reason, keeper }: Sighting): FreeReason {
  return keeper ?? reason;
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
  const { owner } = assignment;
  if (!namesPod(owner)) return KEPT; // no pod to read
  const { keeper } = owner;
  if (!keeper) return judgeOwner(assignment, evidence, rules, earlier);
  const kept = { ...owner, keeper };
  if (assignment.former || assignment.isFormer || keeperState(kept, evidence.keeper).kind === "keeps") {
    return judgeSandbox(assignment, evidence, rules, earlier);
  }
  return judgeKept(kept, evidence.keeper, rules.grace ?? RECHECK_GRACE, earlier, (same) => {
    // once its sandbox has ended nothing uses the address, and a pod of the name may be a later one that waits for it
    if (owner.containerId === "" && evidence.pod.kind !== "unread") return { kind: "free", reason: "pod is gone" };
    return judgeOwner(assignment, evidence, rules, same);
  });
}

/** Judges whether the sandbox of an address that stays allocated has ended. */
function judgeSandbox(
  assignment: Assignment,
  evidence: Evidence,
  rules: EvidenceRules,
  earlier: Earlier | undefined,
): Verdict {
  if (assignment.owner.containerId === "") return KEPT;
  // a sighting with a keeper that was gone would count for the keeper too, if it is gone again
  const verdict = judgeOwner(assignment, evidence, rules, earlier?.sighting.keeper ? undefined : earlier);
  switch (verdict.kind) {
    case "free":
      return { kind: "detach", reason: verdict.reason };
    case "suspect":
      return { ...verdict, detaches: true };
    case "unconfirmed": // of a pod that exists, nothing else is expected
      return evidence.pod.kind === "absent" ? verdict : KEPT;
    default:
      return verdict;
  }
}

/** Judges by everything but the keeper. */
function judgeOwner(
  assignment: Assignment,
  evidence: Evidence,
  rules: EvidenceRules,
  earlier: Earlier | undefined,
): Verdict {
  const { pod, claims } = evidence;
  if (pod.kind === "unread") return unconfirmed(`the pod cannot be read: ${pod.why}`);
  const verdict = pod.kind === "absent"
    ? judgeAbsent("pod is gone", assignment, evidence, rules, earlier)
    : judgePod(assignment, pod.value, evidence, rules, earlier);
  if (verdict.kind === "kept" || verdict.kind === "unconfirmed") return verdict;
  if (claims.kind === "unread") return unconfirmed(`the ResourceClaims of the pod cannot be read: ${claims.why}`);
  const claimHolds = claims.kind === "found" && claims.value.has(formatIp(assignment.ip));
  return claimHolds ? unconfirmed("a ResourceClaim of the pod has the address") : verdict;
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
  const reported = hasAddress(pod, formatIp(ip));
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
