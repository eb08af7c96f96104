import assert from "node:assert/strict";
import { formatIp } from "../../src/address/ip.ts";
import { decide } from "../../src/pool/decide.ts";
import {
  decodeMove,
  encodeMove,
  type Move,
  movedRange,
  movedTo,
  nextRanges,
  otherRanges,
  planMove,
} from "../../src/pool/move.ts";
import { allocateRequest } from "../../src/pool/requests.ts";
import { range } from "../ipam/lab.ts";
import { at, CIDR, cidr, entry, owner, pool, range as rangeOf } from "./pools.ts";

const OTHER = cidr("10.0.0.0/30");
const MOVES: readonly Move[] = [
  { kind: "moving", to: OTHER },
  { kind: "moving", to: OTHER, again: true },
  { kind: "moved", to: OTHER },
  { kind: "receiving", from: OTHER },
  { kind: "receiving", from: OTHER, run: "k3v9" },
];
/** Those of a divided range. */
const OF_BLOCKS: readonly Move[] = [
  { kind: "dividing", size: 24, run: "k3v9" },
  { kind: "divided", size: 24 },
  { kind: "divided", size: 0 },
  { kind: "joining", size: 24, run: "k3v9" },
  { kind: "joined", size: 24 },
];

Deno.test("decodeMove reads what encodeMove writes, and refuses a mark that it does not know", () => {
  for (const move of [...MOVES, ...OF_BLOCKS]) assert.deepEqual(decodeMove(encodeMove(move)), move);
  for (const text of [undefined, null, ""]) assert.equal(decodeMove(text), undefined);
  for (const text of ["paused 10.0.0.0/24", "moving", "moving x", "10.0.0.0/24"]) {
    assert.throws(() => decodeMove(text), RangeError, text);
  }
  assert.deepEqual(MOVES.map(movedTo), [OTHER, OTHER, OTHER, undefined, undefined]);
});

Deno.test("planMove moves what the other range has, replaces copies of the same interface, and leaves the rest", () => {
  const source = pool({ 1: "a/net1/x", 2: "b/net1/new", 3: "c/net1/z", 9: "d/net1/w" });
  const target = pool({ 1: "a/net1/x", 2: "b/net1/old", 3: "other/net1/o" });
  const { changes, moving, outside, conflicts } = planMove(source, target, OTHER);
  assert.deepEqual(changes, [{ address: at(2), before: entry(2, "b/net1/old"), after: entry(2, "b/net1/new") }]);
  assert.deepEqual(moving, [entry(1, "a/net1/x"), entry(2, "b/net1/new")]);
  assert.deepEqual(outside, [entry(9, "d/net1/w")]);
  assert.deepEqual(conflicts, [{ allocation: entry(3, "c/net1/z"), holder: entry(3, "other/net1/o") }]);
});

Deno.test("movedRange is the part of a range that another one has, with the former prefix length", () => {
  const bounds = (from: string, to: string) => {
    const moved = movedRange(range(from), range(to).cidr);
    return moved && [moved.first, moved.last].map((value) => formatIp({ family: 4, value })).join(" ") +
        ` /${moved.cidr.prefix}`;
  };
  assert.equal(bounds("10.0.0.0/24", "10.0.0.0/22"), "10.0.0.1 10.0.0.254 /24");
  assert.equal(bounds("10.0.0.0/24", "10.0.0.0/25"), "10.0.0.1 10.0.0.126 /24");
  assert.equal(bounds("10.0.0.10-10.0.0.200/24", "10.0.0.128/25"), "10.0.0.129 10.0.0.200 /24");
  assert.equal(bounds("10.0.0.10-10.0.0.20/24", "10.0.0.128/25"), undefined);
  assert.equal(bounds("10.0.0.0/24", "10.1.0.0/24"), undefined);
});

Deno.test("decide allocates nothing while entries move, and afterwards only what the owner has here", () => {
  const stored = pool({ 1: "a/net1/x" });
  const ask = (who: string, move: Move) =>
    decide(stored, [allocateRequest(owner(who), rangeOf())], { move }).outcomes[0];
  for (const move of MOVES.filter(({ kind }) => kind !== "moved")) {
    for (const who of ["a/net1/x", "b/net1/y"]) assert.deepEqual(ask(who, move), { kind: "moving", move });
  }
  const moved: Move = { kind: "moved", to: OTHER };
  assert.equal(ask("a/net1/x", moved)?.kind, "kept");
  assert.deepEqual(ask("b/net1/y", moved), moved);
  for (const move of MOVES) {
    const lost = { kind: "restore", allocation: entry(5, "c/net1/z") } as const;
    assert.deepEqual(decide(stored, [lost], { move }).outcomes, [{ kind: "closed" }]);
    const release = { kind: "release", containerId: "x", ifName: "net1" } as const;
    assert.equal(decide(stored, [release], { move }).changes.length, 1);
  }
  assert.equal(CIDR.family, 4);
});

Deno.test("a joining pool allocates nothing, and its entries may be in blocks; a joined one allocates and is restored", () => {
  const ask = (move: Move) => decide(pool({}), [allocateRequest(owner("a/net1/x"), rangeOf())], { move }).outcomes[0];
  const ip = { family: 4, value: at(5) } as const;
  const [, , , joining, joined] = OF_BLOCKS;
  assert(joining && joined);
  assert.equal(ask(joining)?.kind, "moving");
  assert.deepEqual(otherRanges(joining, [ip]), [cidr("10.0.0.0/24")]);
  assert.deepEqual(nextRanges(joining, [ip]), []);
  assert.equal(ask(joined)?.kind, "allocated");
  assert.deepEqual(nextRanges(joined, [ip]), []);
  const lost = { kind: "restore", allocation: entry(5, "c/net1/z") } as const;
  assert.equal(decide(pool({}), [lost], { move: joined }).outcomes[0]?.kind, "restored");
});
