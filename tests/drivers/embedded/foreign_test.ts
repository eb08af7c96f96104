import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { openEmbedded } from "../../../drivers/embedded/driver.ts";
import { APPLICATION_ID } from "../../../drivers/embedded/foreign.ts";
import { parseCidr } from "../../../src/address/cidr.ts";
import { ForeignStoreError } from "../../../src/storage/driver.ts";
import { FOREIGN, OWN, stateOf } from "./files.ts";

const { signal } = new AbortController();
const cidr = parseCidr("10.9.0.0/24")?.cidr;
assert(cidr);
const KEY = { network: "", cidr };
const AFTER = { address: cidr.base + 9n, podRef: "default/z", ifName: "net1", containerId: "c9" };

async function inFolder(run: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await run(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

for (const [name, make, found] of FOREIGN) {
  Deno.test(`openEmbedded refuses ${name} with the reason, and leaves it unchanged`, () =>
    inFolder(async (folder) => {
      const path = `${folder}/x.db`;
      await make(path);
      const before = await stateOf(folder);
      await using driver = await openEmbedded({ kind: "embedded", path });
      const operations = [
        () => driver.read(KEY, signal),
        () => driver.status(signal),
        () => driver.list(signal),
        () => driver.commit({ key: KEY, allocations: new Map(), version: 0 }, [{ address: 1n, after: AFTER }], signal),
      ];
      for (const operation of operations) {
        await assert.rejects(operation, (error) => {
          assert(error instanceof ForeignStoreError, String(error));
          assert(error.message.startsWith(`Cannot use the database "${path}": `), error.message);
          assert.match(error.message, found);
          assert.match(error.message, /name another file, or move this one away/);
          return true;
        });
      }
      assert.deepEqual(await stateOf(folder), before);
    }));
}

for (const [name, make, entries] of OWN) {
  Deno.test(`openEmbedded accepts ${name}, keeps its content, and marks it as ours`, () =>
    inFolder(async (folder) => {
      const path = `${folder}/x.db`;
      await make(path);
      await using driver = await openEmbedded({ kind: "embedded", path });
      const snapshot = await driver.read(KEY, signal);
      assert.equal(snapshot.allocations.size, entries);
      await driver.commit(snapshot, [{ address: AFTER.address, after: AFTER }], signal);
      await driver[Symbol.asyncDispose]();
      await using again = await openEmbedded({ kind: "embedded", path });
      assert.equal((await again.read(KEY, signal)).allocations.size, entries + 1);
      using database = new DatabaseSync(path);
      assert.deepEqual({ ...database.prepare("PRAGMA application_id").get() }, { application_id: APPLICATION_ID });
      assert.deepEqual({ ...database.prepare("PRAGMA journal_mode").get() }, { journal_mode: "wal" });
    }));
}

Deno.test("openEmbedded refuses a database that another program writes to between the check and the first write", () =>
  inFolder(async (folder) => {
    const path = `${folder}/x.db`;
    using other = new DatabaseSync(path);
    other.exec("BEGIN IMMEDIATE; CREATE TABLE users (name TEXT)"); // not committed: the file is still empty
    await using driver = await openEmbedded({ kind: "embedded", path });
    await assert.rejects(driver.status(signal), /locked/);
    other.exec("COMMIT");
    await assert.rejects(driver.status(signal), ForeignStoreError);
    assert.deepEqual(other.prepare("SELECT name FROM sqlite_schema").all().map(({ name }) => name), ["users"]);
  }));
