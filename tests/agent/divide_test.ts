import assert from "node:assert/strict";
import { divide } from "../../src/agent/divide.ts";
import type { PoolRequest } from "../../src/pool/requests.ts";

/** Members by their letters: capitals claim, small letters release. */
function members(letters: string) {
  return [...letters].map((letter) => ({
    letter,
    request: { kind: letter === letter.toLowerCase() ? "release" : "allocate" } as PoolRequest,
  }));
}

/** Batch, and the parts that it is written in after a refusal. */
const CASES: readonly (readonly [string, readonly string[]])[] = [
  ["AbCdE", ["bd", "ACE"]],
  ["ABCDE", ["ABC", "DE"]],
  ["abcd", ["ab", "cd"]],
  ["AB", ["A", "B"]],
  ["A", ["A"]],
];

for (const [batch, parts] of CASES) {
  Deno.test(`divide writes ${batch} as ${parts.join(" and ")}`, () => {
    assert.deepEqual(divide(members(batch)).map((part) => part.map(({ letter }) => letter).join("")), parts);
  });
}
