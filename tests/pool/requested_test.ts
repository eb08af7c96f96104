import assert from "node:assert/strict";
import { parseCidr, usable } from "../../src/address/cidr.ts";
import type { IpRange } from "../../src/address/range.ts";
import { requestedOf } from "../../src/pool/requested.ts";

function range(text: string, first?: number, last?: number): IpRange {
  const parsed = parseCidr(text)?.cidr;
  assert(parsed);
  const whole = usable(parsed);
  const at = (octet: number | undefined, otherwise: bigint) =>
    octet === undefined ? otherwise : parsed.base + BigInt(octet);
  return { cidr: parsed, first: at(first, whole.first), last: at(last, whole.last), excludes: [] };
}

const base = range("10.0.0.0/24").cidr.base;

/** The requested offset in 10.0.0.0/24 of each range. */
function given(ranges: readonly IpRange[], ...octets: number[]): (number | undefined)[] {
  const requested = octets.map((octet) => ({ family: 4 as const, value: base + BigInt(octet) }));
  return requestedOf(ranges, requested).map((value) => value === undefined ? undefined : Number(value - base));
}

Deno.test("requestedOf matches each address with a range that may allocate it, in any order", () => {
  const twice = [range("10.0.0.0/24", 1, 99), range("10.0.0.0/24", 100, 200)];
  assert.deepEqual(given(twice, 5, 105), [5, 105]);
  assert.deepEqual(given(twice, 105, 5), [5, 105]);
  assert.deepEqual(given(twice, 105), [undefined, 105]);
  assert.deepEqual(given([range("fd00::/64"), range("10.0.0.0/24")], 7), [undefined, 7]);
});

Deno.test("requestedOf matches an address that no range may allocate with one whose network contains it, and ignores others", () => {
  const twice = [range("10.0.0.0/24", 1, 99), range("10.0.0.0/24", 100, 200)];
  assert.deepEqual(given(twice, 250, 5), [5, 250]);
  assert.deepEqual(given(twice, 250), [250, undefined]);
  assert.deepEqual(given([range("10.9.0.0/24")], 5), [undefined]);
  assert.deepEqual(given(twice, 5, 6, 105), [5, 105], "a range takes one");
});
