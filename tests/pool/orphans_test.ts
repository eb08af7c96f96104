import assert from "node:assert/strict";
import { parseCidr } from "../../src/address/cidr.ts";
import { agreed, findOrphans, type OrphanReason } from "../../src/pool/orphans.ts";
import type { PodFacts } from "../../src/pool/pod_facts.ts";
import type { Allocation } from "../../src/pool/types.ts";

const cidr = parseCidr("10.0.0.0/24")?.cidr;
assert(cidr);
const KEY = { network: "", cidr };

function held(podRef: string, containerId = "c1"): Allocation {
  return { address: KEY.cidr.base + 5n, podRef, ifName: "net1", containerId };
}

function look(allocation: Allocation, pods: readonly PodFacts[]): OrphanReason[] {
  return findOrphans([{ key: KEY, allocations: new Map([[allocation.address, allocation]]) }], pods).map(({ reason }) =>
    reason
  );
}

const RUNNING: PodFacts = { podRef: "default/web-0", finished: false, running: true };

const CASES: readonly (readonly [string, Allocation, readonly PodFacts[], readonly OrphanReason[]])[] = [
  ["its pod is gone", held("default/web-0"), [], ["pod is gone"]],
  ["another pod lives", held("default/web-0"), [{ ...RUNNING, podRef: "default/web-1" }], ["pod is gone"]],
  ["its pod has finished", held("default/web-0"), [{ ...RUNNING, finished: true, running: false }], [
    "pod has finished",
  ]],
  ["its pod runs with the address", held("default/web-0"), [{ ...RUNNING, addresses: new Set(["10.0.0.5"]) }], []],
  ["its pod runs with others", held("default/web-0"), [{ ...RUNNING, addresses: new Set(["10.0.0.6"]) }], [
    "pod does not have the address",
  ]],
  ["its pod runs and says nothing", held("default/web-0"), [RUNNING], []],
  ["its pod is not up yet", held("default/web-0"), [{ ...RUNNING, running: false, addresses: new Set() }], []],
  ["it names a sandbox, not a pod", held("9f1c"), [], []],
  ["it names nobody", held(""), [], []],
];

for (const [title, allocation, pods, expected] of CASES) {
  Deno.test(`findOrphans judges an allocation when ${title}`, () => {
    assert.deepEqual(look(allocation, pods), expected);
  });
}

Deno.test("agreed keeps what both looks saw of the same sandbox", () => {
  const see = (allocation: Allocation) =>
    findOrphans([{ key: KEY, allocations: new Map([[allocation.address, allocation]]) }], []);
  assert.equal(agreed(see(held("default/web-0")), see(held("default/web-0"))).length, 1);
  assert.equal(agreed(see(held("default/web-0")), see(held("default/web-0", "c2"))).length, 0);
  assert.equal(agreed([], see(held("default/web-0"))).length, 0);
  assert.equal(agreed(see(held("default/web-0")), []).length, 0);
});
