import assert from "node:assert/strict";
import { formatCidr } from "../../src/address/cidr.ts";
import { conflicting, demandsOf, exhausted } from "../../src/controllers/slice_demands.ts";
import { network } from "./lab.ts";

Deno.test("demandsOf sorts ranges into those with slices, without slices, and with an invalid slice size", async () => {
  const { demands, unsliced, names, problems } = demandsOf([
    await network("a", { range: "10.0.0.0/24", ipRanges: [{ range: "fd00::/64" }], node_slice_size: "80" }),
    await network("b", { range: "10.1.0.0/24", enable_overlapping_ranges: false }),
    await network("c", { range: "10.2.0.0/24", node_slice_size: "/26", network_name: "blue" }),
    await network("d", { range: "10.3.0.0/24", node_slice_size: "/26", etcd_host: "10.9.9.9:2379", datastore: "etcd" }),
  ]);
  assert.deepEqual(
    demands.map(({ by, name, network, prefix, range: { cidr } }) => [by, name, network, prefix, formatCidr(cidr)]),
    [
      ["default/a", "a-fd00---64", "", 80, "fd00::/64"],
      ["default/c", "blue", "blue", 26, "10.2.0.0/24"],
    ],
  );
  assert.deepEqual(unsliced.map(({ by, reserves }) => [by, reserves]), [["default/b", false]]);
  assert.deepEqual([...names].sort(), ["a", "a-fd00---64", "blue"]);
  assert.deepEqual(problems.map(({ reason }) => reason), ["InvalidSliceSize"]);
  assert.match(problems[0]?.message ?? "", /10\.0\.0\.0\/24 by node_slice_size "80"/);
});

Deno.test("problems of definitions name the range and the remedy", async () => {
  const { demands: [of], unsliced } = demandsOf([
    await network("a", { range: "10.0.0.0/24", node_slice_size: "/26" }),
    await network("b", { range: "10.0.0.0/25" }),
  ]);
  assert(of && unsliced[0]);
  const group = { network: "", cidr: of.range.cidr, prefix: 26, reserves: true, members: [of] };
  const six = ["1", "2", "3", "4", "5", "6"];
  assert.match(
    exhausted(group, six).message,
    /NodeSlicePool a .*10\.0\.0\.0\/24 by \/26.* for 1, 2, 3, 4, 5 and 1 more/,
  );
  const message = "range 10.0.0.0/25 overlaps 10.0.0.0/24";
  assert.deepEqual(
    [conflicting({ of: unsliced[0], message }), conflicting({ of, message })].map((
      one,
    ) => [one.attachment.name, one.reason, one.message]),
    [
      ["b", "ConflictingSlices", `The network without node_slice_size is refused: its ${message}`],
      ["a", "ConflictingSlices", message],
    ],
  );
});
