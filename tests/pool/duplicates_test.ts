import assert from "node:assert/strict";
import { parseCidr } from "../../src/address/cidr.ts";
import { findUnrecorded } from "../../src/pool/duplicates.ts";
import type { PodFacts } from "../../src/pool/pod_facts.ts";
import type { Allocation } from "../../src/pool/types.ts";

const cidr = parseCidr("10.0.0.0/24")?.cidr;
assert(cidr);
const key = { network: "", cidr };
const entry = (address: bigint, podRef: string) =>
  [address, { address, podRef, ifName: "net1", containerId: "c" }] as const;
const POOL = { key, allocations: new Map([entry(cidr.base + 1n, "default/web"), entry(cidr.base + 2n, "")]) };

function pod(podRef: string, address: string, more: Partial<PodFacts> = {}): PodFacts {
  return {
    podRef,
    finished: false,
    running: true,
    interfaces: [{ ifName: "net1", network: "default/net", ips: [address] }],
    ...more,
  };
}

const CASES: readonly (readonly [string, PodFacts, readonly string[]])[] = [
  ["allocated to the pod", pod("default/web", "10.0.0.1"), []],
  ["allocated to another pod", pod("default/db", "10.0.0.1"), ["10.0.0.1 of default/web"]],
  ["not allocated", pod("default/db", "10.0.0.9"), ["10.0.0.9 of nobody"]],
  ["outside every pool", pod("default/db", "192.168.0.1"), []],
  ["recorded without a pod", pod("default/db", "10.0.0.2"), []],
  ["allocated to another pod, and the pod does not run", pod("default/db", "10.0.0.1", { running: false }), []],
];

for (const [title, reporting, expected] of CASES) {
  Deno.test(`findUnrecorded judges an address that is ${title}`, () => {
    const found = findUnrecorded([POOL], [reporting], () => undefined);
    assert.deepEqual(
      found.map(({ address, holder }) => `${address} of ${holder?.allocation.podRef ?? "nobody"}`),
      expected,
    );
  });
}

Deno.test("findUnrecorded compares only the pools of the attachment's domains, if they are known", () => {
  const db = pod("default/db", "10.0.0.1");
  const found = (domains: readonly string[]) => findUnrecorded([POOL], [db], () => domains).length;
  assert.deepEqual([found([]), found(["blue"]), found([""])], [0, 0, 1]);
});

Deno.test("findUnrecorded accepts the pod from which a virtual machine moves", () => {
  const former = { podRef: "default/source", containerId: "c0" };
  const source = pod("default/source", "10.0.0.1");
  const found = (more: Partial<Allocation>) => {
    const [address, allocation] = entry(key.cidr.base + 1n, "default/target");
    const allocations = new Map([[address, { ...allocation, ...more }]]);
    return findUnrecorded([{ key, allocations }], [source], () => undefined).length;
  };
  assert.deepEqual([found({}), found({ former })], [1, 0]);
});
