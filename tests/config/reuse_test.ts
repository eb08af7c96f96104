import assert from "node:assert/strict";
import { load, refuses } from "./support.ts";

const RANGE = "10.0.0.0/24";
const settings = async (fields: Record<string, unknown>) =>
  (await load(fields)).config.ranges.map(({ order, reuseAfter }) => [order, reuseAfter]);

Deno.test("parseReuse reads order and reuse_after of all ranges, or of each", async () => {
  assert.deepEqual(await settings({ range: RANGE }), [[undefined, undefined]]);
  const further = [
    { range: "10.1.0.0/24" },
    { range: "10.2.0.0/24", order: "lowest", reuse_after: "0" },
    { range: "10.3.0.0/24", order: "random", reuse_after: "2h" },
  ];
  assert.deepEqual(await settings({ range: RANGE, order: "rotate", reuse_after: "5m", ipRanges: further }), [
    ["rotate", 300_000],
    ["rotate", 300_000],
    ["lowest", undefined],
    ["random", 7_200_000],
  ]);
});

Deno.test("parseReuse accepts durations of at most a day", async () => {
  for (const [text, expected] of [["60s", 60_000], ["24h", 86_400_000], ["0s", undefined], ["0", undefined]]) {
    assert.deepEqual(await settings({ range: RANGE, reuse_after: text }), [[undefined, expected]]);
  }
  for (const text of ["60", "25h", "1.5s", "-1s", "1d", "soon", "1h30m"]) {
    await refuses(load({ range: RANGE, reuse_after: text }), "ipam.reuse_after", text);
  }
  await refuses(load({ ipRanges: [{ range: RANGE, reuse_after: "x" }] }), "ipam.ipRanges[0].reuse_after");
});

Deno.test("parseReuse refuses an unknown order", async () => {
  await refuses(load({ range: RANGE, order: "highest" }), "ipam.order", "highest");
  await refuses(load({ ipRanges: [{ range: RANGE, order: "Rotate" }] }), "ipam.ipRanges[0].order", "Rotate");
});
