import assert from "node:assert/strict";
import { toSlices } from "../../../drivers/kubernetes/slices.ts";
import { formatCidr } from "../../../src/address/cidr.ts";

Deno.test("toSlices reads what the original writes, and leaves out what is no slice", () => {
  const allocations = [
    { nodeName: "node1", sliceRange: "10.0.0.0/10" },
    { nodeName: "", sliceRange: "10.64.0.0/10" },
    { nodeName: "node2", sliceRange: "nonsense" },
    {},
  ];
  const slices = toSlices({ metadata: { name: "net1" }, status: { allocations } });
  assert.deepEqual(slices.map(({ node, cidr }) => `${node} ${formatCidr(cidr)}`), [
    "node1 10.0.0.0/10",
    " 10.64.0.0/10",
  ]);
  assert.deepEqual(toSlices({ metadata: { name: "net1" } }), []);
});
