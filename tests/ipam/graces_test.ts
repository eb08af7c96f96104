import assert from "node:assert/strict";
import { MIN_GRACE, parseGraces } from "../../src/ipam/graces.ts";

const READ: readonly (readonly [grace: string | undefined, deadNode: string | undefined, expected: object])[] = [
  [undefined, undefined, {}],
  ["5", undefined, { grace: MIN_GRACE }],
  ["90s", "5m", { grace: 90_000, deadNodeGrace: 300_000 }],
  ["1.5m", "24h", { grace: 90_000, deadNodeGrace: 86_400_000 }],
  [undefined, "never", { deadNodeGrace: "never" }],
];

for (const [grace, deadNode, expected] of READ) {
  Deno.test(`parseGraces reads --grace ${grace} --dead-node-grace ${deadNode}`, () => {
    assert.deepEqual(parseGraces({ grace, "dead-node-grace": deadNode }), expected);
  });
}

for (const text of ["", "4", "4.9s", "25h", "soon", "-5", "1e9", "5 m", "5d", "m"]) {
  Deno.test(`parseGraces refuses ${JSON.stringify(text)}, and names the flag`, () => {
    assert.throws(
      () => parseGraces({ grace: text }),
      /^RangeError: --grace ".*": expected 5 s to 24 h, such as 30, 90s or 5m$/,
    );
    assert.throws(() => parseGraces({ "dead-node-grace": text }), /--dead-node-grace .* or never$/);
  });
}

Deno.test("parseGraces accepts never only for nodes that are not ready", () => {
  assert.throws(() => parseGraces({ grace: "never" }), RangeError);
});
