import assert from "node:assert/strict";
import { readNetworks, reservesBy, usersOf } from "../../src/controllers/networks.ts";
import { memoryWorld } from "../support/world.ts";
import { attachment, cidr, network } from "./lab.ts";

Deno.test("readNetworks reads single configurations and lists; an invalid one does not affect the others", async () => {
  const plugins = [
    { type: "bridge", ipam: { type: "host-local" } },
    { type: "macvlan", ipam: { type: "whereabouts", range: "10.1.0.0/24" } },
  ];
  const of = (name: string, config: unknown) => ({
    ...attachment(name, {}),
    config: typeof config === "string" ? config : JSON.stringify(config),
  });
  const { networks, faults } = await readNetworks(memoryWorld(), [
    attachment("single", { range: "10.0.0.0/24" }),
    of("list", { name: "list", cniVersion: "1.0.0", plugins }),
    of("other", { type: "bridge", ipam: { type: "host-local" } }),
    of("file", ""),
    of("nonsense", "{"),
    attachment("wrong", { range: "10.0.0.0/99" }),
    of("unnamed", { type: "macvlan", ipam: { type: "whereabouts", range: "10.2.0.0/24" } }),
  ]);
  assert.deepEqual(networks.map(({ attachment, config }) => [attachment.name, config.network]), [
    ["single", "single"],
    ["list", "list"],
    ["unnamed", "unnamed"],
  ]);
  assert.deepEqual(faults.map(({ attachment }) => attachment.name), ["nonsense", "wrong"]);
});

Deno.test("readNetworks merges networks over the flat file, as the plugin does, and opens no file that a network names", async () => {
  const flat = {
    enable_overlapping_ranges: false,
    node_slice_size: "/26",
    configuration_path: "/etc/cni/net.d/whereabouts.d",
  };
  const secret = { range: "10.9.0.0/24", network_name: "read" };
  const files = {
    "/etc/cni/net.d/whereabouts.d/whereabouts.conf": flat,
    "/mounted.conf": { enable_overlapping_ranges: true },
    "/secret": secret,
  };
  const texts = Object.entries(files).map(([path, value]) => [path, JSON.stringify(value)]);
  const world = memoryWorld({ files: Object.fromEntries(texts) });
  const k3s = "/var/lib/rancher/k3s/agent/etc/cni/net.d/whereabouts.d/whereabouts.conf";
  const attachments = [
    attachment("plain", { range: "10.0.0.0/24" }),
    attachment("inline", { range: "10.1.0.0/24", enable_overlapping_ranges: true }),
    attachment("k3s", { range: "10.2.0.0/24", configuration_path: k3s }),
    attachment("thief", { range: "10.3.0.0/24", configuration_path: "/secret" }),
  ];
  const read: string[] = [];
  const watched = { ...world, readTextFile: (path: string) => (read.push(path), world.readTextFile(path)) };
  const { networks, faults } = await readNetworks(watched, attachments);
  assert.deepEqual(faults, []);
  assert.deepEqual(networks.map(({ config }) => [config.overlapping, config.nodeSliceSize, config.networkName]), [
    [false, "/26", ""],
    [true, "/26", ""],
    [false, "/26", ""],
    [false, "/26", ""],
  ]);
  assert.deepEqual(read, ["/etc/cni/net.d/whereabouts.d/whereabouts.conf"], "once for all networks");
  const named = await readNetworks(world, attachments, "/mounted.conf");
  assert.deepEqual(named.networks.map(({ config }) => [config.overlapping, config.nodeSliceSize]), [
    [true, "/26"],
    [true, "/26"],
    [true, "/26"],
    [true, "/26"],
  ]);
});

Deno.test("readNetworks fails, and reports no network, if the flat file cannot be read", async () => {
  const world = memoryWorld({ files: { "/etc/cni/net.d/whereabouts.d/whereabouts.conf": "{" } });
  await assert.rejects(
    readNetworks(world, [attachment("a", { range: "10.0.0.0/24" })]),
    /Cannot parse .*whereabouts\.conf/,
  );
});

Deno.test("readNetworks reports networks that would allocate nothing, or addresses of others", async () => {
  const { networks, faults } = await readNetworks(memoryWorld(), [
    attachment("typo", { rnge: "10.80.0.0/29" }),
    attachment("static", { range: "10.0.0.0/24", addresses: [{ address: "10.0.0.7/24" }] }),
    attachment("start", { range: "10.0.0.0/24", range_start: "10.70.0.300" }),
  ]);
  assert.deepEqual(networks, []);
  const messages = faults.map(({ error }) => error instanceof Error ? error.message : error);
  for (const [i, part] of ["did you mean range?", "10.0.0.7", "10.70.0.300"].entries()) {
    assert.ok(String(messages[i]).includes(part));
  }
});

Deno.test("usersOf finds the networks of a pool by network_name, range and slice", async () => {
  const networks = [
    await network("plain", { range: "10.0.0.0/24" }),
    await network("named", { range: "10.0.0.0/24", network_name: "blue" }),
    await network("sliced", { range: "10.1.0.0/16", node_slice_size: "/24" }),
  ];
  const of = (networkName: string, text: string) =>
    usersOf(networks, { network: networkName, cidr: cidr(text) }).map(({ network }) => network.attachment.name);
  assert.deepEqual(
    [
      of("", "10.0.0.0/24"),
      of("blue", "10.0.0.0/24"),
      of("", "10.1.7.0/24"),
      of("", "10.0.0.0/25"),
      of("", "fd00::/64"),
    ],
    [["plain"], ["named"], ["sliced"], [], []],
  );
});

Deno.test("reservesBy is true for pools whose networks all reserve, and false for unknown ones", async () => {
  const off = { enable_overlapping_ranges: false };
  const reserves = reservesBy([
    await network("a", { range: "10.0.0.0/24" }),
    await network("b", { range: "10.1.0.0/24" }),
    await network("c", { range: "10.1.0.0/24", ...off }),
    await network("d", { range: "10.2.0.0/24", ...off }),
  ]);
  const of = (text: string) => reserves({ network: "", cidr: cidr(text) });
  assert.deepEqual(["10.0.0.0/24", "10.1.0.0/24", "10.2.0.0/24", "10.3.0.0/24"].map(of), [true, false, false, false]);
});
