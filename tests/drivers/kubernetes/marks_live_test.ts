import assert from "node:assert/strict";
import { ConflictError } from "../../../src/storage/driver.ts";
import { makeKube } from "../../support/kube.ts";
import { allocationOf, keyOf, NEVER, openWith, put, stored } from "./live.ts";

const KEY = keyOf("10.10.0.0/24", "blue");
const NAME = "blue-10.10.0.0-24";

Deno.test("requireReservations annotates an object of the original, and leaves everything else unchanged", async () => {
  await using kube = await makeKube();
  await using driver = await openWith(kube.kubeconfig);
  const spec = { range: "10.10.0.0/24", allocations: { "1": { id: "c1", podref: "default/web", ifname: "net1" } } };
  await put(kube, "IPPool", NAME, spec);
  await kube.kubectl("annotate", "ippool", NAME, "example.com/kept=yes");
  assert(driver.requireReservations);
  const marked = await driver.requireReservations(await driver.read(KEY, NEVER), true, NEVER);
  assert.deepEqual([marked.mustReserve, marked.allocations.size], [true, 1]);
  const after = allocationOf(KEY, 2n);
  const used = await driver.commit(marked, [{ address: after.address, after }], NEVER);
  assert.deepEqual([used.mustReserve, (await driver.list(NEVER))[0]?.mustReserve], [true, true]);
  await driver.requireReservations(used, false, NEVER);
  const { metadata, spec: written } = await stored(kube, "ippools", NAME);
  assert.deepEqual((metadata as Record<string, unknown>).annotations, {
    "example.com/kept": "yes",
    "whereabouts.cni.cncf.io/network": "blue",
  });
  assert.deepEqual(Object.keys((written as typeof spec).allocations), ["1", "2"]);
});

Deno.test("requireReservations creates a missing pool to mark it, and none to remove a mark", async () => {
  await using kube = await makeKube();
  await using driver = await openWith(kube.kubeconfig);
  assert(driver.requireReservations);
  const absent = await driver.read(KEY, NEVER);
  assert.equal((await driver.requireReservations(absent, false, NEVER)).mustReserve, undefined);
  assert.deepEqual(await driver.list(NEVER), []);
  await driver.requireReservations(absent, true, NEVER);
  const { metadata, spec } = await stored(kube, "ippools", NAME);
  assert.deepEqual(spec, { range: "10.10.0.0/24", allocations: {} });
  assert.deepEqual((metadata as Record<string, unknown>).annotations, {
    "whereabouts.cni.cncf.io/must-reserve": "true",
    "whereabouts.cni.cncf.io/network": "blue",
  });
});

Deno.test("refuseKeepers annotates a pool with the controller of the original, beside its other mark, and removes it", async () => {
  await using kube = await makeKube();
  await using driver = await openWith(kube.kubeconfig);
  assert(driver.requireReservations && driver.refuseKeepers);
  const reserving = await driver.requireReservations(await driver.read(KEY, NEVER), true, NEVER);
  const by = "DaemonSet kube-system/whereabouts";
  await driver.refuseKeepers(reserving, by, NEVER);
  const stale = driver.commit(reserving, [{ address: KEY.cidr.base + 1n, after: allocationOf(KEY, 1n) }], NEVER);
  await assert.rejects(stale, ConflictError);
  const annotations = async () => (await stored(kube, "ippools", NAME)).metadata as { annotations: unknown };
  const network = { "whereabouts.cni.cncf.io/must-reserve": "true", "whereabouts.cni.cncf.io/network": "blue" };
  assert.deepEqual((await annotations()).annotations, {
    ...network,
    "whereabouts.cni.cncf.io/keepers-refused-because": by,
  });
  const marked = await driver.read(KEY, NEVER);
  assert.deepEqual([marked.mustReserve, marked.refusesKeepers], [true, by]);
  const { refusesKeepers, mustReserve } = await driver.refuseKeepers(marked, undefined, NEVER);
  assert.deepEqual([mustReserve, refusesKeepers], [true, undefined]);
  assert.deepEqual((await annotations()).annotations, network);
});
