import assert from "node:assert/strict";
import { openCluster } from "../../../drivers/kubernetes/cluster.ts";
import { formatCidr } from "../../../src/address/cidr.ts";
import { ConflictError } from "../../../src/storage/driver.ts";
import { denoWorld } from "../../../src/world/deno.ts";
import { makeKube } from "../../support/kube.ts";
import { attachment, cidr } from "../../controllers/lab.ts";
import { NEVER, openWith, put } from "./live.ts";

Deno.test("nodeSlicePools writes NodeSlicePools in the original's format, and detects concurrent writes", async () => {
  await using kube = await makeKube();
  await using cluster = await openCluster(denoWorld(), { kubeconfig: kube.kubeconfig });
  const { slices: store } = cluster;
  const slice = (text: string, node: string) => ({ node, cidr: cidr(text) });
  const owner = attachment("net", {}, kube.namespace);
  const wanted = {
    name: "net",
    range: "10.0.0.0/24",
    size: "/25",
    slices: [slice("10.0.0.0/25", "a"), slice("10.0.0.128/25", "")],
    network: "",
    epoch: 7,
    refused: "it overlaps another one",
    owner,
  };
  await store.save(wanted, undefined, NEVER);
  await assert.rejects(store.save(wanted, undefined, NEVER), ConflictError);
  const object = JSON.parse(await kube.kubectl("get", "nodeslicepool", "net", "-o", "json"));
  assert.deepEqual(object.spec, { range: "10.0.0.0/24", sliceSize: "/25" });
  assert.deepEqual(object.status, {
    allocations: [{ nodeName: "a", sliceRange: "10.0.0.0/25" }, { nodeName: "", sliceRange: "10.0.0.128/25" }],
    assigned: 1,
    free: 1,
  });
  assert.equal(object.metadata.ownerReferences, undefined, "it would be deleted while it is in use");
  const [last] = (await store.list(NEVER)).items;
  assert(last);
  assert.deepEqual([last.network, last.epoch, last.refused], ["", 7, "it overlaps another one"]);
  assert.match(last.created, /^\d{4}-\d\d-\d\dT/);
  await using driver = await openWith(kube.kubeconfig);
  assert.deepEqual((await driver.slices?.find("net", NEVER))?.refused, "it overlaps another one");
  assert.deepEqual([last.managed, last.slices.map(({ node, cidr }) => `${node} ${formatCidr(cidr)}`)], [true, [
    "a 10.0.0.0/25",
    " 10.0.0.128/25",
  ]]);
  await store.save({ ...wanted, refused: undefined, slices: [slice("10.0.0.0/25", "b")] }, last, NEVER);
  assert.deepEqual(Object.keys(await driver.slices?.find("net", NEVER) ?? {}), ["range", "slices"]);
  await assert.rejects(store.save(wanted, last, NEVER), ConflictError);
  await assert.rejects(store.remove(last, NEVER), ConflictError);
  const [fresh] = (await store.list(NEVER)).items;
  assert(fresh);
  await store.remove(fresh, NEVER);
  assert.deepEqual((await store.list(NEVER)).items, []);
});

Deno.test("nodeSlicePools takes over a NodeSlicePool of the original, and removes its owner reference", async () => {
  await using kube = await makeKube();
  await using cluster = await openCluster(denoWorld(), { kubeconfig: kube.kubeconfig });
  const reference = {
    apiVersion: "k8s.cni.cncf.io/v1",
    kind: "NetworkAttachmentDefinition",
    name: "net",
    uid: "uid-net",
  };
  await put(kube, "NodeSlicePool", "net", { range: "10.0.0.0/24", sliceSize: "/25" });
  const patch = JSON.stringify({ metadata: { ownerReferences: [reference] } });
  await kube.kubectl("patch", "nodeslicepool", "net", "--type=merge", "-p", patch);
  const [last] = (await cluster.slices.list(NEVER)).items;
  assert(last);
  assert.deepEqual([last.managed, last.collected], [true, true]);
  assert.deepEqual([last.network, last.epoch, last.refused], [undefined, 0, undefined]);
  await cluster.slices.save({ ...last, network: "", owner: attachment("net", {}, kube.namespace) }, last, NEVER);
  assert.deepEqual((await cluster.slices.list(NEVER)).items.map(({ managed, collected }) => [managed, collected]), [[
    true,
    false,
  ]]);
});
