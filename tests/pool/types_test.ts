import assert from "node:assert/strict";
import { formatPoolKey, sameInterface, sameOwner } from "../../src/pool/types.ts";
import { cidr, owner } from "./pools.ts";

Deno.test("formatPoolKey names network, node and range, as far as there are any", () => {
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
