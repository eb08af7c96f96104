import assert from "node:assert/strict";
import { AgentNode } from "../support/agent.ts";
import { binary, callPlugin, environmentOf } from "../support/binary.ts";
import { makeKube } from "../support/kube.ts";
import { eventually, run } from "../support/process.ts";

const PLUGIN = await binary();

/** Runs a program in a mount namespace with empty CNI folders and without the embedded store's default database. */
const EMPTY_NODE = "mount --make-rprivate /; mkdir -p /etc/cni /var/lib/cni; mount -t tmpfs tmpfs /etc/cni; " +
  'mount -t tmpfs tmpfs /var/lib/cni; "$0"; code=$?; ls /var/lib/cni >&2; exit $code';

Deno.test("the plugin allocates nothing, and creates no database, if the flat file is missing", async () => {
  const conf = {
    cniVersion: "0.3.1",
    name: "net",
    type: "bridge",
    ipam: { type: "whereabouts", range: "10.0.0.0/16" },
  };
  const env = environmentOf({ verb: "ADD", conf, containerId: "c0", pod: "a" });
  const node = ["unshare", "-m", "bash", "-c", EMPTY_NODE, PLUGIN];
  const { code, stdout, stderr } = await run(node, { env, clearEnv: true, stdin: JSON.stringify(conf) });
  assert.deepEqual([code, JSON.parse(stdout).code], [1, 7], stdout);
  // one log line for the failure, and no folder below /var/lib/cni
  assert.match(stderr, /^time=\S+ level=error msg="ADD failed" code=7 [^\n]*\n$/);
  assert.match(
    JSON.parse(stdout).msg,
    /^No store is configured for pods of Kubernetes.*\/etc\/cni\/net\.d\/whereabouts\.d/,
  );
});

Deno.test("the plugin serves networks with names as long as those of NetworkAttachmentDefinitions", async () => {
  await using kube = await makeKube();
  const ipam = {
    type: "whereabouts",
    log_level: "error",
    range: "10.50.0.0/24",
    kubernetes: { kubeconfig: kube.kubeconfig },
  };
  for (const length of [63, 141, 200, 253]) {
    const conf = { cniVersion: "1.0.0", name: "n".repeat(length), type: "macvlan", ipam };
    const call = { conf, containerId: "c".repeat(64), pod: `p${length}` };
    const added = await callPlugin(PLUGIN, { ...call, verb: "ADD" });
    assert.equal(JSON.parse(added.stdout).ips?.[0].address, "10.50.0.1/24", added.stdout);
    const deleted = await callPlugin(PLUGIN, { ...call, verb: "DEL" });
    assert.deepEqual([deleted.code, deleted.stdout], [0, ""], `${length}`);
  }
  const pool = JSON.parse(await kube.kubectl("get", "ippool", "10.50.0.0-24", "-o", "json"));
  assert.deepEqual(pool.spec.allocations, {});
});

Deno.test("the agent reports an embedded store that pods of the cluster use when it starts", async () => {
  await using node = new AgentNode(PLUGIN);
  const database = `${node.folder}/node.db`;
  const ipam = { type: "whereabouts", log_level: "error", datastore: "embedded", database, range: "10.0.0.0/24" };
  const conf = { cniVersion: "1.0.0", name: "net", ipam };
  assert.equal((await node.call({ verb: "ADD", conf, containerId: "c0", pod: "a" })).code, 0);
  const agent = await node.start();
  const report = `own database ${database} (first default/a of network net`;
  await eventually("the report", () => Promise.resolve(agent.tail().includes(report)));
});
