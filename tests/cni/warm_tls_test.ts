import assert from "node:assert/strict";
import { makeCall } from "../../src/call/call.ts";
import { warmUpTls } from "../../src/cni/warm_tls.ts";

/** How many keys warmUpTls generates for a configuration. */
async function keysFor(ipam: unknown): Promise<number> {
  const { subtle } = crypto;
  const original = subtle.generateKey;
  let keys = 0;
  subtle.generateKey = ((...args: Parameters<typeof original>) => {
    keys++;
    return original.apply(subtle, args);
  }) as typeof original;
  try {
    await warmUpTls(makeCall({}, JSON.stringify({ name: "net", ipam })));
  } finally {
    subtle.generateKey = original;
  }
  return keys;
}

Deno.test("warmUpTls generates a key if the network or its flat file may name an API server", async () => {
  assert.equal(await keysFor({ kubernetes: { kubeconfig: "/k" } }), 1);
  assert.equal(await keysFor({ datastore: "kubernetes" }), 1);
  assert.equal(await keysFor({ range: "10.0.0.0/24" }), 1);
  assert.equal(
    await keysFor({ range: "10.0.0.0/24", "dns": { search: ["etcd_host"] } }),
    1,
    "etcd_host as text elsewhere",
  );
});

Deno.test("warmUpTls generates no key if the network names another store", async () => {
  assert.equal(await keysFor({ datastore: "embedded" }), 0);
  assert.equal(await keysFor({ datastore: "etcd", etcd_host: "10.0.0.1" }), 0);
  assert.equal(await keysFor({ database: "/d" }), 0);
});

Deno.test("warmUpTls accepts input that is not a network configuration", async () => {
  for (const text of ["", "{", "null", "[]", '"text"', '{"ipam":null}', '{"ipam":7}']) {
    await warmUpTls(makeCall({}, text));
  }
});
