import assert from "node:assert/strict";
import fc from "fast-check";
import { parseCidr, usable } from "../../src/address/cidr.ts";
import { addressAt, randomBelow, randomFree } from "../../src/address/random.ts";
import { capacity, type IpRange, isCandidate, lowestFree, mergeIntervals } from "../../src/address/range.ts";

function rangeOf(text: string, excluded: readonly number[] = []): IpRange {
  const cidr = parseCidr(text)?.cidr;
  assert(cidr, text);
  const excludes = excluded.map((offset) => ({ first: cidr.base + BigInt(offset), last: cidr.base + BigInt(offset) }));
  return { cidr, ...usable(cidr), excludes: mergeIntervals(excludes) };
}

/** A generator of 32 random bits each, the same for the same seed (https://en.wikipedia.org/wiki/Xorshift). */
function randomOf(seed: number): () => number {
  let state = seed | 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}

Deno.test("addressAt counts the addresses that lowestFree visits", () => {
  for (
    const range of [rangeOf("10.0.0.0/22", [0, 1, 5, 6, 256, 700]), rangeOf("10.0.0.128/25"), rangeOf("10.0.0.0/31")]
  ) {
    let expected = lowestFree(range, () => false);
    for (let index = 0n; index < capacity(range); index++) {
      assert.equal(addressAt(range, index), expected);
      expected = lowestFree(range, () => false, (expected ?? 0n) + 1n);
    }
    assert.equal(expected, undefined);
  }
});

Deno.test("randomFree returns a free address, if and only if one exists", () => {
  const range = rangeOf("10.0.0.0/28", [3, 4]);
  fc.assert(
    fc.property(fc.uniqueArray(fc.integer({ min: 0, max: 15 })), fc.integer(), (offsets, seed) => {
      const inUse = new Set(offsets.map((offset) => range.cidr.base + BigInt(offset)));
      const found = randomFree(range, (value) => inUse.has(value), () => inUse, randomOf(seed));
      const lowest = lowestFree(range, (value) => inUse.has(value));
      assert.equal(found === undefined, lowest === undefined);
      if (found !== undefined) assert(isCandidate(range, found) && !inUse.has(found));
    }),
    { numRuns: 2_000 },
  );
});

Deno.test("randomFree returns each free address about as often as any other, in a range with room and in a nearly full one", () => {
  const range = rangeOf("10.0.0.0/22");
  for (const free of [900, 5]) {
    const all = Array.from({ length: Number(capacity(range)) }, (_, i) => addressAt(range, BigInt(i)));
    const inUse = new Set(all.slice(free));
    const random = randomOf(7);
    const counts = new Map<bigint, number>();
    const draws = free * 100;
    for (let i = 0; i < draws; i++) {
      const found = randomFree(range, (value) => inUse.has(value), () => inUse, random);
      assert(found !== undefined);
      counts.set(found, (counts.get(found) ?? 0) + 1);
    }
    assert.equal(counts.size, free);
    const square = [...counts.values()].reduce((sum, count) => sum + (count - 100) ** 2 / 100, 0);
    // chi-squared with free - 1 degrees of freedom: its mean is their number, its variance twice that
    assert(square < free + 6 * Math.sqrt(2 * free), `chi-squared is ${square} for ${free} addresses`);
  }
});

Deno.test("randomFree chooses in a range of 2^64 addresses without counting them", () => {
  const range = rangeOf("2001:db8::/64");
  const random = randomOf(3);
  const found = new Set(Array.from({ length: 100 }, () => randomFree(range, () => false, () => [], random)));
  assert.equal(found.size, 100);
  assert([...found].some((value) => value !== undefined && value - range.cidr.base > 1n << 60n));
});

Deno.test("randomBelow returns every number below its limit, and none above", () => {
  const random = randomOf(9);
  const found = new Set(Array.from({ length: 200 }, () => randomBelow(5n, random)));
  assert.deepEqual([...found].sort(), [0n, 1n, 2n, 3n, 4n]);
  assert.equal(randomBelow(1n, random), 0n);
});
