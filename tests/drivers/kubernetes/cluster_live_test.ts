import assert from "node:assert/strict";
import { openCluster } from "../../../drivers/kubernetes/cluster.ts";
import { RefusedError } from "../../../src/storage/driver.ts";
import { denoWorld } from "../../../src/world/deno.ts";
import { makeKube, NOBODY_TOKEN } from "../../support/kube.ts";
import { Objects } from "../../support/objects.ts";
import { NEVER, writeKubeconfig } from "./live.ts";

Deno.test("openCluster finds one pod, and distinguishes a missing one from a forbidden one", async () => {
  await using kube = await makeKube();
  using objects = new Objects(kube);
  await using cluster = await openCluster(denoWorld(), { kubeconfig: kube.kubeconfig });
  await objects.pod("web", { ips: ["10.0.0.5"] });
  const found = await cluster.findPod(objects.ref("web"), NEVER);
  assert.deepEqual(found?.interfaces?.at(-1), { ifName: "net1", network: "net", ips: ["10.0.0.5"] });
  assert.equal(await cluster.findPod(objects.ref("none"), NEVER), undefined);
  const kubeconfig = await writeKubeconfig(kube, { token: NOBODY_TOKEN });
  await using nobody = await openCluster(denoWorld(), { kubeconfig });
  await assert.rejects(nobody.findPod(objects.ref("web"), NEVER), RefusedError);
});
