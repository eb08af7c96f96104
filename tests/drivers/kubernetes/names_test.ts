import assert from "node:assert/strict";
import fc from "fast-check";
import {
  annotate,
  annotationsOf,
  poolKeys,
  poolName,
  readAnnotations,
  type ReservationKey,
  reservationKeys,
  reservationName,
} from "../../../drivers/kubernetes/names.ts";
import { type Cidr, cidrOf, formatCidr, parseCidr } from "../../../src/address/cidr.ts";
import { bits, formatIp, type Ip, maxValue, parseIp, sameIp } from "../../../src/address/ip.ts";
import { formatPoolKey } from "../../../src/pool/types.ts";
import { RefusedError } from "../../../src/storage/driver.ts";

/** Names that look like parts of an address: hex digits, numbers, addresses, years. */
const tricky = fc.constantFrom(
  ...[
    "cafe",
    "1001",
    "vlan-1234",
    "prod-2026",
    "net-be",
    "fd00",
    "2001-db8",
    "10.0.0.1",
    "10.0.0.0-24",
    "2001-db8--1",
    "a--b",
    "x-",
  ],
);
const networks = fc.oneof(fc.stringMatching(/^[a-z0-9]([-a-z0-9]{0,8}[a-z0-9])?$/), tricky);
const maybe = fc.option(networks, { nil: "" });

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

Deno.test("poolKeys includes the key that formed the name, and returns only that key if annotations record it", () => {
  fc.assert(
    fc.property(maybe, maybe, cidrs, (network, node, cidr) => {
      const key = { network, ...(node && { node }), cidr };
      const [name, range] = [poolName(key), formatCidr(cidr)];
      const keys = poolKeys({ name }, range);
      assert(keys.some((one) => formatPoolKey(one) === formatPoolKey(key) && one.node === key.node));
      for (const one of keys) assert.equal(poolName(one), name);
      if (network === "" && node === "") assert.equal(keys.length, 1);
      assert.deepEqual(poolKeys({ name, annotations: annotationsOf(key) }, range), [key]);
    }),
  );
});

Deno.test("poolKeys ignores annotations that do not fit the name", () => {
  const annotations = annotationsOf({ network: "red", node: "n1" });
  assert.deepEqual(poolKeys({ name: "10.0.0.0-24", annotations }, "10.0.0.0/24"), [{
    network: "",
    cidr: cidr("10.0.0.0/24"),
  }]);
  const keys = poolKeys({ name: "blue-n1-10.0.0.0-24", annotations }, "10.0.0.0/24");
  assert.deepEqual(keys.map(({ network, node }) => [network, node]), [
    ["blue-n1", undefined],
    ["", "blue-n1"],
    ["blue", "n1"],
  ]);
});

Deno.test("poolKeys returns no key for a name that does not end with the range", () => {
  for (
    const [name, range] of [
      ["10.0.0.0-24", "10.0.1.0/24"],
      ["x10.0.0.0-24", "10.0.0.0/24"],
      ["-10.0.0.0-24", "10.0.0.0/24"],
      ["10.0.0.0-24", "nonsense"],
      ["", "10.0.0.0/24"],
      ["10.0.0.0-24", ""],
    ] as const
  ) {
    assert.deepEqual(poolKeys({ name }, range), [], `${name} ${range}`);
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
    const key = { network, ip: ip(address) };
    assert(has(reservationKeys({ name }), key), name);
    assert.deepEqual(reservationKeys({ name, annotations: annotationsOf(key) }), [key]);
  }
});

Deno.test("reservationKeys includes the key that formed the name, and returns only that key if annotations record it", () => {
  fc.assert(fc.property(maybe, ips, (network, ip) => {
    const name = reservationName(network, ip);
    const keys = reservationKeys({ name });
    assert(has(keys, { network, ip }), name);
    if (ip.family === 4) assert.equal(keys.length, 1, name);
    assert.deepEqual(reservationKeys({ name, annotations: annotationsOf({ network }) }), [{ network, ip }]);
  }));
});

Deno.test("reservationKeys returns every reading if the end of a network looks like the start of an address", () => {
  const table: [string, string, string[]][] = [
    ["vlan-1234", "2001:db8::1", ["vlan 1234:2001:db8::1", "vlan-1234 2001:db8::1", "vlan-1234-2001 db8::1"]],
    ["1001", "fd00:77::1", [" 1001:fd00:77::1", "1001 fd00:77::1", "1001-fd00 77::1"]],
    ["prod-cafe", "fd00::1", ["prod cafe:fd00::1", "prod-cafe fd00::1"]],
    ["blue", "fd00::1", ["blue fd00::1"]],
    ["2026", "10.0.0.1", ["2026 10.0.0.1"]],
  ];
  for (const [network, address, readings] of table) {
    const keys = reservationKeys({ name: reservationName(network, ip(address)) });
    assert.deepEqual(keys.map(({ network, ip }) => `${network} ${formatIp(ip)}`), readings);
  }
});

Deno.test("reservationKeys ignores annotations that do not fit the name, and refuses other names", () => {
  const annotations = annotationsOf({ network: "red" });
  assert.deepEqual(reservationKeys({ name: "blue-10.0.0.5", annotations }), [{ network: "blue", ip: ip("10.0.0.5") }]);
  for (const name of ["whereabouts", "net-", "net", "10.0.0", "10.0.0.256", "net-10.0.0.05"]) {
    assert.deepEqual(reservationKeys({ name }), [], name);
  }
});

function has(keys: readonly ReservationKey[], { network, ip }: ReservationKey): boolean {
  return keys.some((key) => key.network === network && sameIp(key.ip, ip));
}

Deno.test("poolName and reservationName refuse networks and nodes that would change the path", () => {
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

Deno.test("poolName and reservationName return valid object names", () => {
  const accepted = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
  fc.assert(fc.property(cidrs, (cidr) => assert.match(poolName({ network: "", cidr }), accepted)));
  fc.assert(fc.property(ips, (ip) => assert.match(reservationName("", ip), accepted, formatIp(ip))));
});

const NETWORK = "whereabouts.cni.cncf.io/network";
const NODE = "whereabouts.cni.cncf.io/node";
const path = (name: string) => `/metadata/annotations/whereabouts.cni.cncf.io~1${name}`;

Deno.test("readAnnotations reads what annotationsOf writes, and returns undefined without our annotations", () => {
  for (
    const domain of [{ network: "" }, { network: "blue" }, { network: "", node: "n1" }, { network: "b", node: "n" }]
  ) {
    assert.deepEqual(readAnnotations({ annotations: annotationsOf(domain) }), domain);
  }
  for (const annotations of [undefined, {}, { other: "x" }, { [NODE]: "n1" }]) {
    assert.equal(readAnnotations(annotations ? { annotations } : {}), undefined);
  }
});

Deno.test("annotate sets our annotations, and keeps those of others", () => {
  const domain = { network: "blue", node: "n1" };
  assert.deepEqual(annotate({}, domain), [
    { op: "add", path: "/metadata/annotations", value: { [NETWORK]: "blue", [NODE]: "n1" } },
  ]);
  const all = { [NETWORK]: "blue", [NODE]: "n1", other: "x" };
  assert.deepEqual(annotate({ annotations: all }, domain), []);
  assert.deepEqual(annotate({ annotations: { ...all, [NODE]: "n2" } }, domain), [
    { op: "add", path: path("node"), value: "n1" },
  ]);
  assert.deepEqual(annotate({ annotations: all }, { network: "" }), [
    { op: "add", path: path("network"), value: "" },
    { op: "remove", path: path("node") },
  ]);
  assert.deepEqual(annotate({ annotations: { other: "x" } }, { network: "" }), [
    { op: "add", path: path("network"), value: "" },
  ]);
});
