/**
 * The rows of the table for pods that no longer exist.
 *
 * @module
 */
import {
  absent,
  assignment,
  dead,
  earlier,
  ENDING,
  GONE,
  HASH,
  lease,
  LONG,
  MIRROR,
  OTHER_HASH,
  OTHER_UID,
  PLAIN,
  pod,
  present,
  removal,
  REPLACED,
  reports,
  type Row,
  unknown,
} from "./evidence_facts.ts";

/** The rows. */
export const ABSENT_PODS: readonly Row[] = [
  {
    evidence:
      "no pod object of that name, twice; the node is Ready since before the first scan, and renewed its Lease after it, so that its kubelet " +
      "knows",
    then:
      `freed the termination grace period of the pod and ${removal} s after the Lease was seen renewed, which is looked for after ` +
      `${lease} s; ${unknown} s after that where the period is unknown`,
    cases: [
      { title: "first scan", evidence: absent({}), expected: "suspect 15: pod is gone" },
      {
        title: "the Lease was renewed",
        evidence: absent({}),
        earlier: earlier(15, "ready"),
        expected: "suspect 120: pod is gone",
      },
      {
        title: "the Lease was renewed late: the node may have been disconnected until now",
        evidence: absent({}),
        earlier: earlier(500, "ready"),
        expected: "suspect 120: pod is gone",
      },
      {
        title: "too early",
        evidence: absent({}),
        earlier: earlier(119, "works"),
        expected: "suspect 120: pod is gone",
      },
      { title: "long enough", evidence: absent({}), earlier: earlier(120, "works"), expected: `free: ${GONE}` },
      {
        title: "long enough, and the Lease is unchanged: the kubelet knew by then",
        evidence: absent({ renewed: "t0" }),
        earlier: earlier(120, "works"),
        expected: `free: ${GONE}`,
      },
      {
        title: "the termination grace period is known",
        evidence: absent({}, pod({ terminationGrace: 10_000 })),
        earlier: earlier(40, "works"),
        expected: `free: ${GONE}`,
      },
      {
        title: "it is long",
        evidence: absent({}, LONG),
        earlier: earlier(629, "works"),
        expected: `suspect 630: ${GONE}`,
      },
      {
        title: "the last observed pod was another one",
        evidence: absent({}, pod({ uid: OTHER_UID, terminationGrace: 1_000 })),
        earlier: earlier(119, "works"),
        expected: `suspect 120: ${GONE}`,
      },
      {
        title: "the node was not ready at the first scan",
        evidence: absent({}),
        earlier: earlier(500, "not ready"),
        expected: `suspect 15: ${GONE}`,
      },
      {
        title: "the node was not ready meanwhile, and its Lease was renewed",
        evidence: absent({ since: 2 }),
        earlier: earlier(500, "ready", GONE, { since: 1 }),
        expected: `suspect 15: ${GONE}`,
      },
      {
        title: "the node was not ready meanwhile, although it knew: it may have ended nothing",
        evidence: absent({ since: 2 }),
        earlier: earlier(500, "works", GONE, { since: 1 }),
        expected: `suspect 15: ${GONE}`,
      },
      {
        title: "the node is ready since before the first scan",
        evidence: absent({ since: 1 }),
        earlier: earlier(120, "works", GONE, { since: 1 }),
        expected: `free: ${GONE}`,
      },
      {
        title: "the node is known from the pod alone",
        assignment: PLAIN,
        evidence: absent({}, pod({ terminationGrace: 1_000 })),
        earlier: earlier(119, "works"),
        expected: `suspect 120: ${GONE}`,
      },
    ],
  },
  {
    evidence: "the same; the node of the address is unknown",
    then: `freed after ${unknown} s`,
    cases: [
      { title: "first scan", assignment: PLAIN, evidence: absent(undefined), expected: `suspect 120: ${GONE}` },
      {
        title: "second scan",
        assignment: PLAIN,
        evidence: absent(undefined),
        earlier: earlier(120, "unknown"),
        expected: `free: ${GONE}`,
      },
      {
        title: "the pod may end late",
        assignment: PLAIN,
        evidence: absent(undefined, LONG),
        expected: `suspect 630: ${GONE}`,
      },
    ],
  },
  {
    evidence: "the same; there is no Node object, or it has the taint `node.kubernetes.io/out-of-service`",
    then: `freed after ${removal} s`,
    cases: [
      { title: "no node", evidence: absent("absent", LONG), expected: `suspect 30: ${GONE}` },
      { title: "no node, twice", evidence: absent("absent"), earlier: earlier(30, "down"), expected: `free: ${GONE}` },
      { title: "tainted", evidence: absent({ ready: false, outOfService: true }), expected: `suspect 30: ${GONE}` },
      {
        title: "tainted, twice",
        evidence: absent({ ready: false, outOfService: true }),
        earlier: earlier(30, "down"),
        rules: { deadNodeGrace: "never" },
        expected: `free: ${GONE}`,
      },
    ],
  },
  {
    evidence: "the same; the node is not Ready, or its Lease was not renewed meanwhile",
    then: `freed after \`--dead-node-grace\` (${dead} s unless set); kept where that is \`never\``,
    cases: [
      { title: "not ready", evidence: absent({ ready: false }), expected: `suspect 300: ${GONE}` },
      {
        title: "not ready for long enough",
        evidence: absent({ ready: false }),
        earlier: earlier(300, "not ready"),
        expected: `free: ${GONE}`,
      },
      {
        title: "ready meanwhile, and not ready again",
        evidence: absent({ ready: false, since: 2 }),
        earlier: earlier(300, "not ready", GONE, { since: 1 }),
        expected: `suspect 300: ${GONE}`,
      },
      {
        title: "the Lease is unchanged",
        evidence: absent({ renewed: "t0" }),
        earlier: earlier(299, "ready"),
        expected: `suspect 300: ${GONE}`,
      },
      {
        title: "the Lease is missing",
        evidence: { ...absent({}), node: { kind: "found", value: { ready: true, outOfService: false } } },
        earlier: earlier(299, "ready"),
        expected: `suspect 300: ${GONE}`,
      },
      {
        title: "the Lease is unchanged for long",
        evidence: absent({ renewed: "t0" }),
        earlier: earlier(300, "ready"),
        expected: `free: ${GONE}`,
      },
      {
        title: "never",
        evidence: absent({ ready: false }),
        rules: { deadNodeGrace: "never" },
        expected: "unconfirmed",
      },
      {
        title: "never, whatever --grace is",
        evidence: absent({ ready: false }),
        rules: { deadNodeGrace: "never", grace: 5_000 },
        earlier: earlier(1_000, "not ready"),
        expected: "unconfirmed",
      },
      {
        title: "never, and the Lease is unchanged",
        evidence: absent({ renewed: "t0" }),
        rules: { deadNodeGrace: "never" },
        earlier: earlier(1_000, "ready"),
        expected: `suspect 1030: ${GONE}`,
      },
      {
        title: "never, and the Lease was renewed",
        evidence: absent({}),
        rules: { deadNodeGrace: "never" },
        earlier: earlier(120, "works"),
        expected: `free: ${GONE}`,
      },
    ],
  },
  {
    evidence:
      "no pod object of that name; the pod with the uid of the address was last seen with a deletionTimestamp, and each of its containers " +
      "had terminated",
    then: "freed at once",
    cases: [
      { title: "seen", evidence: absent({ ready: false }, ENDING), expected: `free: ${GONE}` },
      {
        title: "the owner's uid is unknown: a later pod may have had the name",
        assignment: PLAIN,
        evidence: absent(undefined, ENDING),
        expected: `suspect 120: ${GONE}`,
      },
      {
        title: "a container never started: a kubelet that has not learned of the deletion may start it",
        evidence: absent({}, { ...ENDING, neverStarted: true }),
        expected: `suspect 15: ${GONE}`,
      },
      {
        title: "a container ran",
        evidence: absent({}, { ...ENDING, containers: "running" }),
        expected: `suspect 15: ${GONE}`,
      },
      {
        title: "a status was missing",
        evidence: absent({}, { ...ENDING, containers: "unknown" }),
        expected: `suspect 15: ${GONE}`,
      },
      {
        title: "no deletionTimestamp",
        evidence: absent({}, { ...ENDING, deleting: false }),
        expected: `suspect 15: ${GONE}`,
      },
      {
        title: "it was another pod",
        evidence: absent({}, { ...ENDING, uid: OTHER_UID }),
        expected: `suspect 15: ${GONE}`,
      },
      {
        title: "it had another address",
        assignment: PLAIN,
        evidence: absent(undefined, reports(["10.0.0.9"], "net1", ENDING)),
        expected: `suspect 120: ${GONE}`,
      },
      {
        title: "it had hostNetwork",
        assignment: PLAIN,
        evidence: absent(undefined, { ...ENDING, hostNetwork: true }),
        expected: `suspect 120: ${GONE}`,
      },
    ],
  },
  {
    evidence: "no mirror pod of a static pod",
    then: "kept while the Node object exists or the node is unknown, as unconfirmed",
    cases: [
      {
        title: "seen as a mirror pod",
        assignment: assignment({ uid: HASH }),
        evidence: absent({}, MIRROR),
        expected: "unconfirmed",
      },
      {
        title: "known by its uid",
        assignment: assignment({ uid: HASH }),
        evidence: absent({ ready: false }),
        expected: "unconfirmed",
      },
      {
        title: "node unknown",
        assignment: assignment({ uid: HASH }),
        evidence: absent(undefined),
        expected: "unconfirmed",
      },
      {
        title: "whatever --grace is",
        assignment: assignment({ uid: HASH }),
        evidence: absent({}),
        rules: { grace: 5_000 },
        earlier: earlier(1_000, "ready"),
        expected: "unconfirmed",
      },
      {
        title: "no node",
        assignment: assignment({ uid: HASH }),
        evidence: absent("absent"),
        expected: `suspect 30: ${GONE}`,
      },
      {
        title: "named like a mirror pod",
        assignment: { ...PLAIN, owner: { ...PLAIN.owner, podRef: "default/etcd-n1", node: "n1" } },
        evidence: absent({}),
        expected: "unconfirmed",
      },
      {
        title: "named like a mirror pod, and out of service",
        assignment: { ...PLAIN, owner: { ...PLAIN.owner, podRef: "default/etcd-n1", node: "n1" } },
        evidence: absent({ outOfService: true }),
        expected: `suspect 30: ${GONE}`,
      },
      {
        title: "named like a mirror pod, but its uid is not a static pod's",
        assignment: assignment({ podRef: "default/etcd-n1" }),
        evidence: absent({}),
        expected: `suspect 15: ${GONE}`,
      },
    ],
  },
  {
    evidence: "another pod of that name: its uid differs from that of the address, or it has hostNetwork",
    then: "the former pod counts as absent: freed as above",
    cases: [
      {
        title: "another uid",
        evidence: { ...absent({}), ...present(pod({ uid: OTHER_UID })) },
        expected: `suspect 15: ${REPLACED}`,
      },
      {
        title: "another uid, twice",
        evidence: { ...absent({}), ...present(pod({ uid: OTHER_UID })) },
        earlier: earlier(120, "works", REPLACED),
        expected: `free: ${REPLACED}`,
      },
      {
        title: "another uid, and the former pod had ended",
        evidence: { ...absent({}, ENDING), ...present(pod({ uid: OTHER_UID })) },
        expected: `free: ${REPLACED}`,
      },
      {
        title: "another uid, and it was absent at the first scan",
        evidence: { ...absent({}), ...present(pod({ uid: OTHER_UID })) },
        earlier: earlier(120, "works"),
        expected: `suspect 15: ${REPLACED}`,
      },
      {
        title: "another uid, and it reports the address",
        evidence: present(reports(["10.0.0.5"], "net1", { uid: OTHER_UID })),
        expected: "kept",
      },
      {
        title: "the uid of the address is unknown",
        assignment: PLAIN,
        evidence: present(pod({ uid: OTHER_UID, running: false })),
        expected: "kept",
      },
      {
        title: "a uid that Kubernetes never generates",
        assignment: assignment({ uid: "web" }),
        evidence: present(pod({ running: false })),
        expected: "kept",
      },
      {
        title: "its mirror pod",
        assignment: assignment({ uid: HASH }),
        evidence: present(reports(["10.0.0.5"], "net1", { configHash: HASH })),
        expected: "kept",
      },
      {
        title: "the mirror pod of another manifest",
        assignment: assignment({ uid: OTHER_HASH }),
        evidence: { ...absent("absent"), ...present(pod({ configHash: HASH })) },
        expected: `suspect 30: ${REPLACED}`,
      },
      {
        title: "hostNetwork",
        assignment: PLAIN,
        evidence: present(reports(["10.0.0.5"], "net1", { hostNetwork: true })),
        expected: `suspect 120: ${REPLACED}`,
      },
    ],
  },
];
