/**
 * The only list of drivers. Each is loaded when it is first asked for, so that a process pays for one client library at most.
 *
 * @module
 */
import type { Datastore } from "../src/config/types.ts";
import type { OpenDriver } from "../src/storage/open.ts";

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
