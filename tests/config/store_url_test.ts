import assert from "node:assert/strict";
import { storeFields } from "../../src/config/store_url.ts";

const ACCEPTED: readonly (readonly [url: string, fields: Record<string, unknown>])[] = [
  [":memory:", { datastore: "embedded", database: ":memory:" }],
  ["sqlite::memory:", { datastore: "embedded", database: ":memory:" }],
  ["sqlite:/var/lib/pools.db", { datastore: "embedded", database: "/var/lib/pools.db" }],
  ["sqlite:pools.db", { datastore: "embedded", database: "pools.db" }],
  ["etcd://10.0.0.1:2379", { datastore: "etcd", etcd_host: "http://10.0.0.1:2379" }],
  ["etcd://[fd00::1]:2379,b:2379", { datastore: "etcd", etcd_host: "http://[fd00::1]:2379,http://b:2379" }],
  ["etcds://a:2379/lab", { datastore: "etcd", etcd_host: "https://a:2379", etcd_prefix: "/lab" }],
  ["etcd://a:2379/", { datastore: "etcd", etcd_host: "http://a:2379" }],
  ["kubernetes:/etc/admin.conf", { datastore: "kubernetes", kubernetes: { kubeconfig: "/etc/admin.conf" } }],
  ["kubernetes:", { datastore: "kubernetes", kubernetes: { kubeconfig: "/default" } }],
];

for (const [url, fields] of ACCEPTED) {
  Deno.test(`storeFields reads ${url}`, () => assert.deepEqual(storeFields(url, "/default"), fields));
}

Deno.test("storeFields selects this pod's cluster without a kubeconfig", () => {
  assert.deepEqual(storeFields("kubernetes:"), { datastore: "kubernetes" });
});

for (
  const url of ["", "sqlite:", "/etc/admin.conf", "etcd:", "etcd://", "etcd:a:2379", "http://a:2379", "postgres://a"]
) {
  Deno.test(`storeFields refuses ${JSON.stringify(url)} and lists the forms`, () => {
    assert.throws(() => storeFields(url), {
      name: "RangeError",
      message: new RegExp(`^Cannot use store ${JSON.stringify(url)}: expected sqlite:FILE, :memory:, etcd://HOST:PORT`),
    });
  });
}

Deno.test("storeFields shows no login of a URL that it refuses", () => {
  assert.throws(() => storeFields("postgres://root:hunter2@a/b"), (error: Error) => !error.message.includes("hunter2"));
});
