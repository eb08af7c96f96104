import assert from "node:assert/strict";
import { isClosed } from "../../../src/pool/fence.ts";
import type { PoolKey } from "../../../src/pool/types.ts";
import { ConflictError, type PoolSnapshot, RefusedError, type StorageDriver } from "../../../src/storage/driver.ts";
import { ControlPlane, makeKube, namespaceOf } from "../../support/kube.ts";
import { eventually } from "../../support/process.ts";
import { allocationOf, keyOf, NEVER, openWith, put, stored } from "./live.ts";

const KEY: PoolKey = { ...keyOf("10.10.0.0/30", "blue"), node: "worker-1" };
const NAME = "blue-worker-1-10.10.0.0-30";

function slicesOf({ slices }: StorageDriver) {
  assert(slices);
  return slices;
}

async function claim(driver: StorageDriver, snapshot: PoolSnapshot, offset: bigint): Promise<PoolSnapshot> {
  const after = allocationOf(KEY, offset);
  return await driver.commit(snapshot, [{ address: after.address, after }], NEVER);
}

Deno.test("closePool creates a missing pool as closed, so that later commits conflict", async () => {
  await using kube = await makeKube();
  await using driver = await openWith(kube.kubeconfig);
  const absent = await driver.read(KEY, NEVER);
  const closed = await slicesOf(driver).close(absent, { closed: 1 }, NEVER);
  assert(isClosed(closed.fence));
  const { metadata, spec } = await stored(kube, "ippools", NAME);
  assert.deepEqual(spec, { range: "10.10.0.0/30", allocations: {}, closed: 1 });
  assert.deepEqual((metadata as Record<string, unknown>).annotations, {
    "whereabouts.cni.cncf.io/network": "blue",
    "whereabouts.cni.cncf.io/node": "worker-1",
  });
  await assert.rejects(claim(driver, absent, 1n), ConflictError);
  await assert.rejects(slicesOf(driver).close(absent, { closed: 2 }, NEVER), ConflictError);
  assert.deepEqual((await driver.read(KEY, NEVER)).fence, { closed: 1, opened: 0 });
});

Deno.test("closePool invalidates earlier snapshots, even after the pool is opened again", async () => {
  await using kube = await makeKube();
  await using driver = await openWith(kube.kubeconfig);
  const before = await claim(driver, await driver.read(KEY, NEVER), 1n);
  await slicesOf(driver).close(before, { closed: 3 }, NEVER);
  await assert.rejects(claim(driver, before, 2n), ConflictError);
  const between = await driver.read(KEY, NEVER);
  await slicesOf(driver).open(between, 4, NEVER);
  for (const late of [before, between]) await assert.rejects(claim(driver, late, 2n), ConflictError);
  const open = await driver.read(KEY, NEVER);
  assert.deepEqual([open.fence, isClosed(open.fence)], [{ closed: 3, opened: 4 }, false]);
  await claim(driver, open, 2n);
});

Deno.test("a claim conflicts with a later closing, even if a restore reuses versions", async () => {
  await using kube = await makeKube();
  await using driver = await openWith(kube.kubeconfig);
  const before = await claim(driver, await driver.read(KEY, NEVER), 1n);
  const closed = await slicesOf(driver).close(before, { closed: 3 }, NEVER);
  const { metadata } = closed.version as { metadata: unknown };
  const restored = { ...before, version: { ...before.version as object, metadata } };
  await assert.rejects(claim(driver, restored, 2n), ConflictError);
});

Deno.test("a delayed opening has no effect on a later closing", async () => {
  await using kube = await makeKube();
  await using driver = await openWith(kube.kubeconfig);
  const closed = await slicesOf(driver).close(await driver.read(KEY, NEVER), { closed: 5 }, NEVER);
  await slicesOf(driver).open(closed, 4, NEVER);
  assert(isClosed((await driver.read(KEY, NEVER)).fence));
});

Deno.test("the schema lets a closed pool only shrink, and the epochs only grow, for every writer", async () => {
  await using kube = await makeKube();
  await using driver = await openWith(kube.kubeconfig);
  const two = await claim(driver, await claim(driver, await driver.read(KEY, NEVER), 1n), 2n);
  await slicesOf(driver).close(two, { closed: 2, reason: "its addresses are node slices" }, NEVER);
  assert.equal((await driver.read(KEY, NEVER)).fence?.reason, "its addresses are node slices");
  const patch = (operations: readonly unknown[]) =>
    kube.kubectl("patch", "ippools", NAME, "--type=json", "-p", JSON.stringify(operations));
  const entry = { id: "9f1c", podref: "default/late", ifname: "net1" };
  const added = { op: "add", path: "/spec/allocations/3", value: entry }; // as the original writes it
  await assert.rejects(patch([added]), /pool is closed, so no entries can be added/);
  await assert.rejects(patch([{ op: "remove", path: "/spec/closed" }, added]), /cannot decrease/);
  await assert.rejects(patch([{ op: "replace", path: "/spec/closed", value: 1 }]), /cannot decrease/);
  await patch([{ op: "remove", path: "/spec/allocations/1" }]);
  await patch([{ op: "replace", path: "/spec/allocations/2/id", value: "next" }]);
  await patch([{ op: "add", path: "/spec/opened", value: 3 }]);
  await patch([added]);
});

Deno.test("closePool refuses a schema that drops the fence", async () => {
  await using plane = await ControlPlane.start({ crds: false });
  const kube = await namespaceOf(plane.facts);
  const crd = await Deno.readTextFile(new URL("../../../install/manifests/crds/ippools.yaml", import.meta.url));
  const old = crd.replace(/ +x-kubernetes-validations:\n( +- rule: >-\n[^]*?cannot decrease\n)/, "")
    .replace(/ +closed:\n[^]*?(?= +allocations:\n)/, "");
  assert(!/closed|opened/.test(old) && old.length < crd.length);
  await Deno.writeTextFile(`${plane.facts.folder}/old.yaml`, old);
  await kube.kubectl("apply", "-f", `${plane.facts.folder}/old.yaml`);
  await eventually("the resource", () => kube.kubectl("get", "ippools").then(() => true, () => false));
  await using driver = await openWith(kube.kubeconfig);
  const snapshot = await driver.read(KEY, NEVER);
  const refused = (error: Error) =>
    error instanceof RefusedError && /CRD is outdated.*spec\.closed/.test(error.message);
  await assert.rejects(slicesOf(driver).close(snapshot, { closed: 1 }, NEVER), refused);
});

Deno.test("removePool deletes a pool only as it was read", async () => {
  await using kube = await makeKube();
  await using driver = await openWith(kube.kubeconfig);
  await put(kube, "IPPool", NAME, { range: "10.10.0.0/30", allocations: {} });
  const read = await driver.read(KEY, NEVER);
  await claim(driver, read, 1n);
  await assert.rejects(slicesOf(driver).remove(read, NEVER), ConflictError);
  const full = await driver.read(KEY, NEVER);
  await slicesOf(driver).remove(full, NEVER);
  assert.deepEqual((await driver.list(NEVER)).map(({ key }) => key), []);
});
