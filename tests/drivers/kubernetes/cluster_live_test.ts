import assert from "node:assert/strict";
import { openCluster } from "../../../drivers/kubernetes/cluster.ts";
import { formatCidr } from "../../../src/address/cidr.ts";
import { ConflictError, RefusedError, UnavailableError } from "../../../src/storage/driver.ts";
import { denoWorld } from "../../../src/world/deno.ts";
import { makeKube, NOBODY_TOKEN } from "../../support/kube.ts";
import { Objects } from "../../support/objects.ts";
import { Relay } from "../../support/relay.ts";
import { attachment, cidr } from "../../controllers/lab.ts";
import { NEVER, writeKubeconfig } from "./live.ts";

Deno.test("openCluster finds one pod, and tells none from one that cannot be asked for", async () => {
  await using kube = await makeKube();
  using objects = new Objects(kube);
  await using cluster = await openCluster(denoWorld(), { kubeconfig: kube.kubeconfig });
  await objects.pod("web", { ips: ["10.0.0.5"] });
  assert.deepEqual([...(await cluster.findPod(objects.ref("web"), NEVER))?.attached ?? []], ["10.0.0.5"]);
  assert.equal(await cluster.findPod(objects.ref("none"), NEVER), undefined);
  const kubeconfig = await writeKubeconfig(kube, { token: NOBODY_TOKEN });
  await using nobody = await openCluster(denoWorld(), { kubeconfig });
  await assert.rejects(nobody.findPod(objects.ref("web"), NEVER), RefusedError);
});

Deno.test("makeLease takes, renews and gives up a Lease, and notices another's hand", async () => {
  await using kube = await makeKube();
  const open = () => openCluster(denoWorld(), { kubeconfig: kube.kubeconfig });
  await using one = await open();
  await using two = await open();
  const [a, b] = [one.lease("", "leader"), two.lease("", "leader")];
  assert.equal(await a.read(NEVER), undefined);
  const taken = await a.write("a", undefined, NEVER);
  await assert.rejects(b.write("b", undefined, NEVER), ConflictError);
  const seen = await b.read(NEVER);
  assert.deepEqual(seen, taken);
  const renewed = await a.write("a", taken, NEVER);
  assert.notEqual(renewed.version, taken.version);
  await assert.rejects(b.write("b", seen, NEVER), ConflictError);
  const free = await a.write("", renewed, NEVER);
  await b.read(NEVER);
  assert.equal((await b.write("b", free, NEVER)).holder, "b");
  const { spec } = JSON.parse(await kube.kubectl("get", "lease", "leader", "-o", "json"));
  assert.deepEqual([spec.holderIdentity, spec.leaseDurationSeconds, spec.leaseTransitions], ["b", 15, 1]);
});

Deno.test("makeLease ends when it is told to, though the API server says nothing", async () => {
  await using kube = await makeKube();
  await using relay = new Relay(kube.url);
  const kubeconfig = await writeKubeconfig(kube, { token: kube.token }, { server: relay.url });
  await using cluster = await openCluster(denoWorld(), { kubeconfig });
  const lease = cluster.lease("", "leader");
  await lease.read(NEVER);
  relay.freeze();
  const stop = new AbortController();
  const reading = assert.rejects(lease.read(stop.signal), UnavailableError);
  setTimeout(() => stop.abort(), 50);
  await reading;
});

Deno.test("makeEvents records events beside pods, pools and attachments", async () => {
  await using kube = await makeKube();
  using objects = new Objects(kube);
  await using cluster = await openCluster(denoWorld(), { kubeconfig: kube.kubeconfig });
  const { namespace } = kube;
  const event = { type: "Warning", message: "x".repeat(2_000) } as const;
  await cluster.tell({ ...event, regarding: { kind: "Pod", namespace, name: "web" }, reason: "One" }, NEVER);
  await cluster.tell({
    ...event,
    regarding: { kind: "NetworkAttachmentDefinition", namespace, name: "net" },
    reason: "Two",
  }, NEVER);
  const key = { network: "blue", cidr: cidr("10.0.0.0/24") };
  await cluster.tell({ ...event, regarding: { kind: "IPPool", key }, reason: "Three" }, NEVER);
  assert.deepEqual((await objects.events()).sort(), [
    "IPPool blue-10.0.0.0-24 Three",
    "NetworkAttachmentDefinition net Two",
    "Pod web One",
  ]);
  const nowhere = { kind: "Pod", namespace: "nowhere", name: "web" } as const;
  await assert.rejects(cluster.tell({ ...event, regarding: nowhere, reason: "Four" }, NEVER), /Pod nowhere\/web/);
});

Deno.test("kubernetesSliceObjects writes NodeSlicePools as the original does, and over nobody else's hand", async () => {
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
    owner,
  };
  await store.save(wanted, undefined, NEVER);
  await assert.rejects(store.save(wanted, undefined, NEVER), ConflictError);
  const object = JSON.parse(await kube.kubectl("get", "nodeslicepool", "net", "-o", "json"));
  assert.deepEqual(object.spec, { range: "10.0.0.0/24", sliceSize: "/25" });
  assert.deepEqual(object.status, {
    allocations: [{ nodeName: "a", sliceRange: "10.0.0.0/25" }, { nodeName: "", sliceRange: "10.0.0.128/25" }],
  });
  assert.deepEqual(object.metadata.ownerReferences, [
    {
      apiVersion: "k8s.cni.cncf.io/v1",
      kind: "NetworkAttachmentDefinition",
      name: "net",
      uid: "uid-net",
      controller: true,
    },
  ]);
  const [last] = await store.list(NEVER);
  assert(last);
  assert.deepEqual([last.managed, last.slices.map(({ node, cidr }) => `${node} ${formatCidr(cidr)}`)], [true, [
    "a 10.0.0.0/25",
    " 10.0.0.128/25",
  ]]);
  await store.save({ ...wanted, slices: [slice("10.0.0.0/25", "b")] }, last, NEVER);
  await assert.rejects(store.save(wanted, last, NEVER), ConflictError);
  await assert.rejects(store.remove(last, NEVER), ConflictError);
  const [fresh] = await store.list(NEVER);
  assert(fresh);
  await store.remove(fresh, NEVER);
  assert.deepEqual(await store.list(NEVER), []);
  await store.save({ ...wanted, owner: { ...owner, namespace: "elsewhere" } }, undefined, NEVER);
  const foreign = JSON.parse(await kube.kubectl("get", "nodeslicepool", "net", "-o", "json"));
  assert.equal(foreign.metadata.ownerReferences, undefined, "an owner in another namespace would have it collected");
  assert.deepEqual((await store.list(NEVER)).map(({ managed }) => managed), [true]);
});
