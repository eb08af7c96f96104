import assert from "node:assert/strict";
import { fillOf, formatCount, formatDuration, formatNumberOf, formatPercent } from "../../page/format.ts";

Deno.test("counts have thin spaces, and huge ones are powers of two", () => {
  const texts = [0, 999, 1_000, 1_234_567].map(formatCount);
  assert.deepEqual(texts, ["0", "999", "1\u2009000", "1\u2009234\u2009567"]);
  assert.deepEqual([2n ** 64n, 2n ** 64n - 251n, 2n ** 64n + 1n, 2n ** 112n].map(formatCount), [
    "~2^64",
    "~2^64",
    "~2^64",
    "~2^112",
  ]);
});

Deno.test("a percentage is 0 only without any use, and 100 only if all is used", () => {
  const texts = [0, 0.0001, 0.01, 0.29, 0.999, 1].map(formatPercent);
  assert.deepEqual(texts, ["0 %", "<1 %", "1 %", "29 %", "99 %", "100 %"]);
  assert.deepEqual([fillOf(5, 10n), fillOf(11, 10n), fillOf(0, 0n), fillOf(1, 2n ** 64n)], [0.5, 1, 1, 2 ** -64]);
});

Deno.test("durations have one unit", () => {
  const texts = [10, 59_999, 60_000, 7_200_000, 90_000_000, 400 * 86_400_000].map(formatDuration);
  assert.deepEqual(texts, ["0 s", "59 s", "1 min", "2 h", "1 d", "over 1 y"]);
  assert.deepEqual([formatNumberOf(1, "pool"), formatNumberOf(2, "pool")], ["1 pool", "2 pools"]);
});
