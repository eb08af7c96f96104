import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { openEmbedded } from "../../../drivers/embedded/driver.ts";
import { APPLICATION_ID } from "../../../drivers/embedded/foreign.ts";
import { parseCidr } from "../../../src/address/cidr.ts";
import type { PoolKey } from "../../../src/pool/types.ts";
import { RefusedError, UnavailableError } from "../../../src/storage/driver.ts";
import { driverContract } from "../contract.ts";
import { FIRST_TABLES } from "./files.ts";

driverContract({
  name: "embedded",
  skip: {
    "commits on a recorded snapshot only if the entry matches exactly":
      "a read of the file costs less than a snapshot without a read would save",
    "lets commits on earlier snapshots conflict once a pool must reserve":
      "the file has the entries of all networks, so that it needs no mark",
    "lets commits on earlier snapshots conflict once a pool refuses keepers": "the original does not use the file",
  },
  makeStore: async () => {
    const folder = await Deno.makeTempDir();
    return {
      open: () => openEmbedded({ kind: "embedded", path: `${folder}/whereabouts.db` }),
      recount: (old, { version }) => ({ ...old, version }),
      [Symbol.asyncDispose]: () => Deno.remove(folder, { recursive: true }),
    };
  },
});

const cidr = parseCidr("10.9.0.0/24")?.cidr;
assert(cidr);
const KEY: PoolKey = { network: "", cidr };
const ALLOCATION = { address: cidr.base + 1n, podRef: "default/a", ifName: "net1", containerId: "c1" };
const IP = { family: 4, value: ALLOCATION.address } as const;
const { signal } = new AbortController();

async function inFolder(run: (path: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await run(`${folder}/whereabouts.db`);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("openEmbedded creates the file and its folders at the first operation", () =>
  inFolder(async (path) => {
    const deep = path.replace("whereabouts.db", "a/b/whereabouts.db");
    await using driver = await openEmbedded({ kind: "embedded", path: deep });
    await assert.rejects(Deno.stat(deep), Deno.errors.NotFound);
    await driver.status(signal);
    assert((await Deno.stat(deep)).isFile);
  }));

Deno.test("openEmbedded refuses a damaged database, and one of a newer release", () =>
  inFolder(async (path) => {
    await using corrupt = await openEmbedded({ kind: "embedded", path });
    await corrupt.status(signal);
    await corrupt[Symbol.asyncDispose]();
    const names = (error: Error) => error instanceof RefusedError && error.message.includes(path);
    const bytes = await Deno.readFile(path);
    await Deno.writeFile(path, bytes.fill(7, 100));
    await assert.rejects(corrupt.read(KEY, signal), (error: Error) => names(error) && /malformed/.test(error.message));
    assert.deepEqual(await Deno.readFile(path), bytes);
    await Deno.remove(path);
    const newer = new DatabaseSync(path);
    newer.exec(`PRAGMA application_id = ${APPLICATION_ID}; PRAGMA user_version = 99`);
    newer.close();
    await using future = await openEmbedded({ kind: "embedded", path });
    await assert.rejects(
      future.read(KEY, signal),
      (error: Error) => names(error) && /version is 99.*newer release/.test(error.message),
    );
  }));

Deno.test("openEmbedded gives the reason why a file, or one that SQLite keeps beside it, cannot be opened", () =>
  inFolder(async (path) => {
    await using driver = await openEmbedded({ kind: "embedded", path });
    await driver.status(signal);
    await driver[Symbol.asyncDispose]();
    await Deno.mkdir(`${path}-wal`);
    await assert.rejects(
      driver.status(signal),
      (error: Error) => error instanceof RefusedError && /: Is a directory .*db-wal'/.test(error.message),
    );
    await Deno.remove(`${path}-wal`);
    await driver.status(signal);
  }));

Deno.test("openEmbedded is unavailable while another process writes, and recovers", () =>
  inFolder(async (path) => {
    await using driver = await openEmbedded({ kind: "embedded", path });
    const snapshot = await driver.read(KEY, signal);
    const other = new DatabaseSync(path);
    other.exec("BEGIN IMMEDIATE");
    await assert.rejects(
      driver.commit(snapshot, [{ address: ALLOCATION.address, after: ALLOCATION }], signal),
      UnavailableError,
    );
    other.exec("ROLLBACK");
    other.close();
    await driver.commit(snapshot, [{ address: ALLOCATION.address, after: ALLOCATION }], signal);
    assert.deepEqual([...(await driver.read(KEY, signal)).allocations.values()], [ALLOCATION]);
  }));

Deno.test("openEmbedded keeps what a process committed before it was killed", () =>
  inFolder(async (path) => {
    const driver = new URL("../../../drivers/embedded/driver.ts", import.meta.url).href;
    const script = `
      const { openEmbedded } = await import(${JSON.stringify(driver)});
      const driver = await openEmbedded({ kind: "embedded", path: ${JSON.stringify(path)} });
      const key = { network: "", cidr: { family: 4, base: ${cidr.base}n, prefix: 24 } };
      const { signal } = new AbortController();
      const after = { address: ${ALLOCATION.address}n, podRef: "default/a", ifName: "net1", containerId: "c1" };
      await driver.commit(await driver.read(key, signal), [{ address: after.address, after }], signal);
      Deno.kill(Deno.pid, "SIGKILL");`;
    const config = new URL("../../../deno.json", import.meta.url).pathname;
    const { signal: killedBy } = await new Deno.Command(Deno.execPath(), { args: ["eval", "-c", config, script] })
      .output();
    assert.equal(killedBy, "SIGKILL");
    await using after = await openEmbedded({ kind: "embedded", path });
    assert.deepEqual([...(await after.read(KEY, signal)).allocations.values()], [ALLOCATION]);
  }));

Deno.test("openEmbedded skips unreadable rows and reports them", () =>
  inFolder(async (path) => {
    await using driver = await openEmbedded({ kind: "embedded", path });
    await driver.commit(await driver.read(KEY, signal), [{ address: ALLOCATION.address, after: ALLOCATION }], signal);
    assert.deepEqual(await driver.unreadable?.(signal), []);
    using odd = new DatabaseSync(path);
    odd.exec(`
      INSERT INTO allocations (pool, address, pod_ref, if_name, container_id) VALUES (1, 'fd00::1', 'default/b', 'net1', 'c2');
      INSERT INTO pools (network, node, range, version) VALUES ('', '', 'nonsense', 1);
      INSERT INTO reservations (network, address, pod_ref, if_name, container_id) VALUES ('', 'nonsense', 'default/b', 'net1', 'c2');
    `);
    assert.deepEqual((await driver.unreadable?.(signal))?.map(({ where, why }) => `${where}: ${why}`), [
      "Pool nonsense: Its range is not a CIDR",
      "Pool 10.9.0.0/24: Its entry fd00::1 is not an address of its range",
      "Reservation nonsense: It is of no address",
    ]);
    assert.deepEqual((await driver.list(signal)).map(({ allocations }) => [...allocations.values()]), [[ALLOCATION]]);
  }));

/** Statements of the releases without node and uid, unchanged. */
const FIRST_PUT =
  "INSERT OR REPLACE INTO allocations (pool, address, pod_ref, if_name, container_id) VALUES (?, ?, ?, ?, ?)";
const FIRST_RESERVE =
  "INSERT OR REPLACE INTO reservations (network, address, pod_ref, if_name, container_id) VALUES (?, ?, ?, ?, ?)";
const FACTS = { node: "node1", uid: "u1" };

Deno.test("openEmbedded adds the columns that a file of an earlier release lacks, also if others open it concurrently", () =>
  inFolder(async (path) => {
    using first = new DatabaseSync(path);
    first.exec(`PRAGMA journal_mode = WAL; ${FIRST_TABLES}`);
    first.exec("INSERT INTO pools (network, node, range, version) VALUES ('', '', '10.9.0.0/24', 1)");
    first.prepare(FIRST_PUT).run(1, "10.9.0.1", "default/a", "net1", "c1");
    const drivers = await Promise.all([1, 2, 3].map(() => openEmbedded({ kind: "embedded", path })));
    const reads = await Promise.all(drivers.map((driver) => driver.read(KEY, signal)));
    for (const read of reads) assert.deepEqual([...read.allocations.values()], [ALLOCATION]);
    const [driver, ...others] = drivers;
    const [read] = reads;
    assert(driver && read);
    const after = { ...ALLOCATION, containerId: "c2", ...FACTS };
    await driver.commit(read, [{ address: ALLOCATION.address, before: ALLOCATION, after }], signal);
    for (const other of others) {
      assert.deepEqual([...(await other.read(KEY, signal)).allocations.values()], [after]);
      await other[Symbol.asyncDispose]();
    }
    await driver[Symbol.asyncDispose]();
  }));

Deno.test("openEmbedded keeps a file usable for earlier releases, whose rows have no node and no uid", () =>
  inFolder(async (path) => {
    await using driver = await openEmbedded({ kind: "embedded", path });
    const allocation = { ...ALLOCATION, ...FACTS };
    const reserved = { ...FACTS, podRef: "default/a", ifName: "net1", containerId: "c1", network: "", ip: IP };
    await driver.commit(await driver.read(KEY, signal), [{ address: allocation.address, after: allocation }], signal);
    assert.equal((await driver.reservations?.reserve(reserved, signal))?.kind, "created");
    using earlier = new DatabaseSync(path);
    assert.deepEqual({ ...earlier.prepare("PRAGMA user_version").get() }, { user_version: 1 });
    earlier.exec(FIRST_TABLES); // earlier releases run this on every file
    earlier.prepare(FIRST_PUT).run(1, "10.9.0.1", "default/a", "net1", "c2");
    earlier.prepare(FIRST_RESERVE).run("", "10.9.0.1", "default/a", "net1", "c2");
    assert.deepEqual([...(await driver.read(KEY, signal)).allocations.values()], [{
      ...ALLOCATION,
      containerId: "c2",
    }]);
    const { node: _, uid: __, ...plain } = reserved;
    assert.deepEqual(await driver.reservations?.find("", IP, signal), { ...plain, containerId: "c2" });
  }));
