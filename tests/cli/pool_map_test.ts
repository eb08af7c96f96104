import assert from "node:assert/strict";
import { parseCidr, usable } from "../../src/address/cidr.ts";
import { type IpRange, mergeIntervals } from "../../src/address/range.ts";
import { poolMap } from "../../src/cli/pool_map.ts";
import { PLAIN } from "../../src/cli/style.ts";

function range(text: string): IpRange {
  const cidr = parseCidr(text)?.cidr;
  assert(cidr);
  return { cidr, ...usable(cidr), excludes: [] };
}

function at({ cidr }: IpRange, ...offsets: number[]): bigint[] {
  return offsets.map((offset) => cidr.base + BigInt(offset));
}

/** The cells of all lines. */
function cellsOf(lines: readonly string[]): string {
  return lines.map((line) => /[█░▒▓·!X+~-]+$/.exec(line)?.[0] ?? "").join("");
}

Deno.test("poolMap draws each address of a small range", () => {
  const small = range("10.0.0.0/28");
  const excluded = { ...small, excludes: [{ first: small.cidr.base + 8n, last: small.cidr.base + 9n }] };
  assert.deepEqual(poolMap(excluded, { used: at(small, 1, 3, 9) }, PLAIN), ["  10.0.0.0         -█·█····-█·····-"]);
});

Deno.test("poolMap draws leaks and duplicates over everything else", () => {
  const small = range("10.0.0.0/28");
  const marks = { used: at(small, 1, 2, 3), leaked: at(small, 2), duplicate: at(small, 3), resting: at(small, 5) };
  assert.equal(cellsOf(poolMap(small, marks, PLAIN)), "-█!X·~·········-");
});

Deno.test("poolMap counts a cell of several addresses by what it can allocate", () => {
  const large = range("10.0.0.0/16");
  const second = Array.from({ length: 255 }, (_, i) => 257 + i); // all but 10.0.1.0, which is never allocated
  const [head, first = ""] = poolMap(large, { used: at(large, 5, ...second) }, PLAIN);
  assert.equal(head, "  256 addresses per cell");
  assert.match(first, /░█·{30}$/);
  const cell = (used: number, excludes: [number, number][] = []) => {
    const ranges = excludes.map(([a, b]) => ({
      first: large.cidr.base + BigInt(a),
      last: large.cidr.base + BigInt(b),
    }));
    const offsets = Array.from({ length: used }, (_, i) => 257 + i);
    return cellsOf(poolMap({ ...large, excludes: mergeIntervals(ranges) }, { used: at(large, ...offsets) }, PLAIN))[1];
  };
  assert.deepEqual([cell(0), cell(80), cell(100), cell(254), cell(255)], ["·", "░", "▒", "▓", "█"]);
  assert.deepEqual([cell(0, [[256, 511]]), cell(100, [[357, 511]])], ["-", "█"]);
});

Deno.test("poolMap draws of a large range the part in use", () => {
  const large = range("fd00::/64");
  const lines = poolMap(large, { used: at(large, 1, 2, 250).values() }, PLAIN); // read once, as the keys of a map
  assert.equal(lines[0], "  fd00::/120, the part in use");
  assert.equal(cellsOf(lines).length, 256);
  assert.match(cellsOf(lines), /^-██·{247}█·{5}$/);
  const wide = poolMap(large, { used: at(large, 1, 0x1_0000) }, PLAIN);
  assert.equal(wide[0], "  fd00::/111, the part in use, 512 addresses per cell");
  assert.equal(poolMap(large, { used: [] }, PLAIN)[0], "  fd00::/120, the part in use");
});

Deno.test("poolMap draws a range of any size, as wide as the terminal", () => {
  for (const text of ["10.0.0.1/32", "10.0.0.0/31", "10.0.0.0/8", "::/0", "fd00::/64", "fd00::/127"]) {
    for (const width of [undefined, 20, 60, 80, 200]) {
      const lines = poolMap(range(text), { used: [] }, width === undefined ? PLAIN : { ...PLAIN, width });
      const cells = cellsOf(lines).length;
      assert(cells >= 1 && cells <= 1024, `${text}: ${cells}`);
      for (const line of lines) assert(line.length <= Math.max(width ?? 80, 64), `${width}: ${line}`);
    }
  }
  const wide = poolMap(range("10.0.0.0/16"), { used: [] }, { ...PLAIN, width: 200 });
  assert.deepEqual([wide[0], cellsOf(wide).length], ["  64 addresses per cell", 1024]);
});

Deno.test("poolMap marks a cell as reserved only if all its addresses are", () => {
  const small = range("10.0.0.0/28");
  const reserved = at(small, 1, 2);
  assert.equal(cellsOf(poolMap(small, { used: at(small, 1), reserved }, PLAIN)), "-█+·············".slice(0, 15) + "-");
  const large = range("10.0.0.0/16");
  assert.match(cellsOf(poolMap(large, { used: [], reserved }, PLAIN)), /^·{256}$/);
});
