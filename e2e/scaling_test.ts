import assert from "node:assert/strict";
import { openCluster } from "./cluster.ts";
import { consistent, emptied, network, replicas, reported } from "./objects.ts";

const POOL = "192.168.104.0-29";
const ALL = [1, 2, 3, 4, 5, 6].map((i) => `192.168.104.${i}`);

Deno.test("a range that is exactly full is filled and emptied ten times", async () => {
  const cluster = await openCluster();
  const net = "scaling";
  const set = `replicaset/${net}`;
  await cluster.apply(network(net, { range: "192.168.104.0/29" }), replicas("ReplicaSet", net, net, ALL.length));
  for (let round = 0; round < 10; round++) {
    if (round > 0) await cluster.kubectl("scale", set, `--replicas=${ALL.length}`);
    await cluster.kubectl("wait", `--for=jsonpath={.status.readyReplicas}=${ALL.length}`, "--timeout=90s", set);
    assert.deepEqual([...(await reported(cluster, net)).values()].flat().sort(), ALL, `round ${round}`);
    await cluster.kubectl("scale", set, "--replicas=0");
    await cluster.kubectl("wait", "--for=delete", "--timeout=90s", "pod", "-l", `app=${net}`);
    await emptied(cluster, POOL);
  }
  await cluster.kubectl("delete", set);
  await consistent(cluster);
});
