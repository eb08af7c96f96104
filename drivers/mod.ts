/**
 * The only list of drivers. Each is loaded when it is first asked for, so that a process pays for one client library at most.
 *
 * @module
 */
import type { Datastore, IpamConfig } from "../src/config/types.ts";
import { type OpenIpam, openIpam } from "../src/ipam/ipam.ts";
import type { OpenDriver } from "../src/storage/open.ts";
import { type Logger, SILENT } from "../src/world/log.ts";
import type { World } from "../src/world/world.ts";

/** The driver of a datastore kind. */
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
 * Opens the store a configuration names, ready for `allocate`, `release` and `verify`.
 *
 * @throws {RefusedError} credentials or files cannot be used
 */
export async function openStore(
  config: Pick<IpamConfig, "datastore">,
  context: { readonly world: World; readonly log?: Logger },
): Promise<OpenIpam> {
  const { world, log = SILENT } = context;
  return await openIpam(config.datastore, loadDriver, world, log);
}
