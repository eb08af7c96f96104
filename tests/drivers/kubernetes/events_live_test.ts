import assert from "node:assert/strict";
import { openCluster } from "../../../drivers/kubernetes/cluster.ts";
import type { Regarding } from "../../../src/controllers/cluster.ts";
import { denoWorld } from "../../../src/world/deno.ts";
import { type Kube, makeKube } from "../../support/kube.ts";
import { Objects } from "../../support/objects.ts";
import { NEVER, put } from "./live.ts";

/** Creates an object of every kind that an event may be about. */
async function makeObjects(kube: Kube, objects: Objects): Promise<readonly Regarding[]> {
  const { namespace } = kube;
  await objects.installAttachments();
  await objects.pod("web");
  await objects.attachment("net", { cniVersion: "1.0.0", name: "net", type: "macvlan" });
  await put(kube, "IPPool", "blue-10.0.0.0-24", { range: "10.0.0.0/24", allocations: {} });
  await put(kube, "IPPool", "0--64", { range: "::/64", allocations: {} });
  await put(kube, "OverlappingRangeIPReservation", "blue-10.0.0.5", { podref: "default/web", ifname: "net1" });
  await put(kube, "NodeSlicePool", "slices", { range: "10.0.0.0/24", sliceSize: "/26" });
  return [
    { kind: "Pod", namespace, name: "web" },
    { kind: "NetworkAttachmentDefinition", namespace, name: "net" },
    { kind: "IPPool", pool: "blue/10.0.0.0/24" },
    { kind: "Stored", where: "IPPool 0--64" },
    { kind: "OverlappingRangeIPReservation", network: "blue", address: "10.0.0.5" },
    { kind: "NodeSlicePool", name: "slices" },
  ];
}

Deno.test("makeEvents records events that kubectl describe shows, for objects of every kind", async () => {
  await using kube = await makeKube();
  using objects = new Objects(kube);
  await using cluster = await openCluster(denoWorld(), { kubeconfig: kube.kubeconfig });
  const all = await makeObjects(kube, objects);
  const event = { type: "Warning", message: "x".repeat(2_000), reason: "OutOfOrder" } as const;
  for (const regarding of all) await cluster.recordEvent({ ...event, regarding }, NEVER);
  const described = ["pod/web", "network-attachment-definition/net", "ippool/blue-10.0.0.0-24", "ippool/0--64"];
  const more = ["overlappingrangeipreservation/blue-10.0.0.5", "nodeslicepool/slices"];
  for (const name of [...described, ...more]) {
    assert.match(await kube.kubectl("describe", name), /Warning +OutOfOrder/, name);
  }
  await objects.clean();
});

Deno.test("makeEvents records an event about a custom resource definition, and none about a record that is not an object", async () => {
  await using kube = await makeKube();
  await using cluster = await openCluster(denoWorld(), { kubeconfig: kube.kubeconfig });
  const reason = `Outdated${kube.namespace.replace(/\W/g, "")}`;
  const event = { type: "Warning", message: "m", reason } as const;
  await cluster.recordEvent({
    ...event,
    regarding: { kind: "Stored", where: "CustomResourceDefinition ippools.whereabouts.cni.cncf.io" },
  }, NEVER);
  await cluster.recordEvent({ ...event, regarding: { kind: "Stored", where: "/whereabouts/pools/x" } }, NEVER);
  assert.match(
    await kube.kubectl("describe", "crd", "ippools.whereabouts.cni.cncf.io"),
    new RegExp(`Warning +${reason}`),
  );
  const { items } = JSON.parse(
    await kube.kubectl("get", "events", "-A", "--field-selector", `reason=${reason}`, "-o", "json"),
  );
  assert.equal(items.length, 1);
});

Deno.test("makeEvents renews an existing event of any process, and omits the uid of a missing object", async () => {
  await using kube = await makeKube();
  const { namespace } = kube;
  const world = denoWorld();
  let ahead = 0;
  const later = { ...world, now: () => world.now() + ahead };
  const event = {
    type: "Warning",
    message: "m",
    reason: "Again",
    regarding: { kind: "Pod", namespace, name: "gone" },
  } as const;
  for (ahead of [0, 60_000, 120_000]) {
    await using cluster = await openCluster(later, { kubeconfig: kube.kubeconfig });
    await cluster.recordEvent(event, NEVER);
  }
  const { items } = JSON.parse(await kube.kubectl("get", "events", "-o", "json"));
  assert.equal(items.length, 1);
  const [{ firstTimestamp, lastTimestamp, involvedObject }] = items;
  assert(Date.parse(lastTimestamp) - Date.parse(firstTimestamp) >= 119_000);
  assert.equal(involvedObject.uid, undefined);
});

Deno.test("makeEvents names the object of an event that cannot be recorded", async () => {
  await using kube = await makeKube();
  await using cluster = await openCluster(denoWorld(), { kubeconfig: kube.kubeconfig });
  const regarding = { kind: "Pod", namespace: "nowhere", name: "web" } as const;
  const event = { type: "Warning", message: "m", reason: "Four", regarding } as const;
  await assert.rejects(cluster.recordEvent(event, NEVER), /Pod nowhere\/web/);
});
