import assert from "node:assert/strict";
import { parseCidr } from "../../src/address/cidr.ts";
import { decodeMove } from "../../src/pool/move.ts";
import type { PoolFacts } from "../../src/pool/orphans.ts";
import { findUnfinishedMoves } from "../../src/pool/unfinished_moves.ts";

/** Pools with marks, as `RANGE: MARK`. */
function pools(...marked: string[]): PoolFacts[] {
  return marked.map((text) => {
    const [range = "", mark = ""] = text.split(": ");
    const cidr = parseCidr(range)?.cidr;
    assert(cidr);
    const move = decodeMove(mark);
    return { key: { network: "storage", cidr }, allocations: new Map(), ...(move && { move }) };
  });
}

const RESIZE = "whereabouts resize storage/10.0.0.0/24 10.0.0.0/22";
const DIVIDE = "whereabouts migrate blocks storage/10.0.0.0/16 --size /24";
const JOIN = "whereabouts migrate blocks --back storage/10.0.0.0/16";

/** The pools' marks, in every state between the writes of a command, and the command that the finding names. */
const CASES: readonly (readonly [marked: readonly string[], pool: string, command: string])[] = [
  [["10.0.0.0/24: moving 10.0.0.0/22"], "storage/10.0.0.0/24", RESIZE],
  [["10.0.0.0/24: moving 10.0.0.0/22", "10.0.0.0/22: receiving 10.0.0.0/24 r1"], "storage/10.0.0.0/22", RESIZE],
  [["10.0.0.0/24: moved 10.0.0.0/22", "10.0.0.0/22: receiving 10.0.0.0/24 r1"], "storage/10.0.0.0/22", RESIZE],
  [["10.0.0.0/16: dividing /24 r1"], "storage/10.0.0.0/16", DIVIDE],
  [["10.0.0.0/16: dividing /24 r1", "10.0.7.0/24: receiving 10.0.0.0/16 r1"], "storage/10.0.0.0/16", DIVIDE],
  [["10.0.0.0/16: divided /24", "10.0.7.0/24: receiving 10.0.0.0/16 r1"], "storage/10.0.7.0/24", DIVIDE],
  [["10.0.7.0/24: receiving 10.0.0.0/16 r1"], "storage/10.0.7.0/24", DIVIDE],
  [["10.0.0.0/16: joining /24 r1", "10.0.7.0/24: moved 10.0.0.0/16"], "storage/10.0.0.0/16", JOIN],
  [["10.0.0.0/16: joined /24", "0.0.0.0/0: joining /24 r1"], "storage/0.0.0.0/0", JOIN],
];

for (const [marked, pool, command] of CASES) {
  Deno.test(`findUnfinishedMoves names the command that ends ${marked.join(" and ")}`, () => {
    const [found, ...more] = findUnfinishedMoves(pools(...marked, "10.9.0.0/24"));
    assert.deepEqual(more, []);
    assert.deepEqual([found?.kind, found?.pool, found?.network], ["unfinished-move", pool, "storage"]);
    assert.match(found?.message ?? "", new RegExp(`until ${command} has ended`));
  });
}

Deno.test("findUnfinishedMoves names each pool with its state, of many the first ones", () => {
  const [found] = findUnfinishedMoves(
    pools("10.0.0.0/24: moving 10.0.0.0/22", "10.0.0.0/22: receiving 10.0.0.0/24 r1"),
  );
  assert.equal(
    found?.message,
    "storage/10.0.0.0/22 is receiving the entries of 10.0.0.0/24, storage/10.0.0.0/24 is moving to 10.0.0.0/22: " +
      `they allocate no address until ${RESIZE} has ended; run it again if it was interrupted`,
  );
  const blocks = Array.from({ length: 9 }, (_, i) => `10.0.${i}.0/24: receiving 10.0.0.0/16 r1`);
  const [many] = findUnfinishedMoves(pools("10.0.0.0/16: dividing /24 r1", ...blocks));
  assert.match(
    many?.message ?? "",
    /^storage\/10\.0\.0\.0\/16 is dividing .* 10\.0\.0\.0\/16, and 7 more pools: they /,
  );
});

Deno.test("findUnfinishedMoves finds nothing of moves that have ended, and each of several that have not", () => {
  const ended = ["10.0.0.0/24: moved 10.0.0.0/22", "10.1.0.0/16: divided /24", "10.4.0.0/16: joined /24"];
  assert.deepEqual(findUnfinishedMoves(pools(...ended, "10.0.0.0/22", "10.1.3.0/24")), []);
  const busy = ["10.2.0.0/24: moving 10.2.0.0/22", "10.3.0.0/24: moving 10.3.0.0/22"];
  assert.deepEqual(findUnfinishedMoves(pools(...ended, ...busy)).map(({ pool }) => pool), [
    "storage/10.2.0.0/24",
    "storage/10.3.0.0/24",
  ]);
});
