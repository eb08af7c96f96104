import assert from "node:assert/strict";
import { splitKey } from "../../../drivers/kubernetes/slice_keys.ts";
import { parseCidr } from "../../../src/address/cidr.ts";

const cidr = parseCidr("10.0.0.0/27")?.cidr;
assert(cidr);

const CASES: readonly (readonly [string, readonly string[], string, string | undefined])[] = [
  ["worker-1", ["worker-1"], "", "worker-1"],
  ["net-a-worker-1", ["worker-1"], "net-a", "worker-1"],
  ["net-a", ["worker-1"], "net-a", undefined],
  ["blueworker-1", ["worker-1"], "blueworker-1", undefined],
  ["blue", [], "blue", undefined],
];

for (const [whole, nodes, network, node] of CASES) {
  Deno.test(`splitKey reads ${whole} among the nodes ${nodes.join(" ") || "(none)"}`, () => {
    const key = splitKey({ network: whole, cidr }, nodes);
    assert.deepEqual([key.network, key.node], [network, node]);
  });
}
