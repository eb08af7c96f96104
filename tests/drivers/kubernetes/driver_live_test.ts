import assert from "node:assert/strict";
import { openKubernetes } from "../../../drivers/kubernetes/driver.ts";
import type { Stored } from "../../../drivers/kubernetes/patch.ts";
import { RefusedError } from "../../../src/storage/driver.ts";
import { denoWorld } from "../../../src/world/deno.ts";
import { SILENT } from "../../../src/world/log.ts";
import { makeKube } from "../../support/kube.ts";
import { driverContract } from "../contract.ts";
import { allocationOf, assertRequests, keyOf, NEVER, openWith, reservationsOf, reserved } from "./live.ts";

driverContract({
  name: "kubernetes",
  makeStore: async () => {
    const kube = await makeKube();
    return {
      open: () => openWith(kube.kubeconfig),
      recount: (old, present) => {
        const [was, { metadata }] = [old.version as Stored, present.version as Stored];
        return { ...old, version: { ...was, metadata: { ...was.metadata, ...metadata } } };
      },
      [Symbol.asyncDispose]: () => kube[Symbol.asyncDispose](),
    };
  },
});

Deno.test("openKubernetes allocates an address with three requests and releases it with two", async () => {
  await using kube = await makeKube();
  await using driver = await openWith(kube.kubeconfig);
  const key = keyOf("10.10.0.0/24");
  const [first, second] = [allocationOf(key, 1n), allocationOf(key, 2n)];
  await driver.commit(await driver.read(key, NEVER), [{ address: first.address, after: first }], NEVER);
  let before = await kube.requests();
  await driver.commit(await driver.read(key, NEVER), [{ address: second.address, after: second }], NEVER);
  const claim = await reservationsOf(driver).reserve(reserved("10.10.0.2"), NEVER);
  assert(claim.kind === "created" && driver.snapshotFromRecord);
  const reservations = "overlappingrangeipreservations";
  await assertRequests(kube, before, ["get ippools", "patch ippools", `create ${reservations}`]);
  before = await kube.requests();
  assert.equal(await reservationsOf(driver).release(claim.reservation, NEVER), true);
  const recorded = driver.snapshotFromRecord(key, new Map([[second.address, second]]));
  await driver.commit(recorded, [{ address: second.address, before: second }], NEVER);
  await assertRequests(kube, before, [`delete ${reservations}`, "patch ippools"]);
});

Deno.test("openKubernetes refuses other datastores", async () => {
  const context = { world: denoWorld(), log: SILENT };
  await assert.rejects(openKubernetes({ kind: "embedded", path: ":memory:" }, context), RefusedError);
});
