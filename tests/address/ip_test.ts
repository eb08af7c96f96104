import assert from "node:assert/strict";
import fc from "fast-check";
import { bits, compareIp, formatIp, type Ip, maxValue, parseIp, sameIp } from "../../src/address/ip.ts";
import { oracleFormat, oracleParse } from "./oracle.ts";

const ipv4 = fc.integer({ min: 0, max: 0xffffffff }).map((value): Ip => ({ family: 4, value: BigInt(value) }));

/** Groups are often zero, to cover every form of `::`. */
const ipv6 = fc.array(fc.oneof(fc.constant(0), fc.constant(0xffff), fc.integer({ min: 0, max: 0xffff })), {
  minLength: 8,
  maxLength: 8,
}).map((groups): Ip => ({ family: 6, value: groups.reduce((value, group) => (value << 16n) | BigInt(group), 0n) }))
  .filter(({ value }) => value >> 32n !== 0xffffn);

/** IPv6 text as the runtime's URL parser formats it: an implementation independent of ours. */
function urlText(text: string): string | undefined {
  return URL.parse(`http://[${text}]/`)?.hostname.slice(1, -1);
}

Deno.test("parseIp reads addresses", () => {
  const cases: [string, 4 | 6, bigint][] = [
    ["0.0.0.0", 4, 0n],
    ["10.0.0.1", 4, 0x0a000001n],
    ["255.255.255.255", 4, 0xffffffffn],
    ["::", 6, 0n],
    ["::1", 6, 1n],
    ["2001:DB8:0::1", 6, 0x20010db8000000000000000000000001n],
    ["ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 6, (1n << 128n) - 1n],
    ["ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255", 6, (1n << 128n) - 1n],
    ["1:2:3:4:5:6:7::", 6, 0x00010002000300040005000600070000n],
    ["64:ff9b::192.0.2.1", 6, 0x0064ff9b0000000000000000c0000201n],
    ["::1.2.3.4", 6, 0x01020304n],
    ["::ffff:10.0.0.1", 4, 0x0a000001n],
    ["::FFFF:a00:1", 4, 0x0a000001n],
    ["0:0:0:0:0:ffff:0:0", 4, 0n],
  ];
  for (const [text, family, value] of cases) assert.deepEqual(parseIp(text), { family, value }, text);
});

Deno.test("parseIp refuses invalid and ambiguous addresses", () => {
  const cases = [
    ...[
      "",
      " ",
      ".",
      "...",
      "1",
      "1.2.3",
      "1.2.3.",
      ".1.2.3",
      "1..2.3",
      "1.2.3.4.5",
      " 1.2.3.4",
      "1.2.3.4 ",
      "1.2.3.4\n",
    ],
    ...[
      "10.0.0.01",
      "010.0.0.1",
      "10.0.0.00",
      "256.1.1.1",
      "1.2.3.256",
      "1.2.3.999",
      "1.2.3.1e1",
      "-1.2.3.4",
      "+1.2.3.4",
    ],
    ...["0x7f.1", "0x7f.0.0.1", "2130706433", "1.2.3.４", "1.2.3.4/24", "example.org", "1,2,3,4", "1.2.3.0x4"],
    ...[
      ":",
      ":::",
      ":1",
      "1:",
      "::1::",
      "1::2::3",
      "1:2:3:4:5:6:7",
      "1:2:3:4:5:6:7:8:9",
      "1:2:3:4:5:6:7:8::",
      ":1:2:3:4:5:6:7",
    ],
    ...[
      "1::2:3:4:5:6:7:8",
      "::1:2:3:4:5:6:7:8",
      "12345::",
      "00001::",
      "g::",
      "::-1",
      "fe80::1%eth0",
      "fe80::1%",
      "[::1]",
    ],
    ...[
      "::ffff:1.2.3.256",
      "::ffff:1.2.3.04",
      "::ffff:1.2.3",
      "::1.2.3.4.5",
      "1.2.3.4::",
      "::1.2.3.4:5",
      "1:2:3:4:5:6:7:1.2.3.4",
    ],
    ...["::ffff:0x1.2.3.4", " ::1", "::1 ", "::1/64", "::1.2.3.4%1"],
  ];
  for (const text of cases) assert.equal(parseIp(text), undefined, JSON.stringify(text));
});

Deno.test("parseIp reads leading zeros as decimal only with the option", () => {
  assert.deepEqual(parseIp("00192.0168.001.010", { leadingZeros: true }), parseIp("192.168.1.10"));
  assert.deepEqual(parseIp("0.00.000.0000", { leadingZeros: true }), { family: 4, value: 0n });
  for (const text of ["0256.1.1.1", "1.2.3.", "0x7f.0.0.1", "1.2.3.04 ", "::ffff:1.2.3.04"]) {
    assert.equal(parseIp(text, { leadingZeros: true }), undefined, text);
  }
});

Deno.test("parseIp refuses text of megabytes", () => {
  const long = 4_000_000;
  const texts = [
    "1.".repeat(long),
    "1:".repeat(long),
    "::".repeat(long),
    "f".repeat(long) + ":",
    "0".repeat(long) + "::",
  ];
  for (const text of texts) assert.equal(parseIp(text), undefined, `${text.slice(0, 8)}…`);
  assert.equal(parseIp("0".repeat(long) + "::1", { leadingZeros: true }), undefined);
});

Deno.test("parseIp accepts exactly the IPv6 text that the runtime's URL parser accepts", () => {
  const piece = fc.constantFrom(
    ":",
    "::",
    ".",
    "0",
    "1",
    "00",
    "ffff",
    "FF",
    "12345",
    "255",
    "256",
    "01",
    "1.2.3.4",
    "g",
  );
  const text = fc.oneof(fc.array(piece, { maxLength: 18 }).map((pieces) => pieces.join("")), ipv6.map(formatIp));
  let accepted = 0;
  fc.assert(
    fc.property(text.filter((text) => text.includes(":")), (text) => {
      const ip = parseIp(text);
      assert.equal(ip !== undefined, urlText(text) !== undefined, text);
      if (ip) accepted++;
      if (ip?.family === 6) assert.equal(formatIp(ip), urlText(text));
    }),
    { numRuns: 5_000 },
  );
  assert(accepted > 500, `only ${accepted} texts were addresses`);
});

Deno.test("formatIp writes IPv6 as the runtime's URL parser does, and parseIp reads it back", () => {
  fc.assert(
    fc.property(ipv6, (ip) => {
      const hex = ip.value.toString(16).padStart(32, "0").match(/.{4}/g)?.join(":") ?? "";
      assert.equal(formatIp(ip), urlText(hex));
      assert.deepEqual(parseIp(hex), ip);
    }),
    { numRuns: 5_000 },
  );
});

Deno.test("parseIp and formatIp agree with an implementation independent of the library", () => {
  const piece = fc.constantFrom(...[
    ":",
    "::",
    ".",
    "0",
    "00",
    "010",
    "0x1",
    "1",
    "255",
    "256",
    "ffff",
    "1e1",
    "%1",
    "\n",
  ]);
  const pieces = fc.array(piece, { maxLength: 16 }).map((all) => all.join(""));
  const octet = fc.oneof(fc.nat(300).map(String), fc.constantFrom("01", "000", "0x7", "", " 1", "1e1", "4294967295"));
  const dotted = fc.array(octet, { minLength: 3, maxLength: 5 }).map((octets) => octets.join("."));
  const text = fc.oneof(
    pieces,
    dotted,
    fc.tuple(fc.constantFrom("::ffff:", "::", "64:ff9b::"), dotted).map((parts) => parts.join("")),
    fc.oneof(ipv4, ipv6).map(oracleFormat),
  );
  let accepted = 0;
  fc.assert(
    fc.property(text, fc.boolean(), (text, leadingZeros) => {
      const ip = parseIp(text, { leadingZeros });
      assert.deepEqual(ip, oracleParse(text, { leadingZeros }), JSON.stringify(text));
      if (!ip) return;
      accepted++;
      assert.equal(formatIp(ip), oracleFormat(ip));
    }),
    { numRuns: 20_000 },
  );
  assert(accepted > 2_000, `only ${accepted} texts were addresses`);
});

Deno.test("formatIp writes the canonical text of RFC 5952", () => {
  const cases = [
    ["2001:db8::1", "2001:0DB8:0:0:0:0:0:1"],
    ["2001:db8:0:1:1:1:1:1", "2001:db8::1:1:1:1:1"], // one zero group is not shortened
    ["::1:0:0:1:1:1", "0:0:1:0:0:1:1:1"], // of equal runs the first
    ["1:0:0:2::", "1:0:0:2:0:0:0:0"], // the longest run
    ["1::2:0:0:3:4", "1:0:0:2:0:0:3:4"],
    ["::", "0:0:0:0:0:0:0:0"],
    ["::102:304", "::1.2.3.4"],
    ["10.0.0.1", "::ffff:a00:1"],
    ["64:ff9b::c000:201", "64:ff9b::192.0.2.1"],
  ] as const;
  for (const [canonical, text] of cases) {
    const ip = parseIp(text);
    assert(ip, text);
    assert.equal(formatIp(ip), canonical);
  }
});

Deno.test("parseIp reverses formatIp", () => {
  fc.assert(fc.property(fc.oneof(ipv4, ipv6), (ip) => assert.deepEqual(parseIp(formatIp(ip)), ip)), { numRuns: 2_000 });
  for (const family of [4, 6] as const) {
    for (const value of [0n, 1n, 1n << 31n, maxValue(family) - 1n, maxValue(family)]) {
      assert.deepEqual(parseIp(formatIp({ family, value })), { family, value });
    }
  }
});

Deno.test("parseIp reads IPv4-mapped text as the IPv4 address", () => {
  fc.assert(fc.property(ipv4, (ip) => assert.deepEqual(parseIp(`::ffff:${formatIp(ip)}`), ip)));
});

Deno.test("maxValue is the address with all bits set", () => {
  assert.equal(bits(4), 32);
  assert.equal(bits(6), 128);
  assert.equal(formatIp({ family: 4, value: maxValue(4) }), "255.255.255.255");
  assert.equal(formatIp({ family: 6, value: maxValue(6) }), "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff");
});

Deno.test("compareIp orders by family, then by value; sameIp is true when it returns 0", () => {
  fc.assert(fc.property(fc.oneof(ipv4, ipv6), fc.oneof(ipv4, ipv6), (a, b) => {
    const wanted = a.family !== b.family ? a.family - b.family : a.value === b.value ? 0 : a.value < b.value ? -1 : 1;
    assert.equal(Math.sign(compareIp(a, b)), Math.sign(wanted));
    assert.equal(sameIp(a, b), wanted === 0);
  }));
  assert(sameIp({ family: 4, value: 1n }, { family: 4, value: 1n }));
  assert(!sameIp({ family: 4, value: 1n }, { family: 6, value: 1n }));
});
