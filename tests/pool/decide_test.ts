import assert from "node:assert/strict";
import fc from "fast-check";
import { decide } from "../../src/pool/decide.ts";
import { claim, drop, type Outcome, type PoolRequest } from "../../src/pool/requests.ts";
import type { Allocations } from "../../src/pool/types.ts";
import { anyPool, anyRequest, at, commit, entries, held, owner, pool, range } from "./pools.ts";

function oneByOne(stored: Allocations, requests: readonly PoolRequest[]): { pool: Allocations; outcomes: Outcome[] } {
  let now = stored;
  const outcomes = requests.flatMap((request) => {
    const decision = decide(now, [request]);
    now = commit(now, decision);
    return decision.outcomes;
  });
  return { pool: now, outcomes };
}

/** Claims, releases, and drops of what the pool holds. */
const anyBatch = anyPool.chain((stored) => {
  const some = fc.subarray([...stored.values()]).map(drop);
  const request = fc.oneof({ weight: 5, arbitrary: anyRequest }, { weight: 1, arbitrary: some });
  return fc.tuple(fc.constant(stored), fc.array(request, { maxLength: 12 }));
});

Deno.test("decide answers many requests at once as it answers them one by one", () => {
  let long = 0;
  fc.assert(
    fc.property(anyBatch, ([stored, requests]) => {
      const before = entries(stored);
      const batch = decide(stored, requests);
      const wanted = oneByOne(stored, requests);
      assert.deepEqual(batch.outcomes, wanted.outcomes);
      assert.deepEqual(entries(commit(stored, batch)), entries(wanted.pool));
      assert.deepEqual(entries(stored), before, "the stored pool was changed");
      if (batch.changes.length >= 4) long++;
    }),
    { numRuns: 5_000 },
  );
  assert(long > 500, `only ${long} batches changed four addresses`);
});

Deno.test("decide gives a batch of claims the lowest addresses in order", () => {
  const bounds = range(1, 6, [2]);
  const claims = ["a", "b", "c", "d", "e"].map((pod) => claim(owner(`${pod}/net1/x`), bounds));
  const { outcomes, changes } = decide(pool({ 3: "z/net1/z" }), claims);
  assert.deepEqual(outcomes, [
    { kind: "claimed", allocation: held(1, "a/net1/x") },
    { kind: "claimed", allocation: held(4, "b/net1/x") },
    { kind: "claimed", allocation: held(5, "c/net1/x") },
    { kind: "claimed", allocation: held(6, "d/net1/x") },
    { kind: "exhausted" },
  ]);
  assert.deepEqual(
    changes.map(({ address, before }) => [address, before]),
    [1, 4, 5, 6].map((at_) => [at(at_), undefined]),
  );
});

Deno.test("decide allocates nothing in a closed pool: owners keep what they have, and releases are served", () => {
  const stored = pool({ 1: "a/net1/x", 2: "b/net1/x" });
  const fence = { closed: 4, opened: 3 };
  const requests = [
    claim(owner("a/net1/y"), range(1, 6)),
    claim(owner("c/net1/x"), range(1, 6)),
    claim(owner("d/net1/x"), range(1, 6), { requested: at(5) }),
    drop([held(2, "b/net1/x")]),
  ];
  const decision = decide(stored, requests, fence);
  assert.deepEqual(entries(commit(stored, decision)), { 1: "a/net1/y" });
  assert.deepEqual(decision.outcomes.map(({ kind }) => kind), ["held", "closed", "closed", "released"]);
  const opened = decide(stored, requests, { ...fence, opened: 5 }).outcomes;
  assert.deepEqual(opened.map(({ kind }) => kind), ["held", "claimed", "claimed", "released"]);
});

Deno.test("decide reuses in a batch what the batch released", () => {
  const bounds = range(1, 3);
  const stored = pool({ 1: "a/net1/x", 2: "b/net1/y", 3: "c/net1/z" });
  const decision = decide(stored, [
    claim(owner("d/net1/w"), bounds),
    { kind: "release", containerId: "y", ifName: "net1" },
    claim(owner("d/net1/w"), bounds),
    { kind: "release", containerId: "x", ifName: "net1" },
    claim(owner("e/net1/v"), bounds),
  ]);
  assert.deepEqual(decision.outcomes.map(({ kind }) => kind), [
    "exhausted",
    "released",
    "claimed",
    "released",
    "claimed",
  ]);
  assert.deepEqual(entries(commit(stored, decision)), { 1: "e/net1/v", 2: "d/net1/w", 3: "c/net1/z" });
});

Deno.test("decide changes nothing where what was taken is given back at once", () => {
  const stored = pool({ 1: "a/net1/x" });
  const claimed = decide(stored, [claim(owner("b/net1/y"), range()), claim(owner("a/net1/new"), range())]);
  const { changes } = decide(stored, [
    claim(owner("b/net1/y"), range()),
    claim(owner("a/net1/new"), range()),
    { kind: "revert", changes: structuredClone(claimed.changes) },
  ]);
  assert.deepEqual(changes, []);
});

Deno.test("decide of no requests is no change", () => {
  assert.deepEqual(decide(pool({ 1: "a/net1/x" }), []), { changes: [], outcomes: [] });
});
