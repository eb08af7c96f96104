import assert from "node:assert/strict";
import { findOverlapProblems } from "../../src/controllers/overlap_settings.ts";
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
