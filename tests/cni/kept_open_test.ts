import assert from "node:assert/strict";
import { keepOpen } from "../../src/cni/kept_open.ts";
import type { Host } from "../../src/cni/host.ts";
import type { Datastore } from "../../src/config/types.ts";
import { directIpam } from "../../src/ipam/ipam.ts";
import { recordedStore, storeName } from "../../src/journal/facts.ts";
import { SILENT } from "../../src/world/log.ts";
import { memoryWorld } from "../support/world.ts";
import { config, memory, never } from "../ipam/lab.ts";

Deno.test("keepOpen opens each store once, reopens one that failed, and closes all when it is disposed", async () => {
  await using driver = await memory();
  const world = memoryWorld();
  const events: string[] = [];
  let fail = true;
  const host: Host = {
    world,
    lock: world.lock,
    appendLog: world.appendTextFile,
    open: ({ datastore }) => {
      events.push(`open ${datastore.kind}`);
      if (datastore.kind === "kubernetes" && fail) return Promise.reject(new Error("not yet"));
      return Promise.resolve({
        ...directIpam(driver, world, SILENT),
        [Symbol.asyncDispose]: () => Promise.resolve(void events.push(`close ${datastore.kind}`)),
      });
    },
    journal: () => undefined,
    retriesPending: false,
  };
  const kept = keepOpen(host);
  const open = async (datastore: Datastore) => {
    await using _ipam = await kept.host.open({ ...config(["10.0.0.0/24"]), datastore }, SILENT, never());
  };
  const etcd: Datastore = { kind: "etcd", hosts: ["http://e:2379"], prefix: "/w", username: "u", password: "secret" };
  await open(etcd);
  await open(etcd);
  await assert.rejects(open({ kind: "kubernetes" }), /not yet/);
  assert.deepEqual([...kept.stores], [storeName(recordedStore(etcd))], "by the name that pending releases record");
  fail = false;
  await open({ kind: "kubernetes" });
  assert.deepEqual(events, ["open etcd", "open kubernetes", "open kubernetes"]);
  await kept[Symbol.asyncDispose]();
  assert.deepEqual(events.slice(3), ["close etcd", "close kubernetes"]);
});
