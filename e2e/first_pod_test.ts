import assert from "node:assert/strict";
import { openCluster } from "./cluster.ts";
import { eventually } from "../tests/support/process.ts";
import { allocations, consistent, network, pod, reported } from "./objects.ts";

Deno.test("pods on two nodes get their addresses on net1 and reach each other over IPv4 and IPv6", async () => {
  const cluster = await openCluster();
  const net = "first";
  await cluster.apply(network(net, { range: "192.168.50.0/24", ipRanges: [{ range: "fd50::/64" }] }));
  await cluster.apply(pod("first-a", net, "node1"), pod("first-b", net, "node2"));
  await cluster.kubectl("wait", "--for=condition=Ready", "--timeout=60s", "pod", "-l", `app=${net}`);
  const found = await reported(cluster, net);
  const all = [...found.values()].flat().sort();
  assert.deepEqual(all, ["192.168.50.1", "192.168.50.2", "fd50::1", "fd50::2"]);
  const seen = await cluster.kubectl("exec", "first-a", "--", "ip", "addr", "show", "dev", "net1");
  for (const ip of found.get("first-a") ?? []) assert.ok(seen.includes(`${ip}/`), seen);
  const owners = Object.values(await allocations(cluster, "192.168.50.0-24")).map(({ podref }) => podref).sort();
  assert.deepEqual(owners, ["default/first-a", "default/first-b"]);
  for (const ip of found.get("first-b") ?? []) {
    // an IPv6 address is usable only when nobody else has claimed it for a second
    await eventually(
      `${ip} answers`,
      () => cluster.kubectl("exec", "first-a", "--", "ping", "-c", "1", "-W", "1", ip).then(() => true, () => false),
    );
  }
  await cluster.kubectl("delete", "pod", "-l", `app=${net}`);
  await eventually(
    "addresses released",
    async () => Object.keys(await allocations(cluster, "192.168.50.0-24")).length === 0,
  );
  await consistent(cluster);
});
