import assert from "node:assert/strict";
import { Stores } from "../../src/agent/stores.ts";
import { Traffic } from "../../src/agent/traffic.ts";
import { openEmbedded } from "../../drivers/embedded/driver.ts";
import type { Datastore } from "../../src/config/types.ts";
import { RefusedError, type StorageDriver } from "../../src/storage/driver.ts";
import { SILENT } from "../../src/world/log.ts";
import { never } from "../ipam/lab.ts";
import { type MemoryWorld, memoryWorld } from "../support/world.ts";

interface Bench extends AsyncDisposable {
  readonly stores: Stores;
  readonly world: MemoryWorld;
  /** Stores that were opened, and those of them that are closed. */
  readonly opened: StorageDriver[];
  readonly closed: StorageDriver[];
}

/** Stores in memory, whatever their settings say. */
function bench(files: Record<string, string>): Bench {
  const world = memoryWorld({ files });
  const opened: StorageDriver[] = [];
  const closed: StorageDriver[] = [];
  const open = async (datastore: Datastore) => {
    if (datastore.kind === "kubernetes" && world.files.get(datastore.kubeconfig ?? "") === "") {
      throw new RefusedError("Half");
    }
    const store = await openEmbedded({ kind: "embedded", path: ":memory:" });
    const driver: StorageDriver = {
      name: "watched",
      read: (key, signal) => store.read(key, signal),
      commit: (snapshot, changes, signal) => store.commit(snapshot, changes, signal),
      list: (signal) => store.list(signal),
      status: (signal) => store.status(signal),
      [Symbol.asyncDispose]: () => {
        closed.push(driver);
        return store[Symbol.asyncDispose]();
      },
    };
    opened.push(driver);
    return driver;
  };
  const stores = new Stores({
    world,
    log: SILENT,
    loadDriver: () => Promise.resolve(open),
    batches: { onBatch: () => {} },
    operations: () => {},
    traffic: new Traffic(),
  });
  return { stores, world, opened, closed, [Symbol.asyncDispose]: () => stores[Symbol.asyncDispose]() };
}

const kubernetes = (kubeconfig: string) => ({ kind: "kubernetes", kubeconfig }) as const;

Deno.test("Stores opens a store once for each set of settings, and closes it when it ends", async () => {
  await using b = bench({ "/a": "a", "/b": "b" });
  for (const path of ["/a", "/b", "/a"]) {
    await using ipam = await b.stores.ipam(kubernetes(path), SILENT, () => {});
    await ipam.driver.status(never());
  }
  assert.deepEqual([b.opened.length, b.closed.length], [2, 0]);
  await b.stores[Symbol.asyncDispose]();
  assert.equal(b.closed.length, 2);
});

Deno.test("Stores opens a store anew when its files change, and closes the former when its last user leaves", async () => {
  await using b = bench({ "/a": "before" });
  const first = await b.stores.ipam(kubernetes("/a"), SILENT, () => {});
  b.world.files.set("/a", "after");
  const second = await b.stores.ipam(kubernetes("/a"), SILENT, () => {});
  assert.deepEqual([b.opened.length, b.closed.length], [2, 0]);
  await first.driver.status(never());
  await first[Symbol.asyncDispose]();
  assert.deepEqual(b.closed, [b.opened[0]]);
  await second[Symbol.asyncDispose]();
  b.world.files.set("/a", "at last");
  await (await b.stores.ipam(kubernetes("/a"), SILENT, () => {}))[Symbol.asyncDispose]();
  assert.deepEqual(b.closed, b.opened.slice(0, 2));
});

Deno.test("Stores goes on with the store it has while its files cannot be read or used: they may be half written", async () => {
  await using b = bench({ "/a": "a" });
  const use = async () => await (await b.stores.ipam(kubernetes("/a"), SILENT, () => {}))[Symbol.asyncDispose]();
  await use();
  b.world.files.delete("/a");
  await use();
  b.world.files.set("/a", "");
  await Promise.all([use(), use()]);
  assert.deepEqual([b.opened.length, b.closed.length], [1, 0]);
  b.world.files.set("/a", "whole");
  await Promise.all([use(), use()]);
  assert.deepEqual([b.opened.length, b.closed.length], [2, 1]);
});

Deno.test("Stores tries settings again that could not be used", async () => {
  await using b = bench({ "/a": "" });
  await assert.rejects(b.stores.ipam(kubernetes("/a"), SILENT, () => {}), /Half/);
  b.world.files.set("/a", "whole");
  await (await b.stores.ipam(kubernetes("/a"), SILENT, () => {}))[Symbol.asyncDispose]();
  assert.equal(b.opened.length, 1);
});

Deno.test("Stores makes no database: where the plugin would, the agent may not see the folder", async () => {
  await using b = bench({});
  const embedded = { kind: "embedded", path: "/var/lib/x.db" } as const;
  await assert.rejects(b.stores.ipam(embedded, SILENT, () => {}), RefusedError);
  b.world.files.set(embedded.path, "");
  await (await b.stores.ipam(embedded, SILENT, () => {}))[Symbol.asyncDispose]();
  assert.equal(b.opened.length, 1);
});
