import assert from "node:assert/strict";
import fc from "fast-check";
import type { Owner } from "../../src/pool/types.ts";
import { decodeFacts, encodeFacts, replacingFacts } from "../../src/storage/facts.ts";

const OWNER: Owner = { podRef: "default/a", ifName: "net1", containerId: "0123456789abcdef0123456789abcdef" };
const FACTS = { node: "node1", uid: "u1" };
const some = fc.option(fc.string({ minLength: 1, maxLength: 4 }), { nil: undefined });
const owner: fc.Arbitrary<Owner> = fc.record({
  id: fc.constantFrom("", "0a", "0b".repeat(32), "0c".repeat(32)),
  node: some,
  uid: some,
}).map((
  { id, node, uid },
) => ({
  ...OWNER,
  containerId: id,
  ...(node !== undefined && { node }),
  ...(uid !== undefined && { uid }),
}));

function factsOf({ node, uid }: Owner): Pick<Owner, "node" | "uid"> {
  return { ...(node !== undefined && { node }), ...(uid !== undefined && { uid }) };
}

Deno.test("encodeFacts names the sandbox by the beginning of its container id, and nothing where nothing is known", () => {
  assert.deepEqual(encodeFacts({ ...OWNER, ...FACTS }), { node: "node1", poduid: "u1", sandbox: "0123456789abcdef" });
  assert.deepEqual(encodeFacts({ ...OWNER, uid: "u1" }), { poduid: "u1", sandbox: "0123456789abcdef" });
  assert.deepEqual(encodeFacts(OWNER), {});
});

Deno.test("decodeFacts reads the facts of that very sandbox, whoever wrote another container id beside them", () => {
  const members = encodeFacts({ ...OWNER, ...FACTS });
  assert.deepEqual(decodeFacts(OWNER.containerId, members), FACTS);
  for (const other of ["", "0123456789abcde", "f123456789abcdef", "0123456789abcdeF0123456789abcdef"]) {
    assert.deepEqual(decodeFacts(other, members), {}, other);
  }
  assert.deepEqual(decodeFacts(OWNER.containerId, { node: 5, poduid: null, sandbox: "0123456789abcdef" }), {});
  assert.deepEqual(decodeFacts(OWNER.containerId, { node: "n", poduid: "u" }), {});
});

Deno.test("replacingFacts leaves the facts of the last owner alone, through any owners before", () => {
  fc.assert(fc.property(fc.array(owner, { minLength: 1, maxLength: 6 }), (owners) => {
    let [before] = owners;
    assert(before);
    let stored: Record<string, unknown> = { ...encodeFacts(before) };
    for (const after of owners.slice(1)) {
      stored = { ...stored, ...replacingFacts({ ...before, ...decodeFacts(before.containerId, stored) }, after) };
      before = after;
    }
    assert.deepEqual(decodeFacts(before.containerId, stored), factsOf(before));
  }));
});

Deno.test("replacingFacts writes what differs", () => {
  const before = { ...OWNER, ...FACTS };
  assert.deepEqual(replacingFacts(before, before), {});
  assert.deepEqual(replacingFacts(OWNER, OWNER), {});
  const next = { ...before, containerId: "fedcba98765432100" };
  assert.deepEqual(replacingFacts(before, next), { sandbox: "fedcba9876543210" });
  assert.deepEqual(replacingFacts(OWNER, next), { node: "node1", poduid: "u1", sandbox: "fedcba9876543210" });
});
