import assert from "node:assert/strict";
import { type IpamConfig, RequestRefusedError } from "../../src/config/types.ts";
import { failure, ipText, load, type LoadOptions, refuses } from "./support.ts";

const RANGES = { range: "10.0.0.0/24", ipRanges: [{ range: "fd00::/64" }] };

function shown({ requested, addresses }: IpamConfig): { requested: unknown; addresses: unknown } {
  return {
    requested: requested.map(ipText),
    addresses: addresses.map(({ ip, prefix, gateway }) =>
      `${ipText(ip)}/${prefix}${gateway ? ` via ${ipText(gateway)}` : ""}`
    ),
  };
}

/** Requests, and the addresses that they lead to. */
const REQUESTS: readonly (readonly [options: LoadOptions, requested: string[], addresses: string[]])[] = [
  [{}, [], []],
  [{ ip: "" }, [], []],
  [{ ip: "10.0.0.5" }, ["10.0.0.5"], []],
  [{ ip: "10.0.0.5/24" }, ["10.0.0.5"], []],
  [{ ip: " 010.0.0.5 , fd00::5/64" }, ["10.0.0.5", "fd00::5"], []],
  [{ ip: "192.168.7.5/16" }, [], ["192.168.7.5/16"]],
  [{ ip: "10.0.0.5,192.168.7.5/16" }, ["10.0.0.5"], ["192.168.7.5/16"]],
  [{ conf: { args: { cni: { ips: ["10.0.0.6"] } } } }, ["10.0.0.6"], []],
  [{ conf: { runtimeConfig: { ips: ["10.0.0.7/24", "fd00::7"] } } }, ["10.0.0.7", "fd00::7"], []],
  [
    {
      ip: "10.0.0.5",
      conf: { args: { cni: { ips: ["fd00::5", "10.0.0.5/24"] } }, runtimeConfig: { ips: ["FD00:0::5"] } },
    },
    ["10.0.0.5", "fd00::5"],
    [],
  ],
  [{ ip: "192.168.7.5/16,192.168.7.5/24" }, [], ["192.168.7.5/16"]],
  [{ conf: { args: null, runtimeConfig: { ips: null } } }, [], []],
  [{ conf: { args: { cni: 5 }, runtimeConfig: "no" } }, [], []],
  [{ conf: { runtimeConfig: { ips: [] } } }, [], []],
];

Deno.test("sortRequested reads addresses from CNI_ARGS, args.cni.ips and runtimeConfig.ips, each once", async () => {
  for (const [options, requested, addresses] of REQUESTS) {
    const { config } = await load({ ...RANGES, requests: "any" }, options);
    assert.deepEqual(shown(config), { requested, addresses }, JSON.stringify(options));
  }
});

Deno.test("sortRequested refuses an address outside of every range, unless requests is any; no pool then tracks it", async () => {
  const options = { ip: "10.0.0.5,192.168.7.5/16" };
  for (const fields of [RANGES, { ...RANGES, requests: "ranges" }, { ...RANGES, requests: "" }]) {
    const error = await failure(load(fields, options));
    assert.ok(error instanceof RequestRefusedError, error.name);
    for (const part of ["192.168.7.5", "CNI_ARGS IP", "10.0.0.0/24, fd00::/64", '"requests": "any"']) {
      assert.ok(error.message.includes(part), `"${error.message}" lacks "${part}"`);
    }
  }
  const { warnings } = await load({ ...RANGES, requests: "any" }, options);
  assert.deepEqual(warnings, [
    "CNI_ARGS IP 192.168.7.5 is in no range: it is assigned unchanged, and no pool records it",
  ]);
});

Deno.test("sortRequested ignores the requests of a release, which uses what ADD recorded", async () => {
  const { config } = await load(RANGES, { ip: "192.168.7.5/16", gateway: "no", purpose: "release" });
  assert.deepEqual(shown(config), { requested: [], addresses: [] });
});

Deno.test("sortRequested compares with the network of a range, ignoring bounds and excludes, so that the pool tracks the address", async () => {
  const { config } = await load({ range: "10.0.0.10-10.0.0.20/24", exclude: ["10.0.0.12"] }, { ip: "10.0.0.5" });
  assert.deepEqual(shown(config), { requested: ["10.0.0.5"], addresses: [] });
});

Deno.test("sortRequested assigns one address to each of two ranges of one network", async () => {
  const twice = { ipRanges: [{ range: "10.0.0.1-10.0.0.99/24" }, { range: "10.0.0.100-10.0.0.200/24" }] };
  const { config } = await load(twice, { ip: "10.0.0.5,10.0.0.105" });
  assert.deepEqual(shown(config).requested, ["10.0.0.5", "10.0.0.105"]);
  await refuses(load(twice, { ip: "10.0.0.5,10.0.0.105,10.0.0.106" }), "CNI_ARGS IP", "10.0.0.106");
});

Deno.test("sortRequested refuses invalid requests and names the field", async () => {
  await refuses(load(RANGES, { ip: "ten" }), "CNI_ARGS IP", '"ten"');
  await refuses(load(RANGES, { ip: "10.0.0.5/33" }), "CNI_ARGS IP", '"10.0.0.5/33"');
  await refuses(load({ ...RANGES, requests: "any" }, { ip: "192.168.7.5" }), "CNI_ARGS IP", "prefix length");
  await refuses(load(RANGES, { ip: "10.0.0.5,10.0.0.6" }), "CNI_ARGS IP", "10.0.0.6", "one address");
  const args = (ips: unknown) => load(RANGES, { conf: { args: { cni: { ips } } } });
  await refuses(args(["10.0.0.5", "no"]), "args.cni.ips[1]", '"no"');
  await refuses(args(["10.0.0.5", 5]), "args.cni.ips[1]", "number 5");
  await refuses(args("10.0.0.5"), "args.cni.ips", "a list");
  await refuses(load(RANGES, { conf: { runtimeConfig: { ips: [""] } } }), "runtimeConfig.ips[0]");
  await refuses(load({}, { ip: "10.0.0.5" }), "CNI_ARGS IP", "outside all ranges of the network (none)");
  await refuses(load({ requests: "any" }, { ip: "10.0.0.5" }), "CNI_ARGS IP", "no range");
  const many = Array.from({ length: 1_001 }, (_, i) => `10.9.${i >> 8}.${i & 255}/16`);
  await refuses(args(many), "args.cni.ips[1000]", "found 1001 requested addresses, expected at most 1000");
  await refuses(load(RANGES, { gateway: many.join(",") }), "CNI_ARGS GATEWAY", "found 1001 gateways");
});

Deno.test("withGateways sets a GATEWAY of CNI_ARGS on the static addresses whose network contains it", async () => {
  const { config } = await load({
    requests: "any",
    addresses: [{ address: "10.9.0.5/16", gateway: "10.9.0.9" }, { address: "fd09::5/64" }, { address: "10.8.0.5/16" }],
  }, { ip: "192.168.7.5/16", gateway: "10.9.0.1, fd09::1,192.168.0.1", conf: { cniVersion: "1.0.0" } });
  assert.deepEqual(shown(config).addresses, [
    "10.9.0.5/16 via 10.9.0.1",
    "fd09::5/64 via fd09::1",
    "10.8.0.5/16",
    "192.168.7.5/16 via 192.168.0.1",
  ]);
  await refuses(load({}, { gateway: "gate" }), "CNI_ARGS GATEWAY", '"gate"');
});

Deno.test("parseAddresses keeps host bits and order", async () => {
  const addresses = [{ address: "10.9.0.5/16" }, { address: "010.8.0.1/24" }, {
    address: "fd00::5/64",
    gateway: "fd00::1",
  }];
  const { config } = await load({ addresses }, { conf: { cniVersion: "0.3.1" } });
  assert.deepEqual(shown(config).addresses, ["10.9.0.5/16", "10.8.0.1/24", "fd00::5/64 via fd00::1"]);
});

Deno.test("refuseAllocatable refuses a static address that a range may allocate, not one that is unavailable in it", async () => {
  const range = {
    range: "10.0.0.10-10.0.0.20/24",
    exclude: ["10.0.0.12"],
    gateway: "10.0.0.15",
    ipRanges: [{ range: "fd00::/64" }],
  };
  const statics = (...addresses: string[]) => ({ ...range, addresses: addresses.map((address) => ({ address })) });
  const conf = { cniVersion: "1.0.0" };
  await load(statics("10.0.0.12/24", "10.0.0.9/24", "10.0.0.21/24", "10.0.0.15/24", "10.1.0.11/24", "fd00::/64"), {
    conf,
  });
  const message = "range 10.0.0.0/24 allocates it (10.0.0.10 to 10.0.0.20)";
  await refuses(
    load(statics("10.9.0.5/24", "10.0.0.11/24"), { conf }),
    "ipam.addresses[1].address",
    "10.0.0.11",
    message,
  );
  await refuses(load(statics("10.0.0.11/16"), { conf }), "ipam.addresses[0].address", message);
  await refuses(load(statics("fd00::5/64"), { conf, purpose: "inspect" }), "ipam.addresses[0].address", "fd00::5");
  await refuses(load({ ...statics("10.0.0.15/24"), exclude_gateway: false }), "ipam.addresses[0].address", "10.0.0.15");
  const { config } = await load(statics("10.0.0.11/24"), { conf, purpose: "release" });
  assert.deepEqual(shown(config).addresses, ["10.0.0.11/24"]);
});

Deno.test("resolveConfig refuses two static addresses of a family if the CNI version supports one", async () => {
  const addresses = [{ address: "10.9.0.5/16" }, { address: "10.8.0.5/16" }];
  for (const cniVersion of [undefined, "", "0.1.0", "0.2.0"]) {
    await refuses(load({ addresses }, { conf: { cniVersion } }), "ipam.addresses", "IPv4", "found 2");
    await refuses(
      load({ addresses: addresses.slice(1), requests: "any" }, { ip: "10.7.0.5/16", conf: { cniVersion } }),
      "ipam.addresses",
    );
    const dual = [{ address: "10.9.0.5/16" }, { address: "fd00::5/64" }];
    assert.equal((await load({ addresses: dual }, { conf: { cniVersion } })).config.addresses.length, 2);
  }
  for (const cniVersion of ["0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0"]) {
    assert.equal((await load({ addresses }, { conf: { cniVersion } })).config.addresses.length, 2);
  }
});

Deno.test("parseRoutes and parseDns keep the members as written, except empty and unknown ones", async () => {
  const { config, warnings } = await load({
    routes: [{ dst: "10.0.0.1/8", gw: "", mtu: 0 }, { DST: "::/0", gw: "fd00::1", metric: 5 }],
    dns: { domain: "", nameservers: [], search: ["a"], Options: ["b"], servers: ["c"] },
  });
  assert.deepEqual(config.routes, [{ dst: "10.0.0.1/8", mtu: 0 }, { dst: "::/0", gw: "fd00::1" }]);
  assert.deepEqual(config.dns, { search: ["a"], options: ["b"] });
  assert.equal(warnings.length, 2);
});

Deno.test("resolveConfig accepts a gateway of either family", async () => {
  assert.equal(ipText((await load({ gateway: "fd00::1" })).config.gateway), "fd00::1");
  assert.equal(ipText((await load({ gateway: "::ffff:10.0.0.1" })).config.gateway), "10.0.0.1");
  assert.equal((await load({ gateway: "" })).config.gateway, undefined);
});
