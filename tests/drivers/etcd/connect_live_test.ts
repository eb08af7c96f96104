import assert from "node:assert/strict";
import process from "node:process";
import { toStoreError } from "../../../drivers/etcd/connect.ts";
import { openEtcd } from "../../../drivers/etcd/driver.ts";
import type { Datastore } from "../../../src/config/types.ts";
import { RefusedError, type StorageDriver } from "../../../src/storage/driver.ts";
import { denoWorld } from "../../../src/world/deno.ts";
import { SILENT } from "../../../src/world/log.ts";
import { writeClientCertificates } from "../../support/certificates.ts";
import { EtcdServer } from "../../support/etcd.ts";
import { freePort, must } from "../../support/process.ts";
import { LEAKY } from "./lab.ts";

type Settings = Extract<Datastore, { kind: "etcd" }>;

function open(settings: Partial<Settings>): Promise<StorageDriver> {
  return openEtcd({ kind: "etcd", hosts: [], prefix: "/whereabouts", ...settings }, {
    world: denoWorld(),
    log: SILENT,
  });
}

Deno.test({
  name: "connect reaches etcd directly, whatever proxy the environment names, and accepts bundles with broken entries",
  ...LEAKY,
  fn: async () => {
    await using etcd = await EtcdServer.start({ tls: true });
    const bundle = `${etcd.folder}/bundle.crt`;
    const broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    await Deno.writeTextFile(bundle, `text\n${broken}${await Deno.readTextFile(`${etcd.folder}/ca.crt`)}`);
    const files = { caFile: bundle, certFile: `${etcd.folder}/client.crt`, keyFile: `${etcd.folder}/client.key` };
    const dead = `http://127.0.0.1:${freePort()}`;
    const variables = ["grpc_proxy", "https_proxy", "http_proxy", "HTTPS_PROXY"];
    for (const name of variables) process.env[name] = dead;
    try {
      await using driver = await open({ hosts: [etcd.url], ...files });
      await driver.status(new AbortController().signal);
    } finally {
      for (const name of variables) delete process.env[name];
    }
  },
});

Deno.test({
  name: "connect names the certificate file that is unreadable or invalid",
  ...LEAKY,
  fn: async () => {
    const folder = await Deno.makeTempDir();
    try {
      await writeClientCertificates(folder);
      await Deno.writeTextFile(`${folder}/empty`, "");
      await must(["mkfifo", `${folder}/fifo`]);
      const hosts = ["https://etcd.example:2379"];
      const at = (name: string) => `${folder}/${name}`;
      const table: [Partial<Settings>, RegExp][] = [
        [{ caFile: at("empty") }, /^Cannot use ipam\.etcd_ca_cert_file ".*\/empty": it has no certificate in PEM/],
        [{ caFile: at("fifo") }, /^Cannot read ipam\.etcd_ca_cert_file ".*\/fifo": .*not a regular file/],
        [{ caFile: "/dev/zero" }, /^Cannot read ipam\.etcd_ca_cert_file "\/dev\/zero": .*not a regular file/],
        [
          { caFile: at("rsa.crt"), certFile: at("rsa.crt"), keyFile: at("other.key") },
          /^Cannot use ipam\.etcd_cert_file ".*\/rsa\.crt" with ipam\.etcd_key_file: its client-key does not belong/,
        ],
        [
          { caFile: at("rsa.crt"), certFile: at("small.crt"), keyFile: at("small.key") },
          /: its client-key is of a kind or size/,
        ],
      ];
      for (const [settings, expected] of table) {
        await assert.rejects(open({ hosts, ...settings }), (error) => {
          assert(error instanceof RefusedError, String(error));
          assert.match(error.message, expected);
          return true;
        });
      }
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});

Deno.test("toStoreError omits the library's empty note, and limits the length of a message", () => {
  const settings: Settings = { kind: "etcd", hosts: ["h"], prefix: "/" };
  const messageFor = (message: string) => toStoreError(new Error(message), settings).message;
  assert.equal(messageFor("No connection. Resolution note: "), "Cannot reach etcd at h: No connection.");
  assert.equal(
    messageFor("No connection. Resolution note: x"),
    "Cannot reach etcd at h: No connection. Resolution note: x",
  );
  assert(messageFor(`x${" ".repeat(10_000_000)}y`).length < 1_100);
});
