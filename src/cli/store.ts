/**
 * Which store a command works on: flags over the flat file.
 *
 * @module
 */
import { loadConfig } from "../config/load.ts";
import type { Datastore } from "../config/types.ts";
import { type Ipam, openIpam } from "../ipam/ipam.ts";
import { type Logger, makeLogger } from "../world/log.ts";
import type { Terminal } from "./terminal.ts";

/** Flags that every command on a store takes, for `parseArgs`. */
export const STORE_FLAGS = {
  kubeconfig: { type: "string" },
  namespace: { type: "string" },
  datastore: { type: "string" },
  database: { type: "string" },
  "etcd-host": { type: "string" },
  json: { type: "boolean", default: false },
} as const;

/** What `parseArgs` makes of them. */
export interface StoreFlags {
  /** Path of a kubeconfig. */
  readonly kubeconfig?: string | undefined;
  /** Namespace of the objects. */
  readonly namespace?: string | undefined;
  /** Kind of store. */
  readonly datastore?: string | undefined;
  /** SQLite file. */
  readonly database?: string | undefined;
  /** etcd endpoints. */
  readonly "etcd-host"?: string | undefined;
}

/** The help of these flags. */
export const STORE_HELP =
  "--kubeconfig FILE, --namespace NAME, --datastore KIND, --database FILE, --etcd-host HOSTS, --json";

/** A store in use by a command. */
export interface CommandStore extends AsyncDisposable {
  /** The store. */
  readonly ipam: Ipam;
  /** Which one. */
  readonly datastore: Datastore;
}

/** Opens the store that the flags, and below them the flat file, name. `KUBECONFIG` counts like the flag. */
export async function openStore(
  { world, loadDriver }: Terminal,
  flags: StoreFlags,
  log: Logger = makeLogger(world, { level: "error" }),
): Promise<CommandStore> {
  const kubeconfig = flags.kubeconfig ??
    (flags.datastore === undefined && !flags.database && !flags["etcd-host"] ? world.env("KUBECONFIG") : undefined);
  const flat = {
    type: "whereabouts",
    ...(flags.datastore !== undefined && { datastore: flags.datastore }),
    ...(flags.database !== undefined && { database: flags.database, datastore: flags.datastore ?? "embedded" }),
    ...(flags["etcd-host"] !== undefined && { etcd_host: flags["etcd-host"], datastore: flags.datastore ?? "etcd" }),
    ...(kubeconfig !== undefined && { kubernetes: { kubeconfig } }),
  };
  const { config } = await loadConfig(world, { conf: { name: "whereabouts", ipam: flat } });
  const datastore: Datastore = config.datastore.kind === "kubernetes" && flags.namespace !== undefined
    ? { ...config.datastore, namespace: flags.namespace }
    : config.datastore;
  const ipam = await openIpam(datastore, loadDriver, world, log);
  return { datastore, ipam, [Symbol.asyncDispose]: () => ipam[Symbol.asyncDispose]() };
}
