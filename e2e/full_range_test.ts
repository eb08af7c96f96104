import assert from "node:assert/strict";
import { openCluster } from "./cluster.ts";
import { eventually } from "../tests/support/process.ts";
import { consistent, network, pod, reported } from "./objects.ts";

Deno.test("a full range with reuse_after allocates the longest rested address, and a free one first", async () => {
  const cluster = await openCluster();
  const net = "rested";
  await cluster.apply(
    network(net, { range: "192.168.71.0/29", range_end: "192.168.71.3", reuse_after: "1h" }),
    ...["a", "b"].map((name) => pod(`rested-${name}`, net)),
  );
  await cluster.kubectl("wait", "--for=condition=Ready", "--timeout=60s", "pod", "-l", `app=${net}`);
  const addressOf = async (name: string) => (await reported(cluster, net)).get(`rested-${name}`)?.[0];
  const freed = [await addressOf("a"), await addressOf("b")];
  for (const name of ["a", "b"]) await cluster.kubectl("delete", "pod", `rested-${name}`);
  const found: (string | undefined)[] = [];
  for (const name of ["c", "d", "e"]) {
    await cluster.apply(pod(`rested-${name}`, net));
    await cluster.kubectl("wait", "--for=condition=Ready", "--timeout=60s", `pod/rested-${name}`);
    found.push(await addressOf(name));
  }
  assert(found[0] !== undefined && !freed.includes(found[0]), `${found[0]} was released, while another one was free`);
  assert.deepEqual(found.slice(1), freed);
  await cluster.kubectl("delete", "pod", "-l", `app=${net}`);
  await consistent(cluster);
});

Deno.test("a full range is reported in an event, and a freed address lets the waiting pod start", async () => {
  const cluster = await openCluster();
  const net = "full";
  await cluster.apply(network(net, { range: "192.168.70.0/30" }), pod("full-a", net), pod("full-b", net));
  await cluster.kubectl("wait", "--for=condition=Ready", "--timeout=60s", "pod", "-l", `app=${net}`);
  await cluster.apply(pod("full-c", net));
  await eventually("an event that names the range", async () => {
    const { items } = await cluster.get("events", "--field-selector", "involvedObject.name=full-c");
    return items.some(({ message }) => message.includes("192.168.70.0/30"));
  });
  const [freed] = (await reported(cluster, net)).get("full-a") ?? [];
  await cluster.kubectl("delete", "pod", "full-a");
  await cluster.kubectl("wait", "--for=condition=Ready", "--timeout=90s", "pod/full-c");
  assert.deepEqual((await reported(cluster, net)).get("full-c"), [freed]);
  await cluster.kubectl("delete", "pod", "-l", `app=${net}`);
  await consistent(cluster);
});
