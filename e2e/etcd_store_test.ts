import assert from "node:assert/strict";
import { assets } from "../tests/support/assets.ts";
import { eventually } from "../tests/support/process.ts";
import { openCluster, PLANE_IP } from "./cluster.ts";
import { consistent, deletePods, network, pod, readyPods } from "./objects.ts";

const CLIENT = `http://${PLANE_IP}:32379`;
const PEER = `http://${PLANE_IP}:32380`;

Deno.test("an etcd-backed network gives each address once over two nodes, and takes them back", async () => {
  const cluster = await openCluster();
  const net = "etcd";
  await using server = cluster.besideControlPlane("etcd-of-network", [
    `${await assets("etcd")}/etcd`,
    `--data-dir=${cluster.state}/etcd-of-network`,
    `--listen-client-urls=${CLIENT}`,
    `--advertise-client-urls=${CLIENT}`,
    `--listen-peer-urls=${PEER}`,
    `--initial-advertise-peer-urls=${PEER}`,
    `--initial-cluster=default=${PEER}`,
  ]);
  const host = `${PLANE_IP}:32379`;
  const pods = `${cluster.state}/etcd-pods`;
  await Deno.writeTextFile(pods, "none\n");
  const check = (...flags: string[]) =>
    cluster.whereabouts("check", "--json", "--etcd-host", host, "--pods", pods, ...flags);
  await server.ready("etcd", async () => (await check()).code === 0);
  await cluster.apply(network(net, { range: "192.168.103.0/24", datastore: "etcd", etcd_host: host }));
  const names = [0, 1, 2, 3, 4, 5].map((i) => `${net}-${i}`);
  await cluster.apply(...names.map((name, i) => pod(name, net, `node${1 + i % 2}`)));
  const found = [...(await readyPods(cluster, net)).values()].flat();
  assert.deepEqual(found.sort(), [1, 2, 3, 4, 5, 6].map((i) => `192.168.103.${i}`));
  await Deno.writeTextFile(pods, names.map((name) => `default/${name}\n`).join(""));
  const { pools, allocations, findings } = JSON.parse((await check()).stdout);
  assert.deepEqual({ pools, allocations, findings }, { pools: 1, allocations: 6, findings: [] });
  assert.doesNotMatch(await cluster.kubectl("get", "ippools", "-n", "kube-system", "-o", "name"), /192\.168\.103/);
  await deletePods(cluster, net);
  await eventually("addresses released", async () => JSON.parse((await check()).stdout).allocations === 0);
  await consistent(cluster);
});
