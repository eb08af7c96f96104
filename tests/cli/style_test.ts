import assert from "node:assert/strict";
import { PLAIN, styleFor } from "../../src/cli/style.ts";

Deno.test("styleFor colours only on a terminal without NO_COLOR, and knows its width", () => {
  assert.equal(styleFor(true, undefined).bad("x"), "\x1b[31mx\x1b[39m");
  assert.equal(styleFor(80, undefined).warn("x"), "\x1b[33mx\x1b[39m");
  for (const style of [styleFor(false, undefined), styleFor(true, "1"), styleFor(80, "1"), PLAIN]) {
    const { strong, good, warn, bad, faint } = style;
    assert.deepEqual([strong, good, warn, bad, faint].map((paint) => paint("x")), ["x", "x", "x", "x", "x"]);
  }
  assert.deepEqual([styleFor(80, undefined).width, styleFor(80, "1").width, styleFor(true, undefined).width], [
    80,
    80,
    undefined,
  ]);
});
