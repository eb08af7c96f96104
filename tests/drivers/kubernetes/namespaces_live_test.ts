import assert from "node:assert/strict";
import { RefusedError } from "../../../src/storage/driver.ts";
import { makeKube, namespaceOf, NOBODY_TOKEN } from "../../support/kube.ts";
import { NEVER, openAs, openWith, put } from "./live.ts";

Deno.test("namespacesInUse counts our objects in every namespace with some", async () => {
  await using kube = await makeKube();
  const [other, empty] = [await namespaceOf(kube), await namespaceOf(kube)];
  await put(other, "IPPool", "10.0.0.0-24", { range: "10.0.0.0/24", allocations: {} });
  await put(other, "OverlappingRangeIPReservation", "10.0.0.1", { podref: "default/web", ifname: "net1" });
  await put(kube, "NodeSlicePool", "net", { range: "10.0.0.0/24", sliceSize: "/26" });
  await using driver = await openWith(empty.kubeconfig);
  assert(driver.namespace);
  assert.equal(driver.namespace.name, empty.namespace);
  const found = await driver.namespace.inUse(NEVER);
  const counts = [other, kube, empty].map(({ namespace }) => found.get(namespace));
  assert.deepEqual(counts, [2, 1, undefined]);
});

Deno.test("namespacesInUse names the list that the account may not read", async () => {
  await using kube = await makeKube();
  await using driver = await openAs(kube, { token: NOBODY_TOKEN });
  const refused = (error: unknown) =>
    error instanceof RefusedError && /list IPPools of all namespaces/.test(error.message);
  await assert.rejects(async () => await driver.namespace?.inUse(NEVER), refused);
});
