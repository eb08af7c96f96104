/**
 * Tests on an etcd of their own.
 *
 * @module
 */
import assert from "node:assert/strict";
import { Etcd3 } from "etcd3";
import { openEtcd } from "../../../drivers/etcd/driver.ts";
import type { Migration, StorageDriver } from "../../../src/storage/driver.ts";
import { denoWorld } from "../../../src/world/deno.ts";
import { SILENT } from "../../../src/world/log.ts";
import { EtcdServer } from "../../support/etcd.ts";

/** An etcd, a client of it, and our driver on it. */
export interface EtcdLab {
  /** The server. */
  readonly etcd: EtcdServer;
  /** The library's client, for what the driver does not do. */
  readonly client: Etcd3;
  /** Our driver. */
  readonly driver: StorageDriver;
  /** How it gives up what it holds. */
  readonly migration: Migration;
}

/** For tests of the library: it leaves timers of its connections behind when it is closed, so what they leak is not held against them. */
export const LEAKY = { sanitizeOps: false, sanitizeResources: false } as const;

/** Runs a test on an etcd of its own. */
export async function onEtcd(test: (lab: EtcdLab) => Promise<void>): Promise<void> {
  await using etcd = await EtcdServer.start();
  using stack = new DisposableStack();
  const client = stack.adopt(new Etcd3({ hosts: etcd.url }), (one) => one.close());
  const datastore = { kind: "etcd", hosts: [etcd.url], prefix: "/whereabouts" } as const;
  await using driver = await openEtcd(datastore, { world: denoWorld(), log: SILENT });
  assert(driver.migration);
  await test({ etcd, client, driver, migration: driver.migration });
}
