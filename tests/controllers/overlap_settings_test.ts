import assert from "node:assert/strict";
import { parseCidr } from "../../src/address/cidr.ts";
import { findOverlapProblems, poolsToMark, poolsToUnmark } from "../../src/controllers/overlap_settings.ts";
import { formatPoolKey, type PoolKey } from "../../src/pool/types.ts";
import { network } from "./lab.ts";

const OFF = { enable_overlapping_ranges: false };

async function problems(
  ...networks: readonly (readonly [name: string, ipam: Record<string, unknown>])[]
): Promise<string[]> {
  const read = await Promise.all(networks.map(([name, ipam]) => network(name, ipam)));
  return findOverlapProblems(read).map(({ attachment }) => attachment.name);
}

Deno.test("findOverlapProblems reports networks without reservations whose range overlaps that of one with reservations", async () => {
  const wide = ["wide", { range: "10.63.0.0/16" }] as const;
  assert.deepEqual(await problems(["off", { range: "10.63.0.0/24", ...OFF }], wide), ["off"]);
  assert.deepEqual(
    await problems(wide, ["off", { ipRanges: [{ range: "fd00::/64" }, { range: "10.63.1.0/24" }], ...OFF }]),
    ["off"],
  );
  const [one] = findOverlapProblems([await network("off", { range: "10.63.0.0/24", ...OFF }), await network(...wide)]);
  assert.match(
    one?.message ?? "",
    /^Network \S+\/off .*10\.63\.0\.0\/24.*enable_overlapping_ranges: false.*\/wide .*10\.63\.0\.0\/16/,
  );
});

Deno.test("findOverlapProblems accepts other domains, a shared pool, disjoint ranges, and networks that all reserve nothing", async () => {
  const off = ["off", { range: "10.63.0.0/24", ...OFF }] as const;
  assert.deepEqual(await problems(off, ["wide", { range: "10.63.0.0/16", network_name: "blue" }]), []);
  assert.deepEqual(await problems(off, ["same", { range: "10.63.0.0/24" }]), []);
  assert.deepEqual(await problems(off, ["apart", { range: "10.64.0.0/16" }]), []);
  assert.deepEqual(await problems(off, ["wide", { range: "10.63.0.0/16", ...OFF }]), []);
});

Deno.test("poolsToMark has the pools of networks without reservations that overlap one with reservations, each once", async () => {
  const marked = async (...networks: readonly Record<string, unknown>[]) => {
    const read = await Promise.all(networks.map((ipam, at) => network(`n${at}`, ipam)));
    return poolsToMark(read).map(formatPoolKey);
  };
  const wide = { range: "10.63.0.0/16" };
  const off = { range: "10.63.0.0/24", ...OFF };
  assert.deepEqual(await marked(off, wide, off), ["10.63.0.0/24"]);
  assert.deepEqual(await marked({ ...off, ipRanges: [{ range: "10.64.0.0/24" }] }, wide), ["10.63.0.0/24"]);
  assert.deepEqual(await marked({ ...off, network_name: "blue" }, { ...wide, network_name: "blue" }), [
    "blue/10.63.0.0/24",
  ]);
  assert.deepEqual(await marked(off, { range: "10.63.0.0/24" }, wide), ["10.63.0.0/24"], "a shared pool");
  for (const others of [[{ range: "10.63.0.0/24" }], [{ ...wide, ...OFF }], [{ ...wide, network_name: "blue" }]]) {
    assert.deepEqual(await marked(off, ...others), []);
  }
});

Deno.test("poolsToMark has no pool of node slices: of networks that disagree, one is refused", async () => {
  const sliced = { node_slice_size: "/26" };
  for (const [a, b] of [[sliced, {}], [{}, sliced]] as const) {
    const networks = await Promise.all([
      network("off", { range: "10.63.0.0/24", ...OFF, ...a }),
      network("wide", { range: "10.63.0.0/16", ...b }),
    ]);
    assert.deepEqual(poolsToMark(networks), []);
    assert.match(findOverlapProblems(networks)[0]?.message ?? "", /one of them is refused \(event ConflictingSlices\)/);
  }
});

Deno.test("poolsToUnmark keeps a mark while a network demands it or an overlapping pool of its domain has an entry", () => {
  const key = (range: string, domain = ""): PoolKey => {
    const parsed = parseCidr(range);
    assert(parsed);
    return { network: domain, cidr: parsed.cidr };
  };
  const entry = { address: 1n, podRef: "default/web", ifName: "net1", containerId: "c" };
  const pool = (range: string, domain = "", used = true) => ({
    key: key(range, domain),
    allocations: new Map(used ? [[1n, entry]] : []),
  });
  const own = { ...pool("10.63.0.0/24"), mustReserve: true as const };
  assert.deepEqual(poolsToUnmark([own, pool("10.63.0.0/16", "", false)], []), [own]);
  assert.deepEqual(poolsToUnmark([own, pool("10.63.0.0/16", "blue"), pool("10.64.0.0/16")], []), [own]);
  assert.deepEqual(poolsToUnmark([own, pool("10.63.0.0/16")], []), []);
  assert.deepEqual(
    poolsToUnmark([own, { ...pool("10.63.0.0/16"), key: { ...key("10.63.0.0/16", "x"), otherReadings: [] } }], []),
    [],
  );
  assert.deepEqual(poolsToUnmark([own], [key("10.63.0.0/24")]), []);
  assert.deepEqual(poolsToUnmark([pool("10.63.0.0/24")], []), []);
});
