import assert from "node:assert/strict";
import { table } from "../../src/cli/table.ts";

Deno.test("table aligns columns to their widest cell without trailing blanks", () => {
  assert.deepEqual(table(["A", "LONG"], [["wide cell", "x"], ["y"]]), [
    "A          LONG",
    "wide cell  x",
    "y",
  ]);
});

Deno.test("table replaces control characters by question marks", () => {
  assert.deepEqual(table(["A"], [["x\x1b[2Jy\nz"]]), ["A", "x?[2Jy?z"]);
});
