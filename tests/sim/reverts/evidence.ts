/**
 * Evidence that frees an address without its DEL, and the restoring of lost entries.
 *
 * @module
 */
import { editsOf } from "../../support/edited.ts";
import type { Revert } from "./revert.ts";

const FILE = "src/pool/evidence.ts";
const POD_OWNER = "src/pool/pod_owner.ts";

/** Pods that no longer exist. */
const ABSENT: readonly Revert[] = [
  {
    name: "an address is freed at the first check",
    world: "kubelets",
    edits: editsOf(FILE, ["if (same && same.ago >= wait) return", "if (Boolean(1)) return"]),
  },
  {
    name: "the termination grace period of a pod is not waited for",
    world: "kubelets",
    edits: editsOf(FILE, ["last.terminationGrace + REMOVAL_GRACE;", "0;"]),
  },
  {
    name: "an address of a static pod is freed when its mirror pod is deleted",
    world: "kubelets",
    seed: 275,
    edits: editsOf(FILE, ['if (isStatic(owner, last) && node?.kind !== "absent") {', "if (Boolean(0)) {"]),
  },
  {
    name: "a pod that is being deleted frees its address while its containers run",
    world: "kubelets",
    edits: editsOf(FILE, ['own?.deleting && own.containers === "ended" && !own.neverStarted', "own?.deleting"]),
  },
  {
    name: "a container that never started on a node that is cut off counts as ended",
    world: "cut",
    seed: 61,
    edits: editsOf(FILE, [" && !own.neverStarted", ""]),
  },
  {
    name: "a later pod of the name is evidence against an owner whose uid is unknown",
    world: "nameless",
    seed: 311,
    edits: editsOf(POD_OWNER, [
      "return owner.uid !== undefined && owner.uid === (configHash ?? uid);",
      "return owner.uid === undefined || owner.uid === (configHash ?? uid);",
    ]),
  },
  {
    name: "a Lease that was not renewed since the first check counts as that of a working node",
    world: "cut",
    edits: editsOf(FILE, [
      "if (renewed !== undefined && renewed !== first.sighting.renewed) {",
      "if (Boolean(1)) {",
    ]),
  },
  {
    name: "the grace period of containers counts from before their kubelet was connected again",
    world: "cut",
    seed: 51,
    edits: editsOf(FILE, [
      "return grace === undefined ? seenTwice(wait(removed), works, undefined) : seenTwice(grace, sighting, first);",
      "return seenTwice(wait(removed), sighting, first);",
    ]),
  },
  {
    name: "a node that is not ready counts as one that works",
    world: "silent",
    seed: 110,
    edits: editsOf(FILE, ["if (!ready) {", "if (Boolean(0)) {"]),
  },
  {
    name: "an earlier check counts although it saw something else",
    world: "silent",
    edits: editsOf(FILE, [
      "return seen?.reason === reason && seen.node === node && seen.since === since ? earlier : undefined;",
      "return earlier;",
    ]),
  },
  {
    name: "a pod that cannot be read counts as absent",
    world: "silent",
    edits: editsOf(FILE, [
      'if (pod.kind === "unread") return unconfirmed(`the pod cannot be read: ${pod.why}`);',
      'if (pod.kind === "unread") return { kind: "free", reason: "pod is gone" };',
    ]),
  },
  {
    name: "a node that cannot be read counts as absent",
    world: "silent",
    edits: editsOf(FILE, [
      'if (node?.kind === "unread") return unconfirmed(`the node cannot be read: ${node.why}`);',
      'if (node?.kind === "unread") return { kind: "free", reason };',
    ]),
  },
  {
    name: "the addresses of a node without object are freed immediately",
    world: "silent",
    seed: 54,
    edits: editsOf(FILE, [
      'return seenTwice(wait(REMOVAL_GRACE), { reason, node: "down" }, earlier);',
      'return { kind: "free", reason };',
    ]),
  },
  {
    name: "the grace period of a node that is not ready is skipped",
    world: "cut",
    seed: 26,
    edits: editsOf(FILE, [
      'seenTwice(wait(deadNodeGrace), seen("not ready"), earlier);',
      'seenTwice(0, seen("not ready"), earlier);',
    ]),
  },
  {
    name: "an owner without uid and node gets the termination grace period of whichever pod had its name",
    world: "nameless",
    seed: 650,
    edits: editsOf(
      FILE,
      ["owner.node === undefined ? UNKNOWN_GRACE : 0", "0"],
      ["own ? known : Math.max(known, UNKNOWN_GRACE)", "known"],
    ),
  },
];

/** Pods that exist. */
const PRESENT: readonly Revert[] = [
  {
    name: "a pod that has finished counts as ended while its containers run",
    world: "kubelets",
    seed: 91,
    edits: editsOf(
      FILE,
      ['if (pod.containers === "running") return KEPT;', ""],
      ['if (pod.containers !== "ended") {', "if (Boolean(0)) {"],
    ),
  },
  {
    name: "missing statuses of a pod that has finished count as ended containers",
    world: "kubelets",
    seed: 216,
    edits: editsOf(FILE, ['if (pod.containers !== "ended") {', "if (Boolean(0)) {"]),
  },
  {
    name: "a network-status without addresses contradicts the owner",
    world: "kubelets",
    seed: 89,
    edits: editsOf(
      FILE,
      ["if (!others) return kept(", "if (Boolean(0)) return kept("],
      ["if (!contradicts(pod, assignment)) return kept(", "if (Boolean(0)) return kept("],
    ),
  },
  {
    name: "a ResourceClaim does not keep an address",
    world: "kubelets",
    seed: 40,
    edits: editsOf(FILE, ['const claimHolds = claims.kind === "found" &&', "const claimHolds = Boolean(0) &&"]),
  },
  {
    name: "a pod of the name in the network of its node is evidence against the former pod",
    world: "namesakes",
    seed: 33,
    edits: editsOf(FILE, ["if (pod.hostNetwork) return judgeAbsent(", "if (Boolean(0)) return judgeAbsent("], [
      "if (isAnother(pod, owner)) {",
      "if (Boolean(0)) {",
    ]),
  },
  {
    name: "a pod with another uid is taken for the owner's",
    world: "namesakes",
    seed: 42,
    edits: editsOf(FILE, ["if (isAnother(pod, owner)) {", "if (Boolean(0)) {"]),
  },
  {
    name: "node and uid count for a container id that they were not written with",
    world: "mixed",
    seed: 50,
    edits: editsOf("src/storage/facts.ts", ['if (mark.join("/") !== markOf(containerId)) return {};', ""]),
  },
];

/** Entries that were lost. */
const LOST: readonly Revert[] = [
  {
    name: "an agent does not restore the entries of its journal",
    world: "journals",
    edits: editsOf("src/pool/restore.ts", ["if (!holder) lost.push(allocation);", "if (!holder) void lost;"]),
  },
  {
    name: "an agent overwrites the entry of another owner with that of its journal",
    world: "silent",
    edits: editsOf(
      "src/pool/restore.ts",
      ["if (!holder) lost.push(allocation);", "if (Boolean(1)) lost.push(allocation);"],
      ["if (!holder) {", "if (Boolean(1)) {"],
    ),
  },
  {
    name: "the controller does not restore the entry of a reservation whose pod runs",
    world: "lost",
    edits: editsOf("src/ipam/sweep_reservations.ts", [
      "const lost = examined.filter((one) => isInUse(one) || isKept(one)).flatMap(({ item }) =>",
      "const lost = examined.filter(() => false).flatMap(({ item }) =>",
    ]),
  },
  {
    name: "ADD allocates an address that the node's own journal records for a sandbox that exists",
    world: "rewound",
    edits: editsOf("src/ipam/allocate_range.ts", [
      "if (await work.options.isUsed?.(",
      "if (Boolean(0) && await work.options.isUsed?.(",
    ]),
  },
  {
    name: "ADD checks only for free addresses whether another sandbox of the node uses them",
    world: "rewound",
    edits: editsOf("src/ipam/allocate_range.ts", [
      "if (await work.options.isUsed?.(",
      "if (fresh && await work.options.isUsed?.(",
    ]),
  },
];

/** Statuses that are late, incomplete or unusual, and what cannot be read. */
const UNUSUAL: readonly Revert[] = [
  {
    name: "a pod whose sandbox is not ready may contradict the owner",
    world: "statuses",
    edits: editsOf(FILE, ["if (!pod.running || reported) return KEPT;", "if (reported) return KEPT;"]),
  },
  {
    name: "a running pod does not keep the address that it reports",
    world: "statuses",
    edits: [
      ...editsOf(FILE, ["if (!pod.running || reported) return KEPT;", "if (!pod.running) return KEPT;"]),
      ...editsOf(POD_OWNER, [" || hasAddress(pod, formatIp(ip))) return false;", ") return false;"]),
    ],
  },
  {
    name: "an address of another range contradicts the owner",
    world: "statuses",
    seed: 29,
    edits: editsOf(POD_OWNER, [
      "some((other) => other !== undefined && contains(range, other));",
      "some((other) => other !== undefined);",
    ]),
  },
  {
    name: "the network-status contradicts the owner although it is not to be verified",
    world: "statuses",
    seed: 45,
    edits: editsOf(FILE, ["if (rules.verifyNetworkStatus === false) {", "if (Boolean(0)) {"]),
  },
  {
    name: "a uid that no API server generates is evidence that the pod is another",
    world: "statuses",
    edits: editsOf(POD_OWNER, [
      "return (API_UID.test(owner.uid) || STATIC_UID.test(owner.uid)) && owner.uid !== present;",
      "return owner.uid !== present;",
    ]),
  },
  {
    name: "ResourceClaims that cannot be read keep no address",
    world: "statuses",
    edits: editsOf(FILE, ['if (claims.kind === "unread") return', "if (Boolean(0)) return"]),
  },
  {
    name: "a node that was not ready between two checks counts as one that works",
    world: "suspended",
    edits: editsOf(FILE, ["seen.node === node && seen.since === since ?", "seen.node === node ?"]),
  },
  {
    name: "an address that another pod of the name reports is freed",
    world: "regressed",
    edits: editsOf(FILE, ["return reported ? KEPT : judgeAbsent(", "return judgeAbsent("]),
  },
];

/** All reverts of evidence rules. */
export const EVIDENCE: readonly Revert[] = [...ABSENT, ...PRESENT, ...UNUSUAL, ...LOST];
