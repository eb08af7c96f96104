import assert from "node:assert/strict";
import { parseCidr } from "../../../src/address/cidr.ts";
import { formatIp } from "../../../src/address/ip.ts";
import { adopt } from "../../../src/pool/adopt.ts";
import type { Allocations, PoolKey } from "../../../src/pool/types.ts";
import { ConflictError, type Migration, type OlderRecord, RefusedError } from "../../../src/storage/driver.ts";
import { EtcdServer } from "../../support/etcd.ts";
import { eventually } from "../../support/process.ts";
import { type EtcdLab, LEAKY, onEtcd } from "./lab.ts";

const { signal } = new AbortController();
const cidr = parseCidr("10.9.0.0/24")?.cidr;
assert(cidr);
const KEY: PoolKey = { network: "", cidr };
const OLD = "/whereabouts/10.9.0.0/24";

const adoptAll = ({ entries }: OlderRecord, present: Allocations) => adopt(present, entries).changes;

async function only(migration: Migration): Promise<OlderRecord> {
  const [record, ...more] = await migration.older(signal);
  assert(record);
  assert.deepEqual(more, []);
  return record;
}

function texts(allocations: Allocations): string[] {
  return [...allocations.values()].map(({ address, containerId }) =>
    `${formatIp({ family: 4, value: address })} ${containerId}`
  );
}

function etcdTest(name: string, test: (lab: EtcdLab) => Promise<void>): void {
  Deno.test({ name, ...LEAKY, fn: () => onEtcd(test) });
}

etcdTest("older finds the records of every older layout, and no other keys", async ({ client, migration }) => {
  await client.put(OLD).value("10.9.0.1 c1");
  await client.put("/192.168.2.225/28").value("192.168.2.226 c2");
  await client.put("/fd00::5/64").value("fd00::6 c3");
  await client.put("/whereabouts/pools/_/_/10.8.0.0/24").value('{"version":1,"allocations":{}}');
  await client.put("/registry/pods/10.0.0.0").value("x");
  await client.put("/1/other").value("x");
  const records = await migration.older(signal);
  assert.deepEqual(records.map(({ name, entries, faults }) => [name, entries[0]?.containerId, faults]).sort(), [
    ["/192.168.2.225/28", "c2", []],
    ["/fd00::5/64", "c3", []],
    [OLD, "c1", []],
  ]);
});

etcdTest("convert adds a record to the current pool, and deletes the record", async (lab) => {
  const { client, driver, migration } = lab;
  const after = { address: cidr.base + 9n, podRef: "default/a", ifName: "net1", containerId: "c9" };
  await driver.commit(await driver.read(KEY, signal), [{ address: after.address, after }], signal);
  await client.put(OLD).value("10.9.0.2 c2\n10.9.0.1 c1");
  await migration.convert(await only(migration), adoptAll, signal);
  assert.equal(await client.get(OLD), null);
  const { allocations } = await driver.read(KEY, signal);
  assert.deepEqual(texts(allocations).sort(), ["10.9.0.1 c1", "10.9.0.2 c2", "10.9.0.9 c9"]);
  assert.deepEqual(await client.getAll().prefix("/whereabouts/").keys(), ["/whereabouts/pools/_/_/10.9.0.0/24"]);
});

etcdTest(
  "convert decides on the current record, and changes nothing without a decision",
  async ({ client, migration }) => {
    await client.put(OLD).value("10.9.0.1 c1");
    const seen = await only(migration);
    await client.put(OLD).value("10.9.0.1 c1\nbroken");
    let faults: readonly string[] = [];
    await migration.convert(seen, (now) => {
      faults = now.faults;
      return undefined;
    }, signal);
    assert.equal(faults.length, 1);
    assert.equal(await client.get(OLD).string(), "10.9.0.1 c1\nbroken");
    assert.equal(await client.get("/whereabouts/pools/_/_/10.9.0.0/24"), null);
  },
);

/** Sends a request to etcd while this process waits: a write between a decision and its commit. */
function meanwhile({ url }: EtcdServer, path: string, body: unknown): void {
  const script = `const answer = await fetch("${url}/v3/kv/${path}", { method: "POST", body: Deno.args[0] });
    if (!answer.ok) throw new Error(await answer.text());`;
  const args = ["eval", script, JSON.stringify(body)];
  const { code, stderr } = new Deno.Command(Deno.execPath(), { args }).outputSync();
  assert.equal(code, 0, new TextDecoder().decode(stderr));
}

etcdTest("convert writes nothing if an older plugin writes concurrently", async ({ etcd, client, migration }) => {
  await client.put(OLD).value("10.9.0.1 c1");
  const longer = "10.9.0.1 c1\n10.9.0.2 c2";
  const converting = migration.convert(await only(migration), (record, present) => {
    meanwhile(etcd, "put", { key: btoa(OLD), value: btoa(longer) });
    return adoptAll(record, present);
  }, signal);
  await assert.rejects(converting, ConflictError);
  assert.equal(await client.get(OLD).string(), longer);
  assert.equal(await client.get("/whereabouts/pools/_/_/10.9.0.0/24"), null);
});

etcdTest("convert writes nothing if its pool changes concurrently", async ({ etcd, client, migration }) => {
  await client.put(OLD).value("10.9.0.1 c1");
  const pool = "/whereabouts/pools/_/_/10.9.0.0/24";
  const value = '{"version":1,"allocations":{"10.9.0.9":{"id":"c9"}}}';
  const converting = migration.convert(await only(migration), (record, present) => {
    meanwhile(etcd, "put", { key: btoa(pool), value: btoa(value) });
    return adoptAll(record, present);
  }, signal);
  await assert.rejects(converting, ConflictError);
  assert.deepEqual([await client.get(OLD).string(), await client.get(pool).string()], ["10.9.0.1 c1", value]);
});

etcdTest("convert writes nothing if it loses its lock", async ({ etcd, client, migration }) => {
  await client.put(OLD).value("10.9.0.1 c1");
  const converting = migration.convert(await only(migration), (record, present) => {
    meanwhile(etcd, "deleterange", { key: btoa(`${OLD}/`), range_end: btoa(`${OLD}0`) });
    return adoptAll(record, present);
  }, signal);
  await assert.rejects(converting, ConflictError);
  assert.equal(await client.get(OLD).string(), "10.9.0.1 c1");
  assert.equal(await client.get("/whereabouts/pools/_/_/10.9.0.0/24"), null);
});

for (const [name, lock] of [[OLD, OLD], ["/10.9.0.5/24", "/whereabouts"]] as const) {
  etcdTest(
    `convert of ${name} waits while an older plugin holds the lock ${lock}`,
    async (lab) => {
      const { client, migration } = lab;
      await client.put(name).value("10.9.0.1 c1");
      const lease = client.lease(60);
      const id = await lease.grant();
      const lockKey = `${lock}/${BigInt(id).toString(16)}`;
      await lease.put(lockKey).value("").exec();
      let during: string[] = [];
      const record = await only(migration);
      const converting = migration.convert(record, (now, present) => adoptAll(now, present), signal);
      await eventually("our key in the queue of the lock", async () => {
        const keys = await client.getAll().prefix(`${lock}/`).keys();
        during = keys.filter((key) => /\/[0-9a-f]+$/.test(key) && key.split("/").length === lockKey.split("/").length);
        return during.length === 2;
      });
      assert.equal(await client.get(name).string(), "10.9.0.1 c1");
      await client.put(name).value("10.9.0.1 c1\n10.9.0.2 c2");
      await lease.revoke();
      await converting;
      const value = await client.get("/whereabouts/pools/_/_/10.9.0.0/24").string();
      assert.match(value ?? "", /10\.9\.0\.2.*c2/);
      assert.equal(await client.get(name), null);
    },
  );
}

etcdTest(
  "commit refuses to allocate in a pool where an older plugin resumed, but still releases",
  async (lab) => {
    const { client, driver, migration } = lab;
    await client.put(OLD).value("10.9.0.1 c1");
    await migration.convert(await only(migration), adoptAll, signal);
    const snapshot = await driver.read(KEY, signal);
    await client.put(OLD).value("10.9.0.1 c7");
    const after = { address: cidr.base + 2n, podRef: "default/a", ifName: "net1", containerId: "c2" };
    await assert.rejects(
      driver.commit(snapshot, [{ address: after.address, after }], signal),
      (error) => error instanceof RefusedError && error.message.includes(OLD) && /migrate etcd/.test(error.message),
    );
    const [before] = snapshot.allocations.values();
    assert(before);
    await driver.commit(snapshot, [{ address: before.address, before }], signal);
    assert.equal((await driver.read(KEY, signal)).allocations.size, 0);
  },
);

etcdTest(
  "read refuses a new pool with a record that v0.1 named after the range as configured",
  async ({ client, driver }) => {
    await client.put("/10.9.0.77/24").value("10.9.0.78 c1");
    await assert.rejects(
      driver.read(KEY, signal),
      (error) => error instanceof RefusedError && /\/10\.9\.0\.77\/24/.test(error.message),
    );
  },
);

etcdTest(
  "a closed pool refuses reads and commits, keeps its entries until they are moved, and stays closed",
  async (lab) => {
    const { client, driver, migration } = lab;
    await client.put(OLD).value("10.9.0.1 c1");
    await migration.convert(await only(migration), adoptAll, signal);
    const before = await driver.read(KEY, signal);
    const closed = await migration.close(before, signal);
    assert.deepEqual(texts(closed.allocations), ["10.9.0.1 c1"]);
    assert.deepEqual((await migration.closed(signal)).map(({ allocations }) => texts(allocations)), [["10.9.0.1 c1"]]);
    assert.deepEqual(await driver.list(signal), []);
    await assert.rejects(
      driver.read(KEY, signal),
      (error) => error instanceof RefusedError && /ipam\.datastore/.test(error.message),
    );
    const [entry] = before.allocations.values();
    assert(entry);
    await assert.rejects(driver.commit(before, [{ address: entry.address, before: entry }], signal), ConflictError);
    await assert.rejects(migration.close(before, signal), ConflictError);
    assert.match((await driver.unreadable?.(signal))?.[0]?.why ?? "", /1 entries are being moved to another store/);
    await migration.empty(closed, signal);
    assert.deepEqual([await migration.closed(signal), await driver.unreadable?.(signal)], [[], []]);
    await assert.rejects(driver.read(KEY, signal), RefusedError);
  },
);

etcdTest(
  "close refuses a pool with an unreadable entry, which would be lost",
  async ({ client, driver, migration }) => {
    const name = "/whereabouts/pools/_/_/10.9.0.0/24";
    await client.put(name).value('{"version":1,"allocations":{"10.9.0.01":{"id":"c1"}}}');
    await assert.rejects(
      migration.close(await driver.read(KEY, signal), signal),
      /"10\.9\.0\.01" is not an address.*by hand/,
    );
  },
);

etcdTest(
  "unreadable names invalid keys, values and entries, and older records",
  async ({ client, driver }) => {
    const pools = "/whereabouts/pools";
    await client.put(`${pools}/_/_/10.9.0.0/24`).value('{"version":1,"allocations":{"10.9.0.1":{},"x":{}}}');
    await client.put(`${pools}/_/_/10.8.0.0/24`).value("{");
    await client.put(`${pools}/10.7.0.0`).value("{}");
    await client.put(OLD).value("10.9.0.1 c1");
    const found = await driver.unreadable?.(signal);
    assert.deepEqual(found?.map(({ where }) => where).sort(), [
      OLD,
      `${pools}/10.7.0.0`,
      `${pools}/_/_/10.8.0.0/24`,
      `${pools}/_/_/10.9.0.0/24`,
    ]);
    assert.match(found?.find(({ where }) => where.endsWith("10.9.0.0/24") && where !== OLD)?.why ?? "", /entry "x"/);
  },
);
