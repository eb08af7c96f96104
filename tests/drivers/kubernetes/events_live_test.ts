import assert from "node:assert/strict";
import { openCluster } from "../../../drivers/kubernetes/cluster.ts";
import { denoWorld } from "../../../src/world/deno.ts";
import { makeKube } from "../../support/kube.ts";
import { Objects } from "../../support/objects.ts";
import { cidr } from "../../controllers/lab.ts";
import { NEVER } from "./live.ts";

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
