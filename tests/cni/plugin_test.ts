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
  Deno.test(`runPlugin serves a life in version ${cniVersion}`, async () => {
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

Deno.test("runPlugin frees on GC what the runtime does not know, and keeps the rest", async () => {
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
  const again = JSON.parse((await node.call("ADD", conf, { containerId: "c5", pod: "web-5" })).stdout);
  assert.equal(again.ips[0].address, "10.0.0.2/29");
  assert.deepEqual(await collect(), { stdout: "", exitCode: 0 });
  const fresh = JSON.parse((await node.call("ADD", conf, { containerId: "c6", pod: "web-6" })).stdout);
  assert.equal(fresh.ips[0].address, "10.0.0.1/29");
});

Deno.test("runPlugin releases by its journal when the configuration can no longer be used", async () => {
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

Deno.test("runPlugin gives no pod an address where no store is configured, and ends and checks what it gave before", async () => {
  await using node = await testNode();
  const conf = { cniVersion: "1.1.0", name: "net", ipam: IPAM };
  const { datastore: _, ...ipam } = IPAM;
  const unset = { ...conf, ipam };
  const given = JSON.parse((await node.call("ADD", conf)).stdout);
  for (const [verb, wanted] of [["ADD", 7], ["STATUS", 7]] as const) {
    const { stdout, exitCode } = await node.call(verb, unset);
    assert.equal(exitCode, 1, verb);
    assert.equal(JSON.parse(stdout).code, wanted, stdout);
    assert.match(JSON.parse(stdout).msg, /^No store is configured for pods of Kubernetes.*whereabouts\.conf/);
  }
  assert.deepEqual(await node.call("CHECK", { ...unset, prevResult: given }), { stdout: "", exitCode: 0 });
  assert.deepEqual(await node.call("DEL", unset), { stdout: "", exitCode: 0 });
});

Deno.test("runPlugin answers STATUS on a node of a cluster whose flat file is missing as it answers ADD", async () => {
  await using node = await testNode();
  const { datastore: _, ...ipam } = IPAM;
  const conf = { cniVersion: "1.1.0", name: "net", ipam };
  const none = { args: "" };
  assert.deepEqual(await node.call("STATUS", conf, none), { stdout: "", exitCode: 0 });
  assert.equal((await node.call("ADD", conf, none)).exitCode, 0, "one machine without a cluster");
  for (
    const path of ["/etc/cni/net.d", "/var/lib/rancher/k3s/agent/etc/cni/net.d"].map((one) => `${one}/whereabouts.d`)
  ) {
    for (const name of ["nodename", "whereabouts.kubeconfig"]) {
      node.disk.files.set(`${path}/${name}`, "node1");
      assert.equal(JSON.parse((await node.call("STATUS", conf, none)).stdout).code, 7, `${path}/${name}`);
      assert.deepEqual(await node.call("STATUS", { ...conf, ipam: IPAM }, none), { stdout: "", exitCode: 0 });
      node.disk.files.delete(`${path}/${name}`);
    }
  }
});

const DATABASE = "/var/lib/cni/whereabouts/other.db";

Deno.test("runPlugin marks an embedded store that gives pods of Kubernetes addresses, and no other", async () => {
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

Deno.test("runPlugin refuses a pod's request for what the network withholds with code 101, and one for an address outside it", async () => {
  await using node = await testNode();
  const ipam = {
    ...IPAM,
    range: "10.0.0.0/24",
    range_start: "10.0.0.100",
    exclude: ["10.0.0.0/27"],
    gateway: "10.0.0.150",
  };
  const asked = (ip: string) => ({ cniVersion: "1.0.0", name: "net", ipam, args: { cni: { ips: [ip] } } });
  for (
    const [ip, why] of [["10.0.0.20", "bounds"], ["10.0.0.99", "bounds"], ["10.0.0.150", "gateway"], [
      "10.9.0.1/16",
      "outside all ranges",
    ]] as const
  ) {
    const { stdout, exitCode } = await node.call("ADD", asked(ip));
    assert.deepEqual([exitCode, JSON.parse(stdout).code], [1, 101], stdout);
    assert.ok(JSON.parse(stdout).msg.includes(why), stdout);
  }
  assert.equal((await node.call("ADD", asked("10.0.0.120"))).exitCode, 0);
});

Deno.test("runPlugin gives a network of requests alone what is requested, and no empty answer where nothing is", async () => {
  await using node = await testNode();
  const ipam = { type: "whereabouts", datastore: "embedded", log_level: "panic", requests: "any" };
  const conf = { cniVersion: "1.1.0", name: "net", ipam };
  assert.deepEqual(await node.call("STATUS", conf), { stdout: "", exitCode: 0 });
  const { stdout } = await node.call("ADD", { ...conf, args: { cni: { ips: ["10.9.0.1/16"] } } });
  assert.equal(JSON.parse(stdout).ips?.[0].address, "10.9.0.1/16", stdout);
  const empty = JSON.parse((await node.call("ADD", conf)).stdout);
  assert.deepEqual([empty.code, empty.msg.includes("requests none")], [7, true]);
});
