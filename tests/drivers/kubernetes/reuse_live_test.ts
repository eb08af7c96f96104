import assert from "node:assert/strict";
import { type Reuse } from "../../../src/pool/reuse.ts";
import { RefusedError } from "../../../src/storage/driver.ts";
import { ControlPlane, makeKube, namespaceOf } from "../../support/kube.ts";
import { downgrade, NEWEST } from "../../support/outdated.ts";
import { allocationOf, keyOf, NEVER, openWith, stored } from "./live.ts";

const KEY = keyOf("10.10.0.0/24");
const NAME = "10.10.0.0-24";
const FIRST = allocationOf(KEY, 1n);
const ADD = [{ address: FIRST.address, after: FIRST }];
const DEL = [{ address: FIRST.address, before: FIRST }];
const SINCE = Date.parse("2026-11-29T10:00:00.123Z");
const RESTING: Reuse = {
  after: 60_000,
  rests: new Map([[FIRST.address, { podRef: FIRST.podRef, ifName: FIRST.ifName, since: SINCE }]]),
};
const EMPTY: Reuse = { after: 60_000, rests: new Map() };

Deno.test("an IPPool records rests by offset, and a patch of the original leaves them unchanged", async () => {
  await using kube = await makeKube();
  await using driver = await openWith(kube.kubeconfig);
  const made = await driver.commit(await driver.read(KEY, NEVER), ADD, NEVER, EMPTY);
  const released = await driver.commit(made, DEL, NEVER, RESTING);
  const reuse = {
    afterSeconds: 60,
    released: { "1": { at: "2026-11-29T10:00:00.123Z", podref: FIRST.podRef, ifname: FIRST.ifName } },
  };
  assert.deepEqual((await stored(kube, "ippools", NAME)).spec, { range: "10.10.0.0/24", allocations: {}, reuse });
  const entry = { id: "c9", podref: "default/other", ifname: "net1" };
  const patch = [{ op: "add", path: "/spec/allocations/1", value: entry }];
  await kube.kubectl("patch", "ippools", NAME, "--type=json", "-p", JSON.stringify(patch));
  assert.deepEqual((await stored(kube, "ippools", NAME)).spec, {
    range: "10.10.0.0/24",
    allocations: { "1": entry },
    reuse,
  });
  const read = await driver.read(KEY, NEVER);
  assert.deepEqual([read.reuse, read.allocations.get(FIRST.address)?.podRef], [released.reuse, "default/other"]);
});

Deno.test("a pool whose spec.reuse is invalid is used, and the next commit replaces it", async () => {
  await using kube = await makeKube();
  await using driver = await openWith(kube.kubeconfig);
  await driver.commit(await driver.read(KEY, NEVER), ADD, NEVER, EMPTY);
  const patch = [{ op: "add", path: "/spec/reuse/last", value: "9".repeat(39) }, {
    op: "add",
    path: "/spec/reuse/released/x",
    value: { at: "2026-11-29T10:00:00Z", podref: "a/b", ifname: "net1" },
  }];
  await kube.kubectl("patch", "ippools", NAME, "--type=json", "-p", JSON.stringify(patch));
  const read = await driver.read(KEY, NEVER);
  assert.deepEqual([read.reuse, read.allocations.size], [undefined, 1]);
  await driver.commit(read, DEL, NEVER, RESTING);
  assert.deepEqual((await driver.read(KEY, NEVER)).reuse, RESTING);
});

Deno.test("under a schema that drops spec.reuse, an allocation that needs it is refused and undone, and a release succeeds", async () => {
  await using plane = await ControlPlane.start();
  const kube = await namespaceOf(plane.facts);
  await downgrade(kube, NEWEST);
  await using driver = await openWith(kube.kubeconfig);
  const isRefused = (error: unknown) =>
    error instanceof RefusedError &&
    /CRD ippools\.\S+ is outdated, it drops spec\.reuse: kubectl apply/.test(error.message);
  await assert.rejects(driver.commit(await driver.read(KEY, NEVER), ADD, NEVER, EMPTY), isRefused);
  assert.equal((await driver.read(KEY, NEVER)).allocations.size, 0);
  await assert.rejects(driver.commit(await driver.read(KEY, NEVER), ADD, NEVER, EMPTY), isRefused);
  const plain = await driver.commit(await driver.read(KEY, NEVER), ADD, NEVER);
  await driver.commit(plain, DEL, NEVER, RESTING);
  assert.equal((await driver.read(KEY, NEVER)).allocations.size, 0);
  await driver.status(NEVER, true);
  await assert.rejects(driver.status(NEVER, true, true), isRefused);
});
