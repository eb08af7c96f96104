import assert from "node:assert/strict";
import { parse, stringify } from "yaml";
import { openCluster } from "../../../drivers/kubernetes/cluster.ts";
import { toPoolStatus } from "../../../drivers/kubernetes/pool_statuses.ts";
import { statusOf } from "../../../src/pool/pool_status.ts";
import { ConflictError, RefusedError } from "../../../src/storage/driver.ts";
import { denoWorld } from "../../../src/world/deno.ts";
import { ControlPlane, type Kube, makeKube, namespaceOf, NOBODY_TOKEN } from "../../support/kube.ts";
import { eventually } from "../../support/process.ts";
import { FaultProxy } from "../../support/proxy.ts";
import { allocationOf, keyOf, NEVER, openWith, put, stored, writeKubeconfig } from "./live.ts";

const KEY = keyOf("10.10.0.0/24", "blue");
const NAME = "blue-10.10.0.0-24";
const SPEC = { range: "10.10.0.0/24", allocations: { "1": { id: "c1", podref: "default/web", ifname: "net1" } } };
const STATUS = statusOf({ allocations: 1, capacity: 254n, free: 253n }, undefined, 0);

/** The statuses of a cluster, with the credentials of a kubeconfig. */
async function statusesOf(kubeconfig: string) {
  const cluster = await openCluster(denoWorld(), { kubeconfig });
  const { poolStatuses } = cluster;
  assert(poolStatuses);
  return Object.assign(poolStatuses, cluster);
}

/** The columns of `kubectl get ippools -o wide` without the age. */
async function columns(kube: Kube): Promise<string[][]> {
  const table = await kube.kubectl("get", "ippools", "-o", "wide");
  return table.trim().split("\n").map((line) => line.split(/ {2,}/).filter((cell) => !/^AGE$|^\d+s$/.test(cell)));
}

Deno.test("toPoolStatus reads a status of another shape as absent", () => {
  assert.deepEqual(toPoolStatus(STATUS), { status: STATUS });
  const [condition] = STATUS.conditions;
  const others = [undefined, null, [], "full", 1, {}, { ...STATUS, conditions: "none" }, { ...STATUS, used: "1" }];
  for (const other of [...others, { ...STATUS, conditions: [{ ...condition, status: true }] }]) {
    assert.deepEqual(toPoolStatus(other), {}, JSON.stringify(other));
  }
});

Deno.test("poolStatuses writes a status that kubectl shows and the driver lists", async () => {
  await using kube = await makeKube();
  await using driver = await openWith(kube.kubeconfig);
  await using statuses = await statusesOf(kube.kubeconfig);
  await put(kube, "IPPool", NAME, SPEC);
  assert.equal((await driver.list(NEVER))[0]?.status, undefined);
  await statuses.save(KEY, STATUS, NEVER);
  assert.deepEqual((await driver.list(NEVER))[0]?.status, STATUS);
  assert.deepEqual((await stored(kube, "ippools", NAME)).status, STATUS);
  assert.deepEqual(await columns(kube), [
    ["NAME", "RANGE", "USED", "FREE", "FULL", "NEARLY FULL", "CAPACITY"],
    [NAME, "10.10.0.0/24", "1", "253", "False", "False", "254"],
  ]);
  const huge = statusOf({ allocations: 1, capacity: 2n ** 64n, free: 2n ** 64n - 1n }, undefined, 0);
  await statuses.save(KEY, huge, NEVER);
  assert.deepEqual((await columns(kube))[1]?.slice(3), [
    "18446744073709551615",
    "False",
    "False",
    "18446744073709551616",
  ]);
});

Deno.test("poolStatuses changes no entry; a commit on an earlier read conflicts, and the next keeps the status", async () => {
  await using kube = await makeKube();
  await using driver = await openWith(kube.kubeconfig);
  await using statuses = await statusesOf(kube.kubeconfig);
  await put(kube, "IPPool", NAME, SPEC);
  const earlier = await driver.read(KEY, NEVER);
  await statuses.save(KEY, STATUS, NEVER);
  const changes = [{ address: KEY.cidr.base + 2n, after: allocationOf(KEY, 2n) }];
  await assert.rejects(driver.commit(earlier, changes, NEVER), ConflictError);
  await driver.commit(await driver.read(KEY, NEVER), changes, NEVER);
  const { metadata, spec, status } = await stored(kube, "ippools", NAME);
  assert.deepEqual(Object.keys((spec as typeof SPEC).allocations), ["1", "2"]);
  assert.deepEqual(status, STATUS);
  assert.equal((metadata as Record<string, unknown>).managedFields, undefined, "the commit clears them");
});

Deno.test("a whole object without status, as the original writes it, keeps the status", async () => {
  await using kube = await makeKube();
  await using statuses = await statusesOf(kube.kubeconfig);
  await put(kube, "IPPool", NAME, SPEC);
  await statuses.save(KEY, STATUS, NEVER);
  const { status: _, ...object } = await stored(kube, "ippools", NAME);
  const file = `${kube.folder}/${crypto.randomUUID()}.json`;
  await Deno.writeTextFile(file, JSON.stringify({ ...object, spec: { ...SPEC, allocations: {} } }));
  await kube.kubectl("replace", "-f", file);
  const { spec, status } = await stored(kube, "ippools", NAME);
  assert.deepEqual([(spec as typeof SPEC).allocations, status], [{}, STATUS]);
});

Deno.test("poolStatuses ignores a deleted pool, and refuses without the right", async () => {
  await using kube = await makeKube();
  await using statuses = await statusesOf(kube.kubeconfig);
  await statuses.save(KEY, STATUS, NEVER);
  assert.equal(await kube.kubectl("get", "ippools", "-o", "name"), "");
  await using nobody = await statusesOf(await writeKubeconfig(kube, { token: NOBODY_TOKEN }));
  await assert.rejects(nobody.save(KEY, STATUS, NEVER), RefusedError);
});

Deno.test("poolStatuses takes no pool that is created after its write for an outdated definition", async () => {
  await using kube = await makeKube();
  await using proxy = await FaultProxy.start(kube);
  await using statuses = await statusesOf(await proxy.kubeconfig());
  await statuses.save(KEY, STATUS, NEVER);
  await put(kube, "IPPool", NAME, SPEC);
  let writes = 0;
  proxy.plan = ({ what }) => what === "PATCH ippools" && writes++ === 0 ? "stale" : "pass"; // still that it does not exist
  await statuses.save(KEY, STATUS, NEVER);
  assert.equal(writes, 2);
  assert.deepEqual((await stored(kube, "ippools", NAME)).status, STATUS);
});

Deno.test("poolStatuses refuses where the definition of an older release has no status", async () => {
  await using plane = await ControlPlane.start({ crds: false });
  const kube = await namespaceOf(plane.facts);
  const crd = parse(await Deno.readTextFile(new URL("../../../install/manifests/crds/ippools.yaml", import.meta.url)));
  delete crd.spec.versions[0].subresources;
  await Deno.writeTextFile(`${plane.facts.folder}/old.yaml`, stringify(crd));
  await kube.kubectl("apply", "-f", `${plane.facts.folder}/old.yaml`);
  await eventually("the resource", () => kube.kubectl("get", "ippools").then(() => true, () => false));
  await put(kube, "IPPool", NAME, SPEC);
  await using statuses = await statusesOf(kube.kubeconfig);
  const outdated = (error: Error) =>
    error instanceof RefusedError && /CRD .* is outdated, .* no status/.test(error.message);
  await assert.rejects(statuses.save(KEY, STATUS, NEVER), outdated);
});
