import assert from "node:assert/strict";
import fc from "fast-check";
import { type Cidr, type Interval, parseCidr, span, usable } from "../../src/address/cidr.ts";
import { formatIp, maxValue, parseIp } from "../../src/address/ip.ts";
import {
  assignable,
  capacity,
  firstPick,
  type IpRange,
  isCandidate,
  isZeroAddress,
  lowestFree,
  mergeIntervals,
  unboundedRange,
} from "../../src/address/range.ts";

function cidr(text: string): Cidr {
  const parsed = parseCidr(text);
  assert(parsed, text);
  return parsed.cidr;
}

function value(text: string): bigint {
  const ip = parseIp(text);
  assert(ip, text);
  return ip.value;
}

function range(text: string, options: { from?: string; to?: string; exclude?: string[] } = {}): IpRange {
  const network = cidr(text);
  const { first, last } = usable(network);
  return {
    cidr: network,
    first: options.from ? value(options.from) : first,
    last: options.to ? value(options.to) : last,
    excludes: mergeIntervals((options.exclude ?? []).map((text) => span(cidr(text)))),
  };
}

const NONE_IN_USE = (_: bigint): boolean => false;

function lowestText(of: IpRange, inUse = NONE_IN_USE, from = of.first): string | undefined {
  const found = lowestFree(of, inUse, from);
  return found === undefined ? undefined : formatIp({ family: of.cidr.family, value: found });
}

/** Every address that may be allocated, by linear search. */
function candidatesByScan({ cidr, first, last, excludes }: IpRange): bigint[] {
  const found: bigint[] = [];
  for (let value = first; value <= last; value++) {
    const excluded = excludes.some((hole) => value >= hole.first && value <= hole.last);
    const zero = cidr.family === 4 && cidr.prefix <= 30 && value % 256n === 0n;
    if (!excluded && !zero) found.push(value);
  }
  return found;
}

/** Every interval in 0..size-1, and the empty list. */
function* intervals(base: bigint, size: number): Generator<Interval[]> {
  yield [];
  for (let first = 0; first < size; first++) {
    for (let last = first; last < size; last++) yield [{ first: base + BigInt(first), last: base + BigInt(last) }];
  }
}

/** Compares every export of the file with a linear search, for every subset in use. Returns the number of cases. */
function compareWithScan(of: IpRange): number {
  const { first: base, last: top } = span(of.cidr);
  const size = Number(top - base) + 1;
  const candidates = candidatesByScan(of);
  assert.equal(capacity(of), BigInt(candidates.length));
  for (let at = base - 1n; at <= top + 1n; at++) assert.equal(isCandidate(of, at), candidates.includes(at));
  for (let subset = 0; subset < 1 << size; subset++) {
    const inUse = (at: bigint) => ((subset >> Number(at - base)) & 1) === 1;
    const free = candidates.filter((at) => !inUse(at));
    if (lowestFree(of, inUse) !== free[0]) assert.equal(lowestFree(of, inUse), free[0], `subset ${subset}`);
    if (subset % 37 !== 0) continue;
    for (let from = base; from <= top + 1n; from++) {
      assert.equal(lowestFree(of, inUse, from), free.find((at) => at >= from), `subset ${subset} from ${from}`);
    }
  }
  return 1 << size;
}

Deno.test("lowestFree agrees with a linear search: every subset of a /29 with every excluded interval and all bounds", () => {
  let cases = 0;
  for (const text of ["10.0.0.8/29", "10.0.0.0/29", "2001:db8::8/125"]) {
    const network = cidr(text);
    const whole = usable(network);
    for (const excludes of intervals(network.base, 8)) cases += compareWithScan({ cidr: network, ...whole, excludes });
    for (let first = whole.first; first <= whole.last; first++) {
      for (let last = first; last <= whole.last; last++) {
        cases += compareWithScan({ cidr: network, first, last, excludes: [] });
      }
    }
  }
  assert.equal(cases, 3 * (37 + 21) * 256);
});

Deno.test("lowestFree agrees with a linear search in the smallest networks and at both ends of the address space", () => {
  const texts = [
    ...["10.0.0.0/30", "10.0.0.0/31", "10.0.0.254/31", "10.0.0.0/32", "10.1.0.0/32", "0.0.0.0/31", "0.0.0.0/29"],
    ...["255.255.255.248/29", "255.255.255.254/31", "255.255.255.255/32", "::/126", "::/127", "::/128"],
    ...["ffff:ffff:ffff:ffff:ffff:ffff:ffff:fff8/125", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe/127"],
    "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128",
  ];
  for (const text of texts) {
    const network = cidr(text);
    for (const bounds of [usable(network), span(network)]) {
      const size = Number(span(network).last - network.base) + 1;
      for (const excludes of intervals(network.base, size)) compareWithScan({ cidr: network, ...bounds, excludes });
    }
  }
});

Deno.test("lowestFree finds every address of a /31, /32, /127 and /128", () => {
  for (
    const [text, all] of [
      ["10.0.0.0/31", ["10.0.0.0", "10.0.0.1"]],
      ["10.1.0.0/32", ["10.1.0.0"]],
      ["2001:db8::/127", ["2001:db8::", "2001:db8::1"]],
      ["2001:db8::5/128", ["2001:db8::5"]],
    ] as const
  ) {
    const inUse = new Set<bigint>();
    const given = all.map(() => {
      const found = lowestFree(range(text), (at) => inUse.has(at));
      assert(found !== undefined);
      inUse.add(found);
      return formatIp({ family: cidr(text).family, value: found });
    });
    assert.deepEqual(given, all);
    assert.equal(lowestFree(range(text), (at) => inUse.has(at)), undefined);
  }
});

Deno.test("lowestFree agrees with the specification's examples", () => {
  assert.equal(lowestText(range("192.168.2.225/28")), "192.168.2.225");
  assert.equal(lowestText(range("192.168.2.0/24", { exclude: ["192.168.2.0/28"] })), "192.168.2.16");
  assert.equal(lowestText(range("10.64.0.0/10")), "10.64.0.1");
  assert.equal(lowestText(range("caa5::/112", { exclude: ["caa5::/113"] })), "caa5::8000");
  const bounds = range("192.168.1.0/24", { from: "192.168.1.5", to: "192.168.1.25" });
  assert.equal(capacity(bounds), 21n);
  assert.equal(lowestText(bounds), "192.168.1.5");
  const zeroSuffix = range("2001:db8:480:603d:304:403::/64", {
    from: "2001:db8:480:603d:304:403::",
    to: "2001:db8:480:603d:304:403:0:4",
  });
  assert.equal(lowestText(zeroSuffix), "2001:db8:480:603d:304:403::");
  assert.equal(capacity(zeroSuffix), 5n);
  const eight = range("192.168.1.0/24", { from: "192.168.1.5", to: "192.168.1.12" });
  const inUse = new Set<bigint>();
  for (let i = 0; i < 8; i++) inUse.add(lowestFree(eight, (at) => inUse.has(at)) ?? -1n);
  assert.equal(inUse.size, 8);
  assert.equal(lowestText(eight, (at) => inUse.has(at)), undefined);
});

Deno.test("lowestFree skips IPv4 addresses that end in .0, but neither .255 nor any IPv6 address", () => {
  const wide = range("10.0.0.0/16");
  assert.equal(lowestText(wide, () => false, value("10.0.0.255")), "10.0.0.255");
  assert.equal(lowestText(wide, () => false, value("10.0.1.0")), "10.0.1.1");
  assert.equal(capacity(wide), 65_534n - 255n);
  assert.equal(capacity(range("10.0.0.0/24")), 254n);
  assert.equal(capacity(range("10.0.0.0/8")), (1n << 24n) - 2n - 65_535n);
  assert(isZeroAddress({ cidr: cidr("10.0.0.0/30") }, value("10.0.0.0")));
  assert(!isZeroAddress({ cidr: cidr("10.0.0.0/31") }, value("10.0.0.0")));
  assert(!isZeroAddress({ cidr: cidr("2001:db8::/64") }, value("2001:db8::100")));
  assert(!isZeroAddress({ cidr: cidr("10.0.0.0/8") }, value("10.0.0.255")));
});

Deno.test("with l3 every address of the network is allocated, .0 and the broadcast address included", () => {
  for (const [text, count] of [["10.0.0.0/30", 4n], ["10.0.0.0/22", 1024n], ["fd00::/126", 4n]] as const) {
    const network = cidr(text);
    const all: IpRange = { cidr: network, ...assignable(network, true), excludes: [], l3: true };
    assert.equal(capacity(all), count);
    assert.equal(lowestFree(all, NONE_IN_USE), network.base);
    for (const address of [network.base, network.base + count - 1n]) assert(isCandidate(all, address), `${address}`);
    assert(!isCandidate({ ...all, ...assignable(network), l3: false }, network.base));
  }
  const four = cidr("10.0.0.0/22");
  const all: IpRange = { cidr: four, ...assignable(four, true), excludes: [], l3: true };
  assert(isCandidate(all, value("10.0.1.0")));
  assert.deepEqual(assignable(four), usable(four));
});

Deno.test("picks are the only candidates, in their order, within bounds and excludes", () => {
  const picks = ["10.0.0.9", "10.0.0.7", "10.0.0.99", "10.0.0.8", "10.0.0.7", "10.0.0.0"].map(value);
  const picky = { ...range("10.0.0.0/24", { to: "10.0.0.50", exclude: ["10.0.0.8/32"] }), picks };
  const text = (found: bigint | undefined) => found === undefined ? found : formatIp({ family: 4, value: found });
  assert.equal(text(firstPick(picky, NONE_IN_USE)), "10.0.0.9");
  assert.equal(text(firstPick(picky, (address) => address === value("10.0.0.9"))), "10.0.0.7");
  assert.equal(firstPick(picky, () => true), undefined);
  assert.equal(firstPick(range("10.0.0.0/24"), NONE_IN_USE), undefined);
  assert.equal(text(lowestFree(picky, NONE_IN_USE)), "10.0.0.7");
  assert.equal(text(lowestFree(picky, NONE_IN_USE, value("10.0.0.8"))), "10.0.0.9");
  assert.equal(capacity(picky), 2n);
  const candidates = Array.from({ length: 256 }, (_, i) => value("10.0.0.0") + BigInt(i));
  assert.deepEqual(candidates.filter((one) => isCandidate(picky, one)).map(text), ["10.0.0.7", "10.0.0.9"]);
});

/** The result of a search, and how many addresses it checks: its cost, apart from the excludes. */
function asked(
  of: IpRange,
  isTaken: (value: bigint) => boolean,
  from?: bigint,
): { found: bigint | undefined; times: number } {
  let times = 0;
  const found = lowestFree(of, (at) => {
    times++;
    return isTaken(at);
  }, from);
  return { found, times };
}

Deno.test("lowestFree checks each address in use below the result once, however large the range", () => {
  for (const text of ["10.0.0.0/24", "10.0.0.0/8", "0.0.0.0/0", "2001:db8::/64", "2001:db8::/32", "::/0"]) {
    const of = range(text);
    const top = of.first + 100n;
    assert.deepEqual(asked(of, (at) => at < top), { found: top, times: 101 });
    assert.deepEqual(asked(of, (at) => at < top, top), { found: top, times: 1 });
  }
});

Deno.test("lowestFree skips excluded intervals without checking their addresses", () => {
  const half: Record<string, [string[], string]> = {
    "10.0.0.0/8": [["10.0.0.0/9", "10.128.0.0/10"], "10.192.0.1"],
    "2001:db8::/64": [["2001:db8::/65", "2001:db8:0:0:8000::/66"], "2001:db8:0:0:c000::"],
    "2001:db8::/32": [["2001:db8::/33"], "2001:db8:8000::"],
    "::/0": [["::/1"], "8000::"],
  };
  for (const [text, [exclude, first]] of Object.entries(half)) {
    assert.deepEqual(asked(range(text, { exclude }), () => false), { found: value(first), times: 1 }, text);
  }
  for (
    const [text, exclude] of [["0.0.0.0/0", ["128.0.0.0/1", "0.0.0.0/1"]], ["::/0", ["8000::/1", "::/1"]]] as const
  ) {
    assert.deepEqual(asked(range(text, { exclude: [...exclude] }), () => false), { found: undefined, times: 0 }, text);
  }
});

Deno.test("lowestFree handles excludes of every second address of a long interval", () => {
  const network = cidr("2001:db8::/32");
  const holes = Array.from({ length: 50_000 }, (_, i) => network.base + 1n + 2n * BigInt(i));
  const of = {
    cidr: network,
    ...span(network),
    excludes: mergeIntervals(holes.map((at) => ({ first: at, last: at }))),
  };
  const end = network.base + 100_000n;
  assert.deepEqual(asked(of, (at) => at < end), { found: end, times: 50_001 });
  assert.deepEqual(asked(of, () => false, end - 1n), { found: end, times: 1 });
  assert.equal(capacity(of), (1n << 96n) - 50_000n);
});

Deno.test("capacity and lowestFree agree with a linear search on random excludes over several .0 addresses", () => {
  const network = cidr("10.0.0.0/21");
  const edge = fc.bigInt({ min: network.base - 40n, max: span(network).last + 40n });
  const hole = fc.tuple(edge, edge).map(([a, b]): Interval => a < b ? { first: a, last: b } : { first: b, last: a })
    .filter(({ first, last }) => last - first < 600n);
  fc.assert(
    fc.property(fc.array(hole, { maxLength: 6 }), fc.tuple(edge, edge), fc.array(edge), (holes, [a, b], inUse) => {
      const whole = usable(network);
      const clamp = (at: bigint) => at < whole.first ? whole.first : at > whole.last ? whole.last : at;
      const [first, last] = a < b ? [clamp(a), clamp(b)] : [clamp(b), clamp(a)];
      const of = { cidr: network, first, last, excludes: mergeIntervals(holes) };
      const candidates = candidatesByScan({ ...of, excludes: holes });
      assert.equal(capacity(of), BigInt(candidates.length));
      assert.equal(lowestFree(of, (at) => inUse.includes(at)), candidates.find((at) => !inUse.includes(at)));
    }),
    { numRuns: 300 },
  );
});

Deno.test("mergeIntervals returns ascending, non-adjacent intervals that cover the same addresses", () => {
  const edge = fc.bigInt({ min: 0n, max: 40n });
  const interval = fc.tuple(edge, edge).map(([a, b]): Interval =>
    a < b ? { first: a, last: b } : { first: b, last: a }
  );
  fc.assert(fc.property(fc.array(interval), (given) => {
    const before = structuredClone(given);
    const merged = mergeIntervals(given);
    assert.deepEqual(given, before);
    const covers = (list: readonly Interval[], at: bigint) => list.some(({ first, last }) => at >= first && at <= last);
    for (let at = -1n; at <= 42n; at++) assert.equal(covers(merged, at), covers(given, at));
    merged.forEach((one, i) => assert(i === 0 || one.first > (merged[i - 1]?.last ?? 99n) + 1n));
  }));
  const top = maxValue(6);
  assert.deepEqual(mergeIntervals([{ first: top, last: top }, { first: 0n, last: top }]), [{ first: 0n, last: top }]);
});

Deno.test("unboundedRange allocates every usable address of a network", () => {
  assert.equal(capacity(unboundedRange(cidr("10.0.0.0/29"))), 6n);
});
