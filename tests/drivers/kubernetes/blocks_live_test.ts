import assert from "node:assert/strict";
import { Stores } from "../../../src/agent/stores.ts";
import type { IpamConfig } from "../../../src/config/types.ts";
import { allocate } from "../../../src/ipam/allocate.ts";
import { directIpam } from "../../../src/ipam/ipam.ts";
import { release } from "../../../src/ipam/release.ts";
import { denoWorld } from "../../../src/world/deno.ts";
import { SILENT } from "../../../src/world/log.ts";
import { openKubernetes } from "../../../drivers/kubernetes/driver.ts";
import { config } from "../../ipam/lab.ts";
import { makeKube } from "../../support/kube.ts";
import { assertRequests, keyOf, NEVER, openWith, put, stored } from "./live.ts";

const DOMAIN = "whereabouts.cni.cncf.io/blocks-of";
const RESERVATIONS = "overlappingrangeipreservations";

/** A network whose range is divided into blocks of 256 addresses. */
function divided(overlapping: boolean): IpamConfig {
  const plain = config(["10.0.0.0/16"], { overlapping });
  return { ...plain, ranges: plain.ranges.map((one) => ({ ...one, blocks: { prefix: 24 } })) };
}

Deno.test("an ADD in a block costs one PATCH through an agent, with reservations a POST too, and direct a list and a GET more", async () => {
  await using kube = await makeKube();
  const { kubeconfig } = kube;
  await using stores = new Stores({
    world: denoWorld(),
    log: SILENT,
    loadDriver: () => Promise.resolve(openKubernetes),
    batches: { onBatch: () => {} },
    operations: () => {},
  });
  await using agent = await stores.ipam({ kind: "kubernetes", kubeconfig }, { log: SILENT, signal: NEVER });
  let before = await kube.requests();
  await allocate(agent, divided(false), { podRef: "default/a", ifName: "net1", containerId: "a" }, NEVER);
  await assertRequests(kube, before, [
    "list ippools",
    "get ippools", // the pool of the range may have blocks
    ...["get ippools", "create ippools", "get ippools", "create ippools", "list ippools"], // the grid
    ...["get ippools", "create ippools", "get ippools"], // the block, and the pool of the range once more
  ]);
  const add = (overlapping: boolean, who: string) =>
    allocate(agent, divided(overlapping), { podRef: `default/${who}`, ifName: "net1", containerId: who }, NEVER);
  before = await kube.requests();
  await add(false, "b");
  await assertRequests(kube, before, ["patch ippools"]);
  before = await kube.requests();
  await add(true, "c");
  await assertRequests(kube, before, ["patch ippools", `create ${RESERVATIONS}`]);
  await using driver = await openWith(kubeconfig);
  const direct = () => directIpam(driver, { ...denoWorld(), lock: () => Promise.resolve(undefined) }, SILENT);
  before = await kube.requests();
  const who = { podRef: "default/d", ifName: "net1", containerId: "d" };
  const [assigned] = await allocate(direct(), divided(false), who, NEVER);
  await assertRequests(kube, before, ["list ippools", "get ippools", "patch ippools"]);
  assert(assigned);
  before = await kube.requests();
  await release(direct(), { ...divided(false), ranges: [] }, who, NEVER, [assigned.entry]);
  await assertRequests(kube, before, ["get ippools", "patch ippools"]);
});

Deno.test("a block shows range, domain and number of entries; the pool of a divided range refuses entries of others", async () => {
  await using kube = await makeKube();
  await using driver = await openWith(kube.kubeconfig);
  const ipam = directIpam(driver, { ...denoWorld(), lock: () => Promise.resolve(undefined) }, SILENT);
  await put(kube, "IPPool", "10.0.0.0-16", { range: "10.0.0.0/16", allocations: {} }); // as the original creates it
  for (const who of ["a", "b"]) {
    await allocate(ipam, divided(false), { podRef: `default/${who}`, ifName: "net1", containerId: who }, NEVER);
  }
  const { metadata } = await stored(kube, "ippools", "10.0.0.0-24") as {
    metadata: { annotations: Record<string, string>; labels: Record<string, string> };
  };
  assert.deepEqual(metadata.annotations, {
    "whereabouts.cni.cncf.io/network": "",
    "whereabouts.cni.cncf.io/range": "10.0.0.0/24",
    "whereabouts.cni.cncf.io/used": "2",
  });
  assert.match(metadata.labels[DOMAIN] ?? "", /^[0-9a-f]{16}$/);
  const entry = JSON.stringify([
    { op: "add", path: "/spec/allocations/1", value: { id: "x", podref: "default/x", ifname: "net1" } },
  ]);
  const write = () => kube.kubectl("patch", "ippool", "10.0.0.0-16", "--type=json", "-p", entry);
  await assert.rejects(write(), /the pool is closed, so no entries can be added/);
  const range = await driver.read(keyOf("10.0.0.0/16"), NEVER);
  await driver.setMove?.(range, undefined, NEVER);
  await write();
  assert.equal((await driver.read(keyOf("10.0.0.0/16"), NEVER)).allocations.size, 1);
});
