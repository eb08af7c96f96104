import assert from "node:assert/strict";
import { datastoreOf, openPool } from "../../drivers/pool.ts";
import { memoryWorld } from "../support/world.ts";

Deno.test("openPool keeps a SQLite file, which two pools share", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const url = `sqlite:${folder}/pools.db`;
    await using one = await openPool(url, "10.0.0.0/24");
    await using other = await openPool(url, "10.0.0.0/24");
    assert.deepEqual([await one.allocate("a"), await other.allocate("b")], ["10.0.0.1", "10.0.0.2"]);
    assert.deepEqual((await other.list()).map(({ owner }) => owner), ["a", "b"]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("openPool names the invalid field", async () => {
  await assert.rejects(openPool(":memory:", "10.0.0.0/33"), /ipam\.range "10\.0\.0\.0\/33"/);
  await assert.rejects(openPool(":memory:", "10.0.0.0/24", { ipam: { exclude: ["x"] } }), /ipam\.exclude/);
  await assert.rejects(openPool("etcd://a:b", "10.0.0.0/24"), /ipam\.etcd_host/);
});

Deno.test("openPool refuses several ranges, node slices and blocks", async () => {
  for (const ipam of [{ ipRanges: [{ range: "10.1.0.0/24" }] }, { node_slice_size: "26" }, { block_size: "/28" }]) {
    await assert.rejects(openPool(":memory:", "10.0.0.0/24", { ipam }), /expected one range/);
  }
});

Deno.test("datastoreOf selects the cluster of kubectl, with context and namespace", async () => {
  const world = memoryWorld({ files: { "/home/me/.kube/config": "{}" }, env: { HOME: "/home/me" } });
  assert.deepEqual(await datastoreOf("kubernetes:", { world, namespace: "lab", context: "two" }), {
    kind: "kubernetes",
    kubeconfig: "/home/me/.kube/config",
    client: "command",
    namespace: "lab",
    context: "two",
  });
  assert.deepEqual(await datastoreOf("kubernetes:", { world: memoryWorld({}) }), {
    kind: "kubernetes",
    client: "command",
  });
});

Deno.test("datastoreOf adds the login of etcd from the fields of ipam", async () => {
  const ipam = { etcd_username: "root", etcd_password: "secret" };
  const datastore = await datastoreOf("etcd://a:2379/lab", { world: memoryWorld({}), ipam });
  assert.deepEqual(datastore, {
    kind: "etcd",
    hosts: ["http://a:2379"],
    prefix: "/lab",
    username: "root",
    password: "secret",
  });
});
