import assert from "node:assert/strict";
import { formatCidr } from "../../src/address/cidr.ts";
import { isDivided, isSpread } from "../../src/config/blocks.ts";
import { loadConfig } from "../../src/config/load.ts";
import type { Purpose } from "../../src/config/types.ts";
import { memoryWorld } from "../support/world.ts";

const base = { type: "whereabouts", datastore: "embedded", range: "10.0.0.0/16" };

async function load(ipam: Record<string, unknown>, purpose: Purpose = "allocate", files: Record<string, string> = {}) {
  return await loadConfig(memoryWorld({ files }), { conf: { name: "lab", ipam: { ...base, ...ipam } }, purpose });
}

async function blocksOf(ipam: Record<string, unknown>): Promise<Record<string, unknown>> {
  const { config } = await load(ipam);
  return Object.fromEntries(config.ranges.map(({ cidr, blocks }) => [formatCidr(cidr), blocks]));
}

Deno.test("block_size divides the ranges of its family that have more than one block", async () => {
  const ipRanges = [{ range: "10.1.0.0/24" }, { range: "10.2.0.0/23" }, { range: "fd00::/64" }];
  assert.deepEqual(await blocksOf({ ipRanges, block_size: "/24" }), {
    "10.0.0.0/16": { prefix: 24 },
    "10.1.0.0/24": undefined,
    "10.2.0.0/23": { prefix: 24 },
    "fd00::/64": undefined,
  });
  const both = { ipRanges, block_size: "24, /120", block_order: "spread" };
  assert.deepEqual((await blocksOf(both))["fd00::/64"], { prefix: 120, order: "spread" });
  assert.deepEqual(await blocksOf({}), { "10.0.0.0/16": undefined });
});

Deno.test("block_size and block_order may stand in the flat file", async () => {
  const path = "/etc/cni/net.d/whereabouts.d/whereabouts.conf";
  const files = { [path]: JSON.stringify({ block_size: "/26", block_order: "spread" }) };
  const { config } = await load({}, "allocate", files);
  assert.deepEqual([isDivided(config), isSpread(config)], [true, true]);
  assert.deepEqual(config.ranges[0]?.blocks, { prefix: 26, order: "spread" });
});

Deno.test("an invalid block_size or block_order names field, value and expectation", async () => {
  for (const size of ["", "x", "/31", "/19", "/24,/26", "/120,/121", "/24,", "/115", "/127", "24/120"]) {
    if (size !== "") {
      await assert.rejects(load({ block_size: size }), /Cannot use ipam\.block_size ".*": expected the prefix/);
    }
  }
  await assert.rejects(
    load({ block_size: "/24", block_order: "x" }),
    /ipam\.block_order "x": expected "lowest" or "spread"/,
  );
  const { warnings } = await load({ block_order: "spread" });
  assert.match(warnings.join(), /block_order has no effect without ipam\.block_size/);
});

Deno.test("block_size refuses the settings that it excludes, each with the reason, and only for new allocations", async () => {
  const kubernetes = { datastore: "kubernetes", kubernetes: { kubeconfig: "/k" } };
  const settings: Record<string, Record<string, unknown>> = {
    node_slice_size: { node_slice_size: "/26" },
    allow_persistent_ips: { ...kubernetes, allow_persistent_ips: true },
    allowPersistentIPs: { ...kubernetes, allowPersistentIPs: true },
    sticky: { ...kubernetes, sticky: "statefulset" },
    pick_addresses: { pick_addresses: ["10.0.0.7"] },
  };
  for (const [field, ipam] of Object.entries(settings)) {
    const refused = new RegExp(`ipam\\.block_size with ipam\\.${field}: .+; remove one of them`);
    await assert.rejects(load({ ...ipam, block_size: "/24" }), refused);
    assert(isDivided((await load({ ...ipam, block_size: "/24" }, "release")).config), field);
  }
  assert(isDivided((await load({ block_size: "/24", allow_persistent_ips: false, node_slice_size: "" })).config));
});
