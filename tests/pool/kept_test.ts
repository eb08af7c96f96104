import assert from "node:assert/strict";
import { decide } from "../../src/pool/decide.ts";
import { type AllocateRequest, allocateRequest, type KnownSandbox, type PoolRequest } from "../../src/pool/requests.ts";
import { judgeTakeover } from "../../src/pool/takeover.ts";
import { findStrays } from "../../src/pool/strays.ts";
import type { Allocation, Allocations, Keeper, Owner } from "../../src/pool/types.ts";
import { at, CIDR, commit, entry, owner, range } from "./pools.ts";

const CLAIM: Keeper = { kind: "IPAMClaim", name: "vm1.net1", uid: "u1" };
const RECREATED: Keeper = { ...CLAIM, uid: "u2" };
const SET: Keeper = { kind: "StatefulSet", name: "web", uid: "u3" };

function kept(octet: number, who: string, keeper: Keeper = CLAIM, former = ""): Allocation {
  const [podRef = "", , containerId = ""] = former.split("/");
  return { ...entry(octet, who), keeper, ...(former && { former: { podRef, containerId } }) };
}

function poolOf(...all: Allocation[]): Allocations {
  return new Map(all.map((one) => [one.address, one]));
}

function add(who: string, keeper?: Keeper, options: Partial<AllocateRequest> = {}): AllocateRequest {
  return allocateRequest({ ...owner(who), ...(keeper && { keeper }) } satisfies Owner, range(), options);
}

function del(containerId: string, ifName = "net1"): PoolRequest {
  return { kind: "release", containerId, ifName };
}

const ended = (podRef: string, containerId: string): KnownSandbox => ({ podRef, containerId, state: "ended" });
const moving = (podRef: string, containerId: string): KnownSandbox => ({ podRef, containerId, state: "moving" });

/** The stored entries, a request, the kind of its outcome, and the entries afterwards. */
type Row = readonly [stored: readonly Allocation[], PoolRequest, outcome: string, after: readonly Allocation[]];

const TABLE: Readonly<Record<string, Row>> = {
  "a first pod gets the lowest free address, with its keeper": [
    [entry(1, "b/net1/y")],
    add("a/net1/x", CLAIM),
    "allocated",
    [entry(1, "b/net1/y"), kept(2, "a/net1/x")],
  ],
  "a pod that had an address before its keeper keeps it": [
    [entry(7, "a/net1/x")],
    add("a/net1/x", CLAIM),
    "kept",
    [kept(7, "a/net1/x")],
  ],
  "DEL keeps the address without the sandbox": [[kept(7, "a/net1/x")], del("x"), "released", [kept(7, "a/net1/")]],
  "DEL of another sandbox changes nothing": [[kept(7, "a/net1/x")], del("y"), "released", [kept(7, "a/net1/x")]],
  "DEL of another interface changes nothing": [
    [kept(7, "a/net1/x")],
    del("x", "net2"),
    "released",
    [kept(7, "a/net1/x")],
  ],
  "DEL frees the addresses of the sandbox that nothing keeps": [
    [entry(3, "a/net1/x"), kept(7, "a/net1/x")],
    del("x"),
    "released",
    [kept(7, "a/net1/")],
  ],
  "another pod of the claim gets the detached address": [
    [kept(7, "a/net1/")],
    add("b/net1/y", CLAIM),
    "kept",
    [kept(7, "b/net1/y")],
  ],
  "another interface of the claim gets the detached address": [
    [kept(7, "a/net1/")],
    add("b/net2/y", CLAIM),
    "kept",
    [kept(7, "b/net2/y")],
  ],
  "a pod of the claim waits for the pod that has the address": [
    [kept(7, "a/net1/x")],
    add("b/net1/y", CLAIM),
    "attached",
    [kept(7, "a/net1/x")],
  ],
  "a second interface of a pod does not get the address of the first": [
    [kept(7, "a/net1/x")],
    add("a/net2/x", CLAIM),
    "attached",
    [kept(7, "a/net1/x")],
  ],
  "a pod of the claim takes the address over from a pod that ended": [
    [kept(7, "a/net1/x")],
    add("b/net1/y", CLAIM, { sandboxes: [ended("a", "x")] }),
    "kept",
    [kept(7, "b/net1/y")],
  ],
  "the end of an earlier sandbox of that pod is not enough": [
    [kept(7, "a/net1/x")],
    add("b/net1/y", CLAIM, { sandboxes: [ended("a", "w")] }),
    "attached",
    [kept(7, "a/net1/x")],
  ],
  "a new sandbox of the same pod replaces the earlier one": [
    [kept(7, "a/net1/x")],
    add("a/net1/y", CLAIM),
    "kept",
    [kept(7, "a/net1/y")],
  ],
  "a migration target shares the address with its source": [
    [kept(7, "a/net1/x")],
    add("b/net1/y", CLAIM, { sandboxes: [moving("a", "x")] }),
    "kept",
    [kept(7, "b/net1/y", CLAIM, "a/net1/x")],
  ],
  "a repeated ADD of the target keeps the source": [
    [kept(7, "b/net1/y", CLAIM, "a/net1/x")],
    add("b/net1/y", CLAIM),
    "kept",
    [kept(7, "b/net1/y", CLAIM, "a/net1/x")],
  ],
  "DEL of a failed target gives the address back to the source": [
    [kept(7, "b/net1/y", CLAIM, "a/net1/x")],
    del("y"),
    "released",
    [kept(7, "a/net1/x")],
  ],
  "DEL of the source leaves the address to the target": [
    [kept(7, "b/net1/y", CLAIM, "a/net1/x")],
    del("x"),
    "released",
    [kept(7, "b/net1/y")],
  ],
  "a second target after a failed one shares the address with the source": [
    [kept(7, "b/net1/y", CLAIM, "a/net1/x")],
    add("c/net1/z", CLAIM, { sandboxes: [ended("b", "y"), moving("a", "x")] }),
    "kept",
    [kept(7, "c/net1/z", CLAIM, "a/net1/x")],
  ],
  "a second target waits for the end of the first one, which the source would not get the address back from": [
    [kept(7, "b/net1/y", CLAIM, "a/net1/x")],
    add("c/net1/z", CLAIM, { sandboxes: [moving("b", "y"), moving("a", "x")] }),
    "attached",
    [kept(7, "b/net1/y", CLAIM, "a/net1/x")],
  ],
  "a restart waits for the source of a failed migration": [
    [kept(7, "b/net1/y", CLAIM, "a/net1/x")],
    add("c/net1/z", CLAIM, { sandboxes: [ended("b", "y")] }),
    "attached",
    [kept(7, "b/net1/y", CLAIM, "a/net1/x")],
  ],
  "a claim of the same name with another uid is another claim": [
    [kept(1, "a/net1/")],
    add("a/net1/y", RECREATED),
    "allocated",
    [kept(1, "a/net1/"), kept(2, "a/net1/y", RECREATED)],
  ],
  "a pod without a claim does not get an address that a claim keeps for its name": [
    [kept(1, "a/net1/")],
    add("a/net1/y"),
    "allocated",
    [kept(1, "a/net1/"), entry(2, "a/net1/y")],
  ],
  "each pod of a StatefulSet has its own address": [
    [kept(1, "web-0/net1/", SET), kept(2, "web-1/net1/", SET)],
    add("web-1/net1/y", SET),
    "kept",
    [kept(1, "web-0/net1/", SET), kept(2, "web-1/net1/y", SET)],
  ],
  "each interface of a pod of a StatefulSet has its own address": [
    [kept(1, "web-0/net1/x", SET)],
    add("web-0/net2/x", SET),
    "allocated",
    [kept(1, "web-0/net1/x", SET), kept(2, "web-0/net2/x", SET)],
  ],
  "a kept address that others use outside the pool is not replaced by another one": [
    [kept(7, "a/net1/")],
    add("b/net1/y", CLAIM, { inUseElsewhere: new Set([at(7)]) }),
    "in use",
    [kept(7, "a/net1/")],
  ],
  "an address that the same call allocated is replaced if others use it": [
    [kept(7, "a/net1/x")],
    add("a/net1/x", CLAIM, { inUseElsewhere: new Set([at(7)]), fresh: new Set([at(7)]), isRetry: true }),
    "allocated",
    [kept(1, "a/net1/x")],
  ],
  "a kept address of another range of the attachment is not allocated twice": [
    [kept(7, "a/net1/x")],
    add("a/net1/x", CLAIM, { ofOtherRanges: new Set([at(7)]) }),
    "allocated",
    [kept(7, "a/net1/x"), kept(1, "a/net1/x")],
  ],
  "the preferred address is allocated if it is free": [
    [],
    add("a/net1/x", undefined, { preferred: at(9) }),
    "allocated",
    [entry(9, "a/net1/x")],
  ],
  "the lowest address is allocated if the preferred one is in use": [
    [entry(9, "b/net1/y")],
    add("a/net1/x", undefined, { preferred: at(9) }),
    "allocated",
    [entry(9, "b/net1/y"), entry(1, "a/net1/x")],
  ],
  "the address that the owner has wins over the preferred one": [
    [entry(3, "a/net1/w")],
    add("a/net1/x", undefined, { preferred: at(9) }),
    "kept",
    [entry(3, "a/net1/x")],
  ],
  "a preferred address outside the bounds is ignored": [
    [],
    add("a/net1/x", undefined, { preferred: at(15) }),
    "allocated",
    [entry(1, "a/net1/x")],
  ],
};

for (const [title, [stored, request, kind, after]] of Object.entries(TABLE)) {
  Deno.test(`decide: ${title}`, () => {
    const before = poolOf(...stored);
    const decision = decide(before, [request]);
    assert.equal(decision.outcomes[0]?.kind, kind);
    assert.deepEqual(commit(before, decision), poolOf(...after));
  });
}

Deno.test("decide: the entry of a kept address names the sandbox that may use it, in every order of a migration's calls", () => {
  const target = add("b/net1/y", CLAIM, { sandboxes: [moving("a", "x")] });
  const orders: [PoolRequest[], Allocation][] = [
    [[target, del("x"), del("y")], kept(7, "b/net1/")],
    [[target, del("y"), del("x")], kept(7, "a/net1/")],
    [[target, del("y"), target, del("x")], kept(7, "b/net1/y")],
    [[target, del("y"), del("y"), del("x"), del("x")], kept(7, "a/net1/")],
  ];
  for (const [requests, last] of orders) {
    const before = poolOf(kept(7, "a/net1/x"));
    assert.deepEqual(commit(before, decide(before, requests)), poolOf(last), JSON.stringify(requests.length));
  }
});

Deno.test("decide: undoing an ADD gives a kept address back, unless the entry changed since", () => {
  const source = kept(7, "a/net1/x");
  const before = poolOf(source);
  const { changes } = decide(before, [add("b/net1/y", CLAIM, { sandboxes: [moving("a", "x")] })]);
  const shared = commit(before, { changes });
  assert.deepEqual(commit(shared, decide(shared, [{ kind: "revert", changes }])), before);
  const alone = commit(shared, decide(shared, [del("x")]));
  assert.deepEqual(decide(alone, [{ kind: "revert", changes }]).changes, []);
});

Deno.test("decide: an entry that its record knows without a keeper is not removed", () => {
  const before = poolOf(kept(7, "a/net1/x"));
  const recorded = { kind: "revert", changes: [{ address: at(7), after: entry(7, "a/net1/x") }] } as const;
  assert.deepEqual(decide(before, [recorded]).changes, []);
});

Deno.test("a reservation belongs to the entry of the same keeper, whichever pod it names", () => {
  const key = { network: "", cidr: CIDR };
  const pools = [{ key, allocations: poolOf(kept(7, "b/net1/y")) }];
  const reservation = { ...owner("a/net1/x"), network: "", ip: { family: 4, value: at(7) } as const };
  assert.deepEqual(findStrays([{ ...reservation, keeper: CLAIM }], pools), []);
  assert.equal(findStrays([{ ...reservation, keeper: RECREATED }], pools).length, 1);
  const next = { ...owner("b/net1/y"), keeper: CLAIM };
  assert.equal(judgeTakeover(pools, { ...reservation, keeper: CLAIM }, next).kind, "allowed");
});
