import assert from "node:assert/strict";
import { findLayoutProblems } from "../../src/controllers/layout_settings.ts";
import { networkRules } from "../../src/controllers/networks.ts";
import { findOverlapProblems, poolsToMark } from "../../src/controllers/overlap_settings.ts";
import { perRange, usesOf } from "../../src/controllers/pool_use.ts";
import { parseCidr } from "../../src/address/cidr.ts";
import { formatPoolKey } from "../../src/pool/types.ts";
import { network } from "./lab.ts";

const GRID = { range: "10.63.0.0/16", block_size: "/24" };
const OFF = { enable_overlapping_ranges: false };

function networks(...settings: readonly (readonly [name: string, ipam: Record<string, unknown>])[]) {
  return Promise.all(settings.map(([name, ipam]) => network(name, ipam)));
}

function keyOf(text: string) {
  const parsed = parseCidr(text);
  assert(parsed, text);
  return { network: "", cidr: parsed.cidr };
}

Deno.test("findLayoutProblems accepts networks on one grid, a range that is a block, and other domains", async () => {
  const read = await networks(
    ["a", GRID],
    ["b", { ...GRID, ...OFF, range: "10.63.0.0/20" }],
    ["c", { range: "10.63.7.0/24", ...OFF }],
    ["d", { range: "10.64.0.0/20" }],
    ["e", { ...GRID, block_size: "/26", network_name: "blue" }],
  );
  assert.deepEqual(findLayoutProblems(read), []);
  assert.deepEqual([findOverlapProblems(read), poolsToMark(read)], [[], []], "they need no reservations either");
});

Deno.test("findLayoutProblems reports networks off the grid, with the outcome", async () => {
  const read = await networks(
    ["a", { ...GRID, ...OFF }],
    ["finer", { ...GRID, range: "10.70.0.0/16", block_size: "/26" }],
    ["same", GRID],
    ["whole", { range: "10.63.0.0/16" }],
    ["part", { range: "10.63.8.0/26" }],
    ["slices", { range: "10.63.0.0/16", node_slice_size: "/24", network_name: "" }],
  );
  const found = Object.fromEntries(findLayoutProblems(read).map((one) => [one.attachment.name, one.message]));
  assert.deepEqual(Object.keys(found), ["finer", "whole", "part", "slices"]);
  assert.match(
    found.finer ?? "",
    /10\.70\.0\.0\/16 with block_size \/26, .* block_size \/24: an allocation domain has one grid/,
  );
  assert.match(found.whole ?? "", /with no block_size, .*pods of one of them get no address/);
  assert.match(found.part ?? "", /both may allocate the same address/);
  assert.match(found.slices ?? "", /both may allocate the same address/);
  const [reserving] = findLayoutProblems(await networks(["a", GRID], ["part", { range: "10.63.8.0/26" }]));
  assert.match(reserving?.message ?? "", /only reservations keep them apart/);
});

Deno.test("a block belongs to the networks of its grid: its range, its users, and one usage for all blocks of a range", async () => {
  const read = await networks(["a", GRID], ["b", { range: "10.99.0.0/24" }]);
  const rules = networkRules(read);
  assert.deepEqual(rules.wholeRange(keyOf("10.63.7.0/24")), keyOf("10.63.0.0/16").cidr);
  assert.equal(rules.configured.rangesOf?.(keyOf("10.63.7.0/24")), 1);
  assert.equal(rules.configured.rangesOf?.(keyOf("10.63.7.0/25")), undefined);
  assert.deepEqual(rules.persistent().map(({ divided }) => divided), [true]);
  const counts = ["10.63.7.0/24", "10.63.9.0/24", "10.99.0.0/24"].map((text) => ({
    key: keyOf(text),
    allocations: 200,
  }));
  const uses = usesOf(counts, read);
  assert.deepEqual(uses.map(({ capacity }) => capacity), [255n, 255n, 254n]);
  assert.deepEqual(perRange(uses, read).map((one) => [formatPoolKey(one.key), one.allocations, one.capacity]), [
    ["10.63.0.0/16", 400, 65_279n],
    ["10.99.0.0/24", 200, 254n],
  ]);
});
