import assert from "node:assert/strict";
import { ConflictError, RefusedError } from "../../../src/storage/driver.ts";
import { SILENT } from "../../../src/world/log.ts";
import { makeKube } from "../../support/kube.ts";
import { allocationOf, assertRequests, keyOf, NEVER, openWith, put, stored } from "./live.ts";

const KEY = keyOf("10.10.0.0/30");
const NAME = "10.10.0.0-30";

Deno.test("Pools stores objects in the format of the original", async () => {
  await using kube = await makeKube();
  await using driver = await openWith(kube.kubeconfig);
  const entries = [allocationOf(KEY, 1n), allocationOf(KEY, 2n, { ifName: "" })];
  const empty = await driver.read(KEY, NEVER);
  const made = await driver.commit(empty, entries.map((after) => ({ address: after.address, after })), NEVER);
  const { apiVersion, kind, metadata, spec } = await stored(kube, "ippools", NAME);
  assert.deepEqual({ apiVersion, kind, spec }, {
    apiVersion: "whereabouts.cni.cncf.io/v1alpha1",
    kind: "IPPool",
    spec: {
      range: "10.10.0.0/30",
      allocations: {
        "1": { id: "9f1c", podref: "default/web-0", ifname: "net1" },
        "2": { id: "9f1c", podref: "default/web-0" },
      },
    },
  });
  const { labels, annotations, finalizers } = metadata as Record<string, unknown>;
  const network = { "whereabouts.cni.cncf.io/network": "" };
  assert.deepEqual([labels, annotations, finalizers], [undefined, network, undefined]);
  await driver.commit(made, entries.map((before) => ({ address: before.address, before })), NEVER);
  assert.deepEqual((await stored(kube, "ippools", NAME)).spec, { range: "10.10.0.0/30", allocations: {} });
});

Deno.test("Pools keeps unknown keys and members", async () => {
  await using kube = await makeKube();
  const entry = { id: "old", podref: "default/other", ifname: "net1" };
  const odd = { "-1": entry, "x": entry, "99999999999": entry, "1.5": entry };
  await put(kube, "IPPool", NAME, { range: "10.10.0.0/30", allocations: { ...odd, "1": entry, "+2": entry } });
  await using driver = await openWith(kube.kubeconfig);
  const read = await driver.read(KEY, NEVER);
  const [first, second] = [
    allocationOf(KEY, 1n, { podRef: "default/other", containerId: "old" }),
    allocationOf(KEY, 2n, {
      podRef: "default/other",
      containerId: "old",
    }),
  ];
  assert.deepEqual([...read.allocations.values()].sort((a, b) => Number(a.address - b.address)), [first, second]);
  const refreshed = { ...first, containerId: "new" };
  const next = await driver.commit(read, [
    { address: first.address, before: first, after: refreshed },
    { address: second.address, before: second },
    { address: KEY.cidr.base + 3n, after: allocationOf(KEY, 3n) },
  ], NEVER);
  assert.deepEqual((await stored(kube, "ippools", NAME)).spec, {
    range: "10.10.0.0/30",
    allocations: {
      ...odd,
      "1": { ...entry, id: "new" },
      "3": { id: "9f1c", podref: "default/web-0", ifname: "net1" },
    },
  });
  await driver.commit(next, [{ address: second.address, after: second }], NEVER);
  assert.deepEqual((await driver.read(KEY, NEVER)).allocations.get(second.address), second);
});

Deno.test("Pools writes node and uid in addition to the original's members, and keeps those of other releases", async () => {
  await using kube = await makeKube();
  const claimed = { id: "old", podref: "default/web-0", ifname: "net1", ipamclaimref: "vm-a", later: { x: [1] } };
  await put(kube, "IPPool", NAME, { range: "10.10.0.0/30", allocations: { "1": claimed, "2": claimed } });
  await using driver = await openWith(kube.kubeconfig);
  const read = await driver.read(KEY, NEVER);
  const before = read.allocations.get(KEY.cidr.base + 1n);
  assert(before);
  const after = allocationOf(KEY, 1n, { containerId: "9f1c5f3e8f6b4f1ea7f3", node: "node1", uid: "u1" });
  const third = allocationOf(KEY, 3n, { node: "node1", uid: "u1" });
  await driver.commit(
    read,
    [{ address: after.address, before, after }, { address: third.address, after: third }],
    NEVER,
  );
  const allocations = async () =>
    ((await stored(kube, "ippools", NAME)).spec as Record<string, Record<string, unknown>>).allocations;
  const first = { ...claimed, id: "9f1c5f3e8f6b4f1ea7f3", sandbox: "node1/u1/9f1c5f3e8f6b4f1e" };
  assert.deepEqual(await allocations(), {
    "1": first,
    "2": claimed,
    "3": { id: "9f1c", podref: "default/web-0", ifname: "net1", sandbox: "node1/u1/9f1c" },
  });
  // the original takes over an entry by changing only the id
  const takeover = [{ op: "replace", path: "/spec/allocations/1/id", value: "0a".repeat(32) }];
  await kube.kubectl("patch", "ippools", NAME, "--type=json", `--patch=${JSON.stringify(takeover)}`);
  const taken = (await driver.read(KEY, NEVER)).allocations.get(after.address);
  assert.deepEqual(taken, allocationOf(KEY, 1n, { containerId: "0a".repeat(32) }));
});

Deno.test("Pools clears managedFields with its first patch, and the API server records none afterwards", async () => {
  await using kube = await makeKube();
  await put(kube, "IPPool", NAME, { range: "10.10.0.0/30", allocations: {} });
  const fields = async () => ((await stored(kube, "ippools", NAME)).metadata as Record<string, unknown>).managedFields;
  assert(Array.isArray(await fields()));
  await using driver = await openWith(kube.kubeconfig);
  const first = allocationOf(KEY, 1n);
  const snapshot = await driver.commit(
    await driver.read(KEY, NEVER),
    [{ address: first.address, after: first }],
    NEVER,
  );
  assert.equal(await fields(), undefined);
  const second = allocationOf(KEY, 2n);
  await driver.commit(snapshot, [{ address: second.address, after: second }], NEVER);
  await kube.kubectl("annotate", "ippools", NAME, "someone=else");
  assert.equal(await fields(), undefined);
});

Deno.test("Pools counts from the address of the stored range, masked or not", async () => {
  await using kube = await makeKube();
  await put(kube, "IPPool", "10.10.0.0-24", {
    range: "10.10.0.5/24",
    allocations: { "1": { id: "9f1c", podref: "default/web-0", ifname: "net1" } },
  });
  const key = keyOf("10.10.0.0/24");
  await using driver = await openWith(kube.kubeconfig);
  const read = await driver.read(key, NEVER);
  assert.deepEqual([...read.allocations.values()], [allocationOf(key, 6n)]);
  const after = allocationOf(key, 8n);
  const next = await driver.commit(read, [{ address: after.address, after }], NEVER);
  const { allocations } = (await stored(kube, "ippools", "10.10.0.0-24")).spec as Record<
    string,
    Record<string, unknown>
  >;
  assert.deepEqual(Object.keys(allocations ?? {}), ["1", "3"]);
  const below = allocationOf(key, 4n);
  await assert.rejects(driver.commit(next, [{ address: below.address, after: below }], NEVER), RefusedError);
  assert(driver.snapshotFromRecord);
  const recorded = driver.snapshotFromRecord(key, new Map([[key.cidr.base + 1n, allocationOf(key, 1n)]]));
  await assert.rejects(
    driver.commit(recorded, [{ address: key.cidr.base + 1n, before: allocationOf(key, 1n) }], NEVER),
    ConflictError,
  );
});

Deno.test("Pools refuses an object whose range does not fit its name, and omits it from the list", async () => {
  await using kube = await makeKube();
  await put(kube, "IPPool", NAME, { range: "10.20.0.0/30", allocations: {} });
  await put(kube, "IPPool", "blue-10.30.0.0-30", { range: "10.30.0.0/30", allocations: {} });
  const warned: unknown[] = [];
  await using driver = await openWith(kube.kubeconfig, { ...SILENT, warn: (_, fields) => warned.push(fields?.name) });
  await assert.rejects(driver.read(KEY, NEVER), (error) => {
    assert(error instanceof RefusedError);
    assert.match(
      error.message,
      /IPPool test-\w+\/10\.10\.0\.0-30: its spec\.range is "10\.20\.0\.0\/30", expected 10\.10\.0\.0\/30/,
    );
    return true;
  });
  const listed = await driver.list(NEVER);
  assert.deepEqual(listed.map((pool) => pool.key), [
    { ...keyOf("10.30.0.0/30", "blue"), otherReadings: [{ ...keyOf("10.30.0.0/30"), node: "blue" }] },
  ]);
  assert.deepEqual(warned, [NAME]);
});

Deno.test("Pools releases a recorded entry without an interface", async () => {
  await using kube = await makeKube();
  await using driver = await openWith(kube.kubeconfig);
  const old = allocationOf(KEY, 1n, { ifName: "" });
  await driver.commit(await driver.read(KEY, NEVER), [{ address: old.address, after: old }], NEVER);
  assert(driver.snapshotFromRecord);
  const wrong = { ...old, ifName: "net1" };
  const recorded = (allocation: typeof old) =>
    driver.snapshotFromRecord?.(KEY, new Map([[allocation.address, allocation]])) ?? assert.fail();
  await assert.rejects(driver.commit(recorded(wrong), [{ address: old.address, before: wrong }], NEVER), ConflictError);
  const after = await driver.commit(recorded(old), [{ address: old.address, before: old }], NEVER);
  assert.equal(after.allocations.size, 0);
  await driver.commit(after, [{ address: old.address, after: old }], NEVER);
});

Deno.test("Pools treats a deleted pool as a conflict", async () => {
  await using kube = await makeKube();
  await using driver = await openWith(kube.kubeconfig);
  const after = allocationOf(KEY, 1n);
  const made = await driver.commit(await driver.read(KEY, NEVER), [{ address: after.address, after }], NEVER);
  await kube.kubectl("delete", "ippools", NAME);
  await assert.rejects(driver.commit(made, [{ address: after.address, before: after }], NEVER), ConflictError);
  assert(driver.snapshotFromRecord);
  const recorded = driver.snapshotFromRecord(KEY, made.allocations);
  await assert.rejects(driver.commit(recorded, [{ address: after.address, before: after }], NEVER), ConflictError);
});

Deno.test("Pools reads and commits with one request each", async () => {
  await using kube = await makeKube();
  await using driver = await openWith(kube.kubeconfig);
  const [first, second] = [allocationOf(KEY, 1n), allocationOf(KEY, 2n)];
  const made = await driver.commit(await driver.read(KEY, NEVER), [{ address: first.address, after: first }], NEVER);
  const next = await driver.commit(made, [{ address: second.address, after: second }], NEVER);
  await assertRequests(kube, [], ["get ippools", "create ippools", "patch ippools"]);
  const before = await kube.requests();
  assert(driver.snapshotFromRecord);
  await driver.commit(
    driver.snapshotFromRecord(KEY, next.allocations),
    [{ address: first.address, before: first }],
    NEVER,
  );
  await driver.status(NEVER);
  await driver.list(NEVER);
  // status also creates a pool in a dry run, which shows what the schema drops
  await assertRequests(kube, before, ["patch ippools", "list ippools", "create ippools", "list ippools"]);
});
