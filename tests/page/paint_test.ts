import assert from "node:assert/strict";
import { type Block, byCell, isAvailable, perCell } from "../../page/blocks.ts";
import { paintOf } from "../../page/paint.ts";
import { legendOf } from "../../page/palette.ts";
import type { EntryRow } from "../../src/ui/types.ts";

const NOTHING = { unavailable: [], skipsZero: false };

function paint(
  block: Block,
  entries: readonly EntryRow[],
  detail: Parameters<typeof paintOf>[0]["detail"] = NOTHING,
  base = 0n,
) {
  const facts = { detail, base, block, by: "state" as const, legend: legendOf(entries, "state") };
  const { palette, colour, part, state } = paintOf(facts, byCell(block, entries));
  return { names: [...colour].map((index) => palette[index]), part, state };
}

const entry = (offset: number, state = 0): EntryRow => [offset, state, "a/b", "net1", "n1", "c", ""];

Deno.test("a cell has the colour of its address, and the worst of several", () => {
  const { names } = paint({ start: 0n, size: 4n }, [entry(1), entry(3, 5)]);
  assert.deepEqual(names, ["--free", "--used", "--free", "--conflict"]);
  const block = { start: 0n, size: 131_072n };
  const shared = paint(block, [entry(0), entry(1, 4), entry(2), entry(64)]);
  assert.deepEqual(shared.names.slice(0, 3), ["--leaked", "--free", "--used"]);
  assert.deepEqual([...shared.state.slice(0, 3)], [5, 0, 1]);
  assert.deepEqual([...shared.part.slice(0, 3)].map((part) => part.toFixed(2)), ["0.15", "1.00", "0.15"]);
});

Deno.test("cells that may not be allocated are marked as the panel describes them", () => {
  const details = [
    { unavailable: [[0, 0], [3, 70], [200, 255]] as const, skipsZero: true },
    { unavailable: [[100, "100000"]] as const, skipsZero: true },
    NOTHING,
  ];
  for (const detail of details) {
    for (const base of [0n, 100n]) {
      for (const block of [{ start: 0n, size: 1_024n }, { start: 64n, size: 64n }, { start: 0n, size: 131_072n }]) {
        const size = perCell(block);
        paint(block, [], detail, base).names.forEach((name, i) => {
          const cell = { start: block.start + BigInt(i) * size, size };
          assert.equal(name === "--free", isAvailable(detail, base, cell), `${base} ${block.start} ${i}`);
        });
      }
    }
  }
});
