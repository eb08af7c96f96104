import assert from "node:assert/strict";
import { EtcdServer } from "./etcd.ts";
import { answers } from "./process.ts";

async function roundTrip(etcd: EtcdServer, value: string): Promise<void> {
  await etcd.ctl("put", "key", value);
  const { kvs } = JSON.parse(await etcd.ctl("get", "key"));
  assert.deepEqual(kvs.map((kv: { value: string }) => atob(kv.value)), [value]);
}

Deno.test("EtcdServer stores, and has it after a stop", async () => {
  await using etcd = await EtcdServer.start();
  await roundTrip(etcd, "plain");
  await etcd.stop();
  assert.equal(await answers(`${etcd.url}/health`), false);
  await etcd.resume();
  assert.equal(JSON.parse(await etcd.ctl("get", "key")).count, "1");
});

Deno.test("EtcdServer with TLS serves by name and by address, and only who has a certificate", async () => {
  await using etcd = await EtcdServer.start({ tls: true });
  await roundTrip(etcd, "tls");
  const [ca = "", cert = "", key = ""] = ["ca.crt", "client.crt", "client.key"].map((name) =>
    Deno.readTextFileSync(`${etcd.folder}/${name}`)
  );
  using known = Deno.createHttpClient({ caCerts: [ca], cert, key });
  using unknown = Deno.createHttpClient({ caCerts: [ca] });
  const address = etcd.url.replace("localhost", "127.0.0.1");
  assert.deepEqual(
    [await answers(`${address}/health`, known), await answers(`${etcd.url}/health`, unknown)],
    [true, false],
  );
});

Deno.test("EtcdServer with a password serves only who logs in", async () => {
  await using etcd = await EtcdServer.start({ password: "secret" });
  await roundTrip(etcd, "auth");
  const request = { method: "POST", body: JSON.stringify({ key: btoa("key") }) };
  const response = await fetch(`${etcd.url}/v3/kv/range`, request);
  assert.equal(response.ok, false);
  assert.match(await response.text(), /user name is empty/);
});
