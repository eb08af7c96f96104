import assert from "node:assert/strict";
import { openCluster } from "../../../drivers/kubernetes/cluster.ts";
import { formatCidr } from "../../../src/address/cidr.ts";
import { ConflictError } from "../../../src/storage/driver.ts";
import { denoWorld } from "../../../src/world/deno.ts";
import { makeKube } from "../../support/kube.ts";
import { cidr } from "../../controllers/lab.ts";
import { NEVER, openWith, put } from "./live.ts";

Deno.test("nodeSlicePools writes NodeSlicePools in the original's format, and detects concurrent writes", async () => {
  await using kube = await makeKube();
  await using cluster = await openCluster(denoWorld(), { kubeconfig: kube.kubeconfig });
  const { slices: store } = cluster;
  const slice = (text: string, node: string) => ({ node, cidr: cidr(text) });

  const wanted = {
    name: "net",
    range: "10.0.0.0/24",
    size: "/25",
    slices: [slice("10.0.0.0/25", "a"), slice("10.0.0.128/25", "")],
    network: "",
    epoch: 7,
    refused: "it overlaps another one",
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
  assert.deepEqual(Object.keys(await driver.slices?.find("net", NEVER) ?? {}), ["range", "slices", "epoch", "version"]);
  await assert.rejects(store.save(wanted, last, NEVER), ConflictError);
  await assert.rejects(store.remove(last, NEVER), ConflictError);
  const [fresh] = (await store.list(NEVER)).items;
  assert(fresh);
  await store.claim(fresh, "term-1", NEVER);
  await assert.rejects(store.claim(fresh, "term-2", NEVER), ConflictError);
  await assert.rejects(store.save(wanted, fresh, NEVER), ConflictError);
  const [claimed] = (await store.list(NEVER)).items;
  assert(claimed);
  assert.deepEqual({ ...claimed, version: fresh.version }, { ...fresh, term: "term-1" });
  await store.remove(claimed, NEVER);
  assert.deepEqual((await store.list(NEVER)).items, []);
});

Deno.test("take assigns a free slice of the list that was read, with a later epoch, and keeps the rest of the object", async () => {
  await using kube = await makeKube();
  await using cluster = await openCluster(denoWorld(), { kubeconfig: kube.kubeconfig });
  await using driver = await openWith(kube.kubeconfig);
  const slices = driver.slices ?? assert.fail();
  const free = { node: "", cidr: cidr("10.0.0.128/25") };
  await cluster.slices.save(
    {
      ...{ name: "net", network: "", range: "10.0.0.0/24", size: "/25", epoch: 7, refused: undefined, elastic: true },
      slices: [{ node: "a", cidr: cidr("10.0.0.0/25") }, free],
    },
    undefined,
    NEVER,
  );
  const [read, stale] = [await slices.find("net", NEVER), await slices.find("net", NEVER)];
  assert(read && stale);
  assert.deepEqual([read.elastic, read.epoch], [true, 7]);
  await slices.take(read, { ...free, node: "b" }, 9, NEVER);
  const { status, metadata } = JSON.parse(await kube.kubectl("get", "nodeslicepool", "net", "-o", "json"));
  assert.deepEqual(status, {
    allocations: [{ nodeName: "a", sliceRange: "10.0.0.0/25" }, { nodeName: "b", sliceRange: "10.0.0.128/25" }],
    assigned: 2,
    free: 0,
  });
  assert.equal(metadata.annotations["whereabouts.cni.cncf.io/epoch"], "9");
  assert.equal(metadata.managedFields, undefined);
  await assert.rejects(slices.take(stale, { ...free, node: "c" }, 9, NEVER), ConflictError);
  const taken = await slices.find("net", NEVER);
  assert(taken);
  await assert.rejects(slices.take(taken, { ...free, node: "c" }, 10, NEVER), ConflictError);
  await kube.kubectl("delete", "nodeslicepool", "net");
  await assert.rejects(slices.take(stale, { ...free, node: "c" }, 9, NEVER), ConflictError);
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
  await cluster.slices.save({ ...last, network: "" }, last, NEVER);
  assert.deepEqual((await cluster.slices.list(NEVER)).items.map(({ managed, collected }) => [managed, collected]), [[
    true,
    false,
  ]]);
});
