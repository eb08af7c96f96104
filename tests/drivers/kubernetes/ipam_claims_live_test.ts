import assert from "node:assert/strict";
import { openCluster } from "../../../drivers/kubernetes/cluster.ts";
import { ConflictError, RefusedError } from "../../../src/storage/driver.ts";
import { denoWorld } from "../../../src/world/deno.ts";
import { applyIpamClaims, createClaim } from "../../support/ipam_claims.ts";
import { makeKube, NOBODY_TOKEN } from "../../support/kube.ts";
import { NEVER, writeKubeconfig } from "./live.ts";

const STATUS = {
  ips: ["10.0.0.5/24"],
  ownerPod: { name: "launcher-a" },
  conditions: [{
    type: "IPsAllocated",
    status: "True",
    reason: "SuccessfulAllocation",
    message: "whereabouts allocated 10.0.0.5/24",
    lastTransitionTime: "2026-01-02T03:04:05Z",
  }],
};

Deno.test("ipamClaims lists claims, and replaces their status as it was listed", async () => {
  await using kube = await makeKube();
  await applyIpamClaims(kube);
  await using cluster = await openCluster(denoWorld(), { kubeconfig: kube.kubeconfig });
  const { ipamClaims } = cluster;
  assert(ipamClaims);
  const uid = await createClaim(kube, "vm1.net1");
  const find = async () => (await ipamClaims.list(NEVER)).find((one) => one.uid === uid);
  const claim = await find();
  assert(claim);
  assert.deepEqual([claim.namespace, claim.name, claim.ips, claim.ownerPod, claim.conditions], [
    kube.namespace,
    "vm1.net1",
    [],
    undefined,
    [],
  ]);
  await ipamClaims.saveStatus(claim, STATUS, NEVER);
  const written = await find();
  assert.deepEqual([written?.ips, written?.ownerPod, written?.conditions], [
    STATUS.ips,
    "launcher-a",
    STATUS.conditions,
  ]);
  await assert.rejects(ipamClaims.saveStatus(claim, STATUS, NEVER), ConflictError);
  await kube.kubectl("delete", "ipamclaim", "vm1.net1");
  await assert.rejects(ipamClaims.saveStatus(claim, STATUS, NEVER), ConflictError);
});

Deno.test("ipamClaims fails without the right to list", async () => {
  await using kube = await makeKube();
  await applyIpamClaims(kube);
  const kubeconfig = await writeKubeconfig(kube, { token: NOBODY_TOKEN });
  await using nobody = await openCluster(denoWorld(), { kubeconfig });
  await assert.rejects(async () => await nobody.ipamClaims?.list(NEVER), RefusedError);
});
