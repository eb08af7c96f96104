import assert from "node:assert/strict";
import { formatCidr, parseCidr, span } from "../../src/address/cidr.ts";
import { formatIp, parseIp } from "../../src/address/ip.ts";
import { capacity, type IpRange, isCandidate, mergeIntervals, unboundedRange } from "../../src/address/range.ts";
import { type BlockFacts, type BlockSearch, chooseBlock, inBlock, isBlockOf, startOf } from "../../src/pool/grid.ts";

function cidr(text: string) {
  const parsed = parseCidr(text);
  assert(parsed, text);
  return parsed.cidr;
}

function value(text: string): bigint {
  const ip = parseIp(text);
  assert(ip, text);
  return ip.value;
}

/** A divided range. */
function divided(text: string, prefix: number, others: Partial<IpRange> = {}): IpRange {
  return { ...unboundedRange(cidr(text)), blocks: { prefix }, ...others };
}

function search(used: Record<string, number> = {}, others: Partial<BlockSearch> = {}): BlockSearch {
  const known = Object.entries(used).map(([text, used]): [string, BlockFacts] => [text, { cidr: cidr(text), used }]);
  return { known: new Map(known), excluded: new Set(), ...others };
}

function chosen(range: IpRange, facts?: Record<string, number>, others?: Partial<BlockSearch>): string | undefined {
  const block = chooseBlock(range, search(facts, others));
  return block && formatCidr(block);
}

Deno.test("chooseBlock names the lowest block whose part of the range is not full by its count", () => {
  const range = divided("10.0.0.0/22", 24);
  assert.equal(chosen(range), "10.0.0.0/24");
  assert.equal(chosen(range, { "10.0.0.0/24": 254 }), "10.0.0.0/24", "255 addresses: .0 is never allocated");
  assert.equal(chosen(range, { "10.0.0.0/24": 255 }), "10.0.1.0/24");
  assert.equal(chosen(range, { "10.0.0.0/24": 255, "10.0.1.0/24": 255, "10.0.2.0/24": 3 }), "10.0.2.0/24");
  const full = { "10.0.0.0/24": 255, "10.0.1.0/24": 255, "10.0.2.0/24": 255, "10.0.3.0/24": 254 };
  assert.equal(chosen(range, full), undefined, "the last block has the broadcast address");
  assert.equal(chosen(range, {}, { excluded: new Set(["10.0.0.0/24"]) }), "10.0.1.0/24");
});

Deno.test("chooseBlock compares the count with bounds and excludes of the range, and skips blocks without any address", () => {
  const excludes = mergeIntervals([span(cidr("10.0.1.0/24")), span(cidr("10.0.2.0/25"))]);
  const range = divided("10.0.0.0/22", 24, { first: value("10.0.0.200"), last: value("10.0.3.9"), excludes });
  assert.equal(chosen(range, { "10.0.0.0/24": 55 }), "10.0.0.0/24");
  assert.equal(chosen(range, { "10.0.0.0/24": 56 }), "10.0.2.0/24");
  assert.equal(chosen(range, { "10.0.0.0/24": 56, "10.0.2.0/24": 128 }), "10.0.3.0/24");
  const all = { "10.0.0.0/24": 56, "10.0.2.0/24": 128, "10.0.3.0/24": 9 };
  assert.equal(chosen(range, all), undefined);
  assert.equal(chosen(range, all, { uncertain: true }), "10.0.0.0/24", "the entries may be below the bounds");
  const full = { "10.0.0.0/24": 255, "10.0.2.0/24": 255, "10.0.3.0/24": 255 };
  assert.equal(chosen(range, full, { uncertain: true }), undefined);
});

Deno.test("chooseBlock starts at the address of the search, and wraps around", () => {
  const range = divided("10.0.0.0/22", 24);
  const from = value("10.0.2.0");
  assert.equal(chosen(range, {}, { from }), "10.0.2.0/24");
  assert.equal(chosen(range, { "10.0.2.0/24": 255, "10.0.3.0/24": 254 }, { from }), "10.0.0.0/24");
});

Deno.test("chooseBlock finds a block of a range with 2^56 blocks at once", () => {
  const range = divided("fd00::/64", 120);
  assert.equal(chosen(range, { "fd00::/120": 255 }), "fd00::100/120");
  const node = startOf(range, "node-1");
  assert.equal(chosen(range, {}, { from: node }), formatCidr({ family: 6, base: node, prefix: 120 }));
});

Deno.test("startOf spreads nodes over all blocks of the bounds, always at the same block for one node", () => {
  const range = divided("10.0.0.0/16", 24, { first: value("10.0.16.7"), last: value("10.0.31.250") });
  const starts = Array.from({ length: 500 }, (_, i) => startOf(range, `node-${i}`));
  assert.deepEqual(starts, Array.from({ length: 500 }, (_, i) => startOf(range, `node-${i}`)));
  assert(starts.every((start) => start >= range.first && start <= range.last));
  const blocks = Map.groupBy(starts, (start) => start >> 8n);
  assert.equal(blocks.size, 16);
  assert(Math.max(...[...blocks.values()].map((all) => all.length)) < 80, "500 nodes over 16 blocks");
});

Deno.test("the parts of all blocks are the range: each address is in one, and bounds and excludes apply", () => {
  const excludes = mergeIntervals([{ first: value("10.0.0.20"), last: value("10.0.0.44") }]);
  for (const others of [{}, { excludes }, { first: value("10.0.0.9"), last: value("10.0.0.50") }, { l3: true }]) {
    const range = divided("10.0.0.0/26", 28, others);
    const blocks = ["10.0.0.0/28", "10.0.0.16/28", "10.0.0.32/28", "10.0.0.48/28"].map(cidr);
    const parts = blocks.map((block) => inBlock(range, block));
    const { first, last } = span(range.cidr);
    for (let address = first; address <= last; address++) {
      const count = parts.filter((part) => isCandidate(part, address)).length;
      assert.equal(count, isCandidate(range, address) ? 1 : 0, formatIp({ family: 4, value: address }));
    }
    assert.equal(parts.reduce((sum, part) => sum + capacity(part), 0n), capacity(range));
  }
});

Deno.test("isBlockOf knows the blocks of a range by size and place", () => {
  const range = divided("10.0.0.0/16", 24);
  assert(isBlockOf(range, cidr("10.0.7.0/24")));
  for (const other of ["10.1.0.0/24", "10.0.7.0/25", "10.0.0.0/16"]) assert(!isBlockOf(range, cidr(other)), other);
  assert(!isBlockOf(unboundedRange(cidr("10.0.0.0/16")), cidr("10.0.7.0/24")));
});
