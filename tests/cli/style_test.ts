import assert from "node:assert/strict";
import { PLAIN, styleFor } from "../../src/cli/style.ts";

Deno.test("styleFor colours only on a terminal without NO_COLOR", () => {
  assert.equal(styleFor(true, undefined).bad("x"), "\x1b[31mx\x1b[39m");
  for (const style of [styleFor(false, undefined), styleFor(true, "1"), PLAIN]) {
    assert.deepEqual([style.strong("x"), style.good("x"), style.bad("x"), style.faint("x")], ["x", "x", "x", "x"]);
  }
});
