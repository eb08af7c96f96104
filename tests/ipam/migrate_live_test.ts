import assert from "node:assert/strict";
import type { Etcd3 } from "etcd3";
import { formatIp } from "../../src/address/ip.ts";
import {
  convertRecord,
  type Migrated,
  type MigrationOptions,
  type MigrationSource,
  movePool,
} from "../../src/ipam/migrate.ts";
import type { Ipam } from "../../src/ipam/ipam.ts";
import { release } from "../../src/ipam/release.ts";
import type { StorageDriver } from "../../src/storage/driver.ts";
import { denoWorld } from "../../src/world/deno.ts";
import { LEAKY, onEtcd } from "../drivers/etcd/lab.ts";
import { type Fault, faulty } from "../support/faulty.ts";
import { assertAgreement, config, contents, ipamOn, memory, never } from "./lab.ts";

const OLD = "/whereabouts/10.9.0.0/24";
/** More entries than fit in one commit. */
const ENTRIES = Array.from({ length: 1_200 }, (_, i) => `10.9.${i >> 8}.${i & 255} c${i}`).filter((line) =>
  !/\.0 /.test(line)
);
const OPTIONS: MigrationOptions = { dryRun: false, signal: never() };

interface Lab {
  readonly client: Etcd3;
  readonly source: MigrationSource;
  readonly target: StorageDriver;
}

function migrationTest(name: string, fn: (lab: Lab) => Promise<void>): void {
  const test = () =>
    onEtcd(async ({ client, driver, migration }) => {
      await using target = await memory();
      await fn({ client, source: { ...ipamOn(driver, denoWorld()), migration }, target });
    });
  Deno.test({ name, ...LEAKY, fn: test });
}

async function convertAll(source: MigrationSource, options = OPTIONS) {
  const results = [];
  for (const record of await source.migration.older(never())) {
    results.push(await convertRecord(source, record, options));
  }
  return results;
}

async function moveAll(source: MigrationSource, to: Ipam, options = OPTIONS): Promise<Migrated[]> {
  const open = (await source.driver.list(never())).map((pool) => ({ ...pool, closed: false }));
  const closed = (await source.migration.closed(never())).map((pool) => ({ ...pool, closed: true }));
  const results: Migrated[] = [];
  for (const pool of [...closed, ...open]) results.push(await movePool(source, to, pool, options));
  return results;
}

migrationTest(
  "convertRecord tells on a dry run what it then does, and finds nothing to do afterwards",
  async ({ client, source }) => {
    await client.put(OLD).value("10.9.0.1 c1\n10.9.0.2 c2");
    const expected = { done: true, added: 2, kept: 0, conflicts: [], foreign: [], faults: [] };
    assert.deepEqual(await convertAll(source, { ...OPTIONS, dryRun: true }), [expected]);
    assert.equal(await client.get(OLD).string(), "10.9.0.1 c1\n10.9.0.2 c2");
    assert.deepEqual(await convertAll(source), [expected]);
    assert.deepEqual(await convertAll(source), []);
    assert.deepEqual(await contents(source.driver), { "10.9.0.0/24 10.9.0.1": "//c1", "10.9.0.0/24 10.9.0.2": "//c2" });
  },
);

migrationTest(
  "convertRecord leaves a record with a broken line, or with an address of another, as it is",
  async ({ client, source }) => {
    await client.put(OLD).value("10.9.0.1 c1");
    await convertAll(source);
    for (const value of ["10.9.0.2 c2\n10.9.0.3", "10.9.0.2 c2\n10.9.0.1 other"]) {
      await client.put(OLD).value(value);
      for (const dryRun of [true, false]) {
        const [result] = await convertAll(source, { ...OPTIONS, dryRun });
        assert(result);
        assert.deepEqual([result.done, result.added, result.faults.length + result.conflicts.length], [false, 0, 1]);
      }
      assert.equal(await client.get(OLD).string(), value);
      assert.deepEqual(await contents(source.driver), { "10.9.0.0/24 10.9.0.1": "//c1" });
    }
  },
);

migrationTest(
  "movePool reserves what it moves, and a pool that is there already takes nobody's address",
  async (lab) => {
    const { client, source, target } = lab;
    await client.put(OLD).value("10.9.0.1 c1\n10.9.0.2 c2");
    await convertAll(source);
    const to = ipamOn(target, denoWorld());
    const key = (await source.driver.list(never()))[0]?.key;
    assert(key);
    const other = { address: key.cidr.base + 2n, podRef: "default/x", ifName: "net1", containerId: "cx" };
    await target.commit(await target.read(key, never()), [{ address: other.address, after: other }], never());
    const [dry] = await moveAll(source, to, { ...OPTIONS, dryRun: true });
    const [stuck] = await moveAll(source, to);
    for (const result of [dry, stuck]) {
      assert.deepEqual(result?.conflicts.map(({ holder }) => holder.podRef), ["default/x"]);
      assert.deepEqual([result?.done, result?.added], [false, 1]);
    }
    assert.equal(
      (await source.migration.closed(never())).length,
      1,
      "the entries are kept until all of them are there",
    );
    await target.commit(await target.read(key, never()), [{ address: other.address, before: other }], never());
    const [moved] = await moveAll(source, to);
    assert.deepEqual([moved?.done, moved?.added, moved?.kept], [true, 1, 1]);
    await assertAgreement(target);
    assert.deepEqual(await moveAll(source, to), []);
  },
);

migrationTest(
  "movePool tells addresses that a pool over the same range has given as well",
  async ({ client, source, target }) => {
    await client.put(OLD).value("10.9.0.1 c1");
    await client.put("/whereabouts/10.9.0.0/25").value("10.9.0.1 other\n10.9.0.2 c2");
    await convertAll(source);
    const results = await moveAll(source, ipamOn(target, denoWorld()));
    assert.deepEqual(results.map(({ done }) => done), [true, true]);
    const foreign = results.flatMap((one) => one.foreign);
    assert.deepEqual(foreign.map(({ allocation }) => formatIp({ family: 4, value: allocation.address })), ["10.9.0.1"]);
  },
);

const FAULTS: readonly Fault[] = [{ done: false, then: "refused" }, { done: true, then: "refused" }];

migrationTest(
  "movePool, cut off at any operation and run again, moves every entry once",
  async ({ client, source }) => {
    const value = ENTRIES.filter((line) => line.startsWith("10.9.0.")).slice(0, 12).join("\n");
    let cuts = 0;
    for (const fault of FAULTS) {
      for (let at = 0;; at++) {
        await client.delete().prefix("/whereabouts/");
        await client.put(OLD).value(value);
        await convertAll(source);
        await using target = await memory();
        let failed = false;
        const broken = faulty(target, ({ index }) => index === at ? (failed = true, fault) : undefined);
        await moveAll(source, ipamOn(broken, denoWorld())).catch(() => {});
        if (!failed) break;
        cuts++;
        await moveAll(source, ipamOn(target, denoWorld()));
        assert.equal(Object.keys(await contents(target)).length, 24, `cut off at operation ${at}`);
        await assertAgreement(target);
        assert.deepEqual([await source.migration.closed(never()), await source.driver.list(never())], [[], []]);
      }
    }
    assert(cuts > 20, `${cuts}`);
  },
);

migrationTest(
  "movePool moves a large pool in several commits, and tells how far it is",
  async ({ client, source, target }) => {
    await client.put("/whereabouts/10.9.0.0/16").value(ENTRIES.join("\n"));
    assert.deepEqual((await convertAll(source)).map(({ added }) => added), [ENTRIES.length]);
    const reported: string[] = [];
    const progress: MigrationOptions["progress"] = (_key, what, done) => void reported.push(`${done} ${what}`);
    const [moved] = await moveAll(source, ipamOn(target, denoWorld()), { ...OPTIONS, progress });
    assert.deepEqual([moved?.done, moved?.added], [true, ENTRIES.length]);
    const steps = (what: string) => [500, 1_000, ENTRIES.length].map((done) => `${done} ${what}`);
    assert.deepEqual(reported, [...steps("entries"), ...steps("reservations")]);
    await assertAgreement(target);
  },
);

migrationTest(
  "release of a sandbox finds what an old release gave it, where it was converted and where it was moved",
  async (lab) => {
    const { client, source, target } = lab;
    await client.put(OLD).value("10.9.0.1 c1\n10.9.0.2 c2\n10.9.0.3 c3");
    await convertAll(source);
    const network = config(["10.9.0.0/24"]);
    const del = (ipam: Ipam, containerId: string) => release(ipam, network, { containerId, ifName: "net1" }, never());
    assert.deepEqual((await del(source, "c1")).map(formatIp), ["10.9.0.1"]);
    const to = ipamOn(target, denoWorld());
    await moveAll(source, to);
    assert.deepEqual((await del(to, "c2")).map(formatIp), ["10.9.0.2"]);
    assert.deepEqual(await contents(target), { "10.9.0.0/24 10.9.0.3": "//c3", "reserved 10.9.0.3": "//c3" });
    await assert.rejects(del(source, "c3"), /was moved to another store/);
  },
);
