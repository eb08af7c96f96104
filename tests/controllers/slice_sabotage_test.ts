/**
 * Removes a rule of elastic slices in a copy of the sources: the simulated nodes and controllers of `slice_world.ts` must notice it.
 *
 * @module
 */
import assert from "node:assert/strict";
import { type Edit, editedCopy, editsOf } from "../support/edited.ts";

/** Files and folders that the simulation needs. */
const TREE = ["deno.json", "deno.lock", "src", "drivers", "tests/controllers", "tests/support"];

const SABOTAGES: readonly (readonly [name: string, edits: readonly Edit[], noticed: RegExp])[] = [
  [
    "the pool of an empty slice stays open when its node loses the slice",
    editsOf("src/pool/slice_plan.ts", ["...lost.map((slice) => ({ key: { network, ...slice } })),", ""]),
    /is in .* and /,
  ],
  [
    "a node opens the pool of its slice although it was closed later",
    editsOf(
      "src/ipam/elastic_slices.ts",
      ["if (pool.fence.closed >= epoch) return false;", ""],
      ["this.#store.open(pool, epoch, this.#signal)", "this.#store.open(pool, pool.fence.closed + 1, this.#signal)"],
    ),
    /is in .* and /,
  ],
  [
    "a pod borrows an address without a record of its pool",
    editsOf("src/ipam/elastic_slices.ts", ["await record(this.#keyOf(slice));", ""]),
    /"attached":0,"entries":[1-9]/,
  ],
  [
    "a leader writes slices that it planned on lists which another leader has claimed since",
    editsOf("src/controllers/slice_keeper.ts", ["&& term !== this.#term", "&& term === undefined"]),
    /is in .* and /,
  ],
  [
    "a list without a network keeps slices from which nodes may allocate",
    editsOf("src/controllers/slice_leftovers.ts", [
      "elastic === undefined && lost.length === 0",
      "elastic === undefined",
    ]),
    /is in .* and /,
  ],
  [
    "a network gets slices that a list of another name still has",
    editsOf("src/controllers/slice_work.ts", ["plan.rivals.some((one) => competes(one, group))", "Boolean(0)"]),
    /is in .* and /,
  ],
  [
    "an empty slice stays with its node",
    editsOf("src/pool/slice_assignment.ts", [
      "if (used || (isIdle && !isIdle(slice))) return true;",
      "if (used || isIdle) return true;",
    ]),
    /deep-equal/,
  ],
];

for (const [name, edits, noticed] of SABOTAGES) {
  Deno.test(`the simulation of elastic slices notices that ${name}`, async () => {
    const folder = await editedCopy(TREE, edits);
    try {
      const { code, stdout } = await new Deno.Command(Deno.execPath(), {
        args: [
          "test",
          "--quiet",
          "--no-check",
          "-A",
          "--filter",
          "Elastic slices",
          "tests/controllers/slice_keeper_test.ts",
        ],
        cwd: folder,
        stdin: "null",
        env: { NO_COLOR: "1" },
      }).output();
      const text = new TextDecoder().decode(stdout);
      assert.equal(code, 1, text);
      assert.match(text, /Seed \d+ fails/);
      assert.match(text, noticed);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  });
}
