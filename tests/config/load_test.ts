import assert from "node:assert/strict";
import { formatCidr } from "../../src/address/cidr.ts";
import { FLAT_FILES } from "../../src/config/files.ts";
import { loadConfig, NotWhereaboutsError } from "../../src/config/load.ts";
import { memoryWorld } from "../support/world.ts";
import { bounds, failure, FLAT_FILE, load, loadExactly, refuses } from "./support.ts";

const NAMED = "/etc/own.conf";

Deno.test("loadConfig loads the smallest configuration with every default", async () => {
  const { config, warnings, notes } = await load({ range: "10.0.0.0/24" });
  const [range, ...more] = config.ranges;
  assert.ok(range);
  assert.deepEqual(more, []);
  assert.deepEqual({ ...config, ranges: [] }, {
    network: "net",
    cniVersion: "0.1.0",
    networkName: "",
    ranges: [],
    routes: [],
    dns: {},
    addresses: [],
    requested: [],
    overlapping: true,
    datastore: { kind: "embedded", path: "/var/lib/cni/whereabouts/whereabouts.db" },
    log: { level: "debug" },
    sleepForRace: 0,
    verifyNetworkStatus: true,
  });
  assert.deepEqual([warnings, notes], [[], []]);
});

Deno.test("loadConfig needs no flat file, and no range for the store, a release or a network of requests", async () => {
  for (const purpose of ["store", "release"] as const) {
    assert.deepEqual((await load({}, { purpose })).config.ranges, []);
  }
  assert.deepEqual((await load({ requests: "any" }, { purpose: "allocate" })).config.ranges, []);
});

Deno.test("loadConfig for inspect opens no file that a network names", async () => {
  for (const path of ["/absent", "/secret", "/folder"]) {
    const files = {
      "/secret": { gateway: "10.0.0.1" },
      "/folder/whereabouts.conf": { gateway: "10.0.0.1" },
      [FLAT_FILE]: { log_file: "/flat" },
    };
    const { config, notes } = await load({ range: "10.0.0.0/24", configuration_path: path }, {
      files,
      purpose: "inspect",
    });
    assert.deepEqual([config.gateway, config.log.file], [undefined, "/flat"]);
    assert.deepEqual(notes, ["ipam.configuration_path is ignored: only the plugin opens files of the node"]);
  }
});

Deno.test("loadConfig searches the flat file in the original's order and reads only the first", async () => {
  const extra = "/mnt/whereabouts.conf";
  const order = [...FLAT_FILES, extra];
  assert.deepEqual(order.slice(0, 3), [
    "/etc/kubernetes/cni/net.d/whereabouts.d/whereabouts.conf",
    FLAT_FILE,
    "/host/etc/cni/net.d/whereabouts.d/whereabouts.conf",
  ]);
  for (const [i, first] of order.entries()) {
    const files = Object.fromEntries(order.slice(i).map((path) => [path, { log_file: path, [`extra${i}`]: 1 }]));
    const { config, warnings } = await load({}, { files, extraPaths: ["/mnt/absent.conf", extra] });
    assert.equal(config.log.file, first);
    assert.equal(warnings.length, 1, "only one of them was read");
  }
});

Deno.test("loadConfig prefers inline fields to the file of configuration_path, and that to the flat file", async () => {
  const files = {
    [NAMED]: { range: "10.1.0.0/24", range_start: "10.0.0.20", log_file: "/named", dns: { domain: "named" } },
    [FLAT_FILE]: {
      range_start: "10.0.0.10",
      range_end: "10.0.0.30",
      log_file: "/flat",
      log_level: "error",
      dns: { domain: "flat", search: ["flat"] },
    },
  };
  const { config } = await load({ range: "10.0.0.0/24", configuration_path: NAMED }, { files });
  assert.deepEqual(config.ranges.map(bounds), ["10.0.0.20..10.0.0.30"]);
  assert.deepEqual(config.log, { level: "error", file: "/named" });
  assert.deepEqual(config.dns, { domain: "named", search: ["flat"] });
  assert.equal(config.configurationPath, NAMED);
});

Deno.test("loadConfig combines inline ipRanges with the flat file's range, which comes first", async () => {
  const { config } = await load({ ipRanges: [{ range: "fd00::/64" }] }, {
    files: { [FLAT_FILE]: { range: "10.0.0.0/24", ipRanges: [{ range: "10.9.0.0/24" }] } },
  });
  assert.deepEqual(config.ranges.map(({ cidr }) => formatCidr(cidr)), ["10.0.0.0/24", "fd00::/64"]);
});

Deno.test("loadConfig reads configuration_path as a file, or as a folder that may contain one", async () => {
  const files = { "/etc/own/whereabouts.conf": { gateway: "10.0.0.1" } };
  for (const path of ["/etc/own/whereabouts.conf", "/etc/own", "/etc/own/"]) {
    const { config } = await load({ configuration_path: path }, { files });
    assert.deepEqual(config.gateway, { family: 4, value: 0x0a000001n }, path);
    assert.equal(config.configurationPath, path);
  }
  const { config } = await load({ configuration_path: "/etc/nodes" }, { folders: ["/etc/nodes"] });
  assert.equal(config.gateway, undefined);
});

Deno.test("loadConfig uses a flat file's configuration_path as the folder of nodename, not as a further file", async () => {
  const files = { [FLAT_FILE]: { configuration_path: "/etc/absent" } };
  assert.equal((await load({}, { files })).config.configurationPath, "/etc/absent");
});

Deno.test("loadConfig refuses a missing configuration_path", async () => {
  await refuses(load({ configuration_path: NAMED }, { files: { [FLAT_FILE]: {} } }), "ipam.configuration_path", NAMED);
});

Deno.test("loadConfig refuses an unreadable or invalid file and names it", async () => {
  const broken: readonly unknown[] = [new Error("Permission denied"), "{", "", "[]", "5", "null", '"text"'];
  for (const content of broken) {
    await refuses(load({}, { files: { [FLAT_FILE]: content } }), FLAT_FILE, FLAT_FILE);
    await refuses(load({ configuration_path: NAMED }, { files: { [NAMED]: content } }), NAMED, NAMED);
  }
  const { message, cause } = await failure(load({}, { files: { [FLAT_FILE]: new Error("Permission denied") } }));
  assert.ok(message.endsWith(": Permission denied") && cause instanceof Error, message);
});

Deno.test("loadConfig names the file of an invalid value", async () => {
  const flat = { files: { [FLAT_FILE]: { gateway: "ten", range_start: "11.0.0.0.1" } } };
  await refuses(load({}, flat), "ipam.gateway", FLAT_FILE);
  await refuses(load({ range: "10.0.0.0/24", gateway: "10.0.0.1" }, flat), "ipam.range_start", FLAT_FILE);
  const { message } = await failure(load({ gateway: "eleven" }, flat));
  assert.ok(!message.includes(FLAT_FILE), message);
  await refuses(load({}, { files: { [FLAT_FILE]: { range: 5 } } }), `${FLAT_FILE}.range`, "number 5");
});

Deno.test("loadConfig reads a whole network configuration in a file: its top-level fields take precedence over its ipam", async () => {
  const whole = {
    cniVersion: "1.0.0",
    name: "other",
    type: "macvlan",
    gateway: "10.0.0.1",
    ipam: { type: "whereabouts", gateway: "10.0.0.2", range: "10.0.0.0/24" },
  };
  const { config, warnings } = await load({}, { files: { [FLAT_FILE]: whole } });
  assert.equal(config.gateway?.value, 0x0a000001n);
  assert.deepEqual(config.ranges.map(bounds), ["10.0.0.1..10.0.0.254"]);
  assert.equal(config.network, "net");
  assert.equal(warnings.length, 1);
  assert.ok(warnings[0]?.startsWith(`${FLAT_FILE} is a whole network configuration`));
});

Deno.test("loadConfig reads enable_overlapping_ranges from a file if it is not inline; the default is true", async () => {
  const overlapping = async (inline: unknown, flat: unknown) => {
    const fields = (value: unknown) => value === undefined ? {} : { enable_overlapping_ranges: value };
    return (await load(fields(inline), { files: { [FLAT_FILE]: fields(flat) } })).config.overlapping;
  };
  assert.equal(await overlapping(undefined, undefined), true);
  assert.equal(await overlapping(undefined, false), false);
  assert.equal(await overlapping(null, false), false);
  assert.equal(await overlapping(true, false), true);
  assert.equal(await overlapping(false, true), false);
  assert.equal(await overlapping(undefined, true), true);
});

Deno.test("loadConfig refuses a network of another IPAM plugin with a NotWhereaboutsError", async () => {
  const world = memoryWorld();
  for (const conf of [undefined, null, 5, "x", [], {}, { name: "n" }, { ipam: null }]) {
    await assert.rejects(loadConfig(world, { conf }), (error) => {
      assert.ok(error instanceof NotWhereaboutsError && error.field === "ipam", JSON.stringify(conf));
      return true;
    });
  }
  for (const type of [undefined, null, "", "host-local", "Whereabouts", 5, {}]) {
    const error = await failure(loadExactly({ type }));
    assert.ok(error instanceof NotWhereaboutsError);
    assert.equal(error.field, "ipam.type");
    assert.ok(error.message.includes('expected "whereabouts"'));
  }
  for (const ipam of [5, "whereabouts", [], true]) {
    const error = await failure(loadExactly(ipam));
    assert.equal(error.field, "ipam");
    assert.ok(!(error instanceof NotWhereaboutsError), "the network is invalid, not another plugin's");
  }
});

Deno.test("loadConfig ignores the case of keys in the network configuration", async () => {
  const conf = {
    Name: "n",
    CNIVersion: "0.4.0",
    IPAM: { Type: "whereabouts", DataStore: "embedded", RANGE: "10.0.0.0/24", GATEWAY: "10.0.0.1" },
  };
  const { config } = await loadConfig(memoryWorld(), { conf });
  assert.deepEqual([config.network, config.cniVersion], ["n", "0.4.0"]);
  assert.equal(config.gateway?.value, 0x0a000001n);
});

Deno.test("loadConfig returns each warning once, and at most a hundred", async () => {
  const routes = Array.from({ length: 500 }, () => ({ dst: "0.0.0.0/0", odd: 1, strange: 2 }));
  const { warnings } = await load({ range: "10.0.0.0/24", routes });
  assert.equal(warnings.length, 100);
  assert.equal(new Set(warnings).size, 100);
});

Deno.test("loadConfig returns notes, not warnings, about settings that are accepted and ignored", async () => {
  const { warnings, notes } = await load({ leader_lease_duration: 1500, leader_retry_period: 0 });
  assert.deepEqual(warnings, []);
  assert.deepEqual(notes, [
    "ipam.leader_lease_duration is ignored: this release takes no lease",
    "ipam.leader_retry_period is ignored: this release takes no lease",
  ]);
});
