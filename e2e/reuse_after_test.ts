import assert from "node:assert/strict";
import { eventually } from "../tests/support/process.ts";
import { openCluster } from "./cluster.ts";
import { allocations, consistent, deletePods, network, pod, readyPods } from "./objects.ts";

/** A pool of 6 addresses. */
const POOL = "192.168.116.0-29";

Deno.test("a released address rests, except for its former owner, until no other is free; then the longest rested one is given", async () => {
  const cluster = await openCluster();
  const net = "rest";
  await cluster.apply(network(net, { range: "192.168.116.0/29", reuse_after: "1h" }));
  const add = async (...names: readonly string[]) => {
    await cluster.apply(...names.map((name) => pod(`${net}-${name}`, net)));
    const found = await readyPods(cluster, net);
    return names.map((name) => found.get(`${net}-${name}`)?.join().replace("192.168.116.", "")).sort().join();
  };
  const remove = (name: string) => cluster.kubectl("delete", "pod", `${net}-${name}`, "--timeout=60s");
  assert.equal(await add("a"), "1");
  assert.equal(await add("b"), "2");
  await remove("a");
  assert.equal(await add("c"), "3", "1 rests");
  assert.equal(await add("a"), "1", "its former owner");
  await remove("b");
  await remove("a");
  assert.equal(await add("d", "e", "f"), "4,5,6", "1 and 2 rest");
  assert.equal(await add("g"), "2", "the longest rested one");
  assert.equal(await add("h"), "1", "the last one that rested");
  await cluster.apply(pod(`${net}-i`, net));
  await eventually("an event that names the full range", async () => {
    const { items } = await cluster.get("events", "--field-selector", `involvedObject.name=${net}-i`);
    return items.some(({ message }) => message.includes("192.168.116.0/29"));
  });
  await remove("c");
  assert.equal(await add("i"), "3", "it rests, and no other is free");
  assert.equal(Object.keys(await allocations(cluster, POOL)).length, 6);
  await deletePods(cluster, net, POOL);
  await consistent(cluster);
  await cluster.kubectl("delete", "ippool", "-n", "kube-system", POOL); // its addresses rest for an hour
});
