/**
 * Runs tests, each on its own etcd.
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
  /** The library's client, for operations that the driver lacks. */
  readonly client: Etcd3;
  /** Our driver. */
  readonly driver: StorageDriver;
  /** The migration of its records. */
  readonly migration: Migration;
}

/** Options for tests of the library: when it is closed, the timers of its connections remain, so leaks are not checked. */
export const LEAKY = { sanitizeOps: false, sanitizeResources: false } as const;

/** Runs a test on its own etcd. */
export async function onEtcd(test: (lab: EtcdLab) => Promise<void>): Promise<void> {
  await using etcd = await EtcdServer.start();
  using stack = new DisposableStack();
  const client = stack.adopt(new Etcd3({ hosts: etcd.url }), (one) => one.close());
  const datastore = { kind: "etcd", hosts: [etcd.url], prefix: "/whereabouts" } as const;
  await using driver = await openEtcd(datastore, { world: denoWorld(), log: SILENT });
  assert(driver.migration);
  await test({ etcd, client, driver, migration: driver.migration });
}
