import assert from "node:assert/strict";
import { PLAIN, styleFor } from "../../src/cli/style.ts";
import { countText, fold, table } from "../../src/cli/table.ts";

Deno.test("table aligns columns to their widest cell without trailing blanks", () => {
  assert.deepEqual(table(["A", "LONG"], [["wide cell", "x"], ["y"]]), [
    "A          LONG",
    "wide cell  x",
    "y",
  ]);
});

Deno.test("table aligns numbers to the right, and shortens large ones", () => {
  assert.deepEqual(table(["POOL", "USED", "FREE"], [["a", 5, 2n ** 64n], ["b", 1234n, 7]]), [
    "POOL  USED   FREE",
    "a        5  ~2^64",
    "b     1234      7",
  ]);
});

Deno.test("countText shows large counts as powers of two", () => {
  const shown = [0, 999_999_999, 1_000_000_000, 2n ** 64n - 3n, 2n ** 64n, 2n ** 63n + 2n ** 62n, 2n ** 128n];
  assert.deepEqual(shown.map(countText), ["0", "999999999", "~2^30", "~2^64", "~2^64", "~2^64", "~2^128"]);
});

Deno.test("table folds texts until it fits the terminal, and loses nothing", () => {
  const message = "the pod default/web-0 uses an address that is allocated to another one";
  const rows = [["10.0.0.1", "telco/session-worker-1029", 7, message], ["10.0.0.2", "a/b", 12345, "short"]];
  for (const width of [50, 60, 80]) {
    const lines = table(["ADDRESS", "POD", "N", "DETAILS"], rows, { ...PLAIN, width });
    for (const line of lines) assert(line.length <= width, `${width}: ${line}`);
    const text = lines.slice(1).join("").replace(/\s/g, "");
    for (const part of message.split(" ")) assert(text.includes(part), part);
  }
  assert.equal(table(["ADDRESS", "POD", "N", "DETAILS"], rows).length, 3, "without a terminal, a row is a line");
});

Deno.test("fold breaks after blanks, else after the signs that join names, else anywhere", () => {
  assert.deepEqual(fold("one two three", 8), ["one two", "three"]);
  assert.deepEqual(fold("telco/session-worker-1", 10), ["telco/", "session-", "worker-1"]);
  assert.deepEqual(fold("abcdefgh", 3), ["abc", "def", "gh"]);
});

Deno.test("table colours cells without changing their columns", () => {
  const style = styleFor(true, undefined);
  const rows = [[{ text: "x", paint: style.bad }, "y"], ["long", "z"]];
  assert.deepEqual(table([], rows, PLAIN), ["\x1b[31mx   \x1b[39m  y", "long  z"]);
});

Deno.test("table replaces control characters by question marks", () => {
  assert.deepEqual(table(["A"], [["x\x1b[2Jy\nz"]]), ["A", "x?[2Jy?z"]);
});
