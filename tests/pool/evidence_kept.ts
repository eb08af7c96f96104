/**
 * The rows of the table for addresses that an IPAMClaim or a StatefulSet keeps.
 *
 * @module
 */
import type { Assignment, Evidence, KeeperReason } from "../../src/pool/evidence.ts";
import type { KeeperFacts } from "../../src/pool/pod_facts.ts";
import type { Keeper, Owner } from "../../src/pool/types.ts";
import {
  ABSENT,
  absent,
  assignment,
  type Case,
  dead,
  earlier,
  ENDING,
  FINISHED,
  GONE,
  lease,
  OTHER_UID,
  pod,
  present,
  recheck,
  removal,
  type Row,
  UID,
  unknown,
  UNREAD,
} from "./evidence_facts.ts";

const CLAIM: Keeper = { kind: "IPAMClaim", name: "vm1.net1", uid: UID };
const SET: Keeper = { kind: "StatefulSet", name: "web", uid: UID };
const GONE_CLAIM: KeeperReason = "IPAMClaim is gone";
const GONE_SET: KeeperReason = "StatefulSet is gone";
const SCALED: KeeperReason = "StatefulSet was scaled down";

/** Evidence about the keeper: the object that exists, or a reading. */
function keeper(facts: Partial<KeeperFacts> | "absent" | "unread", evidence: Evidence = absent({}, ENDING)): Evidence {
  if (facts === "absent") return { ...evidence, keeper: ABSENT };
  if (facts === "unread") return { ...evidence, keeper: UNREAD };
  return { ...evidence, keeper: { kind: "found", value: { uid: UID, deleting: false, ...facts } } };
}

/** An owner that the claim keeps, and one that the set keeps: its pod is `default/web-0`. */
const claimed = (more: Partial<Owner> = {}) => assignment({ keeper: CLAIM, ...more });
const DETACHED = {
  ...assignment(),
  owner: { podRef: "default/vm1-x", ifName: "net1", containerId: "", keeper: CLAIM },
};
const ofSet = (more: Partial<Owner> = {}) => assignment({ keeper: SET, ...more });
const MOVING: Assignment = { ...claimed(), former: { podRef: "default/launcher-a", containerId: "c0" } };
const SOURCE: Assignment = { ...claimed(), isFormer: true };
const replicas = (count: number, start = 0) => ({ ordinals: { start, replicas: count } });

/** An earlier scan that found the keeper gone. */
function gone(seconds: number, why: KeeperReason, node: "any" | "works" = "any"): NonNullable<Case["earlier"]> {
  const { ago, sighting } = earlier(seconds, node);
  return { ago, sighting: { ...sighting, keeper: why } };
}

/** The rows. */
export const KEPT_ADDRESSES: readonly Row[] = [
  {
    evidence:
      "the IPAMClaim of the address exists with the recorded uid; or the StatefulSet does, is not being deleted, and its pods include the " +
      "ordinal of the pod",
    then:
      "kept, with and without a pod. Where the other rows free the address, the sandbox is detached instead: then the next pod gets the address",
    cases: [
      { title: "a claim", assignment: claimed(), evidence: keeper({}, present(pod())), expected: "kept" },
      { title: "a detached sandbox", assignment: DETACHED, evidence: keeper({}), expected: "kept" },
      {
        title: "a claim that is being deleted: its finalizer waits for pods",
        assignment: claimed(),
        evidence: keeper({ deleting: true }, present(pod())),
        expected: "kept",
      },
      {
        title: "the pod was deleted after its containers had ended",
        assignment: claimed(),
        evidence: keeper({}),
        expected: `detach: ${GONE}`,
      },
      {
        title: "the pod is missing, first scan",
        assignment: claimed(),
        evidence: keeper({}, absent({})),
        expected: `detach ${lease}: ${GONE}`,
      },
      {
        title: "the pod is missing, its node works, too early",
        assignment: claimed(),
        evidence: keeper({}, absent({})),
        earlier: earlier(unknown - 1, "works"),
        expected: `detach ${unknown}: ${GONE}`,
      },
      {
        title: "the pod is missing, its node works",
        assignment: claimed(),
        evidence: keeper({}, absent({})),
        earlier: earlier(unknown, "works"),
        expected: `detach: ${GONE}`,
      },
      {
        title: "the pod is missing, and its node is fenced",
        assignment: claimed(),
        evidence: keeper({}, absent({ ready: false, outOfService: true })),
        earlier: earlier(removal, "down"),
        expected: `detach: ${GONE}`,
      },
      {
        title: "the pod is missing, and its node is not ready",
        assignment: claimed(),
        evidence: keeper({}, absent({ ready: false })),
        earlier: earlier(dead - 1, "not ready"),
        expected: `detach ${dead}: ${GONE}`,
      },
      {
        title: "the pod is missing, its node is not ready, and --dead-node-grace is never",
        assignment: claimed(),
        evidence: keeper({}, absent({ ready: false })),
        rules: { deadNodeGrace: "never" },
        earlier: earlier(9_000, "not ready"),
        expected: "unconfirmed",
      },
      {
        title: "an earlier scan found the keeper gone: it counts for the keeper, not for the pod",
        assignment: claimed(),
        evidence: keeper({}, absent({})),
        earlier: gone(500, GONE_CLAIM, "works"),
        expected: `detach ${lease}: ${GONE}`,
      },
      {
        title: "a finished pod, first scan",
        assignment: claimed(),
        evidence: keeper({}, present(FINISHED)),
        expected: `detach ${recheck}: pod has finished`,
      },
      {
        title: "a finished pod whose sandbox is missing",
        assignment: claimed(),
        evidence: keeper({}, present({ ...FINISHED, sandboxMissing: true })),
        expected: "detach: pod has finished",
      },
      {
        title: "a pod that reports no addresses",
        assignment: claimed(),
        evidence: keeper({}, present(pod({ interfaces: [] }))),
        expected: "kept",
      },
      {
        title: "the pod cannot be read",
        assignment: claimed(),
        evidence: keeper({}, absent({}, undefined, { pod: UNREAD })),
        expected: "kept",
      },
      { title: "a set", assignment: ofSet(), evidence: keeper(replicas(1), present(pod())), expected: "kept" },
      {
        title: "the last ordinal of a range",
        assignment: ofSet({ podRef: "default/web-7" }),
        evidence: keeper(replicas(3, 5), present(pod({ podRef: "default/web-7" }))),
        expected: "kept",
      },
    ],
  },
  {
    evidence:
      "the keeper is gone, twice: NotFound for that object, or it has another uid; a StatefulSet also if it is being deleted, or its pods no " +
      "longer include the ordinal",
    then:
      `freed if the other rows free the address, but not at once: after ${recheck} s at the earliest; after the DEL of its sandbox the other ` +
      "rows do not count",
    cases: [
      {
        title: "first scan",
        assignment: claimed(),
        evidence: keeper("absent"),
        expected: `suspect 30: ${GONE}`,
      },
      {
        title: "a former scan found the keeper",
        assignment: claimed(),
        evidence: keeper("absent"),
        earlier: earlier(500, "any"),
        expected: `suspect 30: ${GONE}`,
      },
      {
        title: "too early",
        assignment: claimed(),
        evidence: keeper("absent"),
        earlier: gone(29, GONE_CLAIM),
        expected: `suspect 30: ${GONE}`,
      },
      {
        title: "seen twice",
        assignment: claimed(),
        evidence: keeper("absent"),
        earlier: gone(30, GONE_CLAIM),
        expected: `free: ${GONE_CLAIM}`,
      },
      {
        title: "another claim of that name",
        assignment: claimed(),
        evidence: keeper({ uid: OTHER_UID }),
        earlier: gone(30, GONE_CLAIM),
        expected: `free: ${GONE_CLAIM}`,
      },
      {
        title: "the pod runs",
        assignment: claimed(),
        evidence: keeper("absent", present(pod())),
        earlier: gone(500, GONE_CLAIM),
        expected: "unconfirmed",
      },
      {
        title: "the pod cannot be read",
        assignment: claimed(),
        evidence: keeper("absent", absent({}, ENDING, { pod: UNREAD })),
        earlier: gone(500, GONE_CLAIM),
        expected: "unconfirmed",
      },
      {
        title: "the evidence of a missing pod takes longer",
        assignment: claimed(),
        evidence: keeper("absent", absent({})),
        earlier: gone(30, GONE_CLAIM, "works"),
        expected: `suspect 120: ${GONE}`,
      },
      {
        title: "the evidence of a missing pod has lasted",
        assignment: claimed(),
        evidence: keeper("absent", absent({})),
        earlier: gone(120, GONE_CLAIM, "works"),
        expected: `free: ${GONE_CLAIM}`,
      },
      {
        title: "a detached sandbox, first scan",
        assignment: DETACHED,
        evidence: keeper("absent", absent(undefined)),
        expected: `suspect 30: ${GONE}`,
      },
      {
        title: "a detached sandbox, seen twice",
        assignment: DETACHED,
        evidence: keeper("absent", absent(undefined)),
        earlier: gone(30, GONE_CLAIM),
        expected: `free: ${GONE_CLAIM}`,
      },
      {
        title: "a detached sandbox, and a later pod of that name waits for an address",
        assignment: DETACHED,
        evidence: keeper("absent", present(pod({ running: false }))),
        earlier: gone(30, GONE_CLAIM),
        expected: `free: ${GONE_CLAIM}`,
      },
      {
        title: "a detached sandbox whose pod cannot be read",
        assignment: DETACHED,
        evidence: keeper("absent", absent(undefined, undefined, { pod: UNREAD })),
        earlier: gone(30, GONE_CLAIM),
        expected: "unconfirmed",
      },
      {
        title: "a set that is being deleted",
        assignment: ofSet(),
        evidence: keeper({ deleting: true, ...replicas(1) }),
        earlier: gone(30, GONE_SET),
        expected: `free: ${GONE_SET}`,
      },
      {
        title: "a set that was scaled down",
        assignment: ofSet(),
        evidence: keeper(replicas(0)),
        earlier: gone(30, SCALED),
        expected: `free: ${SCALED}`,
      },
      {
        title: "an ordinal before the first one",
        assignment: ofSet(),
        evidence: keeper(replicas(3, 1)),
        earlier: gone(30, SCALED),
        expected: `free: ${SCALED}`,
      },
      {
        title: "a set that was deleted after it was scaled down",
        assignment: ofSet(),
        evidence: keeper("absent"),
        earlier: gone(30, SCALED),
        expected: `suspect 30: ${GONE}`,
      },
    ],
  },
  {
    evidence: "the address belongs to two sandboxes, since the virtual machine moves from one to the other",
    then:
      "kept, whether its keeper exists or not, until one of them is detached as above; each is judged by its own pod and node",
    cases: [
      {
        title: "the target was deleted after its containers had ended",
        assignment: MOVING,
        evidence: keeper("absent"),
        expected: `detach: ${GONE}`,
      },
      {
        title: "the target is missing, and the keeper is gone for long",
        assignment: MOVING,
        evidence: keeper("absent", absent({})),
        earlier: gone(500, GONE_CLAIM, "works"),
        expected: `detach ${lease}: ${GONE}`,
      },
      { title: "the target runs", assignment: MOVING, evidence: keeper("absent", present(pod())), expected: "kept" },
      { title: "the source runs", assignment: SOURCE, evidence: keeper("absent", present(pod())), expected: "kept" },
      {
        title: "the source is missing, too early",
        assignment: SOURCE,
        evidence: keeper({}, absent({ ready: false })),
        earlier: earlier(dead - 1, "not ready"),
        expected: `detach ${dead}: ${GONE}`,
      },
      {
        title: "the source is missing, and its node is fenced",
        assignment: SOURCE,
        evidence: keeper("absent", absent({ ready: false, outOfService: true })),
        earlier: earlier(removal, "down"),
        expected: `detach: ${GONE}`,
      },
    ],
  },
  {
    evidence:
      "the keeper cannot be read: an error, 403, a resource that is not served, no cluster; or the ordinal is unknown",
    then: "kept, as unconfirmed",
    cases: [
      { title: "an error", assignment: claimed(), evidence: keeper("unread"), expected: "unconfirmed" },
      { title: "not read", assignment: claimed(), evidence: absent({}, ENDING), expected: "unconfirmed" },
      {
        title: "a detached sandbox",
        assignment: DETACHED,
        evidence: keeper("unread", absent(undefined)),
        earlier: gone(500, GONE_CLAIM),
        expected: "unconfirmed",
      },
      {
        title: "the name of the pod is not one of the set",
        assignment: ofSet({ podRef: "default/web-x" }),
        evidence: keeper(replicas(0)),
        expected: "unconfirmed",
      },
      { title: "a set without replicas", assignment: ofSet(), evidence: keeper({}), expected: "unconfirmed" },
    ],
  },
];
