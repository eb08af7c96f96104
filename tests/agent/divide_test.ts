import assert from "node:assert/strict";
import { divide } from "../../src/agent/divide.ts";
import type { PoolRequest } from "../../src/pool/requests.ts";

/** Requests by their letters: capitals allocate, small letters release. */
function requests(letters: string) {
  return [...letters].map((letter) => ({
    letter,
    request: { kind: letter === letter.toLowerCase() ? "release" : "allocate" } as PoolRequest,
  }));
}

/** A batch, and its parts. */
const CASES: readonly (readonly [string, readonly string[]])[] = [
  ["AbCdE", ["bd", "ACE"]],
  ["ABCDE", ["ABC", "DE"]],
  ["abcd", ["ab", "cd"]],
  ["AB", ["A", "B"]],
  ["A", ["A"]],
];

for (const [batch, parts] of CASES) {
  Deno.test(`divide splits ${batch} into ${parts.join(" and ")}`, () => {
    assert.deepEqual(divide(requests(batch)).map((part) => part.map(({ letter }) => letter).join("")), parts);
  });
}
