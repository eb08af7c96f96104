import assert from "node:assert/strict";
import { formatCidr } from "../../src/address/cidr.ts";
import { formatIp } from "../../src/address/ip.ts";
import { type IpRange, lowestFree } from "../../src/address/range.ts";
import { parseRange } from "../../src/config/ranges.ts";
import { ConfigError } from "../../src/config/types.ts";
import { bounds, load, refuses } from "./support.ts";

interface Fields {
  readonly range: string;
  readonly range_start?: string;
  readonly range_end?: string;
  readonly exclude?: readonly string[];
}

function parse(fields: Fields): { range: IpRange; warnings: string[] } {
  const warnings: string[] = [];
  const range = parseRange({ ...fields }, "ipam", (warning) => warnings.push(warning));
  return { range, warnings };
}

/** Fields, and the network and bounds that they lead to without a warning. */
const SYNTAXES: readonly (readonly [fields: Fields, cidr: string, bounds: string])[] = [
  [{ range: "10.0.0.0/24" }, "10.0.0.0/24", "10.0.0.1..10.0.0.254"],
  [{ range: "192.168.2.225/28" }, "192.168.2.224/28", "192.168.2.225..192.168.2.238"],
  [{ range: "00192.00168.1.0/24" }, "192.168.1.0/24", "192.168.1.1..192.168.1.254"],
  [{ range: "010.0.0.010/8" }, "10.0.0.0/8", "10.0.0.1..10.255.255.254"],
  [{ range: "192.168.1.5-192.168.1.25/24" }, "192.168.1.0/24", "192.168.1.5..192.168.1.25"],
  [{ range: "192.168.001.005-192.168.001.025/24" }, "192.168.1.0/24", "192.168.1.5..192.168.1.25"],
  [{ range: "10.0.0.9-10.0.0.9/24" }, "10.0.0.0/24", "10.0.0.9..10.0.0.9"],
  [
    { range: "10.0.0.0/8", range_start: "10.64.0.1", range_end: "10.127.255.254" },
    "10.0.0.0/8",
    "10.64.0.1..10.127.255.254",
  ],
  [
    { range: "192.168.1.0/24", range_start: "192.168.1.5", range_end: "192.168.1.12" },
    "192.168.1.0/24",
    "192.168.1.5..192.168.1.12",
  ],
  [{ range: "192.168.1.0/24", range_start: "192.168.001.010" }, "192.168.1.0/24", "192.168.1.10..192.168.1.254"],
  [{ range: "192.168.1.0/24", range_end: "192.168.1.1" }, "192.168.1.0/24", "192.168.1.1..192.168.1.1"],
  [{ range: "192.168.1.0/24", range_start: "192.168.1.0" }, "192.168.1.0/24", "192.168.1.1..192.168.1.254"],
  [{ range: "192.168.1.0/24", range_start: "", range_end: "" }, "192.168.1.0/24", "192.168.1.1..192.168.1.254"],
  // FIRST-LAST takes precedence over range_start and range_end
  [
    { range: "10.0.0.5-10.0.0.9/24", range_start: "10.0.0.1", range_end: "10.0.0.99" },
    "10.0.0.0/24",
    "10.0.0.5..10.0.0.9",
  ],
  [{ range: "0.0.0.0/0" }, "0.0.0.0/0", "0.0.0.1..255.255.255.254"],
  [{ range: "10.0.0.0/30" }, "10.0.0.0/30", "10.0.0.1..10.0.0.2"],
  [{ range: "10.0.0.7/31" }, "10.0.0.6/31", "10.0.0.6..10.0.0.7"],
  [{ range: "10.0.0.7/32" }, "10.0.0.7/32", "10.0.0.7..10.0.0.7"],
  [{ range: "10.0.0.6-10.0.0.7/31" }, "10.0.0.6/31", "10.0.0.6..10.0.0.7"],
  [{ range: "FD00::/64" }, "fd00::/64", "fd00::1..fd00::ffff:ffff:ffff:fffe"],
  [{ range: "2001:DB8:0:0::5/126" }, "2001:db8::4/126", "2001:db8::5..2001:db8::6"],
  [{ range: "fd00::8/127" }, "fd00::8/127", "fd00::8..fd00::9"],
  [{ range: "fd00::8/128" }, "fd00::8/128", "fd00::8..fd00::8"],
  [{ range: "::/0" }, "::/0", "::1..ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe"],
  [
    { range: "2001:db8:5422:5::-2001:db8:5422:5:7fff:ffff:ffff:ffff/64" },
    "2001:db8:5422:5::/64",
    "2001:db8:5422:5::1..2001:db8:5422:5:7fff:ffff:ffff:ffff",
  ],
  [
    { range: "2001:db8:480:603d:304:403::-2001:db8:480:603d:304:403:0:4/64" },
    "2001:db8:480:603d::/64",
    "2001:db8:480:603d:304:403::..2001:db8:480:603d:304:403:0:4",
  ],
];

Deno.test("parseRange reads the network and the effective bounds of every syntax", () => {
  for (const [fields, cidr, expected] of SYNTAXES) {
    const { range, warnings } = parse(fields);
    assert.deepEqual([formatCidr(range.cidr), bounds(range), warnings], [cidr, expected, []], JSON.stringify(fields));
  }
});

/** Fields with ignored bounds, the effective bounds, and the field and the replacement that the warning names. */
const IGNORED: readonly (readonly [fields: Fields, bounds: string, field: string, used: string])[] = [
  [{ range: "10.0.0.0/24", range_start: "10.0.1.5" }, "10.0.0.1..10.0.0.254", "ipam.range_start 10.0.1.5", "10.0.0.1"],
  [
    { range: "10.0.0.0/24", range_start: "10.0.0.255" },
    "10.0.0.1..10.0.0.254",
    "ipam.range_start 10.0.0.255",
    "10.0.0.1",
  ],
  [
    { range: "10.0.0.0/24", range_end: "10.0.0.255" },
    "10.0.0.1..10.0.0.254",
    "ipam.range_end 10.0.0.255",
    "10.0.0.254",
  ],
  [{ range: "10.0.0.0/24", range_end: "9.9.9.9" }, "10.0.0.1..10.0.0.254", "ipam.range_end 9.9.9.9", "10.0.0.254"],
  [{ range: "10.0.0.0/24", range_start: "fd00::1" }, "10.0.0.1..10.0.0.254", "ipam.range_start fd00::1", "10.0.0.1"],
  [{ range: "10.0.0.0/24", range_start: "::a00:0" }, "10.0.0.1..10.0.0.254", "ipam.range_start ::a00:0", "10.0.0.1"],
  [
    { range: "fd00::/64", range_end: "10.0.0.5" },
    "fd00::1..fd00::ffff:ffff:ffff:fffe",
    "ipam.range_end 10.0.0.5",
    "fd00::ffff",
  ],
  [
    { range: "10.0.0.0/24", range_start: "10.0.0.50", range_end: "10.0.0.40" },
    "10.0.0.50..10.0.0.254",
    "ipam.range_end 10.0.0.40",
    "10.0.0.254",
  ],
  [{ range: "10.0.0.50-10.0.0.40/24" }, "10.0.0.50..10.0.0.254", "ipam.range_end 10.0.0.40", "10.0.0.254"],
];

Deno.test("parseRange ignores inverted bounds and bounds outside of the range, and warns which ones it uses", () => {
  for (const [fields, expected, field, used] of IGNORED) {
    const { range, warnings } = parse(fields);
    assert.equal(bounds(range), expected, JSON.stringify(fields));
    assert.equal(warnings.length, 1, JSON.stringify(fields));
    assert.ok(warnings[0]?.startsWith(`${field} is ignored`), warnings[0]);
    assert.ok(warnings[0]?.includes(`${used}`) && warnings[0].endsWith("is used instead"), warnings[0]);
  }
});

/** Invalid ranges, bounds and excludes, and the field that the error names. */
const INVALID: readonly (readonly [fields: Fields, field: string])[] = [
  ...[
    "10.0.0.1",
    "/24",
    "10.0.0.0/33",
    "10.0.0.0/-1",
    "10.0.0.0/024",
    "10.0.0.0/",
    "10.0.0/24",
    "10.0.0.256/24",
    " 10.0.0.0/24",
    "10.0.0.0/24 ",
    "0x0a.0.0.0/8",
    "fd00::/129",
    "fd00::%eth0/64",
    "fd00:::/64",
    "::ffff:10.0.0.0/120",
    "example.org/24",
    "-",
    "10.0.0.1-",
    "-10.0.0.9/24",
    "10.0.0.1-10.0.0.9",
    "10.0.0.1 - 10.0.0.9/24",
    "10.0.0.1-10.0.0.5-10.0.0.9/24",
    "10.0.1.1-10.0.0.9/24",
    "fd00::1-10.0.0.9/24",
  ].map((range) => [{ range }, "ipam.range"] as const),
  [{ range: "10.0.0.0/24", range_start: "10.0.0" }, "ipam.range_start"],
  [{ range: "10.0.0.0/24", range_start: "10.0.0.1/24" }, "ipam.range_start"],
  [{ range: "10.0.0.0/24", range_end: "ten" }, "ipam.range_end"],
  [{ range: "10.0.0.1-10.0.0.9/24", range_end: "ten" }, "ipam.range_end"],
  [{ range: "10.0.0.0/24", exclude: ["10.0.0.1", "10.0.0.300"] }, "ipam.exclude[1]"],
  [{ range: "10.0.0.0/24", exclude: [""] }, "ipam.exclude[0]"],
  [{ range: "10.0.0.0/24", exclude: ["10.0.0.1-10.0.0.5"] }, "ipam.exclude[0]"],
  [{ range: "10.0.0.0/24", exclude: ["10.0.0.01"] }, "ipam.exclude[0]"],
  [{ range: "10.0.0.0/24", exclude: ["10.0.0.0/33"] }, "ipam.exclude[0]"],
];

Deno.test("parseRange refuses an invalid range, bound or exclude and names the field", () => {
  for (const [fields, field] of INVALID) {
    assert.throws(() => parse(fields), (error) => {
      assert.ok(error instanceof ConfigError, JSON.stringify(fields));
      assert.equal(error.field, field, JSON.stringify(fields));
      assert.ok(error.message.includes(field), error.message);
      assert.match(error.message, /expected|is not in/);
      return true;
    });
  }
});

Deno.test("parseRange merges excludes: CIDRs with host bits and single addresses", () => {
  const { range, warnings } = parse({
    range: "192.168.2.0/24",
    exclude: ["192.168.2.9/28", "192.168.2.16", "192.168.2.64/26", "192.168.2.96/27"],
  });
  const text = (value: bigint) => formatIp({ family: 4, value });
  assert.deepEqual(range.excludes.map(({ first, last }) => [text(first), text(last)]), [
    ["192.168.2.0", "192.168.2.16"],
    ["192.168.2.64", "192.168.2.127"],
  ]);
  assert.deepEqual(warnings, []);
  assert.equal(lowestFree(range, () => false), range.cidr.base + 17n);
});

Deno.test("parseRange excludes IPv4-mapped addresses, which would be parsed as IPv4", () => {
  const { range, warnings } = parse({ range: "::fffe:0:0/95", exclude: ["::fffe:0:0/96"] });
  assert.equal(lowestFree(range, () => false), undefined);
  assert.deepEqual(warnings, []);
  assert.deepEqual(parse({ range: "2001:db8::/64" }).range.excludes, []);
});

Deno.test("parseRange allows the first addresses of the original's examples", () => {
  const firstOf = (fields: Fields) => {
    const { range } = parse(fields);
    const value = lowestFree(range, () => false);
    return value === undefined ? undefined : formatIp({ family: range.cidr.family, value });
  };
  assert.equal(firstOf({ range: "192.168.2.0/24", exclude: ["192.168.2.0/28"] }), "192.168.2.16");
  assert.equal(firstOf({ range: "caa5::/112", exclude: ["caa5::/113"] }), "caa5::8000");
  assert.equal(firstOf({ range: "10.0.0.0/24", exclude: ["10.0.0.0/24"] }), undefined);
  assert.equal(firstOf({ range: "0.0.0.0/0", exclude: ["0.0.0.0/1", "128.0.0.0/1"] }), undefined);
});

Deno.test("parseRange warns about an exclude that excludes nothing", () => {
  const { range, warnings } = parse({ range: "10.0.0.0/24", exclude: ["10.0.1.0/24", "fd00::/64"] });
  assert.deepEqual(range.excludes, []);
  assert.deepEqual(warnings, [
    "ipam.exclude[0] 10.0.1.0/24 excludes nothing: it is outside of 10.0.0.0/24",
    "ipam.exclude[1] fd00::/64 excludes nothing: it is outside of 10.0.0.0/24",
  ]);
});

Deno.test("withoutGateway excludes the gateway from the range of its family, unless exclude_gateway is false", async () => {
  const ranges = { range: "10.0.0.0/24", ipRanges: [{ range: "fd00::/64" }], gateway: "10.0.0.1" };
  for (const fields of [ranges, { ...ranges, exclude_gateway: true }]) {
    const [four, six] = (await load(fields)).config.ranges;
    assert.deepEqual([four?.excludes, four?.keptFree], [[{ first: 0x0a000001n, last: 0x0a000001n }], [0x0a000001n]]);
    assert.deepEqual([six?.excludes, six?.keptFree], [[], undefined]);
  }
  const kept = (await load({ ...ranges, exclude_gateway: false })).config.ranges;
  assert.deepEqual(kept.map((range) => range.excludes), [[], []]);
  const elsewhere = (await load({ ...ranges, gateway: "10.0.1.1" })).config.ranges;
  assert.deepEqual(elsewhere.map((range) => range.excludes), [[], []]);
});

Deno.test("parseRange reads pick_addresses of each range, and refuses an address of another network", async () => {
  const picks = async (fields: Record<string, unknown>) =>
    (await load(fields)).config.ranges.map((range) =>
      range.picks?.map((value) => formatIp({ family: range.cidr.family, value }))
    );
  assert.deepEqual(
    await picks({
      range: "10.0.0.0/24",
      pick_addresses: ["10.0.0.9", "10.0.0.007"],
      ipRanges: [{ range: "fd00::/64", pick_addresses: ["fd00:0::5"] }, { range: "10.1.0.0/24", pick_addresses: [] }],
    }),
    [["10.0.0.9", "10.0.0.7"], ["fd00::5"], undefined],
  );
  await refuses(
    load({ range: "10.0.0.0/24", pick_addresses: ["10.0.0.9", "10.0.1.9"] }),
    "ipam.pick_addresses[1]",
    "10.0.1.9",
  );
  await refuses(
    load({ ipRanges: [{ range: "fd00::/64", pick_addresses: ["x"] }] }),
    "ipam.ipRanges[0].pick_addresses[0]",
  );
  const { warnings } = await load({ pick_addresses: ["10.0.0.9"], ipRanges: [{ range: "10.0.0.0/24" }] });
  assert.match(warnings.join(), /ipam\.pick_addresses has no effect without ipam\.range/);
});

Deno.test("parseRange reads enable_l3 of all ranges, or of each", async () => {
  const l3 = async (fields: Record<string, unknown>) =>
    (await load(fields)).config.ranges.map(({ cidr, first, l3 }) => [first === cidr.base, l3 === true]);
  const further = [{ range: "10.1.0.0/24" }, { range: "10.2.0.0/24", enable_l3: false }];
  const all = { range: "10.0.0.0/24", enable_l3: true, ipRanges: further };
  assert.deepEqual(await l3(all), [[true, true], [true, true], [false, false]]);
  const one = { range: "10.0.0.0/24", ipRanges: [{ range: "10.1.0.0/24", enable_l3: true }] };
  assert.deepEqual(await l3(one), [[false, false], [true, true]]);
  const { config, warnings } = await load({ range: "10.0.0.0/24", enable_l3: true, range_start: "10.0.0.0" });
  assert.deepEqual([config.ranges[0]?.first, warnings], [0x0a000000n, []]);
});

Deno.test("a range has a gateway of its own, which is kept free like that of the network", async () => {
  const ipRanges = [{ range: "10.1.0.0/24", gateway: "10.1.0.1" }, { range: "fd00::/64" }];
  const fields = { range: "10.0.0.0/24", gateway: "10.0.0.1", ipRanges };
  const kept = (await load(fields)).config.ranges;
  assert.deepEqual(kept.map(({ keptFree }) => keptFree), [[0x0a000001n], [0x0a010001n], undefined]);
  assert.deepEqual(kept.map(({ gateway }) => gateway?.value), [undefined, 0x0a010001n, undefined]);
  const given = (await load({ ...fields, exclude_gateway: false })).config.ranges;
  assert.deepEqual(given.map(({ keptFree, excludes }) => keptFree ?? excludes), [[], [], []]);
  assert.equal(given[1]?.gateway?.value, 0x0a010001n);
  const other = load({ ipRanges: [{ range: "10.1.0.0/24", gateway: "fd00::1" }] });
  await refuses(other, "ipam.ipRanges[0].gateway", "expected an IPv4 address");
});
