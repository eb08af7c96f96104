import assert from "node:assert/strict";
import { eventually } from "../tests/support/process.ts";
import { type Cluster, openCluster } from "./cluster.ts";
import {
  agentCounter,
  applied,
  consistent,
  controllerFlags,
  deletePods,
  emptied,
  network,
  pod,
  readyPods,
} from "./objects.ts";

const NET = "elastic";
/** Four slices with one, two, two and one addresses: those of the range that end in .0 and .7 are not allocated. */
const IPAM = { range: "192.168.123.0/29", node_slice_size: "/31", node_slice_elastic: true };
const [FIRST, SECOND, THIRD, FOURTH] = [0, 2, 4, 6].map((octet) => `192.168.123.${octet}/31`);

/** The slices of the range with their nodes; undefined unless nodes may take free ones. */
async function slicesOf(cluster: Cluster): Promise<readonly string[] | undefined> {
  const { items } = await cluster.get("nodeslicepools", "-n", "kube-system");
  const { metadata, status } = items.find(({ metadata }) => metadata.name === NET) ?? {};
  if (metadata?.annotations?.["whereabouts.cni.cncf.io/elastic"] !== "true") return undefined;
  return status?.allocations?.map(({ nodeName, sliceRange }) => `${sliceRange} ${nodeName}`.trim());
}

async function becomes(cluster: Cluster, expected: readonly string[]): Promise<void> {
  let seen: readonly string[] | undefined;
  await eventually("the slices", async () => {
    seen = await slicesOf(cluster);
    return seen?.join() === expected.join();
  }, 120_000).catch(() => assert.deepEqual(seen, expected));
}

/** What node1's agent has counted: slices that it took, and addresses that its pods borrowed. */
async function counted(cluster: Cluster): Promise<readonly number[]> {
  const names = ["node_slices_taken_total", "addresses_borrowed_total"];
  return await Promise.all(names.map((name) => agentCounter(cluster, 1, `whereabouts_agent_${name}`)));
}

Deno.test("a node that has used up its slice takes others, then borrows, and the controller unassigns those that are empty", async () => {
  const cluster = await openCluster();
  await using _role = await applied(cluster, "install/manifests/elastic-rbac.yaml");
  await using _flags = await controllerFlags(cluster, "--slice-grace=5s", "--interval=10s", "--schedule-file=/none");
  await cluster.apply(network(NET, IPAM));
  await becomes(cluster, [`${FIRST} node1`, `${SECOND} node2`, `${THIRD}`, `${FOURTH}`]);
  const [taken = 0, borrowed = 0] = await counted(cluster);

  await cluster.apply(...[1, 2, 3, 4, 5].map((number) => pod(`${NET}-${number}`, NET, "node1")));
  const found = await readyPods(cluster, NET);
  assert.deepEqual([...found.values()].flat().sort(), [1, 2, 4, 5, 6].map((octet) => `192.168.123.${octet}`));
  await becomes(cluster, [`${FIRST} node1`, `${SECOND} node2`, `${THIRD} node1`, `${FOURTH} node1`]);
  assert.deepEqual(await counted(cluster), [taken + 2, borrowed + 1]);
  const { stdout } = await cluster.whereabouts("slices", NET, "--json", "--namespace", "kube-system");
  const [list] = JSON.parse(stdout).pools;
  assert.deepEqual(list.nodes.map((one: Record<string, unknown>) => [one.node, one.slices, one.lent, one.borrowed]), [
    ["node1", 3, 0, 1],
    ["node2", 1, 1, 0],
  ]);
  await consistent(cluster);

  const [last] = [...found].find(([, [ip]]) => ip === "192.168.123.1") ?? [];
  const others = [...found.keys()].filter((name) => name !== last);
  await cluster.kubectl("delete", "pod", ...others, "--timeout=90s");
  await becomes(cluster, [`${FIRST} node1`, `${SECOND} node2`, `${THIRD}`, `${FOURTH}`]);
  await deletePods(cluster, NET);
  await emptied(cluster, "node1-192.168.123.0-31");
  await cluster.kubectl("delete", "network-attachment-definition", NET);
  await eventually("no slices of a deleted network", async () => (await slicesOf(cluster)) === undefined, 60_000);
  await consistent(cluster);
});
