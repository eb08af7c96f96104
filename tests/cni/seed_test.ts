import assert from "node:assert/strict";
import { makeCall } from "../../src/call/call.ts";
import { seedTls } from "../../src/cni/seed.ts";

/** How many keys a configuration makes. */
async function keysFor(ipam: unknown): Promise<number> {
  const { subtle } = crypto;
  const original = subtle.generateKey;
  let keys = 0;
  subtle.generateKey = ((...args: Parameters<typeof original>) => {
    keys++;
    return original.apply(subtle, args);
  }) as typeof original;
  try {
    await seedTls(makeCall({}, JSON.stringify({ name: "net", ipam })));
  } finally {
    subtle.generateKey = original;
  }
  return keys;
}

Deno.test("seedTls begins for configurations that may lead to an API server, those whose flat file says so included", async () => {
  assert.equal(await keysFor({ kubernetes: { kubeconfig: "/k" } }), 1);
  assert.equal(await keysFor({ datastore: "kubernetes" }), 1);
  assert.equal(await keysFor({ range: "10.0.0.0/24" }), 1);
  assert.equal(
    await keysFor({ range: "10.0.0.0/24", "dns": { search: ["etcd_host"] } }),
    1,
    "whatever texts stand elsewhere",
  );
});

Deno.test("seedTls leaves other stores alone", async () => {
  assert.equal(await keysFor({ datastore: "embedded" }), 0);
  assert.equal(await keysFor({ datastore: "etcd", etcd_host: "10.0.0.1" }), 0);
  assert.equal(await keysFor({ database: "/d" }), 0);
});

Deno.test("seedTls leaves input alone that no request can be in", async () => {
  for (const text of ["", "{", "null", "[]", '"text"', '{"ipam":null}', '{"ipam":7}']) {
    await seedTls(makeCall({}, text));
  }
});
