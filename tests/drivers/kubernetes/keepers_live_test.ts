import assert from "node:assert/strict";
import { openCluster } from "../../../drivers/kubernetes/cluster.ts";
import type { Cluster } from "../../../src/controllers/cluster.ts";
import { RefusedError } from "../../../src/storage/driver.ts";
import { denoWorld } from "../../../src/world/deno.ts";
import { applyIpamClaims, createClaim, createSet } from "../../support/ipam_claims.ts";
import { ControlPlane, makeKube, namespaceOf, NOBODY_TOKEN } from "../../support/kube.ts";
import { NEVER, writeKubeconfig } from "./live.ts";

/** Reads a keeper. */
async function find({ findKeeper }: Cluster, kind: "IPAMClaim" | "StatefulSet", namespace: string, name: string) {
  assert(findKeeper);
  return await findKeeper({ kind, name }, namespace, NEVER);
}

Deno.test("findKeeper fails where IPAMClaims are not served, and returns undefined for a missing claim once they are", async () => {
  await using plane = await ControlPlane.start();
  const kube = await namespaceOf(plane.facts);
  await using cluster = await openCluster(denoWorld(), { kubeconfig: kube.kubeconfig });
  await assert.rejects(find(cluster, "IPAMClaim", kube.namespace, "vm1.net1"), RefusedError);
  await applyIpamClaims(kube);
  assert.equal(await find(cluster, "IPAMClaim", kube.namespace, "vm1.net1"), undefined);
});

Deno.test("findKeeper reads the uid of a claim, and whether it is being deleted", async () => {
  await using kube = await makeKube();
  await applyIpamClaims(kube);
  await using cluster = await openCluster(denoWorld(), { kubeconfig: kube.kubeconfig });
  const { namespace } = kube;
  const uid = await createClaim(kube, "vm1.net1");
  assert.deepEqual(await find(cluster, "IPAMClaim", namespace, "vm1.net1"), { uid, deleting: false });
  assert.equal(await find(cluster, "IPAMClaim", "no-such-namespace", "vm1.net1"), undefined);
  const finalizers = (names: readonly string[]) =>
    kube.kubectl(
      "patch",
      "ipamclaim",
      "vm1.net1",
      "--type=merge",
      "-p",
      JSON.stringify({ metadata: { finalizers: names } }),
    );
  await finalizers(["kubevirt.io/persistent-ipam"]);
  await kube.kubectl("delete", "ipamclaim", "vm1.net1", "--wait=false");
  assert.deepEqual(await find(cluster, "IPAMClaim", namespace, "vm1.net1"), { uid, deleting: true });
  await finalizers([]);
  assert.equal(await find(cluster, "IPAMClaim", namespace, "vm1.net1"), undefined);
});

Deno.test("findKeeper reads the uid and the ordinals of a set", async () => {
  await using kube = await makeKube();
  await using cluster = await openCluster(denoWorld(), { kubeconfig: kube.kubeconfig });
  const { namespace } = kube;
  const uid = await createSet(kube, "web", 3, 5);
  const ordinals = { start: 5, replicas: 3 };
  assert.deepEqual(await find(cluster, "StatefulSet", namespace, "web"), { uid, deleting: false, ordinals });
  assert.equal(await find(cluster, "StatefulSet", namespace, "db"), undefined);
});

Deno.test("findKeeper fails without the right to read", async () => {
  await using kube = await makeKube();
  await applyIpamClaims(kube);
  const kubeconfig = await writeKubeconfig(kube, { token: NOBODY_TOKEN });
  await using nobody = await openCluster(denoWorld(), { kubeconfig });
  for (const kind of ["IPAMClaim", "StatefulSet"] as const) {
    await assert.rejects(find(nobody, kind, kube.namespace, "web"), RefusedError, kind);
  }
});
