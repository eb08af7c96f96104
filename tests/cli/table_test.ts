import assert from "node:assert/strict";
import { table } from "../../src/cli/table.ts";

Deno.test("table aligns columns to their widest cell and leaves no space at the end", () => {
  assert.deepEqual(table(["A", "LONG"], [["wide cell", "x"], ["y"]]), [
    "A          LONG",
    "wide cell  x",
    "y",
  ]);
});

Deno.test("table shows what would move the terminal's cursor as a question mark", () => {
  assert.deepEqual(table(["A"], [["x\x1b[2Jy\nz"]]), ["A", "x?[2Jy?z"]);
});
