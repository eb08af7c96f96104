import assert from "node:assert/strict";
import { SUPPORTED_VERSIONS } from "../../src/config/version.ts";
import { nodeLocalStores } from "../../src/config/node_local.ts";
import { assertGolden } from "../support/golden.ts";
import { testNode } from "./node.ts";

const IPAM = {
  type: "whereabouts",
  datastore: "embedded",
  log_level: "panic",
  range: "10.0.0.0/29",
  gateway: "10.0.0.6",
  ipRanges: [{ range: "fd00::/125" }],
  routes: [{ dst: "0.0.0.0/0" }],
};

for (const cniVersion of SUPPORTED_VERSIONS) {
  Deno.test(`runPlugin answers each verb in version ${cniVersion}`, async () => {
    await using node = await testNode();
    const conf = { cniVersion, name: "net", type: "bridge", ipam: IPAM };
    const golden = async (name: string, verb: string, conf: Record<string, unknown>, more = {}) => {
      const { stdout, exitCode } = await node.call(verb, conf, more);
      const answer = stdout === "" ? "" : JSON.parse(stdout);
      assertGolden(cniVersion, `plugin, ${name}`, {
        request: { verb, conf, ...more },
        answer: { exitCode, stdout: answer },
      });
      return answer;
    };
    const result = await golden("ADD", "ADD", conf);
    assert.deepEqual(await golden("ADD again", "ADD", conf), result);
    await golden("CHECK", "CHECK", { ...conf, prevResult: result });
    await golden("STATUS", "STATUS", conf);
    await golden("GC", "GC", { ...conf, "cni.dev/valid-attachments": [{ containerID: "c0", ifname: "net1" }] });
    await golden("DEL", "DEL", conf);
    await golden("DEL of nothing", "DEL", conf);
    await golden("CHECK of nothing", "CHECK", { ...conf, prevResult: result });
    for (let i = 0; i < 6; i++) await node.call("ADD", conf, { containerId: `c${i}`, pod: `web-${i}` });
    await golden("ADD to a full pool", "ADD", conf, { containerId: "c9", pod: "web-9" });
    await golden("ADD with a bad range", "ADD", { ...conf, ipam: { ...IPAM, range: "10.0.0.0" } });
    await golden("VERSION", "VERSION", {});
  });
}

Deno.test("runPlugin releases on GC the attachments that the runtime does not list, and keeps the others", async () => {
  await using node = await testNode();
  const conf = { cniVersion: "1.1.0", name: "net", ipam: IPAM };
  for (const i of [0, 1, 2]) await node.call("ADD", conf, { containerId: `c${i}`, pod: `web-${i}` });
  const missing = await node.call("GC", conf);
  assert.match(JSON.parse(missing.stdout).msg, /cni\.dev\/valid-attachments/);
  const collect = (...valid: string[]) =>
    node.call("GC", {
      ...conf,
      "cni.dev/valid-attachments": valid.map((containerID) => ({ containerID, ifname: "net1" })),
    });
  assert.deepEqual(await collect("c0", "c2"), { stdout: "", exitCode: 0 });
  const reused = JSON.parse((await node.call("ADD", conf, { containerId: "c5", pod: "web-5" })).stdout);
  assert.equal(reused.ips[0].address, "10.0.0.2/29");
  assert.deepEqual(await collect(), { stdout: "", exitCode: 0 });
  const fresh = JSON.parse((await node.call("ADD", conf, { containerId: "c6", pod: "web-6" })).stdout);
  assert.equal(fresh.ips[0].address, "10.0.0.1/29");
});

Deno.test("runPlugin releases by its journal if the configuration has become invalid", async () => {
  await using node = await testNode();
  const conf = { cniVersion: "1.0.0", name: "net", ipam: IPAM };
  await node.call("ADD", conf);
  const broken = { ...conf, ipam: { ...IPAM, range: "nonsense" } };
  assert.deepEqual(await node.call("DEL", broken), { stdout: "", exitCode: 0 });
  assert.equal(
    JSON.parse((await node.call("ADD", conf, { containerId: "c1", pod: "web-1" })).stdout).ips[0].address,
    "10.0.0.1/29",
  );
  assert.deepEqual(await node.call("DEL", broken, { containerId: "unknown" }), { stdout: "", exitCode: 0 });
});

Deno.test("runPlugin refuses ADD and STATUS for a pod without a configured store, but serves CHECK and DEL of an earlier ADD", async () => {
  await using node = await testNode();
  const conf = { cniVersion: "1.1.0", name: "net", ipam: IPAM };
  const { datastore: _, ...ipam } = IPAM;
  const unset = { ...conf, ipam };
  const prevResult = JSON.parse((await node.call("ADD", conf)).stdout);
  for (const [verb, expected] of [["ADD", 7], ["STATUS", 7]] as const) {
    const { stdout, exitCode } = await node.call(verb, unset);
    assert.equal(exitCode, 1, verb);
    assert.equal(JSON.parse(stdout).code, expected, stdout);
    assert.match(JSON.parse(stdout).msg, /^No store is configured for pods of Kubernetes.*whereabouts\.conf/);
  }
  assert.deepEqual(await node.call("CHECK", { ...unset, prevResult }), { stdout: "", exitCode: 0 });
  assert.deepEqual(await node.call("DEL", unset), { stdout: "", exitCode: 0 });
});

Deno.test("runPlugin refuses STATUS like ADD on a node of a cluster whose flat file is missing", async () => {
  await using node = await testNode();
  const { datastore: _, ...ipam } = IPAM;
  const conf = { cniVersion: "1.1.0", name: "net", ipam };
  const withoutPod = { args: "" };
  assert.deepEqual(await node.call("STATUS", conf, withoutPod), { stdout: "", exitCode: 0 });
  assert.equal((await node.call("ADD", conf, withoutPod)).exitCode, 0, "a machine outside of a cluster");
  for (
    const path of ["/etc/cni/net.d", "/var/lib/rancher/k3s/agent/etc/cni/net.d"].map((one) => `${one}/whereabouts.d`)
  ) {
    for (const name of ["nodename", "whereabouts.kubeconfig"]) {
      node.disk.files.set(`${path}/${name}`, "node1");
      assert.equal(JSON.parse((await node.call("STATUS", conf, withoutPod)).stdout).code, 7, `${path}/${name}`);
      assert.deepEqual(await node.call("STATUS", { ...conf, ipam: IPAM }, withoutPod), { stdout: "", exitCode: 0 });
      node.disk.files.delete(`${path}/${name}`);
    }
  }
});

const DATABASE = "/var/lib/cni/whereabouts/other.db";

Deno.test("runPlugin marks an embedded store that allocates addresses to pods of Kubernetes, and no other", async () => {
  await using node = await testNode();
  const conf = { cniVersion: "1.0.0", name: "net", ipam: { ...IPAM, database: DATABASE } };
  assert.equal((await node.call("ADD", conf, { args: "" })).exitCode, 0);
  assert.deepEqual(await nodeLocalStores(node.disk), []);
  assert.equal((await node.call("ADD", conf, { containerId: "c1", pod: "web-1" })).exitCode, 0);
  assert.equal((await node.call("ADD", conf, { containerId: "c2", pod: "web-2" })).exitCode, 0);
  const stores = await nodeLocalStores(node.disk);
  assert.deepEqual(stores.map(({ database, network, pod }) => [database, network, pod]), [[
    DATABASE,
    "net",
    "default/web-1",
  ]]);
});

Deno.test("runPlugin refuses a requested address that is unavailable in the network, or outside of it, with code 101", async () => {
  await using node = await testNode();
  const ipam = {
    ...IPAM,
    range: "10.0.0.0/24",
    range_start: "10.0.0.100",
    exclude: ["10.0.0.0/27"],
    gateway: "10.0.0.150",
  };
  const requesting = (ip: string) => ({ cniVersion: "1.0.0", name: "net", ipam, args: { cni: { ips: [ip] } } });
  for (
    const [ip, reason] of [["10.0.0.20", "bounds"], ["10.0.0.99", "bounds"], ["10.0.0.150", "gateway"], [
      "10.9.0.1/16",
      "outside all ranges",
    ]] as const
  ) {
    const { stdout, exitCode } = await node.call("ADD", requesting(ip));
    assert.deepEqual([exitCode, JSON.parse(stdout).code], [1, 101], stdout);
    assert.ok(JSON.parse(stdout).msg.includes(reason), stdout);
  }
  assert.equal((await node.call("ADD", requesting("10.0.0.120"))).exitCode, 0);
});

Deno.test("runPlugin assigns the requested address in a network without ranges, and refuses ADD without a request", async () => {
  await using node = await testNode();
  const ipam = { type: "whereabouts", datastore: "embedded", log_level: "panic", requests: "any" };
  const conf = { cniVersion: "1.1.0", name: "net", ipam };
  assert.deepEqual(await node.call("STATUS", conf), { stdout: "", exitCode: 0 });
  const { stdout } = await node.call("ADD", { ...conf, args: { cni: { ips: ["10.9.0.1/16"] } } });
  assert.equal(JSON.parse(stdout).ips?.[0].address, "10.9.0.1/16", stdout);
  const empty = JSON.parse((await node.call("ADD", conf)).stdout);
  assert.deepEqual([empty.code, empty.msg.includes("requests no address")], [7, true]);
});
