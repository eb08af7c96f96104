import assert from "node:assert/strict";
import fc from "fast-check";
import { poolKey, reservationKey } from "../../../drivers/kubernetes/name_keys.ts";
import { poolName, reservationName } from "../../../drivers/kubernetes/names.ts";
import { type Cidr, cidrOf, formatCidr, parseCidr } from "../../../src/address/cidr.ts";
import { bits, formatIp, type Ip, maxValue, parseIp } from "../../../src/address/ip.ts";
import { RefusedError } from "../../../src/storage/driver.ts";

const networks = fc.stringMatching(/^[a-z0-9]([-a-z0-9]{0,8}[a-z0-9])?$/);
const plainNetworks = networks.map((text) => `${text}z`); // cannot be read as the beginning of an address

const ips: fc.Arbitrary<Ip> = fc.constantFrom(4, 6).chain((family) =>
  fc.oneof(fc.bigInt(0n, maxValue(family)), fc.bigInt(0n, 99_999n)).map((value): Ip => ({ family, value }))
).filter((ip) => ip.family === 4 || ip.value >> 32n !== 0xffffn);

const cidrs: fc.Arbitrary<Cidr> = ips.chain((ip) => fc.nat(bits(ip.family)).map((prefix) => cidrOf(ip, prefix)));

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

Deno.test("poolName is the original's name", () => {
  const table: [string, { network?: string; node?: string }, string][] = [
    ["10.10.0.0/16", {}, "10.10.0.0-16"],
    ["2001:db8::/64", {}, "2001-db8---64"],
    ["fd00:0:0:10::/64", {}, "fd00-0-0-10---64"],
    ["10.10.0.0/16", { network: "blue" }, "blue-10.10.0.0-16"],
    ["10.10.1.0/24", { node: "node1" }, "node1-10.10.1.0-24"],
    ["10.10.1.0/24", { network: "blue", node: "node1.example" }, "blue-node1.example-10.10.1.0-24"],
    ["::/64", {}, "0---64"],
    ["::/64", { network: "blue" }, "blue----64"],
    ["::1:0:0:0/80", {}, "0--1-0-0-0-80"],
  ];
  for (const [range, { network = "", node }, name] of table) {
    assert.equal(poolName({ network, cidr: cidr(range), ...(node && { node }) }), name);
  }
});

Deno.test("poolKey reads what poolName wrote, node and network in one", () => {
  fc.assert(
    fc.property(fc.option(networks, { nil: "" }), fc.option(networks, { nil: "" }), cidrs, (network, node, cidr) => {
      const name = poolName({ network, node, cidr });
      const key = poolKey(name, formatCidr(cidr));
      assert.deepEqual(key, { network: [network, node].filter((part) => part !== "").join("-"), cidr });
      assert.equal(poolName(key), name);
    }),
  );
});

Deno.test("poolKey reads no name that does not end with the range", () => {
  for (
    const [name, range] of [
      ["10.0.0.0-24", "10.0.1.0/24"],
      ["x10.0.0.0-24", "10.0.0.0/24"],
      ["-10.0.0.0-24", "10.0.0.0/24"],
      [
        "10.0.0.0-24",
        "nonsense",
      ],
      ["", "10.0.0.0/24"],
      ["10.0.0.0-24", ""],
    ] as const
  ) {
    assert.equal(poolKey(name, range), undefined, `${name} ${range}`);
  }
});

Deno.test("reservationName is the original's name", () => {
  const table: [string, string, string][] = [
    ["", "10.0.0.5", "10.0.0.5"],
    ["net", "10.0.0.5", "net-10.0.0.5"],
    ["", "2001:db8::1", "2001-db8--1"],
    ["", "2001:db8::", "2001-db8--0"],
    ["net", "2001:db8::", "net-2001-db8--0"],
    ["", "::1", "0--1"],
    ["net", "::1", "net---1"],
    ["", "::", "0--0"],
  ];
  for (const [network, address, name] of table) {
    assert.equal(reservationName(network, ip(address)), name);
    assert.deepEqual(reservationKey(name, network), { network, ip: ip(address) });
    assert.deepEqual(reservationKey(name), { network, ip: ip(address) });
  }
});

Deno.test("reservationKey reads what reservationName wrote for a known network", () => {
  fc.assert(fc.property(fc.option(networks, { nil: "" }), ips, (network, ip) => {
    assert.deepEqual(reservationKey(reservationName(network, ip), network), { network, ip });
  }));
});

Deno.test("reservationKey finds a network by itself before every usual address", () => {
  const usual = ips.filter((ip) => ip.family === 4 || ip.value >> 124n !== 0n);
  fc.assert(fc.property(fc.option(plainNetworks, { nil: "" }), usual, (network, ip) => {
    assert.deepEqual(reservationKey(reservationName(network, ip)), { network, ip });
  }));
  for (const network of ["a-b", "net-1", "team-fd", "10.0"]) {
    for (const address of ["2001:db8::1", "fd00::", "10.0.0.1"]) {
      assert.deepEqual(reservationKey(reservationName(network, ip(address))), { network, ip: ip(address) });
    }
  }
});

Deno.test("reservationKey keeps networks apart", () => {
  assert.equal(reservationKey("blue-10.0.0.5", "red"), undefined);
  assert.equal(reservationKey("blue-10.0.0.5", ""), undefined);
  assert.equal(reservationKey("blue-green-10.0.0.5", "blue"), undefined);
  for (const name of ["whereabouts", "net-", "net", "10.0.0", "10.0.0.256", "net-10.0.0.05"]) {
    assert.equal(reservationKey(name), undefined, name);
  }
});

Deno.test("names refuse what would leave the object's place", () => {
  const hostile = [
    "../secrets",
    "a/b",
    "a/status",
    "A",
    "a_b",
    "é",
    "a b",
    "-a",
    ".a",
    "a..b",
    "a?x=1",
    "a%2fb",
    "x".repeat(250),
  ];
  for (const network of hostile) {
    assert.throws(() => poolName({ network, cidr: cidr("10.0.0.0/24") }), RefusedError, network);
    assert.throws(() => reservationName(network, ip("10.0.0.1")), RefusedError, network);
    assert.throws(() => poolName({ network: "", node: network, cidr: cidr("10.0.0.0/24") }), RefusedError, network);
  }
  assert.throws(() => reservationName("a/b", ip("10.0.0.1")), /"a\/b-10\.0\.0\.1".*network_name/);
});

Deno.test("names are ones that the API server takes", () => {
  const accepted = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
  fc.assert(fc.property(cidrs, (cidr) => assert.match(poolName({ network: "", cidr }), accepted)));
  fc.assert(fc.property(ips, (ip) => assert.match(reservationName("", ip), accepted, formatIp(ip))));
});
