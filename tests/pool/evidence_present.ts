/**
 * The rows of the table for pods that exist, and the rows that do not depend on the pod.
 *
 * @module
 */
import {
  ABSENT,
  absent,
  assignment,
  type Case,
  earlier,
  ENDING,
  FINISHED,
  GONE,
  LACKS,
  LONG,
  PLAIN,
  pod,
  present,
  recheck,
  reports,
  type Row,
  UNREAD,
} from "./evidence_facts.ts";

/** The rows. */
export const OTHER_EVIDENCE: readonly Row[] = [
  {
    evidence:
      "the pod has finished (Succeeded, Failed), and each of its containers has terminated or never started, twice",
    then: `freed after ${recheck} s; at once where its condition PodReadyToStartContainers is False`,
    cases: [
      { title: "first scan", evidence: present(FINISHED), expected: "suspect 30: pod has finished" },
      {
        title: "second scan",
        evidence: present(FINISHED),
        earlier: earlier(30, "any", "pod has finished"),
        expected: "free: pod has finished",
      },
      {
        title: "no sandbox",
        evidence: present({ ...FINISHED, sandboxMissing: true }),
        expected: "free: pod has finished",
      },
      {
        title: "a container runs",
        evidence: present({ ...FINISHED, containers: "running", sandboxMissing: true }),
        earlier: earlier(300, "any", "pod has finished"),
        expected: "kept",
      },
      {
        title: "a status is missing",
        evidence: present({ ...FINISHED, containers: "unknown", sandboxMissing: true }),
        expected: "unconfirmed",
      },
    ],
  },
  {
    evidence:
      "the pod runs, and its network-status names for this interface another address of the same range, and not this one, twice",
    then: `freed after ${recheck} s; kept, as unconfirmed, where \`verify_network_status\` is false`,
    cases: [
      { title: "first scan", evidence: present(reports(["10.0.0.9"])), expected: `suspect 30: ${LACKS}` },
      {
        title: "second scan",
        evidence: present(reports(["10.0.0.9"])),
        earlier: earlier(30, "any", LACKS),
        expected: `free: ${LACKS}`,
      },
      {
        title: "switched off",
        evidence: present(reports(["10.0.0.9"])),
        rules: { verifyNetworkStatus: false },
        expected: "unconfirmed",
      },
      { title: "of another interface", evidence: present(reports(["10.0.0.9"], "net2")), expected: "unconfirmed" },
      {
        title: "the pod is being deleted",
        evidence: present(reports(["10.0.0.9"], "net1", { running: false, deleting: true })),
        expected: "kept",
      },
    ],
  },
  {
    evidence:
      "the pod runs, and its network-status lacks the interface, its `ips`, an address of the range or family, or is missing",
    then: "kept, as unconfirmed",
    cases: [
      { title: "no status", evidence: present(pod()), expected: "unconfirmed" },
      { title: "no interface", evidence: present(reports(["10.0.0.9"], "net7")), expected: "unconfirmed" },
      { title: "no ips", evidence: present(reports(undefined)), expected: "unconfirmed" },
      { title: "empty ips", evidence: present(reports([])), expected: "unconfirmed" },
      { title: "another range", evidence: present(reports(["10.9.0.1"])), expected: "unconfirmed" },
      { title: "another family", evidence: present(reports(["fd00::5"])), expected: "unconfirmed" },
      {
        title: "no interface recorded",
        assignment: assignment({ ifName: "" }),
        evidence: present(reports(["10.0.0.9"])),
        expected: "unconfirmed",
      },
      {
        title: "no range known",
        assignment: PLAIN.range ? { owner: PLAIN.owner, ip: PLAIN.ip } : PLAIN,
        evidence: present(reports(["10.0.0.9"])),
        expected: "unconfirmed",
      },
    ],
  },
  {
    evidence: "the pod runs and reports the address, is not up yet, is being deleted, or its containers still run",
    then: "kept",
    cases: [
      { title: "it reports the address", evidence: present(reports(["10.0.0.5", "fd00::5"])), expected: "kept" },
      {
        title: "it reports it for another interface",
        evidence: present(reports(["10.0.0.5"], "net2")),
        expected: "kept",
      },
      { title: "it starts", evidence: present(pod({ running: false, containers: "unknown" })), expected: "kept" },
      { title: "it is being deleted", evidence: present(ENDING), expected: "kept" },
      {
        title: "the record names no pod",
        assignment: assignment({ podRef: "9f1c" }),
        evidence: absent("absent"),
        expected: "kept",
      },
    ],
  },
  {
    evidence: "a ResourceClaim of the pod has the address",
    then: "kept, as unconfirmed",
    cases: [
      {
        title: "the pod is gone",
        evidence: absent({}, ENDING, { claims: { kind: "found", value: new Set(["10.0.0.5"]) } }),
        expected: "unconfirmed",
      },
      {
        title: "another address",
        evidence: absent({}, ENDING, { claims: { kind: "found", value: new Set(["10.0.0.6"]) } }),
        expected: `free: ${GONE}`,
      },
      {
        title: "the resource is not served",
        evidence: absent({}, ENDING, { claims: ABSENT }),
        expected: `free: ${GONE}`,
      },
    ],
  },
  {
    evidence:
      "the pod, its node or its ResourceClaims cannot be read: an error, 403, a resource that is not served where it should be",
    then: "kept, as unconfirmed",
    cases: [
      { title: "the pod", evidence: absent({}, ENDING, { pod: UNREAD }), expected: "unconfirmed" },
      { title: "the node", evidence: absent({}, ENDING, { node: UNREAD }), expected: "unconfirmed" },
      { title: "the claims", evidence: absent({}, ENDING, { claims: UNREAD }), expected: "unconfirmed" },
      {
        title: "the claims of a finished pod",
        evidence: present(FINISHED, { claims: UNREAD }),
        expected: "unconfirmed",
      },
    ],
  },
  {
    evidence: "`--grace` is set",
    then: "it replaces every duration above",
    cases: [
      ...([["ready", {}], ["not ready", { ready: false }], ["down", "absent"]] as const).map(([node, state]): Case => ({
        title: `the node is ${node}`,
        evidence: absent(state, LONG),
        rules: { grace: 5_000 },
        earlier: earlier(5, node, GONE, { renewed: "t1" }),
        expected: `free: ${GONE}`,
      })),
      {
        title: "the node is unknown",
        assignment: PLAIN,
        evidence: absent(undefined),
        rules: { grace: 5_000 },
        expected: `suspect 5: ${GONE}`,
      },
      {
        title: "the pod has finished",
        evidence: present(FINISHED),
        rules: { grace: 5_000 },
        expected: "suspect 5: pod has finished",
      },
      {
        title: "the pod has another address",
        evidence: present(reports(["10.0.0.9"])),
        rules: { grace: 300_000 },
        expected: `suspect 300: ${LACKS}`,
      },
    ],
  },
];
