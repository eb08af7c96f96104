import assert from "node:assert/strict";
import fc from "fast-check";
import { decide } from "../../src/pool/decide.ts";
import { Draft } from "../../src/pool/draft.ts";
import { free, isReleasedBy, revert } from "../../src/pool/free.ts";
import { drop, type RevertRequest } from "../../src/pool/requests.ts";
import type { Change } from "../../src/pool/types.ts";
import { anyPool, anyRelease, anyRequest, at, commit, entries, entry, pool } from "./pools.ts";

function undo(changes: readonly Change[]): RevertRequest {
  return { kind: "revert", changes };
}

Deno.test("free releases exactly the addresses of the sandbox's interface, whatever the pod's name", () => {
  const stored = pool({ 1: "a/net1/x", 2: "a/net2/x", 3: "a/net1/y", 4: "b/net1/x", 5: "b/net1/xx" });
  const draft = new Draft(stored);
  const { allocations: freed } = free(draft, { kind: "release", containerId: "x", ifName: "net1" });
  assert.deepEqual(freed, [entry(1, "a/net1/x"), entry(4, "b/net1/x")]);
  assert.deepEqual(entries(commit(stored, { changes: draft.changes() })), {
    2: "a/net2/x",
    3: "a/net1/y",
    5: "b/net1/xx",
  });
});

Deno.test("free matches records without an interface name by their container id", () => {
  const stored = pool({ 1: "a//x", 2: "a//y", 3: "b/net2/x" });
  const draft = new Draft(stored);
  assert.deepEqual(free(draft, { kind: "release", containerId: "x", ifName: "net1" }).allocations, [entry(1, "a//x")]);
  assert.deepEqual(entries(commit(stored, { changes: draft.changes() })), { 2: "a//y", 3: "b/net2/x" });
  assert(isReleasedBy(entry(1, "a//x"), { containerId: "x", ifName: "net2" }));
  assert(!isReleasedBy(entry(1, "a//x"), { containerId: "y", ifName: "" }));
});

Deno.test("free changes nothing when it is repeated", () => {
  fc.assert(fc.property(anyPool, anyRelease, (stored, request) => {
    const first = decide(stored, [request]);
    const after = commit(stored, first);
    const again = decide(after, [request]);
    assert.deepEqual(again, { changes: [], outcomes: [{ kind: "released", allocations: [] }] });
  }));
});

Deno.test("revert frees new allocations and returns taken-over addresses to their former sandbox", () => {
  const claimed = { address: at(1), after: entry(1, "a/net1/x") };
  const refreshed = { address: at(2), before: entry(2, "b/net1/old"), after: entry(2, "b/net1/new") };
  const stored = pool({ 1: "a/net1/x", 2: "b/net1/new", 3: "c/net1/z" });
  const draft = new Draft(stored);
  assert.deepEqual(revert(draft, undo([claimed, refreshed])), [entry(1, "a/net1/x")]);
  assert.deepEqual(entries(commit(stored, { changes: draft.changes() })), { 2: "b/net1/old", 3: "c/net1/z" });
});

Deno.test("revert leaves addresses that changed since they were written", () => {
  const changes = [{ address: at(1), after: entry(1, "a/net1/x") }, {
    address: at(2),
    before: entry(2, "b/net1/old"),
    after: entry(2, "b/net1/new"),
  }];
  for (
    const stored of [pool({}), pool({ 1: "a/net1/y", 2: "b/net1/newer" }), pool({ 1: "b/net1/x", 2: "b/net2/new" })]
  ) {
    const draft = new Draft(stored);
    assert.deepEqual(revert(draft, undo(changes)), []);
    assert.deepEqual(draft.changes(), []);
  }
});

Deno.test("revert does not restore a freed address: its owner may have released it since", () => {
  const draft = new Draft(pool({}));
  assert.deepEqual(revert(draft, undo([{ address: at(1), before: entry(1, "a/net1/x") }])), []);
  assert.deepEqual(draft.changes(), []);
});

Deno.test("revert undoes several attempts, last one first, including attempts that were not written", () => {
  const old = entry(1, "a/net1/old");
  const tries = [
    { address: at(1), before: old, after: entry(1, "a/net1/x") },
    { address: at(1), before: old, after: entry(1, "a/net1/x") },
    { address: at(2), after: entry(2, "a/net1/x") },
    { address: at(3), after: entry(3, "a/net1/x") },
  ];
  const stored = pool({ 1: "a/net1/x", 3: "a/net1/x" });
  const draft = new Draft(stored);
  assert.deepEqual(revert(draft, undo(tries)), [entry(3, "a/net1/x")]);
  assert.deepEqual(entries(commit(stored, { changes: draft.changes() })), { 1: "a/net1/old" });
});

Deno.test("revert of a decision restores the pool, without the addresses that the decision freed", () => {
  let restored = 0;
  fc.assert(
    fc.property(anyPool, fc.array(anyRequest, { minLength: 1, maxLength: 4 }), (stored, requests) => {
      const decision = decide(stored, requests);
      const written = commit(stored, decision);
      const wanted = new Map(stored);
      for (const { address, after } of decision.changes) if (!after) wanted.delete(address);
      const reverted = commit(written, decide(written, [undo(decision.changes)]));
      assert.deepEqual(entries(reverted), entries(wanted));
      if (decision.changes.some(({ after }) => after)) restored++;
    }),
    { numRuns: 3_000 },
  );
  assert(restored > 1_000, `only ${restored} decisions had anything to revert`);
});

Deno.test("drop removes exactly the listed allocations", () => {
  const stored = pool({ 1: "a/net1/x", 2: "a/net1/x", 3: "b/net1/y" });
  const decision = decide(stored, [drop([entry(1, "a/net1/x"), entry(3, "b/net1/other"), entry(9, "a/net1/x")])]);
  assert.deepEqual(decision.outcomes, [{ kind: "released", allocations: [entry(1, "a/net1/x")] }]);
  assert.deepEqual(entries(commit(stored, decision)), { 2: "a/net1/x", 3: "b/net1/y" });
});
