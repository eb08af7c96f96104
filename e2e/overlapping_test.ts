import assert from "node:assert/strict";
import { openCluster } from "./cluster.ts";
import { allocations, consistent, deletePods, emptied, network, pod, readyPods, reservationsOf } from "./objects.ts";

Deno.test("networks whose ranges overlap never give one address twice", async () => {
  const cluster = await openCluster();
  const wide = network("overlap-wide", { range: "192.168.100.0/24" });
  const narrow = network("overlap-narrow", { range: "192.168.100.0/28" });
  const low = network("overlap-low", { range: "192.168.100.0/24", range_end: "192.168.100.6" });
  await cluster.apply(wide, narrow, low);
  const nets = ["overlap-wide", "overlap-narrow", "overlap-low"];
  const pods = nets.flatMap((net) => [0, 1, 2, 3].map((i) => pod(`${net}-${i}`, net, `node${1 + i % 2}`)));
  // the lowest addresses are wanted by all three: those of the shortest range are given first
  await cluster.apply(...pods.slice(8));
  await readyPods(cluster, "overlap-low");
  await cluster.apply(...pods.slice(0, 8));
  const found: string[] = [];
  for (const net of nets) found.push(...[...(await readyPods(cluster, net)).values()].flat());
  assert.equal(found.length, 12);
  assert.equal(new Set(found).size, 12);
  assert.deepEqual((await reservationsOf(cluster, "overlap")).toSorted(), found.toSorted());
  const given = [await allocations(cluster, "192.168.100.0-24"), await allocations(cluster, "192.168.100.0-28")];
  assert.deepEqual(given.map((one) => Object.keys(one).length), [8, 4]);
  for (const net of nets) await deletePods(cluster, net);
  await emptied(cluster, "192.168.100.0-24");
  await emptied(cluster, "192.168.100.0-28");
  assert.deepEqual(await reservationsOf(cluster, "overlap"), []);
  await consistent(cluster);
});
