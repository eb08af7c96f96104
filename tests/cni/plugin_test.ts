import assert from "node:assert/strict";
import { SUPPORTED_VERSIONS } from "../../src/cni/version.ts";
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
