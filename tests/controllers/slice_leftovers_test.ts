import assert from "node:assert/strict";
import type { StoredSlices } from "../../src/controllers/cluster.ts";
import { reopenings, unusedPools } from "../../src/controllers/slice_leftovers.ts";
import type { Fence } from "../../src/pool/fence.ts";
import { type SlicePoolFacts, SlicePools } from "../../src/pool/slice_pools.ts";
import { formatPoolKey } from "../../src/pool/types.ts";
import { cidr } from "./lab.ts";

const closed: Fence = { closed: 3, opened: 0 };
const group = { network: "", cidr: cidr("10.0.0.0/24"), prefix: 26, reserves: true, members: [] };

function pool(node: string, text: string, fence?: Fence, network = ""): SlicePoolFacts {
  return { key: { network, cidr: cidr(text), ...(node && { node }) }, allocations: new Map(), ...(fence && { fence }) };
}

const indexed = (...pools: readonly SlicePoolFacts[]) =>
  new SlicePools(pools, { nodes: new Set(["a", "gone"]), networks: new Set(["", "blue"]) });

function list(range: string, more: Partial<StoredSlices> = {}): StoredSlices {
  return {
    name: "net",
    range,
    size: "/26",
    slices: [],
    epoch: 1,
    network: "",
    refused: undefined,
    created: "",
    managed: true,
    collected: false,
    version: "1",
    ...more,
  };
}

Deno.test("unusedPools returns empty unlisted pools of deleted nodes, and all closed ones as fences", () => {
  const pools = indexed(
    pool("a", "10.0.0.0/26"),
    pool("a", "10.0.0.64/26", closed),
    pool("gone", "10.0.0.64/26", closed),
    pool("gone", "10.0.0.128/26"),
    pool("gone", "10.9.0.0/26"),
    pool("gone", "10.0.0.0/26", undefined, "blue"),
    pool("a", "10.9.0.0/26"),
    pool("", "10.9.0.0/24"),
  );
  const present = { nodes: ["a"], groups: [group], refused: [], kept: [] };
  const found = unusedPools(present, pools, new Set(["a 10.0.0.0/26 "])).map((one) =>
    `${formatPoolKey(one.key)} ${one.fence}`
  );
  assert.deepEqual(found, [
    "a/10.0.0.64/26 true",
    "gone/10.0.0.64/26 true",
    "gone/10.9.0.0/26 false",
    "blue/gone/10.0.0.0/26 false",
  ]);
});

Deno.test("reopenings returns closed pools without a node whose lists were deleted and whose slices no network demands", () => {
  const pools = indexed(
    pool("", "10.0.0.0/24", closed),
    pool("", "10.1.0.0/24", closed),
    pool("a", "10.1.0.0/26", closed),
  );
  const opened = (stored: readonly StoredSlices[], groups = [group]) =>
    reopenings(stored, groups, pools).map(({ pool: { key }, opened }) => `${formatPoolKey(key)} ${opened}`);
  assert.deepEqual(opened([]), ["10.1.0.0/24 4"]);
  assert.deepEqual(opened([list("10.1.0.0/16")]), []);
  assert.deepEqual(opened([list("10.1.0.0/16", { refused: "it overlaps" })]), ["10.1.0.0/24 4"]);
  assert.deepEqual(opened([list("10.1.0.0/16", { network: "blue" })], []), ["10.0.0.0/24 4", "10.1.0.0/24 4"]);
  const inUse = list("10.7.0.0/16", { slices: [{ node: "a", cidr: cidr("10.1.0.0/26") }] });
  assert.deepEqual(opened([inUse]), []);
});
