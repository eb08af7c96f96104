import assert from "node:assert/strict";
import { networksOf } from "../../src/config/conflist.ts";
import { loadConfig } from "../../src/config/load.ts";
import { memoryWorld } from "../support/world.ts";

const OURS = { type: "whereabouts", range: "10.0.0.0/24", enable_overlapping_ranges: false };

Deno.test("networksOf returns a single plugin that uses our IPAM", () => {
  const conf = { cniVersion: "1.0.0", name: "n", type: "macvlan", ipam: OURS };
  assert.deepEqual(networksOf(conf), [conf]);
});

Deno.test("networksOf returns every plugin of a list that uses our IPAM, with the name and version of the list", () => {
  const list = {
    cniVersion: "0.4.0",
    name: "list",
    plugins: [
      { type: "bridge", name: "own", ipam: OURS },
      { type: "tuning" },
      { type: "macvlan", ipam: { type: "host-local" } },
      { type: "ipvlan", cniVersion: "0.1.0", ipam: { ...OURS, range: "fd00::/64" } },
    ],
  };
  assert.deepEqual(networksOf(list), [
    { type: "bridge", name: "list", cniVersion: "0.4.0", ipam: OURS },
    { type: "ipvlan", name: "list", cniVersion: "0.4.0", ipam: { ...OURS, range: "fd00::/64" } },
  ]);
});

Deno.test("networksOf keeps an explicit false, and gives the network the name of the list", async () => {
  const [conf] = networksOf({ name: "list", plugins: [{ type: "bridge", ipam: { ...OURS, datastore: "embedded" } }] });
  const { config } = await loadConfig(memoryWorld(), { conf });
  assert.equal(config.overlapping, false);
  assert.equal(config.network, "list");
});

Deno.test("networksOf ignores the case of keys, as the runtime does", () => {
  assert.deepEqual(networksOf({ Name: "n", Plugins: [{ Type: "bridge", IPAM: { Type: "whereabouts" } }] }), [
    { name: "n", Type: "bridge", IPAM: { Type: "whereabouts" } },
  ]);
});

Deno.test("networksOf returns nothing for a document that does not use our IPAM", () => {
  const documents = [
    undefined,
    null,
    "text",
    5,
    [],
    {},
    { name: "n" },
    { type: "", ipam: OURS },
    { type: 5, ipam: OURS },
    { type: "macvlan" },
    { type: "macvlan", ipam: null },
    { type: "macvlan", ipam: { type: "host-local" } },
    { plugins: {} },
    { plugins: [null, 5, [], "x", {}, { ipam: [] }, { ipam: {} }] },
  ];
  for (const document of documents) assert.deepEqual(networksOf(document), [], JSON.stringify(document));
});
