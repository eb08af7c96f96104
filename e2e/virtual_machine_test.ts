import assert from "node:assert/strict";
import { openCluster } from "./cluster.ts";
import { Machine } from "./machines.ts";
import { allocations, consistent, deletePods, network, persistentRights, pod, readyPods, sweep } from "./objects.ts";

const POOL = "192.168.114.0-24";

Deno.test("a virtual machine keeps its address when it stops, starts elsewhere, and moves or fails to move, until it is deleted", async () => {
  const cluster = await openCluster();
  await using _ = await persistentRights(cluster);
  const net = "machines";
  const ipam = { range: "192.168.114.0/24", allow_persistent_ips: true };
  await cluster.apply(network(net, ipam, { allowPersistentIPs: true }), pod(`${net}-before`, net, "node1"));
  assert.deepEqual([...(await readyPods(cluster, net)).values()], [["192.168.114.1"]]);
  const address = "192.168.114.2";
  const machine = await Machine.create(cluster, "db", net);
  /** Running launchers have the address on their interface; the entry names the last of them, or of a stopped machine its last one. */
  const has = async (user: string, ...launchers: readonly string[]) => {
    for (const one of launchers) assert.equal(await machine.addressOf(one), `${address}/24`, one);
    const entry = (await allocations(cluster, POOL))["2"];
    assert.equal(entry?.podref, `default/${user}`);
    assert.equal(entry.id !== "", launchers.length > 0);
    await machine.reports(`${address}/24`, launchers.length > 0 ? user : undefined);
    const { code, stdout, stderr } = await cluster.whereabouts("claims", "--json", "--namespace", "kube-system");
    assert.equal(code, 0, stderr);
    const kept = JSON.parse(stdout).find(({ keeper }: { keeper: { name: string } }) => keeper.name === machine.claim);
    assert.equal(kept?.state, launchers.length > 0 ? "in use" : "stopped");
    await consistent(cluster);
  };

  const first = await machine.start("node1");
  await has(first, first);
  await machine.remove(first);
  await has(first);

  // a pod without the claim does not get it; then lower addresses are free as well
  await cluster.apply(pod(`${net}-after`, net, "node1"));
  assert.deepEqual((await readyPods(cluster, net)).get(`${net}-after`), ["192.168.114.3"]);
  await deletePods(cluster, net);
  const second = await machine.start("node1");
  await has(second, second);
  await machine.remove(second);
  const third = await machine.start("node2");
  await has(third, third);

  const target = await machine.migrate("node1");
  await has(target, third, target);
  await machine.end(third, "Succeeded");
  await has(target, target);
  await machine.remove(third);

  const failed = await machine.migrate("node2");
  await has(failed, target, failed);
  await machine.end(failed, "Failed");
  await has(target, target);
  await machine.remove(failed);
  await has(target, target);

  await machine.delete();
  await has(target, target);
  await machine.remove(target);
  assert.equal((await allocations(cluster, POOL))["2"]?.podref, `default/${target}`);
  await machine.forget();
  await sweep(cluster);
  assert.deepEqual(await allocations(cluster, POOL), {});
  await consistent(cluster);
});
