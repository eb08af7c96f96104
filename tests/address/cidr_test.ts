import assert from "node:assert/strict";
import fc from "fast-check";
import { type Cidr, cidrOf, contains, formatCidr, overlap, parseCidr, span, usable } from "../../src/address/cidr.ts";
import { bits, type Family, formatIp, type Ip, maxValue, parseIp } from "../../src/address/ip.ts";

function cidr(text: string): Cidr {
  const parsed = parseCidr(text);
  assert(parsed, text);
  return parsed.cidr;
}

function ip(text: string): Ip {
  const parsed = parseIp(text);
  assert(parsed, text);
  return parsed;
}

const anyCidr = fc.constantFrom<Family>(4, 6).chain((family) =>
  fc.record({
    family: fc.constant(family),
    value: fc.bigInt({ min: 0n, max: maxValue(family) }),
    prefix: fc.integer({ min: 0, max: bits(family) }),
  })
).map(({ family, value, prefix }) => cidrOf({ family, value }, prefix));

/** Networks that are often nested or adjacent. */
const closeCidr = fc.record({ low: fc.bigInt({ min: 0n, max: 63n }), prefix: fc.integer({ min: 26, max: 32 }) })
  .map(({ low, prefix }) => cidrOf({ family: 4, value: 0x0a000000n + low }, prefix));

Deno.test("parseCidr keeps the address as written and masks the network", () => {
  const cases: [string, string, string][] = [
    ["192.168.2.225/28", "192.168.2.225", "192.168.2.224/28"],
    ["10.1.2.3/0", "10.1.2.3", "0.0.0.0/0"],
    ["10.1.2.3/32", "10.1.2.3", "10.1.2.3/32"],
    ["255.255.255.255/31", "255.255.255.255", "255.255.255.254/31"],
    ["2001:DB8:480:603d:304:403::5/64", "2001:db8:480:603d:304:403:0:5", "2001:db8:480:603d::/64"],
    ["caa5::/113", "caa5::", "caa5::/113"],
    ["::/0", "::", "::/0"],
    [
      "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/127",
      "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
      "ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe/127",
    ],
  ];
  for (const [text, address, network] of cases) {
    const parsed = parseCidr(text);
    assert(parsed, text);
    assert.equal(formatIp(parsed.ip), address);
    assert.equal(formatCidr(parsed.cidr), network);
  }
});

Deno.test("parseCidr refuses invalid networks", () => {
  const cases = [
    ...[
      "",
      "/",
      "/24",
      "10.0.0.0",
      "10.0.0.0/",
      "10.0.0.0/33",
      "10.0.0.0/-1",
      "10.0.0.0/+8",
      "10.0.0.0/ 8",
      "10.0.0.0/8 ",
    ],
    ...[
      "10.0.0.0/08",
      "10.0.0.0/8/8",
      "10.0.0.0/1e1",
      "10.0.0.0/0x8",
      "10.0.0.0/255.0.0.0",
      "10.0.0/24",
      "10.0.0.01/24",
    ],
    ...["::/129", "::/999", "::/1000000000000", "fe80::1%eth0/64", "::ffff:10.0.0.0/104", "::ffff:a00:0/120", "1:2/64"],
  ];
  for (const text of cases) assert.equal(parseCidr(text), undefined, JSON.stringify(text));
});

Deno.test("parseCidr reads leading zeros of octets as decimal with the option", () => {
  const parsed = parseCidr("00192.00168.1.0/24", { leadingZeros: true });
  assert.equal(parsed && formatCidr(parsed.cidr), "192.168.1.0/24");
  assert.equal(parseCidr("192.168.1.0/024", { leadingZeros: true }), undefined);
});

Deno.test("parseCidr reverses formatCidr", () => {
  fc.assert(
    fc.property(anyCidr, (network) => {
      fc.pre(network.family === 4 || network.base >> 32n !== 0xffffn); // IPv4-mapped: written, never read
      assert.deepEqual(parseCidr(formatCidr(network))?.cidr, network);
    }),
    { numRuns: 2_000 },
  );
});

Deno.test("usable excludes the first and last address in both families, except in networks of one or two addresses", () => {
  const cases: [string, string, string][] = [
    ["192.168.2.225/28", "192.168.2.225", "192.168.2.238"],
    ["10.0.0.0/8", "10.0.0.1", "10.255.255.254"],
    ["10.64.0.0/10", "10.64.0.1", "10.127.255.254"],
    ["0.0.0.0/0", "0.0.0.1", "255.255.255.254"],
    ["10.0.0.4/30", "10.0.0.5", "10.0.0.6"],
    ["10.0.0.4/31", "10.0.0.4", "10.0.0.5"],
    ["10.0.0.4/32", "10.0.0.4", "10.0.0.4"],
    ["255.255.255.254/31", "255.255.255.254", "255.255.255.255"],
    ["2001:db8::/126", "2001:db8::1", "2001:db8::2"],
    ["2001:db8::/127", "2001:db8::", "2001:db8::1"],
    ["2001:db8::8/128", "2001:db8::8", "2001:db8::8"],
    ["2001:db8::/64", "2001:db8::1", "2001:db8::ffff:ffff:ffff:fffe"],
    ["::/0", "::1", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe"],
  ];
  for (const [text, first, last] of cases) {
    assert.deepEqual(usable(cidr(text)), { first: ip(first).value, last: ip(last).value }, text);
  }
});

Deno.test("span contains exactly the addresses of the network, 2 to the power of the host bits", () => {
  fc.assert(fc.property(anyCidr, (network) => {
    const { first, last } = span(network);
    const { family } = network;
    assert.equal(last - first + 1n, 1n << BigInt(bits(family) - network.prefix));
    assert(contains(network, { family, value: first }) && contains(network, { family, value: last }));
    if (first > 0n) assert(!contains(network, { family, value: first - 1n }));
    if (last < maxValue(family)) assert(!contains(network, { family, value: last + 1n }));
    assert(!contains(network, { family: family === 4 ? 6 : 4, value: first }));
  }));
});

Deno.test("overlap is true if both contain an address", () => {
  let seen = 0;
  fc.assert(
    fc.property(closeCidr, closeCidr, (a, b) => {
      let shared = false;
      for (let value = span(a).first; value <= span(a).last; value++) {
        shared ||= value >= span(b).first && value <= span(b).last;
      }
      assert.equal(overlap(a, b), shared);
      assert.equal(overlap(b, a), shared);
      if (shared) seen++;
    }),
    { numRuns: 500 },
  );
  assert(seen > 50 && seen < 450, `${seen} of 500 overlapped`);
  assert(!overlap(cidr("0.0.0.0/0"), cidr("::/0")));
});
