import assert from "node:assert/strict";
import { parseCidr } from "../../src/address/cidr.ts";
import { assignmentOf, entriesOf, findOrphans } from "../../src/pool/orphans.ts";
import type { PodFacts } from "../../src/pool/pod_facts.ts";
import type { Allocation } from "../../src/pool/types.ts";

const cidr = parseCidr("10.0.0.0/24")?.cidr;
const wide = parseCidr("10.0.0.0/16")?.cidr;
assert(cidr && wide);
const key = { network: "", cidr };
const allocation: Allocation = { address: cidr.base + 5n, podRef: "default/web-0", ifName: "net1", containerId: "c1" };
const POOL = { key, allocations: new Map([[allocation.address, allocation]]) };
const RUNNING: PodFacts = { podRef: "default/web-0", finished: false, running: true };

/** The evidence of a list of pods; evidence_test.ts has all rules. */
const CASES: readonly (readonly [string, readonly PodFacts[], readonly string[]])[] = [
  ["its pod is not in the list", [], ["pod is gone"]],
  ["the list has another pod", [{ ...RUNNING, podRef: "default/web-1" }], ["pod is gone"]],
  ["its pod has finished", [{ ...RUNNING, finished: true, running: false, containers: "ended" }], ["pod has finished"]],
  ["its pod runs and reports nothing", [RUNNING], []],
  ["a pod with hostNetwork has its name", [{ ...RUNNING, hostNetwork: true }], [
    "pod was replaced by another",
  ]],
];

for (const [title, pods, expected] of CASES) {
  Deno.test(`findOrphans judges an entry when ${title}`, () => {
    assert.deepEqual(findOrphans([POOL], pods).map(({ reason }) => reason), expected);
  });
}

Deno.test("assignmentOf uses the range of the pool unless a wider one is known", () => {
  const [entry] = entriesOf([POOL]);
  assert(entry);
  assert.deepEqual(assignmentOf(entry), {
    owner: allocation,
    ip: { family: 4, value: allocation.address },
    range: cidr,
  });
  assert.equal(assignmentOf(entry, wide).range, wide);
});
