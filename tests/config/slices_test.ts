import assert from "node:assert/strict";
import { loadExactly, refuses } from "./support.ts";

const IPAM = { type: "whereabouts", kubernetes: { kubeconfig: "/k" }, range: "10.0.0.0/24" };

async function slices(fields: Record<string, unknown>): Promise<unknown> {
  const { config: { nodeSliceSize, nodeSliceElastic }, warnings } = await loadExactly({ ...IPAM, ...fields });
  assert.deepEqual(warnings, []);
  return [nodeSliceSize, nodeSliceElastic];
}

Deno.test("parseSlices reads the size of slices and whether they are elastic, which is off by default", async () => {
  assert.deepEqual(await slices({}), [undefined, undefined]);
  assert.deepEqual(await slices({ node_slice_size: "/26" }), ["/26", undefined]);
  assert.deepEqual(await slices({ node_slice_size: "/26", node_slice_elastic: false }), ["/26", undefined]);
  assert.deepEqual(await slices({ node_slice_size: "26", node_slice_elastic: true }), ["26", true]);
});

Deno.test("parseSlices refuses elastic slices without a size, and with first_available, except to releases", async () => {
  const elastic = { ...IPAM, node_slice_elastic: true };
  await refuses(loadExactly(elastic), "ipam.node_slice_elastic", "without ipam.node_slice_size");
  const first = { ...elastic, node_slice_size: "/26", ipRangesAllocation: "first_available" };
  await refuses(loadExactly(first), "ipam.node_slice_elastic", '"first_available"', "remove one of them");
  for (const fields of [elastic, first]) {
    const { config } = await loadExactly(fields, { purpose: "release" });
    assert.equal(config.ranges.length, 1, "what was allocated before is released");
  }
});
