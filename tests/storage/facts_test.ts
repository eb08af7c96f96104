import assert from "node:assert/strict";
import fc from "fast-check";
import type { Owner } from "../../src/pool/types.ts";
import { decodeFacts, encodeFacts, replacingFacts } from "../../src/storage/facts.ts";

const OWNER: Owner = { podRef: "default/a", ifName: "net1", containerId: "0123456789abcdef0123456789abcdef" };
const FACTS = { node: "node1", uid: "u1" };
const some = fc.option(fc.constantFrom("a", "b.c", "d-e"), { nil: undefined });
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

Deno.test("encodeFacts identifies the sandbox by the beginning of its container id, and is empty without facts", () => {
  assert.deepEqual(encodeFacts({ ...OWNER, ...FACTS }), { sandbox: "node1/u1/0123456789abcdef" });
  assert.deepEqual(encodeFacts({ ...OWNER, uid: "u1" }), { sandbox: "/u1/0123456789abcdef" });
  assert.deepEqual(encodeFacts({ ...OWNER, node: "node1", containerId: "a/b" }), { sandbox: "node1//a/b" });
  assert.deepEqual(encodeFacts(OWNER), {});
  assert.deepEqual(encodeFacts({ ...OWNER, node: "a/b", uid: "u1" }), {});
});

Deno.test("decodeFacts ignores facts that were written for another container id", () => {
  const member = encodeFacts({ ...OWNER, ...FACTS });
  assert.deepEqual(decodeFacts(OWNER.containerId, member), FACTS);
  for (const other of ["", "0123456789abcde", "f123456789abcdef", "0123456789abcdeF0123456789abcdef"]) {
    assert.deepEqual(decodeFacts(other, member), {}, other);
  }
  for (const sandbox of [5, null, undefined, "", "node1", "node1/u1", "0123456789abcdef"]) {
    assert.deepEqual(decodeFacts(OWNER.containerId, { sandbox }), {}, String(sandbox));
  }
  assert.deepEqual(decodeFacts("", { sandbox: "" }), {});
});

Deno.test("decodeFacts reverses encodeFacts", () => {
  fc.assert(fc.property(owner, (one) => {
    assert.deepEqual(decodeFacts(one.containerId, encodeFacts(one)), factsOf(one));
  }));
});

Deno.test("replacingFacts leaves only the facts of the last owner, after any sequence of owners", () => {
  fc.assert(
    fc.property(
      fc.uniqueArray(owner, {
        minLength: 1,
        selector: ({ containerId }) => containerId,
      }),
      fc.boolean(),
      (owners, original) => {
        let [before] = owners;
        assert(before);
        let stored: Record<string, unknown> = { ...encodeFacts(before) };
        for (const after of owners.slice(1)) {
          // a plugin that does not know the member writes only the container id
          if (original) before = { ...OWNER, containerId: "0d".repeat(32), ...decodeFacts("0d".repeat(32), stored) };
          stored = { ...stored, ...replacingFacts(before, after) };
          before = after;
        }
        assert.deepEqual(decodeFacts(before.containerId, stored), factsOf(before));
      },
    ),
  );
});

Deno.test("replacingFacts writes only a member that differs", () => {
  const before = { ...OWNER, ...FACTS };
  assert.deepEqual(replacingFacts(before, before), {});
  assert.deepEqual(replacingFacts(OWNER, OWNER), {});
  const next = { ...before, containerId: "fedcba98765432100" };
  assert.deepEqual(replacingFacts(before, next), { sandbox: "node1/u1/fedcba9876543210" });
  assert.deepEqual(replacingFacts(before, OWNER), { sandbox: "" });
});

const KEEPER = { kind: "IPAMClaim", name: "vm1.net1", uid: "u7" } as const;
const FORMER = { podRef: "default/source", containerId: "0a" };

Deno.test("encodeFacts and decodeFacts keep keeper and former sandbox, whichever sandbox the record names", () => {
  const stored = encodeFacts({ ...OWNER, ...FACTS, keeper: KEEPER, former: FORMER });
  assert.deepEqual(stored, {
    sandbox: "node1/u1/0123456789abcdef",
    keeper: "IPAMClaim/vm1.net1/u7",
    former: "default/source/0a",
  });
  assert.deepEqual(decodeFacts(OWNER.containerId, stored), { ...FACTS, keeper: KEEPER, former: FORMER });
  assert.deepEqual(decodeFacts("", stored), { keeper: KEEPER, former: FORMER });
});

Deno.test("encodeFacts and decodeFacts keep node and uid of the former sandbox, if they are known", () => {
  for (
    const [more, text] of [
      [{ node: "node2", uid: "u2" }, "/node2/u2"],
      [{ node: "node2" }, "/node2/"],
      [{ uid: "u2" }, "//u2"],
    ] as const
  ) {
    const former = { ...FORMER, ...more };
    const stored = encodeFacts({ ...OWNER, former });
    assert.equal(stored.former, `default/source/0a${text}`);
    assert.deepEqual(decodeFacts("", stored), { former });
  }
});

Deno.test("decodeFacts ignores text that is no keeper or no former sandbox", () => {
  for (const keeper of ["", "IPAMClaim", "IPAMClaim/vm1", "IPAMClaim//u7", "Pod/a/u7", "IPAMClaim/a/u7/x", 5, null]) {
    assert.deepEqual(decodeFacts("", { keeper }), {}, String(keeper));
  }
  for (const former of ["", "0a", "/0a", "default/source/", "a/b/c/d/e/f", 5, null]) {
    assert.deepEqual(decodeFacts("", { former }), {}, String(former));
  }
});

Deno.test("replacingFacts replaces and clears keeper and former sandbox", () => {
  const kept = { ...OWNER, keeper: KEEPER, former: FORMER };
  assert.deepEqual(replacingFacts(kept, kept), {});
  assert.deepEqual(replacingFacts(OWNER, kept), { keeper: "IPAMClaim/vm1.net1/u7", former: "default/source/0a" });
  assert.deepEqual(replacingFacts(kept, OWNER), { keeper: "", former: "" });
});
