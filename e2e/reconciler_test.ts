import assert from "node:assert/strict";
import { openCluster } from "./cluster.ts";
import { allocations, consistent, deletePods, network, pod, readyPods, reservationsOf } from "./objects.ts";

const POOL = "192.168.113.0-24";
const SYSTEM = ["-n", "kube-system"];

Deno.test("where no controller runs, the CronJob's script frees what no pod holds, and leaves what one does", async () => {
  const cluster = await openCluster();
  const net = "reconciler";
  const controllers = (count: number) =>
    cluster.kubectl("scale", ...SYSTEM, "deployment/whereabouts-controller", `--replicas=${count}`);
  await controllers(0);
  const archive = `${cluster.state}/reconciler.tar`;
  for (const node of [1, 2]) {
    const { code, stderr } = await cluster.onNode(node, "ctr", "-n", "k8s.io", "images", "import", archive);
    assert.equal(code, 0, stderr);
  }

  await cluster.apply(network(net, { range: "192.168.113.0/24" }), pod(`${net}-a`, net));
  await readyPods(cluster, net);
  // nobody knows its node: two minutes pass between the two looks at its pod
  const entry = { id: "0".repeat(64), podref: `default/${net}-ghost`, ifname: "net1" };
  const patch = JSON.stringify([{ op: "add", path: "/spec/allocations/77", value: entry }]);
  await cluster.kubectl("patch", ...SYSTEM, "ippool", POOL, "--type=json", `--patch=${patch}`);
  await cluster.apply({
    apiVersion: "whereabouts.cni.cncf.io/v1alpha1",
    kind: "OverlappingRangeIPReservation",
    metadata: { name: "192.168.113.77", namespace: "kube-system" },
    spec: { podref: entry.podref, ifname: entry.ifname },
  });

  await cluster.kubectl("create", ...SYSTEM, "job", net, "--from=cronjob/whereabouts-reconciler");
  await cluster.kubectl("wait", ...SYSTEM, "--for=condition=complete", "--timeout=240s", `job/${net}`);
  assert.match(await cluster.kubectl("logs", ...SYSTEM, `job/${net}`), /^192\.168\.113\.77 .*ghost/m);
  assert.deepEqual(Object.keys(await allocations(cluster, POOL)), ["1"]);
  assert.deepEqual(await reservationsOf(cluster, net), ["192.168.113.1"]);

  await cluster.kubectl("delete", ...SYSTEM, "job", net);
  await deletePods(cluster, net, POOL);
  await consistent(cluster);
  await controllers(2);
  await cluster.kubectl("rollout", "status", ...SYSTEM, "--timeout=90s", "deployment/whereabouts-controller");
});
