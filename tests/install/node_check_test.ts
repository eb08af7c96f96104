import assert from "node:assert/strict";
import { inspectNode, type NodeFolders } from "../../src/install/node_check.ts";
import { memoryWorld } from "../support/world.ts";

/** The files of an installation in the folders of a host. */
function installed(bin: string, conf: string, fields: Record<string, unknown> = {}): Record<string, string> {
  const own = `${conf}/whereabouts.d`;
  const flat = { kubernetes: { kubeconfig: `${own}/whereabouts.kubeconfig` }, configuration_path: own, ...fields };
  return {
    [`${bin}/whereabouts`]: "",
    [`${own}/whereabouts.conf`]: JSON.stringify(flat),
    [`${own}/whereabouts.kubeconfig`]: "{}",
    [`${own}/nodename`]: "node1\n",
    "/var/lib/cni/whereabouts/attachments": "",
  };
}

async function problems(files: Record<string, string>, folders: NodeFolders = {}) {
  const world = memoryWorld({ files });
  const { findings, kubeconfig } = await inspectNode(world, folders);
  assert.deepEqual(world.files.size, Object.keys(files).length, "nothing is left behind");
  return {
    wrong: findings.filter(({ problem }) => problem !== undefined),
    names: findings.map(({ what }) => what),
    kubeconfig,
  };
}

/** Distributions, and their folders of plugins and configurations. */
const HOSTS: readonly (readonly [name: string, bin: string, conf: string])[] = [
  ["kubeadm and RKE2", "/opt/cni/bin", "/etc/cni/net.d"],
  ["k3s", "/var/lib/rancher/k3s/data/cni", "/var/lib/rancher/k3s/agent/etc/cni/net.d"],
  ["MicroK8s", "/var/snap/microk8s/current/opt/cni/bin", "/var/snap/microk8s/current/args/cni-network"],
];

for (const [name, bin, conf] of HOSTS) {
  Deno.test(`inspectNode finds an installation on a node of ${name}`, async () => {
    const { wrong, names, kubeconfig } = await problems(installed(bin, conf));
    assert.deepEqual(wrong, []);
    assert.equal(kubeconfig, `${conf}/whereabouts.d/whereabouts.kubeconfig`);
    assert.deepEqual(names, [
      `Plugin ${bin}/whereabouts`,
      `Flat file ${conf}/whereabouts.d/whereabouts.conf`,
      `Kubeconfig ${kubeconfig}`,
      "Node name node1",
      "Data /var/lib/cni/whereabouts",
    ]);
  });
}

Deno.test("inspectNode names each missing file, the searched folders, and the remedy", async () => {
  const all = await problems({});
  assert.deepEqual(all.wrong.map(({ what, warning }) => [what, warning]), [
    ["Plugin", undefined],
    ["Flat file", undefined],
    ["Node name", true],
  ]);
  for (const { problem } of all.wrong) assert.match(problem ?? "", /DaemonSet whereabouts restores it/);
  assert.match(all.wrong[0]?.problem ?? "", /\/opt\/cni\/bin, .*k3s/);
  assert.doesNotMatch(all.wrong[0]?.problem ?? "", /\/host/);
  const { "/etc/cni/net.d/whereabouts.d/whereabouts.kubeconfig": _, ...files } = installed(
    "/opt/cni/bin",
    "/etc/cni/net.d",
  );
  const [kubeconfig, ...more] = (await problems(files)).wrong;
  assert.deepEqual([kubeconfig?.what, more], ["Kubeconfig /etc/cni/net.d/whereabouts.d/whereabouts.kubeconfig", []]);
});

Deno.test("inspectNode checks the given folders, and no others", async () => {
  const files = installed("/a/bin", "/a/net.d");
  assert.deepEqual((await problems(files, { bin: "/a/bin", conf: "/a/net.d" })).wrong, []);
  const { wrong } = await problems(installed("/opt/cni/bin", "/etc/cni/net.d"), { bin: "/a/bin", conf: "/a/net.d" });
  assert.deepEqual(wrong.map(({ what }) => what), ["Plugin", "Flat file"]);
});

Deno.test("inspectNode reports an invalid flat file, and needs no cluster if another store is selected", async () => {
  const files = {
    ...installed("/opt/cni/bin", "/etc/cni/net.d"),
    "/etc/cni/net.d/whereabouts.d/whereabouts.conf": "{",
  };
  assert.match((await problems(files)).wrong[0]?.problem ?? "", /Cannot parse .*whereabouts\.conf/);
  const etcd = installed("/opt/cni/bin", "/etc/cni/net.d", { kubernetes: undefined, etcd_host: "10.0.0.1:2379" });
  assert.deepEqual([(await problems(etcd)).wrong, (await problems(etcd)).kubeconfig], [[], undefined]);
});
