import assert from "node:assert/strict";
import type { StoredSlices } from "../../src/controllers/cluster.ts";
import { demandsOf } from "../../src/controllers/slice_demands.ts";
import { refusedSteps } from "../../src/controllers/slice_refused.ts";
import { cidr, network } from "./lab.ts";

Deno.test("refusedSteps stores why a network is refused, and lets its nodes take no more slices", async () => {
  const { demands: [of] } = demandsOf([
    await network("a", { range: "10.0.0.0/28", node_slice_size: "/30", node_slice_elastic: true }),
  ]);
  assert(of);
  const last: StoredSlices = {
    ...{ name: "a", range: "10.0.0.0/28", size: "/30", epoch: 3, network: "", refused: undefined, elastic: true },
    ...{ created: "", managed: true, collected: false, version: "1" },
    slices: [{ node: "", cidr: cidr("10.0.0.0/30") }],
  };
  const settled = { groups: [], refused: [{ of, message: "it overlaps" }] };
  const [planned] = refusedSteps({ settled, stored: new Map([["a", last]]), nodes: ["n"], pools: undefined }, []);
  const [[wanted, stored] = []] = planned?.step.save ?? [];
  assert.deepEqual([wanted?.refused, wanted?.elastic, wanted?.slices, stored], ["it overlaps", undefined, [], last]);
});
