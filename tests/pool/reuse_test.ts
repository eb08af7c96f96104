import assert from "node:assert/strict";
import fc from "fast-check";
import { decide, type Decision } from "../../src/pool/decide.ts";
import { allocateRequest, drop, type PoolRequest, withdraw } from "../../src/pool/requests.ts";
import { changedRests, isRecorded, MAX_RESTS, restingAt, type Reuse } from "../../src/pool/reuse.ts";
import type { Allocations } from "../../src/pool/types.ts";
import { anyOwner, at, cidr, commit, entry, octets, owner, pool, range } from "./pools.ts";

const AFTER = 60_000;
const NOW = 1_000_000;

/** A pool with its reuse. */
interface State {
  readonly allocations: Allocations;
  readonly reuse?: Reuse;
}

const EMPTY: State = { allocations: new Map() };

/** Decides and writes. */
function step(state: State, now: number, ...requests: PoolRequest[]): State & Pick<Decision, "outcomes"> {
  const { allocations, reuse } = state;
  const decision = decide(allocations, requests, reuse && { reuse }, { now });
  const after = decision.reuse ?? reuse;
  return { allocations: commit(allocations, decision), ...(after && { reuse: after }), outcomes: decision.outcomes };
}

/** Allocates for an owner; the last octet of its address. */
function add(state: State, now: number, who: string, settings = {}): [number | undefined, State] {
  const after = step(state, now, allocateRequest(owner(who), { ...range(1, 3), reuseAfter: AFTER, ...settings }));
  const [outcome] = after.outcomes;
  const address = outcome && "allocation" in outcome ? outcome.allocation.address : undefined;
  return [address === undefined ? undefined : octets([address])[0], after];
}

function del(state: State, now: number, who: string): State {
  const { containerId, ifName } = owner(who);
  return step(state, now, { kind: "release", containerId, ifName });
}

const rested = (state: State) => octets(state.reuse?.rests.keys() ?? []);

Deno.test("a released address rests: another owner gets the next one, until its time has passed", () => {
  const [, one] = add(EMPTY, NOW, "a/net1/x");
  const freed = del(one, NOW, "a/net1/x");
  assert.deepEqual(rested(freed), [1]);
  assert.equal(add(freed, NOW + AFTER - 1, "b/net1/y")[0], 2);
  const [address, later] = add(freed, NOW + AFTER, "b/net1/y");
  assert.equal(address, 1);
  assert.deepEqual(rested(later), []);
});

Deno.test("a resting address returns to the interface that had it, the last one first, and to no other interface of its pod", () => {
  const freed = del(add(EMPTY, NOW, "a/net1/x")[1], NOW, "a/net1/x");
  assert.equal(add(freed, NOW + 1, "a/net1/z")[0], 1);
  assert.equal(add(freed, NOW + 1, "a/net2/z")[0], 2);
  const { reuse } = freed;
  assert(reuse);
  const rests = new Map([...reuse.rests, [at(3), { podRef: "a", ifName: "net1", since: NOW + 1 }]]);
  assert.equal(add({ ...freed, reuse: { ...reuse, rests } }, NOW + 2, "a/net1/z")[0], 3);
});

Deno.test("if nothing else is free, the longest rested address is allocated", () => {
  let state: State = EMPTY;
  for (const who of ["a", "b", "c"]) state = add(state, NOW, `${who}/net1/${who}`)[1];
  for (const [i, who] of ["b", "c", "a"].entries()) state = del(state, NOW + i, `${who}/net1/${who}`);
  assert.deepEqual(rested(state), [1, 2, 3]);
  for (const expected of [2, 3, 1]) {
    const [address, next] = add(state, NOW + 10, `new${expected}/net1/n${expected}`);
    assert.equal(address, expected);
    state = next;
  }
  assert.equal(add(state, NOW + 10, "late/net1/l")[0], undefined);
});

Deno.test("a requested address may rest", () => {
  const freed = del(add(EMPTY, NOW, "a/net1/x")[1], NOW, "a/net1/x");
  const settings = { ...range(1, 3), reuseAfter: AFTER };
  const { outcomes } = step(freed, NOW, allocateRequest(owner("b/net1/y"), settings, { requested: at(1) }));
  assert.deepEqual(outcomes, [{ kind: "allocated", allocation: entry(1, "b/net1/y") }]);
});

Deno.test("the first pick that does not rest is allocated, else the longest rested one", () => {
  const picks = { picks: [at(3), at(2)] };
  const freed = del(add(EMPTY, NOW, "a/net1/x", picks)[1], NOW, "a/net1/x");
  assert.deepEqual(rested(freed), [3]);
  const [second, both] = add(freed, NOW, "b/net1/y", picks);
  assert.equal(second, 2);
  assert.equal(add(both, NOW, "c/net1/z", picks)[0], 3);
});

Deno.test("a release rests by the pool's record, and by the caller's setting where the pool was not read", () => {
  const stored = pool({ 1: "a/net1/x", 2: "b/net1/y" });
  assert.equal(decide(stored, [drop([entry(1, "a/net1/x")])], undefined, { now: NOW }).reuse, undefined);
  const given = decide(stored, [drop([entry(1, "a/net1/x")], AFTER)], undefined, { now: NOW });
  const rest = { podRef: "a", ifName: "net1", since: NOW };
  assert.deepEqual(given.reuse, { after: AFTER, rests: new Map([[at(1), rest]]) });
  const reuse: Reuse = { after: 5_000, rests: new Map() };
  const recorded = decide(stored, [drop([entry(1, "a/net1/x")], AFTER)], { reuse }, { now: NOW });
  assert.deepEqual(recorded.reuse, { after: 5_000, rests: new Map([[at(1), rest]]) });
});

Deno.test("a rolled back allocation does not rest, and continues the rest that it ended", () => {
  const first = decide(new Map(), [allocateRequest(owner("a/net1/x"), { ...range(), reuseAfter: AFTER })]);
  const written = commit(new Map(), first);
  const state = first.reuse && { reuse: first.reuse };
  const undone = decide(written, [{ kind: "revert", changes: first.changes }], state, { now: NOW });
  assert.equal(undone.reuse, undefined);
  const freed = del({ allocations: written, reuse: { after: AFTER, rests: new Map() } }, NOW, "a/net1/x");
  const { allocations, reuse } = freed;
  assert(reuse);
  const again = decide(
    allocations,
    [allocateRequest(owner("a/net1/z"), { ...range(), reuseAfter: AFTER })],
    { reuse },
    { now: NOW + 7 },
  );
  assert.deepEqual(again.changes[0]?.rested, { podRef: "a", ifName: "net1", since: NOW });
  const taken = { allocations: commit(allocations, again), ...(again.reuse && { reuse: again.reuse }) };
  assert.deepEqual(rested(taken), []);
  const back = step(taken, NOW + 8, { kind: "revert", changes: again.changes });
  assert.deepEqual(back.reuse, reuse);
  assert.deepEqual(rested(step(taken, NOW + 8, withdraw(entry(1, "a/net1/z")))), []);
});

Deno.test("a rest in the future counts as now, and the next change of the pool corrects it", () => {
  const ahead = { podRef: "a", ifName: "net1", since: NOW + 10 * AFTER };
  const state: State = { ...EMPTY, reuse: { after: AFTER, rests: new Map([[at(1), ahead]]) } };
  const [address, corrected] = add(state, NOW, "b/net1/y");
  assert.equal(address, 2);
  assert.equal(corrected.reuse?.rests.get(at(1))?.since, NOW);
  assert.equal(add(corrected, NOW + AFTER, "c/net1/z")[0], 1);
});

Deno.test("an address that another plugin allocated meanwhile does not rest", () => {
  const freed = del(add(EMPTY, NOW, "a/net1/x")[1], NOW, "a/net1/x");
  const foreign: State = { ...freed, allocations: pool({ 1: "original//o" }) };
  assert.deepEqual(restingAt(foreign.reuse, NOW, (address) => foreign.allocations.has(address)), []);
  assert.deepEqual(rested(add(foreign, NOW, "b/net1/y")[1]), []);
});

Deno.test("a network without the settings records nothing, and removes what another network recorded", () => {
  const plain = { reuseAfter: undefined };
  const [, one] = add(EMPTY, NOW, "a/net1/x", plain);
  assert.equal(one.reuse, undefined);
  assert.equal(del(one, NOW, "a/net1/x").reuse, undefined);
  const freed = del(add(EMPTY, NOW, "a/net1/x", { order: "rotate" })[1], NOW, "a/net1/x");
  const [address, after] = add(freed, NOW, "b/net1/y", plain);
  assert.equal(address, 1);
  assert.deepEqual(after.reuse, { rests: new Map() });
  assert(!isRecorded({}) && !isRecorded({ order: "random" }));
  assert(isRecorded({ order: "rotate" }) && isRecorded({ reuseAfter: AFTER }));
});

Deno.test("rotate allocates the next address after the last one, and wraps; requested addresses do not move it", () => {
  const settings = { ...range(1, 4, [2]), order: "rotate" } as const;
  let state: State = EMPTY;
  const found: number[] = [];
  for (let i = 0; i < 7; i++) {
    const who = `pod${i}/net1/c${i}`;
    const [address, next] = add(state, NOW, who, { ...settings, reuseAfter: undefined });
    found.push(address ?? -1);
    state = del(next, NOW, who);
    const asked = allocateRequest(owner("asked/net1/q"), settings, { requested: at(4) });
    state = del(step(state, NOW, asked), NOW, "asked/net1/q");
  }
  assert.deepEqual(found, [1, 3, 4, 1, 3, 4, 1]);
});

Deno.test("random allocates any free address, and only free ones", () => {
  const settings = { ...range(1, 14), order: "random" } as const;
  const requests = Array.from({ length: 14 }, (_, i) => allocateRequest(owner(`pod${i}/net1/c${i}`), settings));
  let state = 1;
  const random = () => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647; // Park and Miller's generator
  const { changes } = decide(new Map(), requests, undefined, { random });
  const order = changes.map(({ address }) => Number(address - at(0)));
  assert.deepEqual(order.toSorted((a, b) => a - b), Array.from({ length: 14 }, (_, i) => i + 1));
  assert.notDeepEqual(order, order.toSorted((a, b) => a - b));
});

Deno.test("a pool records a limited number of rests, and drops those that started first", () => {
  const wide = cidr("10.0.0.0/16");
  const allocations = new Map(Array.from({ length: MAX_RESTS + 5 }, (_, i) => {
    const address = wide.base + BigInt(i + 1);
    return [address, { address, podRef: `ns/pod-${i}`, ifName: "net1", containerId: `c${i}` }];
  }));
  const reuse: Reuse = { after: AFTER, rests: new Map([[wide.base + 9_000n, { podRef: "a", ifName: "b", since: 1 }]]) };
  const decision = decide(allocations, [drop([...allocations.values()])], { reuse }, { now: 2 });
  assert.equal(decision.reuse?.rests.size, MAX_RESTS);
  assert(!decision.reuse.rests.has(wide.base + 9_000n));
});

Deno.test("changedRests turns the rests of one state into those of another", () => {
  const rest = fc.record({
    podRef: fc.constantFrom("a", "b"),
    ifName: fc.constant("net1"),
    since: fc.integer({ min: 0, max: 2 }),
  }, { noNullPrototype: true });
  const anyReuse = fc.array(fc.tuple(fc.integer({ min: 1, max: 6 }).map(at), rest))
    .map((rests): Reuse => ({ rests: new Map(rests) }));
  fc.assert(fc.property(anyReuse, anyReuse, (before, after) => {
    const rests = new Map(before.rests);
    for (const [address, changed] of changedRests(before, after)) {
      if (changed) rests.set(address, changed);
      else rests.delete(address);
    }
    assert.deepEqual(rests, after.rests);
  }));
});

Deno.test("no address is allocated to another owner while it rests and another one is free", () => {
  const action = fc.record({
    who: anyOwner,
    release: fc.boolean(),
    wait: fc.integer({ min: 0, max: AFTER / 4 }),
    order: fc.constantFrom("lowest", "rotate", "random"),
  }, { noNullPrototype: true });
  let refused = 0;
  fc.assert(
    fc.property(fc.array(action, { maxLength: 40, size: "max" }), (actions) => {
      let [state, now]: [State, number] = [EMPTY, NOW];
      const freed = new Map<bigint, { since: number; podRef: string; ifName: string }>();
      for (const { who, release, wait, order } of actions) {
        now += wait;
        const before = state.allocations;
        if (release) state = step(state, now, { kind: "release", ...who });
        else state = step(state, now, allocateRequest(who, { ...range(1, 3), reuseAfter: AFTER, order }));
        for (const [address, { podRef, ifName }] of before) {
          if (!state.allocations.has(address)) freed.set(address, { podRef, ifName, since: now });
        }
        for (const [address, { podRef, ifName }] of state.allocations) {
          const rest = freed.get(address);
          if (before.has(address) || !rest || now - rest.since >= AFTER) continue;
          if (rest.podRef === podRef && rest.ifName === ifName) continue;
          refused++;
          for (let octet = 1; octet <= 3; octet++) {
            const other = freed.get(at(octet));
            const isResting = other && now - other.since < AFTER;
            assert(before.has(at(octet)) || isResting, `10.0.0.${octet} was free and rested long enough`);
            assert(before.has(at(octet)) || (other?.since ?? 0) >= rest.since, `10.0.0.${octet} rested longer`);
          }
        }
      }
    }),
    { numRuns: 2_000 },
  );
  assert(refused > 100, `only ${refused} allocations had resting addresses only`);
});
