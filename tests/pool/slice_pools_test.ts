import assert from "node:assert/strict";
import { formatCidr } from "../../src/address/cidr.ts";
import type { Fence } from "../../src/pool/fence.ts";
import { type SlicePoolFacts, SlicePools } from "../../src/pool/slice_pools.ts";
import type { SliceGroup } from "../../src/pool/slice_networks.ts";
import { cidr } from "./pools.ts";

const known = { nodes: new Set(["worker-1", "worker-2"]), networks: new Set(["", "blue"]) };

function pool(network: string, node: string, text: string, count?: number, fence?: Fence): SlicePoolFacts {
  const key = { network, cidr: cidr(text), ...(node && { node }) };
  const entries = Array.from({ length: count ?? 1 }, (_, i) => {
    const address = key.cidr.base + BigInt(i + 1);
    return [address, { address, podRef: `default/p${i}`, ifName: "net1", containerId: `c${i}` }] as const;
  });
  return { key, allocations: new Map(entries), ...(fence && { fence }) };
}

/** The pool with all readings of its older name, which the Kubernetes driver finds. */
function doubtful(name: string, text: string): SlicePoolFacts {
  const { key, allocations } = pool(name, "", text);
  const split = [...name.matchAll(/-/g)].map(({ index }) => [name.slice(0, index), name.slice(index + 1)] as const);
  const otherReadings = [["", name] as const, ...split].map(([network, node]) => ({ network, node, cidr: key.cidr }));
  return { key: { ...key, otherReadings }, allocations };
}

function group(network = "", reserves = false): SliceGroup {
  return { network, cidr: cidr("10.0.0.0/24"), prefix: 26, reserves, members: [] };
}

const text = ({ first, last }: { first: bigint; last: bigint }) => `${first & 255n}-${last & 255n}`;

Deno.test("SlicePools separates network and node in older names by those that exist, and guesses nothing else", () => {
  const pools = new SlicePools([
    doubtful("worker-1", "10.0.0.0/26"),
    doubtful("blue-worker-2", "10.0.0.64/26"),
    doubtful("blue", "10.0.0.0/24"),
    doubtful("green-worker-1", "10.0.0.128/26"),
  ], known);
  assert(pools.isUsed({ network: "", node: "worker-1", cidr: cidr("10.0.0.0/26") }));
  assert(pools.isUsed({ network: "blue", node: "worker-2", cidr: cidr("10.0.0.64/26") }));
  assert(pools.isUsed({ network: "blue", cidr: cidr("10.0.0.0/24") }));
  assert.deepEqual([...pools.all()].length, 3);
  assert.deepEqual(pools.overlapping({ network: "green", cidr: cidr("10.0.0.0/24") }), []);
});

Deno.test("SlicePools counts an uncertain pool as occupied in every domain that it may belong to", () => {
  const pools = new SlicePools([doubtful("green-worker-9", "10.0.0.128/26")], known);
  assert.deepEqual(pools.occupied(group()).map(text), ["128-191"]);
  assert.deepEqual(pools.occupied(group("green")).map(text), ["128-191"]);
  assert.deepEqual(pools.occupied(group("blue")), []);
});

Deno.test("SlicePools counts slices of nodes as occupied as a whole, and other pools by address unless they reserve", () => {
  const pools = new SlicePools([
    pool("", "worker-1", "10.0.0.64/26"),
    pool("", "worker-2", "10.0.0.128/26", 0),
    pool("", "", "10.0.0.0/24", 2),
    pool("", "", "10.1.0.0/24", 2),
  ], known);
  assert.deepEqual(pools.occupied(group()).map(text), ["64-127", "1-1", "2-2"]);
  assert.deepEqual(pools.occupied(group("", true)).map(text), ["64-127"]);
});

Deno.test("SlicePools lists the slices of nodes by their pools, except closed empty ones", () => {
  const pools = new SlicePools([
    pool("", "worker-1", "10.0.0.0/26", 0),
    pool("", "worker-2", "10.0.0.64/26", 0, { closed: 3, opened: 0 }),
    pool("", "worker-2", "10.0.0.128/26", 1, { closed: 3, opened: 0 }),
    pool("", "worker-1", "10.9.0.0/26", 1),
  ], known);
  assert.deepEqual(pools.slices(group()).map(({ node, cidr }) => `${node} ${formatCidr(cidr)}`), [
    "worker-1 10.0.0.0/26",
    "worker-2 10.0.0.128/26",
  ]);
});

Deno.test("SlicePools finds the pools that overlap a range, including wider ones", () => {
  const texts = [
    "10.0.0.0/8",
    "10.0.0.0/24",
    "10.0.0.0/26",
    "10.0.0.64/26",
    "10.0.0.128/25",
    "10.0.1.0/26",
    "fd00::/64",
  ];
  const pools = new SlicePools(texts.map((text) => pool("", "worker-1", text)), known);
  const near = (text: string) =>
    pools.overlapping({ network: "", cidr: cidr(text) }).map(({ key }) => formatCidr(key.cidr)).sort();
  assert.deepEqual(near("10.0.0.64/26"), ["10.0.0.0/24", "10.0.0.0/8", "10.0.0.64/26"]);
  assert.deepEqual(near("10.0.0.192/27"), ["10.0.0.0/24", "10.0.0.0/8", "10.0.0.128/25"]);
  assert.deepEqual(near("10.0.0.0/23"), texts.slice(0, 6).sort());
  assert.deepEqual(near("fd00::/48"), ["fd00::/64"]);
  assert.deepEqual(near("192.168.0.0/16"), []);
});
