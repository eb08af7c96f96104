import assert from "node:assert/strict";
import type { Version } from "../../../drivers/etcd/migration.ts";
import { openEtcd } from "../../../drivers/etcd/driver.ts";
import { parseCidr } from "../../../src/address/cidr.ts";
import type { Datastore } from "../../../src/config/types.ts";
import type { PoolKey } from "../../../src/pool/types.ts";
import { RefusedError, type StorageDriver, UnavailableError } from "../../../src/storage/driver.ts";
import { denoWorld } from "../../../src/world/deno.ts";
import { SILENT } from "../../../src/world/log.ts";
import { eventually } from "../../support/process.ts";
import { EtcdServer } from "../../support/etcd.ts";
import { CONTRACT_CASES, driverContract } from "../contract.ts";
import { LEAKY } from "./lab.ts";

const NO_RESERVATIONS = "etcd keeps no cluster-wide reservations, as in the original";

driverContract({
  name: "etcd",
  skip: {
    "commits on a recorded snapshot only if the entry matches exactly":
      "a read takes a millisecond, so a snapshot without a read would save nothing",
    "lets commits on earlier snapshots conflict once a pool refuses keepers":
      "no release of the original that has controllers uses etcd",
    ...Object.fromEntries(
      CONTRACT_CASES.filter((name) => name.includes("reserv") || name.includes("claims of an address"))
        .map((name) => [name, NO_RESERVATIONS]),
    ),
  },
  makeStore: async () => {
    const etcd = await EtcdServer.start();
    return {
      open: () => open({ hosts: [etcd.url] }),
      recount: (old, present) => {
        const [was, { revision }] = [old.version as Version, present.version as Version];
        return { ...old, version: { ...was, revision } };
      },
      [Symbol.asyncDispose]: () => etcd[Symbol.asyncDispose](),
    };
  },
});

function libraryTest(name: string, fn: () => Promise<void>): void {
  Deno.test({ name, ...LEAKY, fn });
}

function open(settings: Partial<Extract<Datastore, { kind: "etcd" }>>): Promise<StorageDriver> {
  const datastore = { kind: "etcd", hosts: [], prefix: "/whereabouts", ...settings } as const;
  return openEtcd(datastore, { world: denoWorld(), log: SILENT });
}

const cidr = parseCidr("10.9.0.0/24")?.cidr;
assert(cidr);
const KEY: PoolKey = { network: "", cidr };
const ALLOCATION = { address: cidr.base + 1n, podRef: "default/a", ifName: "net1", containerId: "c1" };

async function roundTrip(driver: StorageDriver): Promise<void> {
  const { signal } = new AbortController();
  await driver.commit(await driver.read(KEY, signal), [{ address: ALLOCATION.address, after: ALLOCATION }], signal);
  assert.deepEqual([...(await driver.read(KEY, signal)).allocations.values()], [ALLOCATION]);
}

libraryTest("openEtcd uses TLS with a client certificate, by name and by address with a server name", async () => {
  await using etcd = await EtcdServer.start({ tls: true });
  const files = {
    caFile: `${etcd.folder}/ca.crt`,
    certFile: `${etcd.folder}/client.crt`,
    keyFile: `${etcd.folder}/client.key`,
  };
  await using byName = await open({ hosts: [etcd.url], ...files });
  await roundTrip(byName);
  const address = etcd.url.replace("localhost", "127.0.0.1");
  await using byAddress = await open({ hosts: [address], serverName: "localhost", ...files, prefix: "/other" });
  await roundTrip(byAddress);
  await assert.rejects(open({ hosts: [address], ...files }), RefusedError);
  await assert.rejects(open({ hosts: [etcd.url], caFile: "/nowhere/ca.crt" }), /etcd_ca_cert_file.*nowhere/);
});

libraryTest("openEtcd logs in, and names the setting whose login is refused", async () => {
  await using etcd = await EtcdServer.start({ password: "secret" });
  await using driver = await open({ hosts: [etcd.url], username: "root", password: "secret" });
  await roundTrip(driver);
  const { signal } = new AbortController();
  await using wrong = await open({ hosts: [etcd.url], username: "root", password: "guess" });
  await assert.rejects(
    wrong.read(KEY, signal),
    (error) => error instanceof RefusedError && /the login of etcd_username/.test(error.message),
  );
  await using nobody = await open({ hosts: [etcd.url] });
  await assert.rejects(nobody.read(KEY, signal), RefusedError);
});

libraryTest("openEtcd distinguishes an unreachable server from a refusal, and reconnects", async () => {
  await using etcd = await EtcdServer.start();
  await using driver = await open({ hosts: [etcd.url] });
  await roundTrip(driver);
  const { signal } = new AbortController();
  await etcd.stop();
  await assert.rejects(
    driver.read(KEY, signal),
    (error) => error instanceof UnavailableError && error.message.includes(etcd.url),
  );
  await etcd.resume();
  const back = await eventually(
    "an answer of etcd to the same client",
    () => driver.read(KEY, signal).catch(() => undefined),
  );
  assert.equal(back.allocations.size, 1);
});

libraryTest("openEtcd refuses a pool with a record under the key of an older release", async () => {
  await using etcd = await EtcdServer.start();
  await etcd.ctl("put", "/whereabouts/10.9.0.0/24", "10.9.0.1 c1");
  await using driver = await open({ hosts: [etcd.url] });
  const { signal } = new AbortController();
  await assert.rejects(
    driver.read(KEY, signal),
    (error) => error instanceof RefusedError && /\/whereabouts\/10.9.0.0\/24/.test(error.message),
  );
});

libraryTest("openEtcd keeps unknown members and entries", async () => {
  await using etcd = await EtcdServer.start();
  const entry = { id: "c1", podref: "default/a", ifname: "net1", note: "kept" };
  const value = {
    version: 1,
    owner: "kept too",
    allocations: { "10.9.0.1": entry, "not an address": { note: "kept as well" } },
  };
  await etcd.ctl("put", "/whereabouts/pools/_/_/10.9.0.0/24", JSON.stringify(value));
  await using driver = await open({ hosts: [etcd.url] });
  const { signal } = new AbortController();
  const after = { ...ALLOCATION, containerId: "c2" };
  await driver.commit(
    await driver.read(KEY, signal),
    [{ address: ALLOCATION.address, before: ALLOCATION, after }],
    signal,
  );
  const { kvs } = JSON.parse(await etcd.ctl("get", "/whereabouts/pools/_/_/10.9.0.0/24"));
  const expected = { ...value, allocations: { ...value.allocations, "10.9.0.1": { ...entry, id: "c2" } } };
  const { write, ...rest } = JSON.parse(atob(kvs[0].value));
  assert.deepEqual(rest, expected);
  assert.match(write, /^[0-9a-f]{16}$/);
});
