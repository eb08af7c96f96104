import assert from "node:assert/strict";
import { type Cidr, parseCidr, span } from "../../src/address/cidr.ts";
import type { SliceList } from "../../src/pool/slice_findings.ts";
import { slicesInUse } from "../../src/pool/slice_use.ts";
import type { Allocation, PoolKey } from "../../src/pool/types.ts";

function cidr(text: string): Cidr {
  const parsed = parseCidr(text);
  assert(parsed);
  return parsed.cidr;
}

function pool(key: Partial<PoolKey>, range: string, count: number) {
  const own = { network: "", ...key, cidr: cidr(range) };
  const entry = (i: number): Allocation => ({
    address: own.cidr.base + BigInt(i + 1),
    podRef: `default/p${i}`,
    ifName: "net1",
    containerId: `c${i}`,
  });
  return { key: own, allocations: new Map(Array.from({ length: count }, (_, i) => [entry(i).address, entry(i)])) };
}

const LIST: SliceList = {
  name: "fast",
  range: "10.0.0.0/22",
  network: "",
  refused: undefined,
  slices: [
    { node: "", cidr: cidr("10.0.2.0/24") },
    { node: "n1", cidr: cidr("10.0.0.0/24") },
    { node: "gone", cidr: cidr("10.0.1.0/24") },
  ],
};

const capacityOf = (key: PoolKey) => span(key.cidr).last - span(key.cidr).first + 1n;

Deno.test("slicesInUse counts the addresses of each slice, by address, and finds nodes without one", () => {
  const pools = [
    pool({ node: "n1" }, "10.0.0.0/24", 3),
    pool({ node: "gone" }, "10.0.1.0/24", 1),
    pool({ node: "n1", network: "other" }, "10.0.0.0/24", 7), // another domain
  ];
  const { lists: [list], leftovers } = slicesInUse({ stored: [LIST], nodes: ["n3", "n1", "n2"], pools, capacityOf });
  assert.deepEqual(list?.slices.map(({ slice, node, state, used, pool }) => [slice, node, state, used, pool]), [
    ["10.0.0.0/24", "n1", "assigned", 3, "n1/10.0.0.0/24"],
    ["10.0.1.0/24", "gone", "stale", 1, "gone/10.0.1.0/24"],
    ["10.0.2.0/24", "", "unassigned", 0, ""],
  ]);
  assert.deepEqual(list?.withoutSlice, ["n2", "n3"]);
  assert.deepEqual(leftovers.map(({ node, used }) => [node, used]), [["n1", 7]]);
});

Deno.test("slicesInUse counts the addresses that pods of other nodes have borrowed; entries without a node count as the slice's own", () => {
  const { key, allocations } = pool({ node: "n1" }, "10.0.0.0/24", 3);
  const nodes = [undefined, "n1", "n2"];
  const placed = [...allocations].map(([address, entry], i) => {
    const node = nodes[i];
    return [address, { ...entry, ...(node !== undefined && { node }) }] as const;
  });
  const { lists: [list] } = slicesInUse({
    stored: [LIST],
    nodes: ["n1"],
    pools: [{ key, allocations: new Map(placed) }],
    capacityOf,
  });
  assert.deepEqual(list?.slices.map(({ used, lent }) => [used, lent]), [[3, 1], [0, 0], [0, 0]]);
  assert.deepEqual(list?.nodes.map((one) => [one.node, one.slices, one.used, one.lent, one.borrowed, one.capacity]), [
    ["gone", 1, 0, 0, 0, 256n],
    ["n1", 1, 3, 1, 0, 256n],
    ["n2", 0, 0, 0, 1, 0n],
  ]);
});

Deno.test("slicesInUse finds the pools of an object of the original, which records no domain, by its name", () => {
  const stored = [{ ...LIST, network: undefined }];
  for (const network of ["", "fast"]) {
    const pools = [pool({ node: "n1", network }, "10.0.0.0/24", 2)];
    const { lists, leftovers } = slicesInUse({ stored, nodes: ["n1"], pools, capacityOf });
    assert.deepEqual([lists[0]?.slices[0]?.used, leftovers], [2, []]);
  }
});

Deno.test("slicesInUse lists pools of nodes with addresses that no NodeSlicePool has; empty ones are deleted in time", () => {
  const pools = [
    pool({ node: "old" }, "10.9.0.0/24", 1),
    pool({ node: "empty" }, "10.9.1.0/24", 0),
    pool({}, "10.8.0.0/24", 1),
  ];
  const { lists, leftovers } = slicesInUse({ stored: [], nodes: ["n1"], pools, capacityOf });
  assert.deepEqual([lists, leftovers], [[], [
    { slice: "10.9.0.0/24", node: "old", state: "leftover", pool: "old/10.9.0.0/24", used: 1, lent: 0, capacity: 256n },
  ]]);
});
