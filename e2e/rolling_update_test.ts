import assert from "node:assert/strict";
import { run } from "../tests/support/process.ts";
import { openCluster } from "./cluster.ts";
import { consistent, emptied, network, replicas, reservationsOf } from "./objects.ts";

const POOL = "192.168.109.0-24";
const DAEMON_SET = ["-n", "kube-system", "daemonset/whereabouts"];

Deno.test("a rolling update of the DaemonSet while pods come and go fails no pod and leaks no address", async () => {
  const cluster = await openCluster();
  const net = "rolling";
  const set = `replicaset/${net}`;
  const scale = async (count: number) => {
    await cluster.kubectl("scale", set, `--replicas=${count}`);
    await cluster.kubectl("wait", `--for=jsonpath={.status.replicas}=${count}`, "--timeout=120s", set);
    if (count === 0) return;
    await cluster.kubectl("wait", `--for=jsonpath={.status.readyReplicas}=${count}`, "--timeout=120s", set);
  };
  await cluster.apply(network(net, { range: "192.168.109.0/24" }), replicas("ReplicaSet", net, net, 4));
  await scale(4);
  await cluster.kubectl("rollout", "restart", ...DAEMON_SET);
  let updating = true;
  const update = run(cluster.command("rollout", "status", "--timeout=180s", ...DAEMON_SET));
  update.finally(() => updating = false);
  let rounds = 0;
  for (; updating; rounds++) {
    await scale(8);
    await scale(2);
  }
  assert.deepEqual(await update.then(({ code, stderr }) => ({ code, stderr })), { code: 0, stderr: "" });
  assert.ok(rounds > 1, `${rounds} rounds of pods while the DaemonSet was updated`);
  await scale(0);
  await cluster.kubectl("wait", "--for=delete", "--timeout=90s", "pod", "-l", `app=${net}`);
  await emptied(cluster, POOL);
  assert.deepEqual(await reservationsOf(cluster, net), []);
  const { items } = await cluster.get("events", "--field-selector", "reason=FailedCreatePodSandBox");
  const failed = items.filter(({ involvedObject }) => involvedObject.name.startsWith(`${net}-`));
  assert.deepEqual(failed.map(({ message }) => message), []);
  await cluster.kubectl("delete", set);
  await consistent(cluster);
});
