import assert from "node:assert/strict";
import { binary, type Call, environmentOf } from "../support/binary.ts";
import { type Kube, makeKube } from "../support/kube.ts";
import { run } from "../support/process.ts";

const PLUGIN = await binary();

/** A NodeSlicePool as the controller of the original writes it. */
async function slicePool(
  kube: Kube,
  name: string,
  range: string,
  sliceSize: string,
  slices: Record<string, string>,
): Promise<void> {
  const allocations = Object.entries(slices).map(([nodeName, sliceRange]) => ({ nodeName, sliceRange }));
  const object = {
    apiVersion: "whereabouts.cni.cncf.io/v1alpha1",
    kind: "NodeSlicePool",
    metadata: { name, namespace: kube.namespace },
    spec: { range, sliceSize },
    status: { allocations },
  };
  const file = await Deno.makeTempFile({ suffix: ".json" });
  await Deno.writeTextFile(file, JSON.stringify(object));
  await kube.kubectl("create", "-f", file);
  await Deno.remove(file);
}

async function on(node: string, call: Call): Promise<{ code: number; answer: Record<string, unknown> }> {
  const env = { ...environmentOf(call), NODENAME: node };
  const { code, stdout } = await run([PLUGIN], { env, clearEnv: true, stdin: JSON.stringify(call.conf) });
  return { code, answer: stdout === "" ? {} : JSON.parse(stdout) };
}

Deno.test("the plugin allocates from the node's slice, with the range's prefix, within bounds and without excludes", async () => {
  await using kube = await makeKube();
  const kubernetes = { kubeconfig: kube.kubeconfig };
  const ipam = {
    type: "whereabouts",
    log_level: "error",
    kubernetes,
    range: "10.50.0.0/16",
    exclude: ["10.50.1.0/30"],
    node_slice_size: "/24",
    ipRanges: [{ range: "fd50::/64" }],
  };
  const conf = { cniVersion: "1.0.0", name: "fast", ipam };
  await slicePool(kube, "fast", "10.50.0.0/16", "/24", { node1: "10.50.1.0/24", node2: "10.50.2.0/24" });
  await slicePool(kube, "fast-fd50---64", "fd50::/64", "/72", { node1: "fd50::/72", node2: "fd50:0:0:0:100::/72" });
  const first = await on("node1", { verb: "ADD", conf, containerId: "c1", pod: "p1" });
  assert.deepEqual(first.answer.ips, [{ address: "10.50.1.4/16" }, { address: "fd50::1/64" }]);
  const second = await on("node2", { verb: "ADD", conf, containerId: "c2", pod: "p2" });
  assert.deepEqual(second.answer.ips, [{ address: "10.50.2.1/16" }, { address: "fd50::100:0:0:0/64" }]);
  const pools = JSON.parse(await kube.kubectl("get", "ippools", "-o", "json")).items
    .map(({ metadata, spec }: { metadata: { name: string }; spec: { range: string } }) =>
      `${metadata.name} ${spec.range}`
    );
  assert.deepEqual(pools.sort(), [
    "node1-10.50.1.0-24 10.50.1.0/24",
    "node1-fd50---72 fd50::/72",
    "node2-10.50.2.0-24 10.50.2.0/24",
    "node2-fd50--100-0-0-0-72 fd50::100:0:0:0/72",
  ]);
  for (const [node, id] of [["node1", "c1"], ["node2", "c2"]] as const) {
    assert.deepEqual(await on(node, { verb: "DEL", conf, containerId: id, pod: "p" }), { code: 0, answer: {} });
  }
  const remaining = JSON.parse(await kube.kubectl("get", "ippools,overlappingrangeipreservations", "-o", "json")).items;
  assert.deepEqual(remaining.map(({ spec }: { spec: { allocations?: unknown } }) => spec.allocations), [
    {},
    {},
    {},
    {},
  ]);
});

Deno.test("the plugin answers code 103 on a node without a slice, its STATUS fails, and its DEL succeeds", async () => {
  await using kube = await makeKube();
  const kubernetes = { kubeconfig: kube.kubeconfig };
  const ipam = { type: "whereabouts", log_level: "error", kubernetes, range: "10.51.0.0/16", node_slice_size: "24" };
  const conf = { cniVersion: "1.0.0", name: "fast", ipam };
  const missing = await on("node9", { verb: "ADD", conf, containerId: "c1", pod: "p1" });
  assert.deepEqual([missing.code, missing.answer.code], [1, 103]);
  assert.match(String(missing.answer.msg), /"node9".*10\.51\.0\.0\/16.*NodeSlicePool fast.*the object does not exist/);
  const status = await on("node9", { verb: "STATUS", conf: { ...conf, cniVersion: "1.1.0" } });
  assert.deepEqual([status.code, status.answer.code], [1, 50]);
  assert.match(String(status.answer.msg), /"node9".*10\.51\.0\.0\/16.*NodeSlicePool fast/);
  await slicePool(kube, "fast", "10.51.0.0/16", "24", { node1: "10.51.1.0/24" });
  const other = await on("node9", { verb: "ADD", conf, containerId: "c1", pod: "p1" });
  assert.match(String(other.answer.msg), /it lists 1 other nodes/);
  assert.deepEqual(await on("node9", { verb: "DEL", conf, containerId: "c1", pod: "p1" }), { code: 0, answer: {} });
  assert.equal(JSON.parse(await kube.kubectl("get", "ippools", "-o", "json")).items.length, 0);
});

Deno.test("the plugin answers code 103 and names both ranges if the NodeSlicePool belongs to another network", async () => {
  await using kube = await makeKube();
  const conf = (range: string) => ({
    cniVersion: "0.3.1",
    name: "macvlan-net",
    ipam: {
      type: "whereabouts",
      log_level: "error",
      kubernetes: { kubeconfig: kube.kubeconfig },
      range,
      node_slice_size: "/24",
    },
  });
  await slicePool(kube, "macvlan-net", "10.62.0.0/16", "/24", { "worker-1": "10.62.1.0/24" });
  const first = await on("worker-1", { verb: "ADD", conf: conf("10.62.0.0/16"), containerId: "c1", pod: "a" });
  assert.deepEqual(first.answer.ips, [{ version: "4", address: "10.62.1.1/16" }]);
  const second = await on("worker-1", { verb: "ADD", conf: conf("10.63.0.0/16"), containerId: "c2", pod: "b" });
  assert.deepEqual([second.code, second.answer.code], [1, 103]);
  const expected =
    "NodeSlicePool macvlan-net has range 10.62.0.0/16, this network has 10.63.0.0/16; use different names for the networks";
  assert(String(second.answer.msg).startsWith(expected), String(second.answer.msg));
  assert.deepEqual(await on("worker-1", { verb: "DEL", conf: conf("10.63.0.0/16"), containerId: "c2", pod: "b" }), {
    code: 0,
    answer: {},
  });
});
