import assert from "node:assert/strict";
import fc from "fast-check";
import { Blocks } from "../../src/address/blocks.ts";

Deno.test("Blocks finds the same lowest overlapping interval as a linear search", () => {
  const lengths = fc.array(fc.tuple(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 0, max: 3 })), { maxLength: 12 });
  fc.assert(fc.property(lengths, fc.nat(60), fc.nat(10), (parts, from, length) => {
    let at = 0;
    const intervals = parts.map(([long, gap]) => {
      const first = BigInt(at + gap);
      at += gap + long;
      return { first, last: first + BigInt(long) - 1n };
    });
    const [some, added] = [intervals.filter((_, i) => i % 2 === 0), intervals.filter((_, i) => i % 2 === 1)];
    const blocks = new Blocks(some.toReversed());
    added.forEach((one) => blocks.add(one));
    const wanted = { first: BigInt(from), last: BigInt(from + length) };
    const found = intervals.find(({ first, last }) => first <= wanted.last && last >= wanted.first);
    assert.equal(blocks.overlapping(wanted), found);
  }));
});
