import assert from "node:assert/strict";
import { openCluster } from "./cluster.ts";
import { agentCounter, consistent, deletePods, network, pod, readyPods } from "./objects.ts";

const served = (verb: string) => `whereabouts_agent_requests_total{verb="${verb}",outcome="success"}`;

Deno.test("calls of a node are served by its agent, and by no other", async () => {
  const cluster = await openCluster();
  const net = "agent";
  const counts = async () => ({
    added: await agentCounter(cluster, 1, served("ADD")),
    released: await agentCounter(cluster, 1, served("DEL")),
    elsewhere: await agentCounter(cluster, 2, served("ADD")),
  });
  const before = await counts();
  await cluster.apply(network(net, { range: "192.168.51.0/24" }));
  await cluster.apply(...["a", "b", "c"].map((one) => pod(`${net}-${one}`, net, "node1")));
  const found = [...(await readyPods(cluster, net)).values()].flat();
  assert.deepEqual(found.sort(), ["192.168.51.1", "192.168.51.2", "192.168.51.3"]);
  const between = await counts();
  assert.deepEqual({ ...between, released: 0 }, { ...before, released: 0, added: before.added + 3 });
  await deletePods(cluster, net, "192.168.51.0-24");
  assert.ok((await counts()).released >= between.released + 3);
  await consistent(cluster);
});
