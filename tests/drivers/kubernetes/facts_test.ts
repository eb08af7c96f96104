import assert from "node:assert/strict";
import { toAttachment, toKeeperFacts, toNodeState, toPodFacts } from "../../../drivers/kubernetes/facts.ts";

function pod(
  phase: string,
  status: string | undefined,
  more: Record<string, unknown> = {},
): ReturnType<typeof toPodFacts> {
  const annotations = status === undefined ? {} : { "k8s.v1.cni.cncf.io/network-status": status };
  return toPodFacts({
    metadata: { namespace: "default", name: "web-0", annotations, ...more },
    status: { phase, podIPs: [{ ip: "10.244.0.5" }] },
  });
}

Deno.test("toPodFacts reads every address of the annotation and the status, in canonical text", () => {
  const status = JSON.stringify([{ name: "a", ips: ["10.244.0.5"], default: true }, {
    name: "b",
    ips: ["FD00:0::1", "192.168.0.7"],
  }]);
  const { podRef, running, finished, interfaces, addresses } = pod("Running", status);
  assert.deepEqual([podRef, running, finished], ["default/web-0", true, false]);
  assert.deepEqual(interfaces?.map(({ ips }) => ips), [["10.244.0.5"], ["fd00::1", "192.168.0.7"]]);
  assert.equal(addresses, undefined);
  assert.deepEqual(pod("Running", "[]").addresses, ["10.244.0.5"]);
});

Deno.test("toPodFacts reads addresses but no interfaces if the annotation is missing or invalid", () => {
  for (const status of [undefined, "", "{", "{}", "null"]) {
    const { interfaces, addresses } = pod("Running", status);
    assert.deepEqual([interfaces, addresses], [undefined, ["10.244.0.5"]], status);
  }
  assert.equal(toPodFacts({ status: { phase: "Running" } }).addresses, undefined);
});

Deno.test("toPodFacts distinguishes an interface without a list of addresses from one with an empty list", () => {
  const status = JSON.stringify([{ name: "a", interface: "net1" }, { name: "b", interface: "net2", ips: null }, {
    name: "c",
    interface: "net3",
    ips: [],
  }, { name: "d", ips: ["10.0.0.1/24"] }]);
  assert.deepEqual(pod("Running", status).interfaces, [
    { ifName: "net1", network: "a" },
    { ifName: "net2", network: "b" },
    { ifName: "net3", network: "c", ips: [] },
    { ifName: "", network: "d", ips: ["10.0.0.1"] },
  ]);
});

type Status = NonNullable<Parameters<typeof toPodFacts>[0]["status"]>;
type ContainerStatus = NonNullable<Status["containerStatuses"]>[number];

/** A container's status with the members that a kubelet always writes. */
function container(name: string, more: Partial<ContainerStatus>): ContainerStatus {
  return { name, image: "i", imageID: "", ready: false, restartCount: 0, ...more };
}

const DONE = { state: { terminated: { exitCode: 0 } } };
const RUNS = { state: { running: {} } };
const NEVER_STARTED = { state: { waiting: { reason: "PodInitializing" } }, lastState: {} };
const RESTARTS = {
  state: { waiting: { reason: "CrashLoopBackOff" } },
  lastState: { terminated: { exitCode: 1 } },
  containerID: "x",
};

const CONTAINERS: readonly (readonly [title: string, status: Status, expected: string])[] = [
  ["each container has terminated", { containerStatuses: [container("a", DONE), container("b", DONE)] }, "ended"],
  [
    "one container never started",
    { containerStatuses: [container("a", DONE), container("b", NEVER_STARTED)] },
    "ended",
  ],
  ["one container runs", { containerStatuses: [container("a", DONE), container("b", RUNS)] }, "running"],
  [
    "one container waits for its restart",
    { containerStatuses: [container("a", DONE), container("b", RESTARTS)] },
    "unknown",
  ],
  ["a status is missing", { containerStatuses: [container("a", DONE)] }, "unknown"],
  ["all statuses are missing", {}, "unknown"],
];

for (const [title, status, expected] of CONTAINERS) {
  Deno.test(`toPodFacts reports containers as ${expected} if ${title}`, () => {
    const spec = { containers: [{ name: "a" }, { name: "b" }] };
    assert.equal(toPodFacts({ spec, status }).containers, expected);
  });
}

Deno.test("toPodFacts distinguishes a container that never started from one that has terminated", () => {
  const spec = { containers: [{ name: "a" }] };
  const of = (state: object) =>
    toPodFacts({ spec, status: { containerStatuses: [container("a", state)] } }).neverStarted;
  assert.deepEqual([of(NEVER_STARTED), of(DONE), of(RUNS), of(RESTARTS)], [true, undefined, undefined, undefined]);
});

Deno.test("toPodFacts counts init and ephemeral containers too", () => {
  const spec = { containers: [{ name: "a" }], initContainers: [{ name: "i" }], ephemeralContainers: [{ name: "e" }] };
  const containerStatuses = [container("a", DONE)];
  const of = (more: Status) => toPodFacts({ spec, status: { containerStatuses, ...more } }).containers;
  const ended = { initContainerStatuses: [container("i", DONE)], ephemeralContainerStatuses: [container("e", DONE)] };
  assert.deepEqual([
    of({}),
    of({ initContainerStatuses: ended.initContainerStatuses }),
    of({ ...ended, initContainerStatuses: [container("i", RUNS)] }),
    of({ ...ended, ephemeralContainerStatuses: [container("e", RUNS)] }),
    of(ended),
  ], ["unknown", "unknown", "running", "running", "ended"]);
});

Deno.test("toPodFacts reads node, network, grace period, deletion, and the static pod of a mirror pod", () => {
  const annotations = { "kubernetes.io/config.mirror": "m", "kubernetes.io/config.hash": "h" };
  const facts = toPodFacts({
    metadata: { namespace: "a", name: "b", uid: "u", annotations, deletionTimestamp: new Date(0) },
    spec: { containers: [], hostNetwork: true, nodeName: "n1", terminationGracePeriodSeconds: 5 },
    status: { startTime: new Date(7_000) },
  });
  const { uid, configHash, node, hostNetwork, terminationGrace, deleting, started } = facts;
  assert.deepEqual([uid, configHash, node, hostNetwork, terminationGrace, deleting, started], [
    "u",
    "h",
    "n1",
    true,
    5_000,
    true,
    7_000,
  ]);
  const { configHash: noHash, deleting: notDeleting } = toPodFacts({
    metadata: { annotations: { "kubernetes.io/config.hash": "h" } },
  });
  assert.deepEqual([noHash, notDeleting], [undefined, undefined]);
});

Deno.test("toNodeState reads readiness, the out-of-service taint, and when the Lease was renewed", () => {
  const since = new Date(9_000);
  const conditions = [{ type: "MemoryPressure", status: "False" }, {
    type: "Ready",
    status: "Unknown",
    lastTransitionTime: since,
  }];
  const spec = { taints: [{ key: "node.kubernetes.io/out-of-service", effect: "NoExecute" }] };
  const renewTime = "2026-01-01T00:00:00.000001Z";
  assert.deepEqual(toNodeState({ spec, status: { conditions } }, { spec: { renewTime: renewTime as never } }), {
    ready: false,
    outOfService: true,
    renewed: renewTime,
    since: 9_000,
  });
  assert.deepEqual(toNodeState({ status: { conditions: [{ type: "Ready", status: "True" }] } }, undefined), {
    ready: true,
    outOfService: false,
  });
});

Deno.test("toPodFacts recognizes finished pods, and reports a pod under deletion or without a sandbox as not running", () => {
  assert.deepEqual(["Pending", "Running", "Succeeded", "Failed", "Unknown"].map((phase) => pod(phase, "[]").finished), [
    false,
    false,
    true,
    true,
    false,
  ]);
  const notReady = { type: "PodReadyToStartContainers", status: "False" };
  const { running } = toPodFacts({ metadata: { name: "web-0" }, status: { phase: "Running", conditions: [notReady] } });
  assert.equal(running, false, "its sandbox is being recreated, and its annotation describes the previous one");
  const ready = { ...notReady, status: "True" };
  assert.equal(toPodFacts({ status: { phase: "Running", conditions: [ready] } }).running, true);
  assert.equal(pod("Running", "[]", { deletionTimestamp: new Date(0) }).running, false);
});

Deno.test("toPodFacts names the network of each attachment, and none for the default one", () => {
  const status = JSON.stringify([{ name: "a", ips: ["10.244.0.5"], default: true }, {
    name: "b",
    ips: ["192.168.0.7"],
  }]);
  const { interfaces } = pod("Running", status);
  assert.deepEqual(interfaces, [{ ifName: "", ips: ["10.244.0.5"] }, {
    ifName: "",
    network: "b",
    ips: ["192.168.0.7"],
  }]);
});

Deno.test("toAttachment reads a definition, and one without configuration as empty", () => {
  const metadata = { namespace: "a", name: "b", uid: "c" };
  assert.deepEqual(toAttachment({ metadata, spec: { config: "{}" } }), { ...metadata, config: "{}" });
  assert.deepEqual(toAttachment({ metadata }), { ...metadata, config: "" });
});

Deno.test("toKeeperFacts reads the ordinals of a StatefulSet, and has no facts of an object without a uid", () => {
  const metadata = { uid: "u1" };
  const facts = { uid: "u1", deleting: false };
  assert.deepEqual(toKeeperFacts("StatefulSet", { metadata, spec: { replicas: 3 } as never }), {
    ...facts,
    ordinals: { start: 0, replicas: 3 },
  });
  assert.deepEqual(toKeeperFacts("StatefulSet", { metadata }), facts);
  assert.deepEqual(toKeeperFacts("IPAMClaim", { metadata: { ...metadata, deletionTimestamp: new Date(0) } }), {
    uid: "u1",
    deleting: true,
  });
  assert.equal(toKeeperFacts("IPAMClaim", {}), undefined);
});

const ORIGINAL = "ghcr.io/k8snetworkplumbingwg/whereabouts:v0.9.4";

Deno.test("toPodFacts recognises the controllers of the original by image and command", () => {
  const runs = (image: string, ...command: string[]) =>
    toPodFacts({ metadata: {}, spec: { containers: [{ name: "main", image, command }] } }).original !== undefined;
  assert(runs(ORIGINAL, "/bin/sh", "-c", "/token-watcher.sh & /ip-control-loop -log-level debug"));
  assert(runs("mirror:5000/k8snetworkplumbingwg/whereabouts@sha256:0", "/ip-reconciler"));
  assert(!runs(ORIGINAL, "/install-cni.sh"));
  assert(!runs("whereabouts:0.1.0", "/ip-control-loop"));
});

Deno.test("toPodFacts names the object of a controller of the original that an operator deletes", () => {
  const original = (phase: string, owner?: { kind: string; name: string }, labels: Record<string, string> = {}) => {
    const ownerReferences = owner && [{ apiVersion: "v1", uid: "u", controller: true, ...owner }];
    const metadata = { namespace: "kube-system", name: "pod-x", labels, ...(ownerReferences && { ownerReferences }) };
    const spec = { containers: [{ name: "main", image: ORIGINAL, command: ["/ip-control-loop"] }] };
    return toPodFacts({ metadata, spec, status: { phase } }).original;
  };
  const set = { kind: "DaemonSet", name: "whereabouts" };
  const replicas = { kind: "ReplicaSet", name: "whereabouts-controller-5d8f" };
  const job = { kind: "Job", name: "ip-reconciler-28930330" };
  assert.equal(original("Running"), "Pod kube-system/pod-x");
  assert.equal(original("Running", set), "DaemonSet kube-system/whereabouts");
  const labels = { "pod-template-hash": "5d8f" };
  assert.equal(original("Pending", replicas, labels), "Deployment kube-system/whereabouts-controller");
  assert.equal(original("Running", replicas), "ReplicaSet kube-system/whereabouts-controller-5d8f");
  assert.equal(original("Running", job), "CronJob kube-system/ip-reconciler");
  assert.equal(original("Succeeded", job), "CronJob kube-system/ip-reconciler", "it runs again");
  assert.equal(original("Running", { ...job, name: "once" }), "Job kube-system/once");
  assert.equal(original("Failed", { ...job, name: "once" }), undefined);
  assert.equal(original("Failed", set), undefined);
});
