import assert from "node:assert/strict";
import { formatCidr } from "../../src/address/cidr.ts";
import { RequestRefusedError } from "../../src/config/types.ts";
import { failure, ipText, load, refuses } from "./support.ts";

const RANGE = { range: "10.0.0.0/24" };

Deno.test("resolveConfig reads every field into the configuration", async () => {
  const { config, warnings, notes } = await load({
    range: "10.0.0.0/24",
    range_start: "10.0.0.10",
    range_end: "10.0.0.20",
    exclude: ["10.0.0.12"],
    ipRanges: [{ range: "fd00::/64", range_start: "fd00::5", range_end: "fd00::9", exclude: ["fd00::6/127"] }],
    gateway: "010.0.0.254",
    requests: "ranges",
    routes: [{ dst: "0.0.0.0/0", gw: "10.0.0.254", mtu: 1400, advmss: 1300, priority: 5, table: 100, scope: 253 }],
    dns: { nameservers: ["10.0.0.53"], domain: "d", search: ["s"], options: ["o"] },
    addresses: [{ address: "10.9.0.5/16", gateway: "10.9.0.1" }],
    enable_overlapping_ranges: false,
    network_name: "blue.net-1",
    node_slice_size: "/26",
    database: "/db",
    log_file: "/log",
    log_format: "json",
    log_level: "VERBOSE",
    reconciler_cron_expression: "30 4 * * *",
    sleep_for_race: 2,
    verify_network_status: false,
  }, { conf: { name: "n", cniVersion: "1.1.0" } });
  assert.deepEqual([warnings, notes], [[], []]);
  assert.deepEqual(config, {
    network: "n",
    cniVersion: "1.1.0",
    networkName: "blue.net-1",
    ranges: [
      {
        cidr: { family: 4, base: 0x0a000000n, prefix: 24 },
        first: 0x0a00000an,
        last: 0x0a000014n,
        excludes: [{ first: 0x0a00000cn, last: 0x0a00000cn }, { first: 0x0a0000fen, last: 0x0a0000fen }],
        keptFree: [0x0a0000fen],
      },
      {
        cidr: { family: 6, base: 0xfd00n << 112n, prefix: 64 },
        first: (0xfd00n << 112n) + 5n,
        last: (0xfd00n << 112n) + 9n,
        excludes: [{ first: (0xfd00n << 112n) + 6n, last: (0xfd00n << 112n) + 7n }],
      },
    ],
    gateway: { family: 4, value: 0x0a0000fen },
    routes: [{ dst: "0.0.0.0/0", gw: "10.0.0.254", mtu: 1400, advmss: 1300, priority: 5, table: 100, scope: 253 }],
    dns: { nameservers: ["10.0.0.53"], domain: "d", search: ["s"], options: ["o"] },
    addresses: [{ ip: { family: 4, value: 0x0a090005n }, prefix: 16, gateway: { family: 4, value: 0x0a090001n } }],
    requested: [],
    overlapping: false,
    datastore: { kind: "embedded", path: "/db" },
    log: { level: "info", format: "json", file: "/log" },
    nodeSliceSize: "/26",
    reconcilerCron: "30 4 * * *",
    sleepForRace: 2,
    verifyNetworkStatus: false,
  });
});

Deno.test("resolveConfig puts range before ipRanges and keeps the order of ipRanges", async () => {
  const { config } = await load({ ...RANGE, ipRanges: [{ range: "10.2.0.0/24" }, { range: "10.1.0.0/24" }] });
  assert.deepEqual(config.ranges.map(({ cidr }) => formatCidr(cidr)), ["10.0.0.0/24", "10.2.0.0/24", "10.1.0.0/24"]);
});

Deno.test("resolveConfig applies the fields beside range only to range", async () => {
  const { config } = await load({ ...RANGE, exclude: ["10.0.0.0/28"], ipRanges: [{ range: "10.0.0.0/24" }] });
  assert.deepEqual(config.ranges.map(({ excludes }) => excludes.length), [1, 0]);
});

/** Fields of which one is invalid, and the path that the error names. */
const INVALID: readonly (readonly [fields: Record<string, unknown>, field: string])[] = [
  [{ range: "10.0.0.0" }, "ipam.range"],
  [{ range: 10 }, "ipam.range"],
  [{ ...RANGE, range_start: "10.0.0" }, "ipam.range_start"],
  [{ ...RANGE, range_end: "10.0.0.0.1" }, "ipam.range_end"],
  [{ ...RANGE, exclude: "10.0.0.1" }, "ipam.exclude"],
  [{ ...RANGE, exclude: ["10.0.0.1", "no"] }, "ipam.exclude[1]"],
  [{ ipRanges: {} }, "ipam.ipRanges"],
  [{ ipRanges: ["10.0.0.0/24"] }, "ipam.ipRanges[0]"],
  [{ ipRanges: [RANGE, {}] }, "ipam.ipRanges[1].range"],
  [{ ipRanges: [RANGE, { range: 5 }] }, "ipam.ipRanges[1].range"],
  [{ ipRanges: [{ ...RANGE, range_start: "no" }] }, "ipam.ipRanges[0].range_start"],
  [{ ipRanges: [{ ...RANGE, range_end: "no" }] }, "ipam.ipRanges[0].range_end"],
  [{ ipRanges: [{ ...RANGE, exclude: ["no"] }] }, "ipam.ipRanges[0].exclude[0]"],
  [{ ...RANGE, ipRanges: Array(64).fill(RANGE) }, "ipam.ipRanges"],
  [{ ipRanges: Array(10_000).fill(RANGE) }, "ipam.ipRanges"],
  [{ gateway: "10.0.0.0/24" }, "ipam.gateway"],
  [{ gateway: "gate" }, "ipam.gateway"],
  [{ exclude_gateway: "yes" }, "ipam.exclude_gateway"],
  [{ requests: "all" }, "ipam.requests"],
  [{ requests: true }, "ipam.requests"],
  [{ ipRangesAllocation: "first" }, "ipam.ipRangesAllocation"],
  [{ ipRangesAllocation: ["all"] }, "ipam.ipRangesAllocation"],
  [{ routes: [{}] }, "ipam.routes[0].dst"],
  [{ routes: [{ dst: "10.0.0.1" }] }, "ipam.routes[0].dst"],
  [{ routes: [{ dst: "0.0.0.0/0", gw: "10.0.0.01" }] }, "ipam.routes[0].gw"],
  [{ routes: [{ dst: "0.0.0.0/0", mtu: "1400" }] }, "ipam.routes[0].mtu"],
  [{ dns: [] }, "ipam.dns"],
  [{ dns: { nameservers: "10.0.0.53" } }, "ipam.dns.nameservers"],
  [{ dns: { search: [5] } }, "ipam.dns.search[0]"],
  [{ addresses: [{}] }, "ipam.addresses[0].address"],
  [{ addresses: [{ address: "10.0.0.5" }] }, "ipam.addresses[0].address"],
  [{ addresses: [{ address: "10.0.0.5/24", gateway: "no" }] }, "ipam.addresses[0].gateway"],
  [{ enable_overlapping_ranges: "true" }, "ipam.enable_overlapping_ranges"],
  [{ network_name: 5 }, "ipam.network_name"],
  ...["Blue", "a_b", "-a", "a-", "a..b", "a.-b", ".a", "a.", "a/b", "../a", "a b", "ä", "a".repeat(129)].map(
    (name) => [{ network_name: name }, "ipam.network_name"] as const,
  ),
  [{ node_slice_size: 24 }, "ipam.node_slice_size"],
  ...["twenty", "//24", "/", "24/", "-1", "/129", "1.5", " 24"].map(
    (size) => [{ node_slice_size: size }, "ipam.node_slice_size"] as const,
  ),
  [{ datastore: "mysql" }, "ipam.datastore"],
  [{ kubernetes: "/k" }, "ipam.kubernetes"],
  [{ kubernetes: { kubeconfig: 5 } }, "ipam.kubernetes.kubeconfig"],
  [{ configuration_path: "/absent" }, "ipam.configuration_path"],
  [{ log_file: {} }, "ipam.log_file"],
  [{ log_level: 1 }, "ipam.log_level"],
  [{ log_format: 1 }, "ipam.log_format"],
  [{ reconciler_cron_expression: 5 }, "ipam.reconciler_cron_expression"],
  [{ sleep_for_race: -1 }, "ipam.sleep_for_race"],
  [{ sleep_for_race: 61 }, "ipam.sleep_for_race"],
  [{ sleep_for_race: 0.5 }, "ipam.sleep_for_race"],
  [{ leader_lease_duration: "1500" }, "ipam.leader_lease_duration"],
  [{ leader_renew_deadline: 1.5 }, "ipam.leader_renew_deadline"],
  [{ leader_retry_period: [] }, "ipam.leader_retry_period"],
];

Deno.test("resolveConfig names the invalid field", async () => {
  for (const [fields, field] of INVALID) await refuses(load(fields), field, field);
});

Deno.test("resolveConfig shows only the beginning of a long value", async () => {
  const long = "1".repeat(1_000_000);
  for (const key of ["range", "gateway", "network_name", "node_slice_size"]) {
    await assert.rejects(load({ [key]: long }), (error: Error) => error.message.length < 400);
  }
});

Deno.test("resolveConfig accepts network names that can be part of object names", async () => {
  for (const name of ["", "a", "0", "a-b", "a.b", "a--b", "blue.net-1", "a".repeat(128)]) {
    assert.equal((await load({ network_name: name })).config.networkName, name);
  }
});

Deno.test("resolveConfig accepts a slice size with and without its slash", async () => {
  for (const size of ["/24", "24", "/128", "0"]) {
    assert.equal((await load({ node_slice_size: size })).config.nodeSliceSize, size);
  }
  assert.equal((await load({ node_slice_size: "" })).config.nodeSliceSize, undefined);
});

Deno.test("resolveConfig ignores the case of log levels, and warns about unknown levels and formats", async () => {
  for (
    const [name, level] of [["panic", "panic"], ["ERROR", "error"], ["Verbose", "info"], ["Info", "info"], [
      "",
      "debug",
    ]]
  ) {
    const { config, warnings } = await load({ log_level: name });
    assert.deepEqual([config.log.level, warnings], [level, []]);
  }
  const { config, warnings } = await load({ log_level: "loud" });
  assert.equal(config.log.level, "debug");
  assert.deepEqual(warnings, ['ipam.log_level "loud" is ignored: expected one of error, warning, info, debug']);
  const xml = await load({ log_format: "xml" });
  assert.deepEqual(xml.warnings, ['ipam.log_format "xml" is ignored: expected one of logfmt, json']);
  assert.equal(xml.config.log.format, undefined);
});

Deno.test("resolveConfig warns about ranges of one network that overlap without being equal", async () => {
  const overlapping = { ...RANGE, ipRanges: [{ range: "10.0.0.128/25" }, { range: "fd00::/64" }] };
  assert.deepEqual((await load(overlapping)).warnings, [
    "Ranges 10.0.0.0/24 and 10.0.0.128/25 of one network overlap",
  ]);
  const twice = { ipRanges: [{ range: "10.0.0.1-10.0.0.9/24" }, { range: "10.0.0.11-10.0.0.19/24" }] };
  assert.deepEqual((await load(twice)).warnings, []);
});

Deno.test("resolveConfig warns about bounds and excludes without a range", async () => {
  const { warnings } = await load({ range_start: "no", range_end: "", exclude: ["10.0.0.1"], ipRanges: [RANGE] });
  assert.deepEqual(warnings, [
    "ipam.range_start has no effect without ipam.range; ipRanges have their own",
    "ipam.exclude has no effect without ipam.range; ipRanges have their own",
  ]);
});

Deno.test("resolveConfig accepts leading zeros in gateways and static addresses, and reads decimal numbers", async () => {
  const { config } = await load({
    gateway: "010.000.000.001",
    addresses: [{ address: "010.0.0.05/24" }],
  });
  assert.equal(ipText(config.gateway), "10.0.0.1");
  assert.equal(ipText(config.addresses[0]?.ip), "10.0.0.5");
});

Deno.test("resolveConfig allocates from each range, or with first_available from one and then refuses a second request", async () => {
  const ranges = { range: "10.0.0.0/24", ipRanges: [{ range: "10.1.0.0/24" }] };
  const modes = [undefined, "", "all", "first_available"];
  const read = modes.map(async (ipRangesAllocation) =>
    (await load({ ...ranges, ...(ipRangesAllocation !== undefined && { ipRangesAllocation }) })).config.rangesAllocation
  );
  assert.deepEqual(await Promise.all(read), [undefined, undefined, undefined, "first_available"]);
  const both = { ip: "10.0.0.5,10.1.0.5" };
  assert.equal((await load(ranges, both)).config.requested.length, 2);
  const first = { ...ranges, ipRangesAllocation: "first_available" };
  assert.equal((await load(first, { ip: "10.1.0.5" })).config.requested.length, 1);
  const error = await failure(load(first, both));
  assert(error instanceof RequestRefusedError);
  assert.match(error.message, /10\.0\.0\.5 and 10\.1\.0\.5: the network gives one address in all/);
  await load(first, { ...both, purpose: "release" });
});
