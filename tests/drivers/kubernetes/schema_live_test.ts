import assert from "node:assert/strict";
import { inspectApi } from "../../../drivers/kubernetes/inspect.ts";
import { RefusedError, type StorageDriver } from "../../../src/storage/driver.ts";
import { denoWorld } from "../../../src/world/deno.ts";
import { ControlPlane, type Kube, namespaceOf } from "../../support/kube.ts";
import { BEFORE_0_8, downgrade, FIRST, NEWEST, type Schema } from "../../support/outdated.ts";
import { allocationOf, assertRequests, keyOf, NEVER, openWith, put, reservationsOf, reserved, stored } from "./live.ts";

const KEY = keyOf("10.10.0.0/24");
const NAME = "10.10.0.0-24";
const FACTS = { node: "node1", uid: "u1" };
const GROUP = "whereabouts.cni.cncf.io";
const RESERVATIONS = "overlappingrangeipreservations";

/** Runs a test on its own control plane, because CRDs are cluster-wide. */
async function inOutdatedCluster(schema: Schema, run: (kube: Kube, driver: StorageDriver) => Promise<void>) {
  await using plane = await ControlPlane.start();
  const kube = await namespaceOf(plane.facts);
  await downgrade(kube, schema);
  await using driver = await openWith(kube.kubeconfig);
  await run(kube, driver);
}

function claimOf(offset: bigint) {
  const after = allocationOf(KEY, offset, FACTS);
  return { address: after.address, after };
}

function names(resource: string, field: string) {
  return (error: unknown) =>
    error instanceof RefusedError &&
    error.message.includes(`the CRD ${resource}.${GROUP} is outdated, it drops ${field}: kubectl apply -f`);
}

const entriesOf = async (kube: Kube) =>
  ((await stored(kube, "ippools", NAME)).spec as { allocations: Record<string, unknown> }).allocations;

Deno.test("an entry whose interface the schema drops is refused and undone, in new and existing pools, alone and among many", () =>
  inOutdatedCluster(BEFORE_0_8, async (kube, driver) => {
    const isRefused = names("ippools", "spec.allocations.*.ifname");
    await assert.rejects(driver.commit(await driver.read(KEY, NEVER), [claimOf(1n)], NEVER), isRefused);
    assert.deepEqual(await entriesOf(kube), {});
    await assert.rejects(driver.commit(await driver.read(KEY, NEVER), [claimOf(1n), claimOf(2n)], NEVER), isRefused);
    assert.deepEqual(await entriesOf(kube), {});
    const many = Array.from({ length: 100 }, (_, i) => claimOf(BigInt(i + 1)));
    await assert.rejects(driver.commit(await driver.read(KEY, NEVER), many, NEVER), isRefused);
    assert.deepEqual(await entriesOf(kube), {});
    await assert.rejects(
      reservationsOf(driver).reserve(reserved("10.10.0.1"), NEVER),
      names(RESERVATIONS, "spec.ifname"),
    );
    assert.deepEqual(await reservationsOf(driver).list(undefined, NEVER), []);
    await assert.rejects(driver.status(NEVER), isRefused);
  }));

Deno.test("status refuses a schema of reservations that drops the interface, if reservations are needed", () =>
  inOutdatedCluster({ ...NEWEST, reservation: BEFORE_0_8.reservation }, async (_, driver) => {
    await driver.status(NEVER);
    await assert.rejects(driver.status(NEVER, true), names(RESERVATIONS, "spec.ifname"));
  }));

Deno.test("under an old schema, entries of older releases are released, and a refused refresh changes nothing", () =>
  inOutdatedCluster(BEFORE_0_8, async (kube, driver) => {
    const old = { id: "9f1c", podref: "default/web-0" };
    await put(kube, "IPPool", NAME, { range: "10.10.0.0/24", allocations: { "1": old, "2": old } });
    const read = await driver.read(KEY, NEVER);
    const [first, second] = [1n, 2n].map((offset) => read.allocations.get(KEY.cidr.base + offset));
    assert(first && second);
    const refreshed = { ...second, ifName: "net1", containerId: "new" };
    const refresh = [{ address: second.address, before: second, after: refreshed }];
    await assert.rejects(driver.commit(read, refresh, NEVER), names("ippools", "spec.allocations.*.ifname"));
    assert.deepEqual(await entriesOf(kube), { "1": old, "2": old });
    const release = [{ address: first.address, before: first }];
    await driver.commit(await driver.read(KEY, NEVER), release, NEVER);
    assert.deepEqual(await entriesOf(kube), { "2": old });
  }));

Deno.test("a reservation whose pod the schema drops is refused and deleted", () =>
  inOutdatedCluster(FIRST, async (_, driver) => {
    await assert.rejects(
      reservationsOf(driver).reserve(reserved("10.10.0.1"), NEVER),
      names(RESERVATIONS, "spec.ifname, spec.podref"),
    );
    assert.deepEqual(await reservationsOf(driver).list(undefined, NEVER), []);
  }));

Deno.test("the original's newest schemas are sufficient: dropped fields are reported, without more requests", () =>
  inOutdatedCluster(NEWEST, async (kube, driver) => {
    const reservations = reservationsOf(driver);
    const first = claimOf(1n);
    await driver.commit(await driver.read(KEY, NEVER), [first], NEVER);
    const before = await kube.requests();
    const second = claimOf(2n);
    const snapshot = await driver.commit(await driver.read(KEY, NEVER), [second], NEVER);
    const claim = await reservations.reserve(reserved("10.10.0.2", FACTS), NEVER);
    assert(claim.kind === "created");
    await assertRequests(kube, before, ["get ippools", "patch ippools", `create ${RESERVATIONS}`]);
    const { node: _, uid: __, ...plain } = second.after;
    assert.deepEqual((await driver.read(KEY, NEVER)).allocations.get(second.address), plain);
    const after = { ...second.after, containerId: "next" };
    await driver.commit(snapshot, [{ address: after.address, before: second.after, after }], NEVER);
    const many = Array.from({ length: 100 }, (_, i) => claimOf(BigInt(i + 10)));
    await driver.commit(await driver.read(KEY, NEVER), many, NEVER);
    assert.equal((await driver.read(KEY, NEVER)).allocations.size, 102);
    assert.equal(await reservations.release(claim.reservation, NEVER), true);
    const outdated = (resource: string, fields: string) => ({
      where: `CustomResourceDefinition ${resource}.${GROUP}`,
      why: `It is outdated, it drops ${fields}: kubectl apply -f install/manifests/crds (Helm does not update CRDs)`,
    });
    const entry = outdated(
      "ippools",
      "spec.allocations.*.former, spec.allocations.*.keeper, spec.allocations.*.sandbox, spec.closed, spec.opened, spec.reuse",
    );
    const reservation = outdated(RESERVATIONS, "spec.keeper, spec.sandbox");
    assert.deepEqual(await driver.unreadable?.(NEVER), [entry, reservation]);
    const findings = await inspectApi(denoWorld(), { kubeconfig: kube.kubeconfig });
    assert.deepEqual(findings.filter(({ problem }) => problem), [
      { what: `Schema of ippools.${GROUP}`, problem: entry.why, warning: true },
      { what: `Schema of ${RESERVATIONS}.${GROUP}`, problem: reservation.why, warning: true },
    ]);
    assert.deepEqual((await kube.kubectl("get", `ippools,${RESERVATIONS}`, "-o", "name")).trim().split("\n").length, 1);
  }));
