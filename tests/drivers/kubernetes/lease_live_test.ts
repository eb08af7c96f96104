import assert from "node:assert/strict";
import { openCluster } from "../../../drivers/kubernetes/cluster.ts";
import { ConflictError } from "../../../src/storage/driver.ts";
import { denoWorld } from "../../../src/world/deno.ts";
import { makeKube } from "../../support/kube.ts";
import { Relay } from "../../support/relay.ts";
import { NEVER, writeKubeconfig } from "./live.ts";

Deno.test("makeLease acquires, renews and releases a Lease, and detects other writers", async () => {
  await using kube = await makeKube();
  const open = () => openCluster(denoWorld(), { kubeconfig: kube.kubeconfig });
  await using one = await open();
  await using two = await open();
  const [a, b] = [one.lease("", "leader"), two.lease("", "leader")];
  assert.equal(await a.read(NEVER), undefined);
  const acquired = await a.write("a", undefined, NEVER);
  await assert.rejects(b.write("b", undefined, NEVER), ConflictError);
  const seen = await b.read(NEVER);
  assert.deepEqual(seen, acquired);
  const renewed = await a.write("a", acquired, NEVER);
  assert.notEqual(renewed.version, acquired.version);
  await assert.rejects(b.write("b", seen, NEVER), ConflictError);
  const free = await a.write("", renewed, NEVER);
  await b.read(NEVER);
  assert.equal((await b.write("b", free, NEVER)).holder, "b");
  const { spec } = JSON.parse(await kube.kubectl("get", "lease", "leader", "-o", "json"));
  assert.deepEqual([spec.holderIdentity, spec.leaseDurationSeconds, spec.leaseTransitions], ["b", 15, 1]);
});

Deno.test("makeLease recreates a deleted Lease", async () => {
  await using kube = await makeKube();
  await using cluster = await openCluster(denoWorld(), { kubeconfig: kube.kubeconfig });
  const lease = cluster.lease("", "leader");
  const acquired = await lease.write("a", undefined, NEVER);
  await kube.kubectl("delete", "lease", "leader");
  await assert.rejects(lease.write("a", acquired, NEVER));
  assert.equal(await lease.read(NEVER), undefined);
  assert.equal((await lease.write("a", undefined, NEVER)).holder, "a");
  assert.equal((await lease.read(NEVER))?.holder, "a");
});

Deno.test("makeLease ends when its signal aborts while the API server is silent", async () => {
  await using kube = await makeKube();
  await using relay = new Relay(kube.url);
  const kubeconfig = await writeKubeconfig(kube, { token: kube.token }, { server: relay.url });
  await using cluster = await openCluster(denoWorld(), { kubeconfig });
  const lease = cluster.lease("", "leader");
  await lease.read(NEVER);
  relay.freeze();
  const stop = new AbortController();
  const reading = assert.rejects(lease.read(stop.signal), /^Error: Enough$/);
  setTimeout(() => stop.abort(new Error("Enough")), 50);
  await reading;
});
