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

/** Loads the driver for a kind of datastore. */
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
 */
export async function openStore(
  config: Pick<IpamConfig, "datastore">,
  context: { readonly world: World; readonly log?: Logger },
): Promise<OpenIpam> {
  const { world, log = SILENT } = context;
  return await openIpam(config.datastore, loadDriver, world, log);
}
