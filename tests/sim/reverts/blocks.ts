/**
 * Entries in blocks, and the grid that keeps layouts apart.
 *
 * @module
 */
import { type Edit, editsOf } from "../../support/edited.ts";
import type { Setting } from "../seeds.ts";
import type { Revert } from "./revert.ts";

const BLOCKS = "src/ipam/blocks.ts";
const DECIDE = "src/pool/decide.ts";
/** The schema refuses entries in the pool of a divided range too. */
const OPEN = editsOf(
  "drivers/kubernetes/blocks.ts",
  ["spec: { closed: 1 }", "spec: {}"],
  ["...(isClosed(fence) ? []", "...(isClosed(fence) || Boolean(1) ? []"],
);

/** All reverts of blocks. */
export const BLOCK_REVERTS: readonly Revert[] = ([
  [
    "a divided pool allocates addresses",
    "layouts",
    [
      ...OPEN,
      ...editsOf(DECIDE, [
        'if (move?.kind === "divided") return { kind: "divided", size: move.size };\n      if (move) return',
        'if (move && move.kind !== "divided") return',
      ]),
    ],
  ],
  ["the pool of a divided range accepts entries of the original", "original", OPEN],
  [
    "a range is divided although its pool has entries",
    "layouts",
    editsOf(BLOCKS, ["if (allocations.size > 0) throw", "if (allocations.size > Infinity) throw"]),
  ],
  [
    "a domain has several grids",
    "layouts",
    editsOf(
      BLOCKS,
      ["if (size !== undefined && size === range.blocks?.prefix) return true;", "if (size !== undefined) return true;"],
      ["?.divided !== range.blocks?.prefix);", "?.divided === undefined);"],
    ),
  ],
  [
    "blocks are used before the pool of their range records the grid",
    "layouts",
    [
      ...editsOf(BLOCKS, ["[grid, own].filter", "[grid].filter"]),
      ...editsOf("src/ipam/allocate_range.ts", ["if (block.isNew || !isIn) await", "if (!isIn) await"]),
    ],
  ],
  [
    "the node does not record the block before it writes the entry",
    "grids",
    editsOf("src/ipam/allocate_range.ts", ["await onBlock?.(block.key);", ""]),
  ],
  [
    "a release without a record searches no block",
    "grids",
    [
      ...editsOf("src/ipam/release.ts", [
        "entries.length > 0 || !await mayHaveMore()",
        "entries.length > 0 || Boolean(1)",
      ]),
      ...editsOf("src/ipam/allocate_range.ts", ["await onBlock?.(block.key);", ""]),
    ],
  ],
  [
    "a repeated ADD does not look into the block of the first one",
    "grids",
    editsOf(BLOCKS, ["for (const { cidr } of work.recorded) {", "for (const { cidr } of work.recorded.slice(9)) {"]),
  ],
] as readonly (readonly [string, Setting, readonly Edit[]])[]).map(([name, world, edits]) => ({ name, world, edits }));
