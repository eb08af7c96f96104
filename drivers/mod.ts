/**
 * The list of drivers. Each is loaded on first use, so that a process loads at most one client library.
 *
 * @module
 */
import type { Datastore, IpamConfig } from "../src/config/types.ts";
import { type OpenIpam, openIpam } from "../src/ipam/ipam.ts";
import type { OpenDriver } from "../src/storage/open.ts";
import { type Logger, SILENT } from "../src/world/log.ts";
import type { World } from "../src/world/world.ts";

/**
 * Loads the driver for a kind of datastore.
 *
 * @example
 * ```ts
 * import { denoWorld, loadDriver, SILENT } from "@whereabouts/whereabouts";
 * import assert from "node:assert/strict";
 *
 * const open = await loadDriver("embedded");
 * await using driver = await open({ kind: "embedded", path: ":memory:" }, { world: denoWorld(), log: SILENT });
 * assert.equal(driver.name, "embedded");
 * ```
 */
export async function loadDriver(kind: Datastore["kind"]): Promise<OpenDriver> {
  switch (kind) {
    case "embedded":
      return (await import("./embedded/driver.ts")).openEmbedded;
    case "kubernetes":
      return (await import("./kubernetes/driver.ts")).openKubernetes;
    case "etcd":
      return (await import("./etcd/driver.ts")).openEtcd;
  }
}

/**
 * Opens the store that a configuration names, ready for `allocate`, `release` and `verify`.
 *
 * @throws {RefusedError} credentials or files are missing or invalid
 *
 * @example
 * ```ts
 * import { datastoreOf, denoWorld, openStore } from "@whereabouts/whereabouts";
 * import assert from "node:assert/strict";
 *
 * const datastore = await datastoreOf(":memory:");
 * await using store = await openStore({ datastore }, { world: denoWorld() });
 * assert.deepEqual(await store.driver.list(AbortSignal.timeout(10_000)), []);
 * ```
 */
export async function openStore(
  config: Pick<IpamConfig, "datastore">,
  context: { readonly world: World; readonly log?: Logger },
): Promise<OpenIpam> {
  const { world, log = SILENT } = context;
  return await openIpam(config.datastore, loadDriver, world, log);
}
