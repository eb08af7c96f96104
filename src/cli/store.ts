/**
 * Selects and opens the store of a command: flags over configuration files.
 *
 * @module
 */
import { findKubeconfig } from "../config/kubeconfig.ts";
import { loadConfig } from "../config/load.ts";
import type { Datastore, KubernetesClient } from "../config/types.ts";
import { type Ipam, openIpam } from "../ipam/ipam.ts";
import { type LogFields, type Logger, SILENT } from "../world/log.ts";
import { DNS_LABEL } from "../values/dns.ts";
import type { World } from "../world/world.ts";
import { type Flags, UsageError } from "./define.ts";
import { showingProgress } from "./progress.ts";
import { KUBECTL_PROGRAM, type Terminal } from "./terminal.ts";

/** Flags of every command with a store. */
export const STORE_FLAGS = {
  kubeconfig: { type: "string", value: "FILE", help: "Cluster of the store, or of the pods with another store" },
  context: { type: "string", value: "NAME", help: "Context of the kubeconfig; else the current one" },
  namespace: {
    type: "string",
    value: "NAME",
    short: "n",
    help: "Namespace of the IPPools; else that of the kubeconfig",
  },
  datastore: {
    type: "string",
    value: "KIND",
    values: ["kubernetes", "etcd", "embedded"],
    help: "kubernetes, etcd or embedded; else derived from the other flags",
  },
  database: { type: "string", value: "FILE", help: "SQLite file of the embedded store" },
  "etcd-host": { type: "string", value: "HOSTS", help: "Endpoints of etcd, comma-separated" },
  config: {
    type: "string",
    value: "FILE",
    help: "JSON file of IPAM fields, over the flat file: etcd logins, certificates, fields that networks omit",
  },
} as const satisfies Flags;

/** The values of the flags. */
export interface StoreFlags {
  /** Path of a kubeconfig. */
  readonly kubeconfig?: string | undefined;
  /** Context of the kubeconfig. */
  readonly context?: string | undefined;
  /** Namespace of the IPPools. */
  readonly namespace?: string | undefined;
  /** Kind of store. */
  readonly datastore?: string | undefined;
  /** SQLite file. */
  readonly database?: string | undefined;
  /** etcd endpoints. */
  readonly "etcd-host"?: string | undefined;
  /** Configuration file. */
  readonly config?: string | undefined;
  /** Kind of this process. Default: a command. */
  readonly client?: KubernetesClient;
}

/** The store of a command. */
export interface CommandStore extends AsyncDisposable {
  /** The store. */
  readonly ipam: Ipam;
  /** Its configuration. */
  readonly datastore: Datastore;
  /** Its description in messages: `namespace kube-system of the cluster of FILE`. */
  readonly where: string;
  /** The cluster in messages: `the cluster of FILE`; of another store, as `where`. */
  readonly cluster: string;
}

/**
 * Opens the store that the flags, else `KUBECONFIG`, else the flat file select. Without any of them, it is that of `~/.kube/config`, and in a
 * pod without such a file that of its cluster.
 *
 * @throws {UsageError} the database was not found
 */
export async function openStore(
  { world, loadDriver, program, progress }: Terminal,
  flags: StoreFlags,
  log: Logger = plainLogger(world),
): Promise<CommandStore> {
  const datastore = await chooseStore(world, program, flags);
  const opened = await openIpam(datastore, loadDriver, world, log);
  const ipam = progress ? { ...opened, driver: showingProgress(opened.driver, progress) } : opened;
  const where = describe(datastore, ipam.driver.namespace?.name);
  return {
    datastore,
    ipam,
    where,
    cluster: describe(datastore, undefined),
    [Symbol.asyncDispose]: () => opened[Symbol.asyncDispose](),
  };
}

async function chooseStore(world: World, program: string, flags: StoreFlags): Promise<Datastore> {
  const { namespace } = flags;
  if (namespace !== undefined && !DNS_LABEL.test(namespace)) {
    throw new UsageError(`Invalid --namespace ${JSON.stringify(namespace)}: expected a name such as kube-system`);
  }
  const elsewhere = flags.database !== undefined || flags["etcd-host"] !== undefined;
  const unselected = flags.datastore === undefined && !elsewhere;
  const mayBeCluster = unselected || (flags.datastore === "kubernetes" && !elsewhere);
  const isKubectl = program === KUBECTL_PROGRAM || flags.datastore === "kubernetes" || flags.context !== undefined;
  const kubeconfig = flags.kubeconfig ??
    (mayBeCluster && flags.config === undefined ? await findKubeconfig(world, isKubectl) : undefined);
  const inline = {
    type: "whereabouts",
    ...(flags.config !== undefined && { configuration_path: flags.config }),
    ...(flags.datastore !== undefined && { datastore: flags.datastore }),
    ...(flags.database !== undefined && { database: flags.database, datastore: flags.datastore ?? "embedded" }),
    ...(flags["etcd-host"] !== undefined && { etcd_host: flags["etcd-host"], datastore: flags.datastore ?? "etcd" }),
    ...(kubeconfig !== undefined && { kubernetes: { kubeconfig } }),
  };
  const { config: { datastore } } = await loadConfig(world, {
    conf: { name: "whereabouts", ipam: inline },
    purpose: "store",
  });
  if (datastore.kind === "embedded" && datastore.path !== ":memory:" && !await world.exists(datastore.path)) {
    const home = unselected && flags.client === undefined ? await findKubeconfig(world, true) : undefined;
    if (home !== undefined) return withFlags({ kind: "kubernetes", kubeconfig: home }, flags);
    if (unselected && world.env("KUBERNETES_SERVICE_HOST")) return withFlags({ kind: "kubernetes" }, flags);
    throw new UsageError(
      `Database ${datastore.path} not found: select the store with --kubeconfig, --etcd-host or --database`,
    );
  }
  return withFlags(await reachable(world, datastore, kubeconfig), flags);
}

/** The kubeconfig of the flat file is a file of the nodes. A pod without that file uses its own cluster, which is the same. */
async function reachable(world: World, datastore: Datastore, selected: string | undefined): Promise<Datastore> {
  if (datastore.kind !== "kubernetes" || selected !== undefined || datastore.kubeconfig === undefined) return datastore;
  if (!world.env("KUBERNETES_SERVICE_HOST") || await world.exists(datastore.kubeconfig)) return datastore;
  return { kind: "kubernetes" };
}

function withFlags(
  datastore: Datastore,
  { kubeconfig, context, namespace, client = "command" }: StoreFlags,
): Datastore {
  if (datastore.kind === "kubernetes") {
    return {
      ...datastore,
      client,
      ...(context !== undefined && { context }),
      ...(namespace !== undefined && { namespace }),
    };
  }
  if (kubeconfig !== undefined || client === "controller") return datastore;
  if (namespace !== undefined) {
    throw new UsageError(
      `Cannot use --namespace ${JSON.stringify(namespace)}: ${describe(datastore, undefined)} has no namespaces`,
    );
  }
  if (context === undefined) return datastore;
  throw new UsageError(`Cannot use --context ${JSON.stringify(context)} without a kubeconfig: add --kubeconfig`);
}

/** Writes warnings of a driver for a reader at a terminal: without time and level. */
function plainLogger({ stderr }: World): Logger {
  const write = (message: string, fields: LogFields = {}) => {
    const named = Object.entries(fields).map(([name, value]) => `${name} ${JSON.stringify(value)}`);
    stderr(named.length > 0 ? `${message}: ${named.join(", ")}` : message);
  };
  return { ...SILENT, error: write, warn: write };
}

function describe(datastore: Datastore, namespace: string | undefined): string {
  switch (datastore.kind) {
    case "embedded":
      return `database ${datastore.path}`;
    case "etcd":
      return `etcd at ${datastore.hosts.join(", ")}, prefix ${datastore.prefix}`;
    case "kubernetes": {
      const { kubeconfig, context } = datastore;
      const chosen = context === undefined ? "" : ` (context ${context})`;
      const by = kubeconfig === undefined ? "this pod's cluster" : `the cluster of ${kubeconfig}${chosen}`;
      return namespace === undefined ? by : `namespace ${namespace} of ${by}`;
    }
  }
}
