import assert from "node:assert/strict";
import { parseCidr } from "../../src/address/cidr.ts";
import { dependents, judgeTakeover } from "../../src/pool/takeover.ts";
import type { PoolFacts } from "../../src/pool/orphans.ts";

const IP = { family: 4, value: 0x0a000001n } as const;
const OURS = { podRef: "d/a", ifName: "net1", containerId: "new" };
const FOUND = { network: "", ip: IP, podRef: "d/a", ifName: "net1", containerId: "old" };

/** A pool with one entry at the address: `pod/ifName/containerId`. */
function pool(cidr: string, entry: string, network = ""): PoolFacts {
  const parsed = parseCidr(cidr)?.cidr;
  assert(parsed);
  const [pod = "", ifName = "", containerId = ""] = entry.split("/");
  const allocation = { podRef: `d/${pod}`, ifName, containerId, address: IP.value };
  return { key: { network, cidr: parsed }, allocations: new Map([[IP.value, allocation]]) };
}

const CASES: readonly (readonly [pools: readonly PoolFacts[], found: Partial<typeof FOUND>, expected: string])[] = [
  [[pool("10.0.0.0/24", "a/net1/new")], {}, "allowed"],
  [[pool("10.0.0.0/24", "a/net1/newer")], {}, "superseded"],
  [[], {}, "superseded"],
  [[pool("10.0.0.0/24", "b/net1/new")], {}, "superseded"],
  [[pool("10.0.0.0/24", "a/net1/new"), pool("10.0.0.0/16", "a/net1/old")], {}, "old"],
  [[pool("10.0.0.0/24", "a/net1/new"), pool("10.0.0.0/16", "a/net2/old")], {}, "allowed"],
  [[pool("10.0.0.0/24", "a/net1/new"), pool("10.0.0.0/16", "a/net2/new")], { ifName: "" }, "new"],
  [[pool("10.0.0.0/24", "a/net1/new"), pool("10.0.0.0/16", "a//old")], { ifName: "" }, "old"],
  [[pool("10.0.0.0/24", "a/net1/new"), pool("10.0.0.0/16", "a//old")], {}, "old"],
  [[pool("10.0.0.0/24", "a/net1/new"), pool("10.0.0.0/16", "b/net1/old")], { ifName: "" }, "allowed"],
  [[pool("10.0.0.0/24", "a/net1/new", "blue"), pool("10.0.0.0/16", "a/net1/old")], { network: "blue" }, "allowed"],
];

Deno.test("judgeTakeover considers the entries that may depend on the reservation", () => {
  for (const [i, [pools, found, expected]] of CASES.entries()) {
    const takeover = judgeTakeover(pools, { ...FOUND, ...found }, OURS);
    assert.equal(takeover.kind === "foreign" ? takeover.holder.containerId : takeover.kind, expected, `case ${i}`);
  }
});

Deno.test("dependents ignores other addresses and families", () => {
  assert.deepEqual(
    dependents([pool("10.0.0.0/24", "a/net1/x")], { ...FOUND, ip: { family: 4, value: 1n } }, "net1"),
    [],
  );
  const sixth = { ...FOUND, ip: { family: 6, value: IP.value } } as const;
  assert.deepEqual(dependents([pool("10.0.0.0/24", "a/net1/x")], sixth, "net1"), []);
});
