import assert from "node:assert/strict";
import { readNetworks, reservesBy, usersOf } from "../../src/controllers/networks.ts";
import { memoryWorld } from "../support/world.ts";
import { attachment, cidr, network } from "./lab.ts";

Deno.test("readNetworks reads single configurations and lists, and one that cannot be read stops no other", async () => {
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

Deno.test("usersOf finds the networks of a pool by name, range and slice", async () => {
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

Deno.test("reservesBy answers for pools whose networks all reserve, and not for unknown ones", async () => {
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
