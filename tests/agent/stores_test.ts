import assert from "node:assert/strict";
import { BusyError, Stores, type StoreUse } from "../../src/agent/stores.ts";
import { openEmbedded } from "../../drivers/embedded/driver.ts";
import type { Datastore } from "../../src/config/types.ts";
import { RefusedError, type StorageDriver } from "../../src/storage/driver.ts";
import { SILENT } from "../../src/world/log.ts";
import { never } from "../ipam/lab.ts";
import { type MemoryWorld, memoryWorld } from "../support/world.ts";

interface Bench extends AsyncDisposable {
  readonly stores: Stores;
  readonly world: MemoryWorld;
  /** All stores that were opened, and those that were closed since. */
  readonly opened: StorageDriver[];
  readonly closed: StorageDriver[];
}

/** Opens stores in memory, whatever the settings name. */
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
  });
  return { stores, world, opened, closed, [Symbol.asyncDispose]: () => stores[Symbol.asyncDispose]() };
}

const USE: StoreUse = { log: SILENT, signal: never() };

const kubernetes = (kubeconfig: string) => ({ kind: "kubernetes", kubeconfig }) as const;

Deno.test("Stores opens a store once for each set of settings, and closes it when it is disposed", async () => {
  await using b = bench({ "/a": "a", "/b": "b" });
  for (const path of ["/a", "/b", "/a"]) {
    await using ipam = await b.stores.ipam(kubernetes(path), USE);
    await ipam.driver.status(never());
  }
  assert.deepEqual([b.opened.length, b.closed.length], [2, 0]);
  await b.stores[Symbol.asyncDispose]();
  assert.equal(b.closed.length, 2);
});

Deno.test("Stores reopens a store when its files change, and closes the former one after its last call", async () => {
  await using b = bench({ "/a": "before" });
  const first = await b.stores.ipam(kubernetes("/a"), USE);
  b.world.files.set("/a", "after");
  const second = await b.stores.ipam(kubernetes("/a"), USE);
  assert.deepEqual([b.opened.length, b.closed.length], [2, 0]);
  await first.driver.status(never());
  await first[Symbol.asyncDispose]();
  assert.deepEqual(b.closed, [b.opened[0]]);
  await second[Symbol.asyncDispose]();
  b.world.files.set("/a", "at last");
  await (await b.stores.ipam(kubernetes("/a"), USE))[Symbol.asyncDispose]();
  assert.deepEqual(b.closed, b.opened.slice(0, 2));
});

Deno.test("Stores keeps a store open while its files are unreadable or invalid: they may be half written", async () => {
  await using b = bench({ "/a": "a" });
  const use = async () => await (await b.stores.ipam(kubernetes("/a"), USE))[Symbol.asyncDispose]();
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

Deno.test("Stores retries settings that were invalid", async () => {
  await using b = bench({ "/a": "" });
  await assert.rejects(b.stores.ipam(kubernetes("/a"), USE), /Half/);
  b.world.files.set("/a", "whole");
  await (await b.stores.ipam(kubernetes("/a"), USE))[Symbol.asyncDispose]();
  assert.equal(b.opened.length, 1);
});

Deno.test("Stores creates no database: the agent's container may lack the folder", async () => {
  await using b = bench({});
  const embedded = { kind: "embedded", path: "/var/lib/x.db" } as const;
  await assert.rejects(b.stores.ipam(embedded, USE), RefusedError);
  b.world.files.set(embedded.path, "");
  await (await b.stores.ipam(embedded, USE))[Symbol.asyncDispose]();
  assert.equal(b.opened.length, 1);
});

Deno.test("Stores keeps at most 32 unused stores open, the most recently used ones", async () => {
  const paths = Array.from({ length: 1_200 }, (_, i) => `/k${i}`);
  await using b = bench(Object.fromEntries(paths.map((path) => [path, path])));
  const use = async (path: string) => await (await b.stores.ipam(kubernetes(path), USE))[Symbol.asyncDispose]();
  await using _used = await b.stores.ipam(kubernetes("/k0"), USE);
  for (const path of paths.slice(1)) await use(path);
  assert.deepEqual([b.opened.length, b.closed.length], [1_200, 1_200 - 1 - 32]);
  assert(!b.closed.includes(b.opened[0] as StorageDriver), "one in use stays open");
  for (const path of paths.slice(-32)) await use(path);
  assert.equal(b.opened.length, 1_200);
  await use("/k1");
  assert.equal(b.opened.length, 1_201);
});

Deno.test("Stores refuses calls beyond the share of their store, and serves another store", async () => {
  await using b = bench({ "/a": "a", "/b": "b" });
  const stop = new AbortController();
  const calls = Array.from({ length: 2_000 }, () => b.stores.ipam(kubernetes("/a"), { ...USE, signal: stop.signal }));
  await assert.rejects(b.stores.ipam(kubernetes("/a"), USE), (error) => {
    assert(error instanceof BusyError);
    assert.match(error.message, /API server of \/a .*try again later/);
    return true;
  });
  await (await b.stores.ipam(kubernetes("/b"), USE))[Symbol.asyncDispose]();
  const running = await Promise.all(calls.slice(0, 1_000));
  assert.equal(b.stores.waiting, 1_000);
  stop.abort(new Error("late"));
  const waited = await Promise.allSettled(calls.slice(1_000));
  assert(waited.every(({ status }) => status === "rejected"));
  await Promise.all(running.map((ipam) => ipam[Symbol.asyncDispose]()));
  await (await b.stores.ipam(kubernetes("/a"), USE))[Symbol.asyncDispose]();
  assert.equal(b.stores.waiting, 0);
});
