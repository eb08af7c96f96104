import assert from "node:assert/strict";
import { claim, drop } from "../../src/pool/requests.ts";
import { at, held, owner, range } from "./pools.ts";

Deno.test("claim avoids nothing unless told", () => {
  const plain = claim(owner("a/net1/x"), range());
  assert.deepEqual(plain, {
    kind: "claim",
    owner: owner("a/net1/x"),
    range: range(),
    avoid: new Set(),
    besides: new Set(),
  });
  const told = claim(owner("a/net1/x"), range(), {
    avoid: new Set([at(1)]),
    besides: new Set([at(2)]),
    requested: at(3),
  });
  assert.deepEqual([told.avoid, told.besides, told.requested], [new Set([at(1)]), new Set([at(2)]), at(3)]);
});

Deno.test("drop names each allocation as it must be found", () => {
  assert.deepEqual(drop([held(1, "a/net1/x"), held(2, "b/net1/y")]), {
    kind: "revert",
    changes: [{ address: at(1), after: held(1, "a/net1/x") }, { address: at(2), after: held(2, "b/net1/y") }],
  });
});
