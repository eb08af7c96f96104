import assert from "node:assert/strict";
import { contains, parseCidr } from "../src/address/cidr.ts";
import { parseIp } from "../src/address/ip.ts";
import { eventually } from "../tests/support/process.ts";
import { openCluster } from "./cluster.ts";
import { consistent, deletePods, emptied, network, pod, readyPods } from "./objects.ts";

const SIZE = 26;

Deno.test("the controller gives each node a slice of a range, and pods get addresses of their node's slice", async () => {
  const cluster = await openCluster();
  const net = "slices";
  const slicesOf = async () => {
    const { items } = await cluster.get("nodeslicepools", "-n", "kube-system");
    const named = items.find(({ metadata }) => metadata.name === net)?.status?.allocations ?? [];
    return new Map(named.filter(({ nodeName }) => nodeName !== "").map((one) => [one.nodeName, one.sliceRange]));
  };
  const definition = network(net, { range: "192.168.108.0/24", node_slice_size: `/${SIZE}` });
  await cluster.apply(definition);
  const slices = await eventually("a slice for each node", async () => {
    const found = await slicesOf();
    return found.size === 2 && found;
  });
  const nodes = [0, 1, 2, 3, 4, 5].map((i) => `node${1 + i % 2}`);
  await cluster.apply(...nodes.map((node, i) => pod(`${net}-${i}`, net, node)));
  const found = await readyPods(cluster, net);
  for (const [i, node] of nodes.entries()) {
    const [ip = ""] = found.get(`${net}-${i}`) ?? [];
    const slice = parseCidr(slices.get(node) ?? "")?.cidr;
    const address = parseIp(ip);
    assert.equal(slice?.prefix, SIZE);
    assert.ok(address && contains(slice, address), `${ip} is not of ${node}'s slice ${slices.get(node)}`);
  }
  assert.equal(new Set([...found.values()].flat()).size, nodes.length);
  await deletePods(cluster, net);
  for (const [node, slice] of slices) await emptied(cluster, `${node}-${slice.replace("/", "-")}`);
  await cluster.kubectl("delete", "network-attachment-definition", net);
  await eventually("the slices of a network that is gone are gone", async () => (await slicesOf()).size === 0, 60_000);
  await consistent(cluster);
});
