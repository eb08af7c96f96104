import assert from "node:assert/strict";
import fc from "fast-check";
import { isZeroAddress } from "../../src/address/range.ts";
import { usable } from "../../src/address/cidr.ts";
import { assign } from "../../src/pool/assign.ts";
import { Draft } from "../../src/pool/draft.ts";
import { type AllocateOutcome, type AllocateRequest, allocateRequest } from "../../src/pool/requests.ts";
import { type Allocations, sameInterface } from "../../src/pool/types.ts";
import { anyClaim, anyPool, at, CIDR, cidr, commit, entries, entry, octets, owner, pool, range } from "./pools.ts";

function run(
  stored: Allocations,
  request: AllocateRequest,
): { outcome: AllocateOutcome; after: Record<number, string> } {
  const draft = new Draft(stored);
  const outcome = assign(draft, request);
  return { outcome, after: entries(commit(stored, { changes: draft.changes() })) };
}

function set(...list: number[]): Set<bigint> {
  return new Set(list.map(at));
}

Deno.test("assign allocates the lowest free address", () => {
  const { outcome, after } = run(pool({ 1: "b/net1/y", 3: "c/net1/z" }), allocateRequest(owner("a/net1/x"), range()));
  assert.deepEqual(outcome, { kind: "allocated", allocation: entry(2, "a/net1/x") });
  assert.deepEqual(after, { 1: "b/net1/y", 2: "a/net1/x", 3: "c/net1/z" });
});

Deno.test("assign returns the same address to the same owner and writes nothing", () => {
  const stored = pool({ 7: "a/net1/x", 8: "a/net2/x" });
  const { outcome, after } = run(stored, allocateRequest(owner("a/net1/x"), range()));
  assert.deepEqual(outcome, { kind: "kept", allocation: entry(7, "a/net1/x") });
  assert.deepEqual(after, entries(stored));
});

Deno.test("assign keeps a pod's address when its sandbox is recreated", () => {
  const { outcome, after } = run(pool({ 1: "b/net1/y", 7: "a/net1/x" }), allocateRequest(owner("a/net1/new"), range()));
  assert.deepEqual(outcome, { kind: "kept", allocation: entry(7, "a/net1/new") });
  assert.deepEqual(after, { 1: "b/net1/y", 7: "a/net1/new" });
});

Deno.test("assign keeps an address that bounds and excludes no longer allow", () => {
  for (const bounds of [range(1, 5), range(8, 14), range(1, 14, [7])]) {
    const { outcome } = run(pool({ 7: "a/net1/x" }), allocateRequest(owner("a/net1/x"), bounds));
    assert.deepEqual(outcome, { kind: "kept", allocation: entry(7, "a/net1/x") });
  }
});

Deno.test("assign distinguishes interfaces, pods and sandboxes", () => {
  const stored = pool({ 1: "a/net2/x", 2: "ab/net1/x", 3: "a//x", 4: "a\nnet1//x" });
  const { outcome } = run(stored, allocateRequest(owner("a/net1/x"), range()));
  assert.deepEqual(outcome, { kind: "allocated", allocation: entry(5, "a/net1/x") });
});

Deno.test("assign prefers own addresses inside bounds, then of this sandbox, then the lowest, and leaves the others", () => {
  const cases: [Record<number, string>, ReturnType<typeof range>, number][] = [
    [{ 2: "a/net1/x", 9: "a/net1/x" }, range(), 2],
    [{ 2: "a/net1/old", 9: "a/net1/x" }, range(), 9],
    [{ 2: "a/net1/x", 9: "a/net1/old" }, range(5, 14), 9],
    [{ 2: "a/net1/old", 9: "a/net1/old" }, range(), 2],
    [{ 2: "a/net1/old", 3: "a/net1/x", 9: "a/net1/x" }, range(12, 14), 3],
  ];
  for (const [stored, bounds, chosen] of cases) {
    const { outcome, after } = run(pool(stored), allocateRequest(owner("a/net1/x"), bounds));
    assert.deepEqual(outcome, { kind: "kept", allocation: entry(chosen, "a/net1/x") });
    assert.deepEqual(after, { ...stored, [chosen]: "a/net1/x" });
  }
});

Deno.test("assign skips addresses in use elsewhere, and replaces an own entry at one of them", () => {
  const stored = pool({ 1: "a/net1/x", 2: "b/net1/y" });
  const { outcome, after } = run(stored, allocateRequest(owner("a/net1/x"), range(), { inUseElsewhere: set(1, 3, 4) }));
  assert.deepEqual(outcome, { kind: "allocated", allocation: entry(5, "a/net1/x") });
  assert.deepEqual(after, { 2: "b/net1/y", 5: "a/net1/x" });
  const several = run(
    pool({ 1: "a/net1/x", 9: "a/net1/x" }),
    allocateRequest(owner("a/net1/x"), range(), { inUseElsewhere: set(1) }),
  );
  assert.deepEqual(several.outcome, { kind: "kept", allocation: entry(9, "a/net1/x") });
  assert.deepEqual(several.after, { 9: "a/net1/x" });
});

Deno.test("assign allocates no free address that it avoids, and keeps entries, requested and preferred addresses there", () => {
  const who = owner("a/net1/x");
  const ask = (stored: Parameters<typeof pool>[0], more: Partial<AllocateRequest> = {}) =>
    run(pool(stored), allocateRequest(who, range(), { avoided: set(1, 2, 3), ...more })).outcome;
  assert.deepEqual(ask({ 4: "b/net1/y" }), { kind: "allocated", allocation: entry(5, "a/net1/x") });
  assert.deepEqual(ask({}, { ofOtherRanges: set(4) }), { kind: "allocated", allocation: entry(5, "a/net1/x") });
  assert.deepEqual(ask({ 2: "a/net1/x" }), { kind: "kept", allocation: entry(2, "a/net1/x") });
  for (const more of [{ requested: at(3) }, { preferred: at(3) }]) {
    assert.deepEqual(ask({}, more), { kind: "allocated", allocation: entry(3, "a/net1/x") });
  }
  assert.deepEqual(ask({}, { avoided: set(...Array.from({ length: 14 }, (_, i) => i + 1)) }), { kind: "exhausted" });
});

Deno.test("assign allocates one address per range of a network, and returns the same two again", () => {
  const who = owner("a/net1/x");
  let stored = pool({ 1: "b/net1/y" });
  const [low, high] = [range(1, 5), range(6, 14)];
  for (let round = 0; round < 2; round++) {
    const first = new Draft(stored);
    assert.deepEqual(octets([answered(assign(first, allocateRequest(who, low)))]), [2]);
    stored = commit(stored, { changes: first.changes() });
    const second = new Draft(stored);
    assert.deepEqual(octets([answered(assign(second, allocateRequest(who, high, { ofOtherRanges: set(2) })))]), [6]);
    stored = commit(stored, { changes: second.changes() });
  }
  assert.deepEqual(entries(stored), { 1: "b/net1/y", 2: "a/net1/x", 6: "a/net1/x" });
});

Deno.test("assign never allocates an address that the owner has of another range", () => {
  const { outcome, after } = run(
    pool({ 1: "a/net1/x" }),
    allocateRequest(owner("a/net1/x"), range(), { ofOtherRanges: set(1, 2) }),
  );
  assert.deepEqual(outcome, { kind: "allocated", allocation: entry(3, "a/net1/x") });
  assert.deepEqual(after, { 1: "a/net1/x", 3: "a/net1/x" });
});

Deno.test("assign reports an exhausted range", () => {
  const full = pool({ 1: "b/net1/y", 2: "b/net2/y", 4: "c/net1/z" });
  assert.deepEqual(run(full, allocateRequest(owner("a/net1/x"), range(1, 4, [3]))).outcome, { kind: "exhausted" });
  assert.deepEqual(
    run(pool({}), allocateRequest(owner("a/net1/x"), range(1, 2), { inUseElsewhere: set(1, 2) })).outcome,
    {
      kind: "exhausted",
    },
  );
});

Deno.test("assign allocates the requested address and leaves the previous one to its sandbox", () => {
  const stored = pool({ 3: "a/net1/old", 4: "a/net2/x" });
  const request = allocateRequest(owner("a/net1/x"), range(1, 10, [5]), { requested: at(9) });
  const { outcome, after } = run(stored, request);
  assert.deepEqual(outcome, { kind: "allocated", allocation: entry(9, "a/net1/x") });
  assert.deepEqual(after, { 3: "a/net1/old", 4: "a/net2/x", 9: "a/net1/x" });
  const again = run(pool(after), request);
  assert.deepEqual(again, { outcome: { kind: "kept", allocation: entry(9, "a/net1/x") }, after });
  const restarted = run(pool(after), { ...request, owner: owner("a/net1/new") });
  assert.deepEqual(restarted.outcome, { kind: "kept", allocation: entry(9, "a/net1/new") });
});

Deno.test("assign applies bounds, excludes and slice to requested addresses, but not to those that the owner has", () => {
  const slice = { slice: { node: "n", cidr: cidr("10.0.0.0/29") }, last: at(7) };
  const ranges = { bounds: range(1, 5), exclude: range(1, 14, [9]), slice: { ...range(1, 14), ...slice } };
  for (const [rule, limited] of Object.entries(ranges)) {
    const request = allocateRequest(owner("a/net1/x"), limited, { requested: at(9) });
    assert.deepEqual(run(pool({ 3: "a/net1/x" }), request), {
      outcome: { kind: "unusable", address: at(9) },
      after: { 3: "a/net1/x" },
    }, rule);
    const own = run(pool({ 9: "a/net1/old" }), request);
    assert.deepEqual(own.outcome, { kind: "kept", allocation: entry(9, "a/net1/x") }, rule);
  }
});

Deno.test("assign leaves the other addresses of an attachment that requests one that it has", () => {
  const stored = { 2: "a/net1/x", 9: "a/net1/x" };
  const { outcome, after } = run(pool(stored), allocateRequest(owner("a/net1/x"), range(), { requested: at(9) }));
  assert.deepEqual(outcome, { kind: "kept", allocation: entry(9, "a/net1/x") });
  assert.deepEqual(after, stored);
});

Deno.test("assign refuses a requested address that is in use or unusable, and leaves the previous one", () => {
  const stored = { 3: "a/net1/x", 5: "b/net1/y", 6: "a/net2/x" };
  const ask = (octet: number, inUseElsewhere: number[] = []) =>
    run(
      pool(stored),
      allocateRequest(owner("a/net1/x"), range(), { requested: at(octet), inUseElsewhere: set(...inUseElsewhere) }),
    );
  assert.deepEqual(ask(5).outcome, { kind: "in use", address: at(5), by: entry(5, "b/net1/y") });
  assert.deepEqual(ask(6).outcome, { kind: "in use", address: at(6), by: entry(6, "a/net2/x") });
  assert.deepEqual(ask(9, [9]).outcome, { kind: "in use", address: at(9) });
  assert.deepEqual(ask(0).outcome, { kind: "unusable", address: at(0) });
  assert.deepEqual(ask(15).outcome, { kind: "unusable", address: at(15) });
  const ofOtherRanges = allocateRequest(owner("a/net1/x"), range(), { requested: at(9), ofOtherRanges: set(9) });
  assert.deepEqual(run(pool(stored), ofOtherRanges).outcome, { kind: "in use", address: at(9) });
  for (const octet of [0, 5, 6, 15]) assert.deepEqual(ask(octet).after, stored);
});

Deno.test("assign refuses a requested .0 inside a network, but allocates one of a /31", () => {
  const wide = { cidr: cidr("10.0.0.0/16"), ...usable(cidr("10.0.0.0/16")), excludes: [] };
  const address = cidr("10.0.1.0/32").base;
  assert.deepEqual(assign(new Draft(new Map()), allocateRequest(owner("a/net1/x"), wide, { requested: address })), {
    kind: "unusable",
    address,
  });
  const two = { cidr: cidr("10.0.1.0/31"), ...usable(cidr("10.0.1.0/31")), excludes: [] };
  assert.equal(
    assign(new Draft(new Map()), allocateRequest(owner("a/net1/x"), two, { requested: address })).kind,
    "allocated",
  );
});

/** The address of an outcome that has one. */
function answered(outcome: AllocateOutcome): bigint {
  assert(outcome.kind === "kept" || outcome.kind === "allocated", outcome.kind);
  return outcome.allocation.address;
}

/** The lowest free candidate, by linear search. */
function lowestByScan(
  stored: Allocations,
  { range: { cidr, first, last, excludes }, inUseElsewhere, ofOtherRanges, avoided }: AllocateRequest,
) {
  for (let address = first; address <= last; address++) {
    const excluded = excludes.some((hole) => address >= hole.first && address <= hole.last);
    if (excluded || isZeroAddress({ cidr }, address) || inUseElsewhere.has(address) || ofOtherRanges.has(address)) {
      continue;
    }
    if (!stored.has(address) && !avoided?.has(address)) return address;
  }
  return undefined;
}

Deno.test("assign keeps its invariants for any pool and any request", () => {
  const kinds = new Set<string>();
  fc.assert(
    fc.property(anyPool, anyClaim, (stored, request) => {
      const draft = new Draft(stored);
      const outcome = assign(draft, request);
      const after = commit(stored, { changes: draft.changes() });
      kinds.add(outcome.kind);
      const own = [...stored.values()].filter((one) => sameInterface(one, request.owner))
        .filter(({ address }) => !request.ofOtherRanges.has(address));
      for (const [address, before] of stored) {
        if (!own.includes(before)) assert.deepEqual(after.get(address), before, "another owner's entry changed");
      }
      const kept = own.filter(({ address }) => !request.inUseElsewhere.has(address));
      if (outcome.kind === "kept" || outcome.kind === "allocated") {
        const { allocation } = outcome;
        assert.deepEqual(allocation, { ...request.owner, address: allocation.address });
        assert.deepEqual(after.get(allocation.address), allocation);
        assert(!request.inUseElsewhere.has(allocation.address) && !request.ofOtherRanges.has(allocation.address));
        assert.equal(outcome.kind === "kept", kept.some(({ address }) => address === allocation.address));
        if (request.requested !== undefined) assert.equal(allocation.address, request.requested);
        else if (kept.length === 0) assert.equal(allocation.address, lowestByScan(stored, request));
        else assert.equal(outcome.kind, "kept");
      } else if (outcome.kind === "exhausted") {
        assert.equal(request.requested, undefined);
        assert.equal(kept.length, 0);
        assert.equal(lowestByScan(stored, request), undefined);
      } else if (outcome.kind === "in use" || outcome.kind === "unusable") {
        assert.equal(outcome.address, request.requested);
        for (const { address } of kept) assert.deepEqual(after.get(address), stored.get(address));
      }
    }),
    { numRuns: 5_000 },
  );
  assert.deepEqual([...kinds].sort(), ["allocated", "exhausted", "in use", "kept", "unusable"]);
  assert.equal(CIDR.prefix, 28);
});
