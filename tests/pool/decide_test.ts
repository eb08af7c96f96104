import assert from "node:assert/strict";
import fc from "fast-check";
import { decide } from "../../src/pool/decide.ts";
import {
  type AllocateRequest,
  allocateRequest,
  drop,
  type Outcome,
  type PoolRequest,
} from "../../src/pool/requests.ts";
import type { Allocations, Keeper } from "../../src/pool/types.ts";
import { anyPool, anyRequest, at, commit, entries, entry, owner, pool, range } from "./pools.ts";

function oneByOne(stored: Allocations, requests: readonly PoolRequest[]): { pool: Allocations; outcomes: Outcome[] } {
  let now = stored;
  const outcomes = requests.flatMap((request) => {
    const decision = decide(now, [request]);
    now = commit(now, decision);
    return decision.outcomes;
  });
  return { pool: now, outcomes };
}

/** Allocations, releases, and drops of entries of the pool. */
const anyBatch = anyPool.chain((stored) => {
  const some = fc.subarray([...stored.values()]).map(drop);
  const request = fc.oneof({ weight: 5, arbitrary: anyRequest }, { weight: 1, arbitrary: some });
  return fc.tuple(fc.constant(stored), fc.array(request, { maxLength: 12 }));
});

Deno.test("decide serves a batch of requests as it serves them one by one", () => {
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

Deno.test("decide allocates the lowest addresses to a batch in order", () => {
  const bounds = range(1, 6, [2]);
  const claims = ["a", "b", "c", "d", "e"].map((pod) => allocateRequest(owner(`${pod}/net1/x`), bounds));
  const { outcomes, changes } = decide(pool({ 3: "z/net1/z" }), claims);
  assert.deepEqual(outcomes, [
    { kind: "allocated", allocation: entry(1, "a/net1/x") },
    { kind: "allocated", allocation: entry(4, "b/net1/x") },
    { kind: "allocated", allocation: entry(5, "c/net1/x") },
    { kind: "allocated", allocation: entry(6, "d/net1/x") },
    { kind: "exhausted" },
  ]);
  assert.deepEqual(
    changes.map(({ address, before }) => [address, before]),
    [1, 4, 5, 6].map((at_) => [at(at_), undefined]),
  );
});

Deno.test("decide allocates nothing in a closed pool, but keeps owners' addresses and serves releases", () => {
  const stored = pool({ 1: "a/net1/x", 2: "b/net1/x" });
  const fence = { closed: 4, opened: 3 };
  const requests = [
    allocateRequest(owner("a/net1/y"), range(1, 6)),
    allocateRequest(owner("c/net1/x"), range(1, 6)),
    allocateRequest(owner("d/net1/x"), range(1, 6), { requested: at(5) }),
    drop([entry(2, "b/net1/x")]),
  ];
  const decision = decide(stored, requests, { fence });
  assert.deepEqual(entries(commit(stored, decision)), { 1: "a/net1/y" });
  assert.deepEqual(decision.outcomes.map(({ kind }) => kind), ["kept", "closed", "closed", "released"]);
  const opened = decide(stored, requests, { fence: { ...fence, opened: 5 } }).outcomes;
  assert.deepEqual(opened.map(({ kind }) => kind), ["kept", "allocated", "allocated", "released"]);
});

Deno.test("decide reuses addresses that the same batch released", () => {
  const bounds = range(1, 3);
  const stored = pool({ 1: "a/net1/x", 2: "b/net1/y", 3: "c/net1/z" });
  const decision = decide(stored, [
    allocateRequest(owner("d/net1/w"), bounds),
    { kind: "release", containerId: "y", ifName: "net1" },
    allocateRequest(owner("d/net1/w"), bounds),
    { kind: "release", containerId: "x", ifName: "net1" },
    allocateRequest(owner("e/net1/v"), bounds),
  ]);
  assert.deepEqual(decision.outcomes.map(({ kind }) => kind), [
    "exhausted",
    "released",
    "allocated",
    "released",
    "allocated",
  ]);
  assert.deepEqual(entries(commit(stored, decision)), { 1: "e/net1/v", 2: "d/net1/w", 3: "c/net1/z" });
});

Deno.test("decide changes nothing if a batch allocates and reverts", () => {
  const stored = pool({ 1: "a/net1/x" });
  const claimed = decide(stored, [
    allocateRequest(owner("b/net1/y"), range()),
    allocateRequest(owner("a/net1/new"), range()),
  ]);
  const { changes } = decide(stored, [
    allocateRequest(owner("b/net1/y"), range()),
    allocateRequest(owner("a/net1/new"), range()),
    { kind: "revert", changes: structuredClone(claimed.changes) },
  ]);
  assert.deepEqual(changes, []);
});

Deno.test("decide changes nothing without requests", () => {
  assert.deepEqual(decide(pool({ 1: "a/net1/x" }), []), { changes: [], outcomes: [] });
});

Deno.test("decide serves no allocation without reservation in a pool that must reserve, not even one that the owner has", () => {
  const stored = pool({ 1: "a/net1/x", 2: "b/net1/x" });
  const without = (who: string) => allocateRequest(owner(who), range(1, 6), { withoutReservation: true });
  const requests = [
    without("a/net1/x"),
    without("a/net1/y"),
    without("c/net1/x"),
    allocateRequest(owner("c/net1/x"), range(1, 6)),
    drop([entry(2, "b/net1/x")]),
  ];
  const { changes, outcomes } = decide(stored, requests, { mustReserve: true });
  assert.deepEqual(outcomes.map(({ kind }) => kind), [
    "must reserve",
    "must reserve",
    "must reserve",
    "allocated",
    "released",
  ]);
  assert.deepEqual(changes.map(({ address, after }) => [address, after?.unreserved]), [
    [at(3), undefined],
    [at(2), undefined],
  ]);
  const free = decide(stored, requests.slice(0, 3));
  assert.deepEqual(free.outcomes.map(({ kind }) => kind), ["kept", "kept", "allocated"]);
  assert.deepEqual(free.changes.map(({ after }) => after?.unreserved), [true, true]);
});

Deno.test("decide keeps no further address for an object in a pool that refuses keepers, and serves everything else", () => {
  const keeper = (uid: string): Keeper => ({ kind: "IPAMClaim", name: "vm", uid });
  const kept = { ...entry(1, "a/net1/x"), keeper: keeper("u1") };
  const stored = new Map([[kept.address, kept], ...pool({ 2: "b/net1/x" })]);
  const allocate = (who: string, uid?: string, more: Partial<AllocateRequest> = {}) =>
    allocateRequest({ ...owner(who), ...(uid !== undefined && { keeper: keeper(uid) }) }, range(1, 6), more);
  const ended = { podRef: kept.podRef, containerId: kept.containerId, state: "ended" } as const;
  const requests = [
    allocate("c/net1/x", "u2"),
    allocate("b/net1/y", "u2"),
    allocate("d/net1/x"),
    allocate("a/net1/y", "u1"),
    allocate("e/net1/x", "u1"),
    allocate("e/net1/x", "u1", { sandboxes: [ended, { ...ended, containerId: "y" }] }),
    { kind: "restore", allocation: { ...entry(5, "f/net1/x"), keeper: keeper("u3") } },
    drop([entry(2, "b/net1/x")]),
    { kind: "release", containerId: "x", ifName: "net1" },
  ] as const;
  const { changes, outcomes } = decide(stored, requests, { refusesKeepers: "DaemonSet kube-system/whereabouts" });
  assert.deepEqual(outcomes.map(({ kind }) => kind), [
    "keepers refused",
    "keepers refused",
    "allocated",
    "kept",
    "attached",
    "kept",
    "restored",
    "released",
    "released",
  ]);
  assert.deepEqual(outcomes[0], { kind: "keepers refused", by: "DaemonSet kube-system/whereabouts" });
  const added = changes.filter(({ before, after }) => after?.keeper && !before);
  assert.deepEqual(added.map(({ address }) => address), [at(5)], "the store had lost it");
});
