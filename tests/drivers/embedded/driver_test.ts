import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { openEmbedded } from "../../../drivers/embedded/driver.ts";
import { parseCidr } from "../../../src/address/cidr.ts";
import type { PoolKey } from "../../../src/pool/types.ts";
import { RefusedError, UnavailableError } from "../../../src/storage/driver.ts";
import { driverContract } from "../contract.ts";

driverContract({
  name: "embedded",
  skip: {
    "commits on a presumed snapshot only what is exactly there":
      "reading the file costs less than a short cut would save",
  },
  makeStore: async () => {
    const folder = await Deno.makeTempDir();
    return {
      open: () => openEmbedded({ kind: "embedded", path: `${folder}/whereabouts.db` }),
      [Symbol.asyncDispose]: () => Deno.remove(folder, { recursive: true }),
    };
  },
});

const cidr = parseCidr("10.9.0.0/24")?.cidr;
assert(cidr);
const KEY: PoolKey = { network: "", cidr };
const HELD = { address: cidr.base + 1n, podRef: "default/a", ifName: "net1", containerId: "c1" };
const { signal } = new AbortController();

async function inFolder(run: (path: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await run(`${folder}/whereabouts.db`);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("openEmbedded makes the file, and the folders above it, at the first operation", () =>
  inFolder(async (path) => {
    const deep = path.replace("whereabouts.db", "a/b/whereabouts.db");
    await using driver = await openEmbedded({ kind: "embedded", path: deep });
    await assert.rejects(Deno.stat(deep), Deno.errors.NotFound);
    await driver.status(signal);
    assert((await Deno.stat(deep)).isFile);
  }));

Deno.test("openEmbedded refuses a file that is no database, and one of a newer release", () =>
  inFolder(async (path) => {
    await Deno.writeTextFile(path, "this is no database\n".repeat(100));
    await using corrupt = await openEmbedded({ kind: "embedded", path });
    const names = (error: Error) => error instanceof RefusedError && error.message.includes(path);
    await assert.rejects(
      corrupt.read(KEY, signal),
      (error: Error) => names(error) && /not a database/.test(error.message),
    );
    assert.match(await Deno.readTextFile(path), /^this is no database/);
    await Deno.remove(path);
    const newer = new DatabaseSync(path);
    newer.exec("PRAGMA user_version = 99");
    newer.close();
    await using future = await openEmbedded({ kind: "embedded", path });
    await assert.rejects(
      future.read(KEY, signal),
      (error: Error) => names(error) && /version is 99.*newer release/.test(error.message),
    );
  }));

Deno.test("openEmbedded says why a file cannot be opened, be it one of those that SQLite keeps beside it", () =>
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

Deno.test("openEmbedded says try later while another process writes, and goes on afterwards", () =>
  inFolder(async (path) => {
    await using driver = await openEmbedded({ kind: "embedded", path });
    const snapshot = await driver.read(KEY, signal);
    const other = new DatabaseSync(path);
    other.exec("BEGIN IMMEDIATE");
    await assert.rejects(driver.commit(snapshot, [{ address: HELD.address, after: HELD }], signal), UnavailableError);
    other.exec("ROLLBACK");
    other.close();
    await driver.commit(snapshot, [{ address: HELD.address, after: HELD }], signal);
    assert.deepEqual([...(await driver.read(KEY, signal)).allocations.values()], [HELD]);
  }));

Deno.test("openEmbedded keeps what a process committed before it was killed", () =>
  inFolder(async (path) => {
    const driver = new URL("../../../drivers/embedded/driver.ts", import.meta.url).href;
    const script = `
      const { openEmbedded } = await import(${JSON.stringify(driver)});
      const driver = await openEmbedded({ kind: "embedded", path: ${JSON.stringify(path)} });
      const key = { network: "", cidr: { family: 4, base: ${cidr.base}n, prefix: 24 } };
      const { signal } = new AbortController();
      const after = { address: ${HELD.address}n, podRef: "default/a", ifName: "net1", containerId: "c1" };
      await driver.commit(await driver.read(key, signal), [{ address: after.address, after }], signal);
      Deno.kill(Deno.pid, "SIGKILL");`;
    const config = new URL("../../../deno.json", import.meta.url).pathname;
    const { signal: killedBy } = await new Deno.Command(Deno.execPath(), { args: ["eval", "-c", config, script] })
      .output();
    assert.equal(killedBy, "SIGKILL");
    await using after = await openEmbedded({ kind: "embedded", path });
    assert.deepEqual([...(await after.read(KEY, signal)).allocations.values()], [HELD]);
  }));

Deno.test("openEmbedded names rows that it cannot read, and leaves them out", () =>
  inFolder(async (path) => {
    await using driver = await openEmbedded({ kind: "embedded", path });
    await driver.commit(await driver.read(KEY, signal), [{ address: HELD.address, after: HELD }], signal);
    assert.deepEqual(await driver.unreadable?.(signal), []);
    using odd = new DatabaseSync(path);
    odd.exec(`
      INSERT INTO allocations VALUES (1, 'fd00::1', 'default/b', 'net1', 'c2');
      INSERT INTO pools (network, node, range, version) VALUES ('', '', 'nonsense', 1);
      INSERT INTO reservations VALUES ('', 'nonsense', 'default/b', 'net1', 'c2');
    `);
    assert.deepEqual((await driver.unreadable?.(signal))?.map(({ where, why }) => `${where}: ${why}`), [
      "Pool nonsense: Its range is no network",
      "Pool 10.9.0.0/24: Its entry fd00::1 is no address of it",
      "Reservation nonsense: It is of no address",
    ]);
    assert.deepEqual((await driver.list(signal)).map(({ allocations }) => [...allocations.values()]), [[HELD]]);
  }));
