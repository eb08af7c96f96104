import assert from "node:assert/strict";
import { NoSliceError } from "../../src/ipam/errors.ts";
import { eventually } from "../support/process.ts";
import { sliced } from "./slice_lab.ts";

Deno.test("Controller assigns each node a slice of every range, and a new node too", async () => {
  await using it = await sliced("a", "b");
  await it.define("net", {
    range: "10.70.0.0/26",
    range_start: "10.70.0.17",
    exclude: ["10.70.0.32/28"],
    node_slice_size: "/28",
    ipRanges: [{ range: "10.71.0.0/25" }],
  });
  await it.define("six", { range: "fd00:70::/64", node_slice_size: "80" });
  await using _ = await it.lab.start();
  await it.become("net", ["10.70.0.16/28 a", "10.70.0.48/28 b"]);
  await it.become("net-10.71.0.0-25", ["10.71.0.0/28 a", "10.71.0.16/28 b"]);
  await it.become("six", ["fd00:70::/80 a", "fd00:70:0:0:1::/80 b"]);
  await it.objects.node(it.real("c"));
  await it.become("six", ["fd00:70::/80 a", "fd00:70:0:0:1::/80 b", "fd00:70:0:0:2::/80 c"]);
  await it.become("net", ["10.70.0.16/28 a", "10.70.0.48/28 b"]);
  await eventually(
    "an event",
    async () => (await it.objects.events()).includes("NetworkAttachmentDefinition net NoFreeSlices"),
  );
});

Deno.test("Controller reassigns the slice of a deleted node to a waiting one when its addresses are free", async () => {
  await using it = await sliced("a", "b");
  const { lab, objects } = it;
  const ipam = { range: "10.72.0.0/27", node_slice_size: "/28" };
  await it.define("net", ipam);
  await using _ = await lab.start();
  await it.become("net", ["10.72.0.0/28 a", "10.72.0.16/28 b"]);
  const ips = await lab.add("net", ipam, "web", { node: it.real("b") });
  assert.deepEqual(ips, ["10.72.0.16"]);
  await objects.pod("web", { ips });
  await objects.deleteNode(it.real("b"));
  await objects.node(it.real("c"));
  await eventually(
    "that c waits",
    async () => (await objects.events()).includes("NetworkAttachmentDefinition net NoFreeSlices"),
  );
  await it.become("net", ["10.72.0.0/28 a", "10.72.0.16/28 b"]);
  await assert.rejects(lab.add("net", ipam, "early", { node: it.real("c") }), NoSliceError);
  await objects.deletePod("web");
  await it.become("net", ["10.72.0.0/28 a", "10.72.0.16/28 c"]);
  assert.deepEqual(await lab.add("net", ipam, "late", { node: it.real("c") }), ["10.72.0.16"]);
});

Deno.test("Controller recreates a deleted NodeSlicePool: nodes keep slices in use, and the rest is assigned", async () => {
  await using it = await sliced("a", "b");
  const { lab, objects } = it;
  const ipam = { range: "10.78.0.0/27", node_slice_size: "/28" };
  await it.define("net", ipam);
  await using _ = await lab.start();
  await it.become("net", ["10.78.0.0/28 a", "10.78.0.16/28 b"]);
  await objects.pod("web", { ips: await lab.add("net", ipam, "web", { node: it.real("b") }) });
  await objects.deleteNode(it.real("a"));
  await it.become("net", ["10.78.0.16/28 b"]);
  await lab.kube.kubectl("delete", "nodeslicepool", "net");
  await eventually("the pool", async () => (await objects.slices("net")).length === 2);
  await it.become("net", ["10.78.0.16/28 b"]);
  await objects.node(it.real("c"));
  await it.become("net", ["10.78.0.0/28 c", "10.78.0.16/28 b"]);
});

Deno.test("Controller keeps running allocations valid when range and size change", async () => {
  await using it = await sliced("a", "b");
  const { lab, objects } = it;
  const ipam = { range: "10.73.0.0/27", node_slice_size: "/28" };
  await it.define("net", ipam);
  await using _ = await lab.start();
  await it.become("net", ["10.73.0.0/28 a", "10.73.0.16/28 b"]);
  await objects.pod("web", { ips: await lab.add("net", ipam, "web", { node: it.real("b") }) });
  const changed = { range: "10.73.0.0/26", node_slice_size: "/27" };
  await it.define("net", changed);
  await it.become("net", ["10.73.0.16/28 b", "10.73.0.32/27 a"]);
  assert.deepEqual(await lab.entries(), ["10.73.0.16 web"]);
  assert.deepEqual(await lab.add("net", changed, "web", { node: it.real("b") }), ["10.73.0.16"]);
  await objects.deletePod("web");
  await lab.settles([]);
  await it.become("net", ["10.73.0.0/27 b", "10.73.0.32/27 a"]);
});

Deno.test("Controller cuts a /8 into /27, and continues if the slices of one network cannot be stored", async () => {
  await using it = await sliced("a");
  const bad = { type: "whereabouts", range: "192.168.74.0/24", node_slice_size: "/28" };
  await it.objects.attachment("bad", { name: "Not_A_Name", type: "macvlan", ipam: bad }); // no valid object name
  await it.define("big", { range: "10.0.0.0/8", node_slice_size: "/27", network_name: "big" });
  await it.define("size", { range: "192.168.75.0/24", node_slice_size: "/16" });
  await using _ = await it.lab.start();
  await it.become("big", ["10.0.0.0/27 a"]);
  assert((await it.objects.slices("big")).length < 100, "free slices of a long list are not written down");
  await it.objects.node(it.real("b"));
  await it.become("big", ["10.0.0.0/27 a", "10.0.0.32/27 b"]);
  await eventually("the events of both", async () => {
    const events = await it.objects.events();
    return ["bad SlicesRefused", "size InvalidSliceSize"].every((one) =>
      events.includes(`NetworkAttachmentDefinition ${one}`)
    );
  });
  await it.objects.deleteAttachment("big");
  await it.become("big", []);
});
