import assert from "node:assert/strict";
import { allocateRequest, drop, withdraw } from "../../src/pool/requests.ts";
import { at, entry, owner, range } from "./pools.ts";

Deno.test("allocateRequest excludes no address by default", () => {
  const plain = allocateRequest(owner("a/net1/x"), range());
  assert.deepEqual(plain, {
    kind: "allocate",
    owner: owner("a/net1/x"),
    range: range(),
    inUseElsewhere: new Set(),
    ofOtherRanges: new Set(),
  });
  const request = allocateRequest(owner("a/net1/x"), range(), {
    inUseElsewhere: new Set([at(1)]),
    ofOtherRanges: new Set([at(2)]),
    requested: at(3),
  });
  assert.deepEqual([request.inUseElsewhere, request.ofOtherRanges, request.requested], [
    new Set([at(1)]),
    new Set([at(2)]),
    at(3),
  ]);
});

Deno.test("drop releases exactly these allocations, withdraw undoes a creation", () => {
  const allocations = [entry(1, "a/net1/x"), entry(2, "b/net1/y")];
  assert.deepEqual(drop(allocations), { kind: "drop", allocations });
  assert.deepEqual(drop(allocations, 60_000), { kind: "drop", allocations, reuseAfter: 60_000 });
  assert.deepEqual(withdraw(entry(1, "a/net1/x")), {
    kind: "revert",
    changes: [{ address: at(1), after: entry(1, "a/net1/x") }],
  });
});
