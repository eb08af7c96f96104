import assert from "node:assert/strict";
import { parseCidr } from "../../src/address/cidr.ts";
import { type ClaimFacts, findClaimFaults, hasClaims, outdatedStatuses } from "../../src/pool/claim_status.ts";
import type { PoolFacts } from "../../src/pool/orphans.ts";
import type { Allocation, Keeper } from "../../src/pool/types.ts";

const NOW = Date.parse("2026-01-02T03:04:05.678Z");
const CLAIM: Keeper = { kind: "IPAMClaim", name: "vm1.net1", uid: "u1" };

function pool(range: string, ...entries: Partial<Allocation>[]): PoolFacts {
  const parsed = parseCidr(range);
  assert(parsed);
  const allocations = entries.map((one, i): Allocation => ({
    address: parsed.cidr.base + BigInt(i + 1),
    podRef: "default/launcher-a",
    ifName: "net1",
    containerId: "c1",
    keeper: CLAIM,
    ...one,
  }));
  return {
    key: { network: "", cidr: parsed.cidr },
    allocations: new Map(allocations.map((one) => [one.address, one])),
  };
}

function claim(more: Partial<ClaimFacts> = {}): ClaimFacts {
  return { namespace: "default", name: "vm1.net1", uid: "u1", version: "1", ips: [], conditions: [], ...more };
}

const CONDITION = {
  type: "IPsAllocated",
  status: "True",
  reason: "SuccessfulAllocation",
  message: "whereabouts allocated 10.0.0.1/24",
  lastTransitionTime: "2026-01-02T03:04:05Z",
};
const WRITTEN = claim({ ips: ["10.0.0.1/24"], ownerPod: "launcher-a", conditions: [CONDITION] });
const none = () => undefined;

function statusOf(of: ClaimFacts, ...pools: PoolFacts[]) {
  return outdatedStatuses([of], pools, none, NOW)[0]?.status;
}

Deno.test("a claim without status gets its addresses with their prefix lengths, its pod and a condition", () => {
  assert.deepEqual(statusOf(claim(), pool("10.0.0.0/24", {})), {
    ips: ["10.0.0.1/24"],
    ownerPod: { name: "launcher-a" },
    conditions: [CONDITION],
  });
});

Deno.test("a claim of two families has one address of each, IPv4 first", () => {
  assert.deepEqual(statusOf(claim(), pool("fd00::/64", {}), pool("10.0.0.0/24", {}))?.ips, [
    "10.0.0.1/24",
    "fd00::1/64",
  ]);
});

Deno.test("the prefix length is that of the network, not of a node's slice", () => {
  const slice = pool("10.0.0.16/28", {});
  const whole = parseCidr("10.0.0.0/16")?.cidr;
  assert.deepEqual(outdatedStatuses([claim()], [slice], () => whole, NOW)[0]?.status.ips, ["10.0.0.17/16"]);
});

Deno.test("a status is not written again while the records are the same", () => {
  assert.equal(statusOf(WRITTEN, pool("10.0.0.0/24", {})), undefined);
});

Deno.test("a stopped virtual machine keeps its addresses in the status, without a pod", () => {
  const status = statusOf(WRITTEN, pool("10.0.0.0/24", { containerId: "" }));
  assert.deepEqual(status, { ips: ["10.0.0.1/24"], conditions: [CONDITION] });
  assert.equal(
    statusOf(claim({ ...status, conditions: [CONDITION] }), pool("10.0.0.0/24", { containerId: "" })),
    undefined,
  );
});

Deno.test("a pod that takes over, and a condition of a failure, are corrected; other conditions stay", () => {
  const other = { ...CONDITION, type: "Ready", reason: "Fine" };
  const failed = {
    ...CONDITION,
    status: "False",
    reason: "SubnetExhausted",
    lastTransitionTime: "2025-01-01T00:00:00Z",
  };
  assert.deepEqual(statusOf(claim({ ...WRITTEN, conditions: [other, failed] }), pool("10.0.0.0/24", {})), {
    ips: ["10.0.0.1/24"],
    ownerPod: { name: "launcher-a" },
    conditions: [other, CONDITION],
  });
  const moved = statusOf(WRITTEN, pool("10.0.0.0/24", { podRef: "default/launcher-b" }));
  assert.deepEqual(moved?.ownerPod, { name: "launcher-b" });
  assert.equal(moved?.conditions[0]?.lastTransitionTime, CONDITION.lastTransitionTime);
});

Deno.test("a definition that drops pod and conditions is not written again and again", () => {
  assert.equal(statusOf(claim({ ips: ["10.0.0.1/24"] }), pool("10.0.0.0/24", {})), undefined);
  assert(statusOf(claim({ ips: ["10.0.0.9/24"] }), pool("10.0.0.0/24", {})));
  assert.equal(statusOf(claim({ ips: ["10.0.0.1/24"], ownerPod: "launcher-a" }), pool("10.0.0.0/24", {})), undefined);
});

Deno.test("claims that keep no recorded address are left unchanged", () => {
  for (const other of [claim({ uid: "u2", ips: ["10.9.9.9/24"] }), claim({ namespace: "other" })]) {
    assert.equal(statusOf(other, pool("10.0.0.0/24", {})), undefined);
  }
  const set: Keeper = { kind: "StatefulSet", name: "web", uid: "u1" };
  assert.equal(statusOf(claim(), pool("10.0.0.0/24", { keeper: set })), undefined);
  assert.deepEqual([pool("10.0.0.0/24", { keeper: set }), pool("10.0.0.0/24", {})].map((one) => hasClaims([one])), [
    false,
    true,
  ]);
});

Deno.test("a status with an address that the records do not have is a finding; one that is not written yet is none", () => {
  const pools = [pool("10.0.0.0/24", {})];
  assert.deepEqual(findClaimFaults([WRITTEN, claim(), claim({ ips: ["10.0.0.1"] })], pools), []);
  const [found] = findClaimFaults([claim({ ips: ["10.0.0.1/24", "10.0.0.9/24"] })], pools);
  assert.deepEqual([found?.kind, found?.address, found?.pool, found?.message], [
    "claim-status-differs",
    "10.0.0.9",
    "default/vm1.net1",
    "The status of IPAMClaim default/vm1.net1 has 10.0.0.9, and the records have 10.0.0.1",
  ]);
});
