import assert from "node:assert/strict";
import { addressOf, formatPoolKey, ownsReservation, sameInterface, sameOwner } from "../../src/pool/types.ts";
import { cidr, owner } from "./pools.ts";

Deno.test("formatPoolKey joins network, node and range, and omits absent parts", () => {
  const range = cidr("10.0.0.0/24");
  assert.equal(formatPoolKey({ network: "", cidr: range }), "10.0.0.0/24");
  assert.equal(formatPoolKey({ network: "blue", cidr: range }), "blue/10.0.0.0/24");
  assert.equal(formatPoolKey({ network: "", node: "node1", cidr: range }), "node1/10.0.0.0/24");
  assert.equal(
    formatPoolKey({ network: "blue", node: "node1", cidr: cidr("2001:DB8::/64") }),
    "blue/node1/2001:db8::/64",
  );
});

Deno.test("sameInterface compares pod and interface; sameOwner the sandbox too", () => {
  const one = owner("a/net1/x");
  for (
    const [other, interfaces, owners] of [
      ["a/net1/x", true, true],
      ["a/net1/y", true, false],
      ["a/net2/x", false, false],
      ["b/net1/x", false, false],
      ["a//x", false, false],
    ] as const
  ) {
    assert.equal(sameInterface(one, owner(other)), interfaces, other);
    assert.equal(sameOwner(one, owner(other)), owners, other);
  }
});

Deno.test("addressOf has the family of the pool", () => {
  const range = cidr("2001:db8::/64");
  const allocation = { ...owner("a/net1/x"), address: range.base + 5n };
  assert.deepEqual(addressOf({ key: { network: "", cidr: range }, allocation }), { family: 6, value: range.base + 5n });
});

Deno.test("ownsReservation requires the same pod, and the same interface or none in the record", () => {
  const stored = ["a/net1/x", "a/net1/y", "a//x", "a/net2/x", "b/net1/x", "b//x"];
  const owned = stored.map((text) => ownsReservation(owner("a/net1/x"), owner(text)));
  assert.deepEqual(owned, [true, true, true, false, false, false]);
});
