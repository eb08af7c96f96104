import assert from "node:assert/strict";
import { decodeLegacy } from "../../../drivers/etcd/legacy.ts";
import { parseCidr } from "../../../src/address/cidr.ts";
import { formatIp } from "../../../src/address/ip.ts";

const cidr = parseCidr("10.9.0.0/24")?.cidr;
assert(cidr);
const KEY = { network: "", cidr };

function decoded(value: string) {
  const { entries, faults } = decodeLegacy("/whereabouts/10.9.0.0/24", KEY, value);
  const texts = entries.map(({ address, podRef, ifName, containerId }) =>
    [formatIp({ family: 4, value: address }), podRef, ifName, containerId].join("|")
  );
  return { texts, faults };
}

Deno.test("decodeLegacy reads lines of address and container, without pod and interface", () => {
  assert.deepEqual(decoded("10.9.0.2 c2\n10.9.0.1 c1"), { texts: ["10.9.0.2|||c2", "10.9.0.1|||c1"], faults: [] });
  assert.deepEqual(decoded(""), { texts: [], faults: [] });
  assert.deepEqual(decoded("10.9.0.1 c1\n"), { texts: ["10.9.0.1|||c1"], faults: [] });
  assert.deepEqual(decoded("10.9.0.1 c1\n10.9.0.1 c1"), { texts: ["10.9.0.1|||c1"], faults: [] });
});

for (
  const [line, why] of [
    ["10.9.0.3", /expected an address, a blank and a container id/],
    ["10.9.0.3  c3", /expected an address/],
    ["10.9.0.3 c3 more", /expected an address/],
    ["10.9.0.03 c3", /expected an address/],
    [" 10.9.0.3 c3", /expected an address/],
    ["10.9.1.3 c3", /outside of 10\.9\.0\.0\/24/],
    ["fd00::3 c3", /outside of 10\.9\.0\.0\/24/],
    ["10.9.0.1 other", /10\.9\.0\.1 belongs to container c1 too/],
    ["{}", /expected an address/],
  ] as const
) {
  Deno.test(`decodeLegacy reports the fault of ${JSON.stringify(line)}, and keeps the other lines`, () => {
    const { texts, faults } = decoded(`10.9.0.1 c1\n${line}\n10.9.0.2 c2`);
    assert.deepEqual(texts, ["10.9.0.1|||c1", "10.9.0.2|||c2"]);
    assert.equal(faults.length, 1);
    assert.match(faults[0] ?? "", /^Line 2 /);
    assert.match(faults[0] ?? "", why);
  });
}
