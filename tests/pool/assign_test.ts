import assert from "node:assert/strict";
import fc from "fast-check";
import { isZeroAddress } from "../../src/address/range.ts";
import { usable } from "../../src/address/cidr.ts";
import { assign } from "../../src/pool/assign.ts";
import { Draft } from "../../src/pool/draft.ts";
import { claim, type ClaimOutcome, type ClaimRequest } from "../../src/pool/requests.ts";
import { type Allocations, sameInterface } from "../../src/pool/types.ts";
import { anyClaim, anyPool, at, CIDR, cidr, commit, entries, held, octets, owner, pool, range } from "./pools.ts";

function run(stored: Allocations, request: ClaimRequest): { outcome: ClaimOutcome; after: Record<number, string> } {
  const draft = new Draft(stored);
  const outcome = assign(draft, request);
  return { outcome, after: entries(commit(stored, { changes: draft.changes() })) };
}

function set(...list: number[]): Set<bigint> {
  return new Set(list.map(at));
}

Deno.test("assign gives the lowest free address", () => {
  const { outcome, after } = run(pool({ 1: "b/net1/y", 3: "c/net1/z" }), claim(owner("a/net1/x"), range()));
  assert.deepEqual(outcome, { kind: "claimed", allocation: held(2, "a/net1/x") });
  assert.deepEqual(after, { 1: "b/net1/y", 2: "a/net1/x", 3: "c/net1/z" });
});

Deno.test("assign gives the same owner the same address and writes nothing", () => {
  const stored = pool({ 7: "a/net1/x", 8: "a/net2/x" });
  const { outcome, after } = run(stored, claim(owner("a/net1/x"), range()));
  assert.deepEqual(outcome, { kind: "held", allocation: held(7, "a/net1/x") });
  assert.deepEqual(after, entries(stored));
});

Deno.test("assign keeps a pod's address when it comes back in another sandbox", () => {
  const { outcome, after } = run(pool({ 1: "b/net1/y", 7: "a/net1/x" }), claim(owner("a/net1/new"), range()));
  assert.deepEqual(outcome, { kind: "held", allocation: held(7, "a/net1/new") });
  assert.deepEqual(after, { 1: "b/net1/y", 7: "a/net1/new" });
});

Deno.test("assign keeps an address that bounds and excludes no longer allow", () => {
  for (const bounds of [range(1, 5), range(8, 14), range(1, 14, [7])]) {
    const { outcome } = run(pool({ 7: "a/net1/x" }), claim(owner("a/net1/x"), bounds));
    assert.deepEqual(outcome, { kind: "held", allocation: held(7, "a/net1/x") });
  }
});

Deno.test("assign tells interfaces, pods and sandboxes apart", () => {
  const stored = pool({ 1: "a/net2/x", 2: "ab/net1/x", 3: "a//x", 4: "a\nnet1//x" });
  const { outcome } = run(stored, claim(owner("a/net1/x"), range()));
  assert.deepEqual(outcome, { kind: "claimed", allocation: held(5, "a/net1/x") });
});

Deno.test("assign chooses among several own addresses: in the bounds, then of this sandbox, then the lowest; it leaves the others", () => {
  const cases: [Record<number, string>, ReturnType<typeof range>, number][] = [
    [{ 2: "a/net1/x", 9: "a/net1/x" }, range(), 2],
    [{ 2: "a/net1/old", 9: "a/net1/x" }, range(), 9],
    [{ 2: "a/net1/x", 9: "a/net1/old" }, range(5, 14), 9],
    [{ 2: "a/net1/old", 9: "a/net1/old" }, range(), 2],
    [{ 2: "a/net1/old", 3: "a/net1/x", 9: "a/net1/x" }, range(12, 14), 3],
  ];
  for (const [stored, bounds, chosen] of cases) {
    const { outcome, after } = run(pool(stored), claim(owner("a/net1/x"), bounds));
    assert.deepEqual(outcome, { kind: "held", allocation: held(chosen, "a/net1/x") });
    assert.deepEqual(after, { ...stored, [chosen]: "a/net1/x" });
  }
});

Deno.test("assign skips what is to be avoided, and drops an own entry there for another address", () => {
  const stored = pool({ 1: "a/net1/x", 2: "b/net1/y" });
  const { outcome, after } = run(stored, claim(owner("a/net1/x"), range(), { avoid: set(1, 3, 4) }));
  assert.deepEqual(outcome, { kind: "claimed", allocation: held(5, "a/net1/x") });
  assert.deepEqual(after, { 2: "b/net1/y", 5: "a/net1/x" });
  const several = run(pool({ 1: "a/net1/x", 9: "a/net1/x" }), claim(owner("a/net1/x"), range(), { avoid: set(1) }));
  assert.deepEqual(several.outcome, { kind: "held", allocation: held(9, "a/net1/x") });
  assert.deepEqual(several.after, { 9: "a/net1/x" });
});

Deno.test("assign gives two ranges of one network an address each, and the same two when asked again", () => {
  const who = owner("a/net1/x");
  let stored = pool({ 1: "b/net1/y" });
  const [low, high] = [range(1, 5), range(6, 14)];
  for (let round = 0; round < 2; round++) {
    const first = new Draft(stored);
    assert.deepEqual(octets([answered(assign(first, claim(who, low)))]), [2]);
    stored = commit(stored, { changes: first.changes() });
    const second = new Draft(stored);
    assert.deepEqual(octets([answered(assign(second, claim(who, high, { besides: set(2) })))]), [6]);
    stored = commit(stored, { changes: second.changes() });
  }
  assert.deepEqual(entries(stored), { 1: "b/net1/y", 2: "a/net1/x", 6: "a/net1/x" });
});

Deno.test("assign never gives what is held besides", () => {
  const { outcome, after } = run(pool({ 1: "a/net1/x" }), claim(owner("a/net1/x"), range(), { besides: set(1, 2) }));
  assert.deepEqual(outcome, { kind: "claimed", allocation: held(3, "a/net1/x") });
  assert.deepEqual(after, { 1: "a/net1/x", 3: "a/net1/x" });
});

Deno.test("assign says when nothing is left", () => {
  const full = pool({ 1: "b/net1/y", 2: "b/net2/y", 4: "c/net1/z" });
  assert.deepEqual(run(full, claim(owner("a/net1/x"), range(1, 4, [3]))).outcome, { kind: "exhausted" });
  assert.deepEqual(run(pool({}), claim(owner("a/net1/x"), range(1, 2), { avoid: set(1, 2) })).outcome, {
    kind: "exhausted",
  });
});

Deno.test("assign gives the requested address, and leaves the former one to its sandbox", () => {
  const stored = pool({ 3: "a/net1/old", 4: "a/net2/x" });
  const request = claim(owner("a/net1/x"), range(1, 10, [5]), { requested: at(9) });
  const { outcome, after } = run(stored, request);
  assert.deepEqual(outcome, { kind: "claimed", allocation: held(9, "a/net1/x") });
  assert.deepEqual(after, { 3: "a/net1/old", 4: "a/net2/x", 9: "a/net1/x" });
  const again = run(pool(after), request);
  assert.deepEqual(again, { outcome: { kind: "held", allocation: held(9, "a/net1/x") }, after });
  const restarted = run(pool(after), { ...request, owner: owner("a/net1/new") });
  assert.deepEqual(restarted.outcome, { kind: "held", allocation: held(9, "a/net1/new") });
});

Deno.test("assign holds requests to bounds, excludes and slice, but leaves an owner what it has", () => {
  const slice = { slice: { node: "n", cidr: cidr("10.0.0.0/29") }, last: at(7) };
  const ranges = { bounds: range(1, 5), exclude: range(1, 14, [9]), slice: { ...range(1, 14), ...slice } };
  for (const [rule, limited] of Object.entries(ranges)) {
    const request = claim(owner("a/net1/x"), limited, { requested: at(9) });
    assert.deepEqual(run(pool({ 3: "a/net1/x" }), request), {
      outcome: { kind: "unusable", address: at(9) },
      after: { 3: "a/net1/x" },
    }, rule);
    const own = run(pool({ 9: "a/net1/old" }), request);
    assert.deepEqual(own.outcome, { kind: "held", allocation: held(9, "a/net1/x") }, rule);
  }
});

Deno.test("assign leaves the other addresses of an attachment that asks again for one it has", () => {
  const stored = { 2: "a/net1/x", 9: "a/net1/x" };
  const { outcome, after } = run(pool(stored), claim(owner("a/net1/x"), range(), { requested: at(9) }));
  assert.deepEqual(outcome, { kind: "held", allocation: held(9, "a/net1/x") });
  assert.deepEqual(after, stored);
});

Deno.test("assign refuses a requested address that somebody has or nobody may have, and leaves the former one", () => {
  const stored = { 3: "a/net1/x", 5: "b/net1/y", 6: "a/net2/x" };
  const ask = (octet: number, avoid: number[] = []) =>
    run(pool(stored), claim(owner("a/net1/x"), range(), { requested: at(octet), avoid: set(...avoid) }));
  assert.deepEqual(ask(5).outcome, { kind: "taken", address: at(5), by: held(5, "b/net1/y") });
  assert.deepEqual(ask(6).outcome, { kind: "taken", address: at(6), by: held(6, "a/net2/x") });
  assert.deepEqual(ask(9, [9]).outcome, { kind: "taken", address: at(9) });
  assert.deepEqual(ask(0).outcome, { kind: "unusable", address: at(0) });
  assert.deepEqual(ask(15).outcome, { kind: "unusable", address: at(15) });
  const besides = claim(owner("a/net1/x"), range(), { requested: at(9), besides: set(9) });
  assert.deepEqual(run(pool(stored), besides).outcome, { kind: "taken", address: at(9) });
  for (const octet of [0, 5, 6, 15]) assert.deepEqual(ask(octet).after, stored);
});

Deno.test("assign refuses a requested .0 in the middle of a network, and gives one of a /31", () => {
  const wide = { cidr: cidr("10.0.0.0/16"), ...usable(cidr("10.0.0.0/16")), excludes: [] };
  const address = cidr("10.0.1.0/32").base;
  assert.deepEqual(assign(new Draft(new Map()), claim(owner("a/net1/x"), wide, { requested: address })), {
    kind: "unusable",
    address,
  });
  const two = { cidr: cidr("10.0.1.0/31"), ...usable(cidr("10.0.1.0/31")), excludes: [] };
  assert.equal(assign(new Draft(new Map()), claim(owner("a/net1/x"), two, { requested: address })).kind, "claimed");
});

/** The address of an outcome that has one. */
function answered(outcome: ClaimOutcome): bigint {
  assert(outcome.kind === "held" || outcome.kind === "claimed", outcome.kind);
  return outcome.allocation.address;
}

/** The lowest candidate that is free, found by looking at each. */
function lowestByScan(stored: Allocations, { range: { cidr, first, last, excludes }, avoid, besides }: ClaimRequest) {
  for (let address = first; address <= last; address++) {
    const excluded = excludes.some((hole) => address >= hole.first && address <= hole.last);
    if (excluded || isZeroAddress(cidr, address) || avoid.has(address) || besides.has(address)) continue;
    if (!stored.has(address)) return address;
  }
  return undefined;
}

Deno.test("assign keeps its promises on any pool and any claim", () => {
  const kinds = new Set<string>();
  fc.assert(
    fc.property(anyPool, anyClaim, (stored, request) => {
      const draft = new Draft(stored);
      const outcome = assign(draft, request);
      const after = commit(stored, { changes: draft.changes() });
      kinds.add(outcome.kind);
      const own = [...stored.values()].filter((one) => sameInterface(one, request.owner))
        .filter(({ address }) => !request.besides.has(address));
      for (const [address, before] of stored) {
        if (!own.includes(before)) assert.deepEqual(after.get(address), before, "somebody else's entry changed");
      }
      const kept = own.filter(({ address }) => !request.avoid.has(address));
      if (outcome.kind === "held" || outcome.kind === "claimed") {
        const { allocation } = outcome;
        assert.deepEqual(allocation, { ...request.owner, address: allocation.address });
        assert.deepEqual(after.get(allocation.address), allocation);
        assert(!request.avoid.has(allocation.address) && !request.besides.has(allocation.address));
        assert.equal(outcome.kind === "held", kept.some(({ address }) => address === allocation.address));
        if (request.requested !== undefined) assert.equal(allocation.address, request.requested);
        else if (kept.length === 0) assert.equal(allocation.address, lowestByScan(stored, request));
        else assert.equal(outcome.kind, "held");
      } else if (outcome.kind === "exhausted") {
        assert.equal(request.requested, undefined);
        assert.equal(kept.length, 0);
        assert.equal(lowestByScan(stored, request), undefined);
      } else if (outcome.kind === "taken" || outcome.kind === "unusable") {
        assert.equal(outcome.address, request.requested);
        for (const { address } of kept) assert.deepEqual(after.get(address), stored.get(address));
      }
    }),
    { numRuns: 5_000 },
  );
  assert.deepEqual([...kinds].sort(), ["claimed", "exhausted", "held", "taken", "unusable"]);
  assert.equal(CIDR.prefix, 28);
});
