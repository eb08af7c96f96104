import assert from "node:assert/strict";
import { parseNumber, UsageError } from "../../src/cli/define.ts";

Deno.test("parseNumber accepts digits within the limits, and refuses everything else", () => {
  assert.equal(parseNumber("pods", "0"), 0);
  assert.equal(parseNumber("interval", "3600", { min: 1, max: 3_600 }), 3_600);
  assert.equal(parseNumber("per-day", "2.125", { decimals: 3 }), 2.125);
  for (const text of ["", "x", "-1", "+1", "1e3", "0x10", "1.5", " 1", "1.", "1234567890"]) {
    assert.throws(() => parseNumber("pods", text), UsageError, text);
  }
  for (const text of ["0", "3601"]) {
    assert.throws(
      () => parseNumber("interval", text, { min: 1, max: 3_600 }),
      new RegExp(`Invalid --interval "${text}": expected a number from 1 to 3600`),
    );
  }
  assert.throws(() => parseNumber("per-day", "2.1255", { decimals: 3 }), UsageError);
});
