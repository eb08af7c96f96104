import assert from "node:assert/strict";
import type { Component } from "../../src/controllers/installation.ts";
import {
  type ClusterFacts,
  countKinds,
  fullPools,
  partsOf,
  type StatusFacts,
  worstOf,
} from "../../src/status/status.ts";

const NOW = 1_000_000;
const AGENT: Component = {
  role: "agent",
  kind: "DaemonSet",
  namespace: "kube-system",
  name: "whereabouts",
  image: "whereabouts:0.1.0",
  desired: 3,
  ready: 3,
  updated: 3,
};
const CONTROLLER: Component = { ...AGENT, role: "controller", kind: "Deployment", name: "controller" };
const LEADER = { namespace: "kube-system", name: "whereabouts-controller", holder: "c-1", renewed: NOW - 5_000 };
const CLUSTER: ClusterFacts = {
  components: { value: [AGENT, CONTROLLER] },
  nodes: { value: 3 },
  leader: { value: LEADER },
  resources: { value: new Map([["ippools", ["v1alpha1"]]]) },
};
const POOL = { pool: "10.0.0.0/24", used: 10, capacity: 254n, free: 244n };
const HEALTHY: StatusFacts = {
  where: "namespace kube-system of a cluster",
  namespace: "kube-system",
  now: NOW,
  pools: [POOL],
  findings: { value: [] },
  unconfirmed: 0,
  cluster: CLUSTER,
};

/** The parts that are not ok. */
function faulty(facts: StatusFacts) {
  return partsOf(facts).filter(({ state }) => state !== "ok");
}

function withCluster(changes: Partial<ClusterFacts>): StatusFacts {
  return { ...HEALTHY, cluster: { ...CLUSTER, ...changes } };
}

function withComponents(...value: readonly Component[]): StatusFacts {
  return withCluster({ components: { value } });
}

Deno.test("partsOf reports a healthy installation, each part once", () => {
  const parts = partsOf(HEALTHY);
  assert.deepEqual(faulty(HEALTHY), []);
  assert.equal(worstOf(parts), "ok");
  assert.deepEqual(parts.map(({ part }) => part), [
    "store",
    "crds",
    "agent",
    "controller",
    "leader",
    "original",
    "pools",
    "findings",
  ]);
  assert.match(parts[2]?.details ?? "", /3 of 3 ready on 3 nodes, whereabouts:0\.1\.0$/);
  assert.match(parts[4]?.details ?? "", /^c-1, renewed 5 s ago/);
});

Deno.test("partsOf of a store without a cluster has only store, pools and findings", () => {
  const { cluster: _, ...alone } = HEALTHY;
  assert.deepEqual(partsOf(alone).map(({ part }) => part), ["store", "pools", "findings"]);
});

const FAULTS: readonly (readonly [title: string, facts: StatusFacts, part: string, details: RegExp])[] = [
  ["an agent that is not ready", withComponents({ ...AGENT, ready: 2 }, CONTROLLER), "agent", /2 of 3 ready/],
  ["an unfinished rollout", withComponents({ ...AGENT, updated: 1 }, CONTROLLER), "agent", /1 of 3 updated/],
  ["a DaemonSet that fits no node", withComponents({ ...AGENT, desired: 0 }, CONTROLLER), "agent", /of 0 ready/],
  ["a missing DaemonSet", withComponents(CONTROLLER), "agent", /not found/],
  ["a missing controller", withComponents(AGENT), "controller", /not found/],
  [
    "a program of the original",
    withComponents(AGENT, CONTROLLER, { ...AGENT, role: "original" }),
    "original",
    /kube-sys/,
  ],
  ["a missing Lease", withCluster({ leader: { value: undefined } }), "leader", /Lease not found/],
  ["a free Lease", withCluster({ leader: { value: { ...LEADER, holder: "" } } }), "leader", /No controller leads/],
  [
    "a leader that stopped",
    withCluster({ leader: { value: { ...LEADER, renewed: NOW - 61_000 } } }),
    "leader",
    /renewed 61 s/,
  ],
  [
    "a missing CRD",
    withCluster({ resources: { value: new Map([["ippools", ["v1alpha1"]], ["nodeslicepools", []]]) } }),
    "crds",
    /ippools v1alpha1; nodeslicepools missing/,
  ],
  ["a full pool", { ...HEALTHY, pools: [POOL, { ...POOL, used: 254, free: 0n }] }, "pools", /1 full, 0 nearly full/],
  [
    "findings",
    { ...HEALTHY, findings: { value: ["orphan", "duplicate", "orphan"] } },
    "findings",
    /^1 duplicate, 2 orp/,
  ],
  [
    "pools in another namespace",
    { ...HEALTHY, pools: [], empty: { message: "No pools in namespace a", suspicious: true } },
    "store",
    /No pools/,
  ],
  [
    "programs in another namespace than a store without pools",
    { ...HEALTHY, namespace: "a", pools: [], empty: { message: "No pools in namespace a", suspicious: false } },
    "store",
    /^No pools in namespace a; DaemonSet kube-system\/whereabouts is in another namespace$/,
  ],
];

for (const [title, facts, part, details] of FAULTS) {
  Deno.test(`partsOf reports ${title}, with the next step`, () => {
    const [found, ...others] = faulty(facts);
    assert.deepEqual([found?.part, others], [part, []]);
    assert.match(found?.details ?? "", details);
    assert(found?.next, "a next step");
    assert.equal(worstOf(partsOf(facts)), "degraded");
  });
}

Deno.test("partsOf accepts a store without pools in the namespace of our programs", () => {
  const empty = { message: "No pools in namespace kube-system", suspicious: false };
  const parts = partsOf({ ...HEALTHY, pools: [], empty });
  assert.deepEqual([parts[0]?.details, worstOf(parts)], [empty.message, "ok"]);
});

Deno.test("partsOf keeps apart what could not be read from what is degraded", () => {
  const unreadable = withCluster({ components: { why: "Cannot list DaemonSets" } });
  assert.deepEqual(faulty(unreadable).map(({ part, state }) => [part, state]), [["programs", "unknown"]]);
  assert.equal(worstOf(partsOf(unreadable)), "unknown");
  assert.equal(worstOf(partsOf({ ...unreadable, findings: { value: ["orphan"] } })), "degraded");
});

Deno.test("partsOf accepts a CronJob that sweeps instead of the controller, unless it is suspended", () => {
  const cronJob: Component = { ...AGENT, role: "reconciler", kind: "CronJob", desired: 0, ready: 0, updated: 0 };
  assert.deepEqual(faulty(withComponents(AGENT, cronJob)), []);
  assert.deepEqual(faulty(withComponents(AGENT, { ...cronJob, suspended: true })).map(({ part }) => part), [
    "controller",
  ]);
});

Deno.test("fullPools: nearly full is fewer than 5 % free, fullest first; a pool without capacity is neither", () => {
  const pool = (name: string, free: bigint, capacity = 100n) => ({ pool: name, used: 1, capacity, free });
  const { full, nearlyFull } = fullPools([
    pool("a", 5n),
    pool("b", 4n),
    pool("c", 1n),
    pool("d", 0n),
    pool("e", 0n, 0n),
  ]);
  assert.deepEqual(full.map(({ pool }) => pool), ["d"]);
  assert.deepEqual(nearlyFull.map(({ pool }) => pool), ["c", "b"]);
});

Deno.test("countKinds lists conflicts first", () => {
  assert.deepEqual([...countKinds(["orphan", "unreadable", "duplicate", "orphan"])], [
    ["duplicate", 1],
    ["unreadable", 1],
    ["orphan", 2],
  ]);
});
