/**
 * Which store a command works on: flags over configuration files.
 *
 * @module
 */
import { loadConfig } from "../config/load.ts";
import type { Datastore, KubernetesClient } from "../config/types.ts";
import { type Ipam, openIpam } from "../ipam/ipam.ts";
import { type LogFields, type Logger, SILENT } from "../world/log.ts";
import type { World } from "../world/world.ts";
import { type Flags, UsageError } from "./define.ts";
import { KUBECTL_PROGRAM, type Terminal } from "./terminal.ts";

/** Flags that every command on a store takes. */
export const STORE_FLAGS = {
  kubeconfig: { type: "string", value: "FILE", help: "The cluster: its store, or its pods beside another store" },
  context: { type: "string", value: "NAME", help: "Context of the kubeconfig; else its current one" },
  namespace: { type: "string", value: "NAME", short: "n", help: "Namespace of the IPPools; else the kubeconfig's" },
  datastore: { type: "string", value: "KIND", help: "kubernetes, etcd or embedded; else what the other flags name" },
  database: { type: "string", value: "FILE", help: "SQLite file of the embedded store" },
  "etcd-host": { type: "string", value: "HOSTS", help: "Endpoints of etcd, comma-separated" },
  config: {
    type: "string",
    value: "FILE",
    help: "JSON file of IPAM fields, over the flat file: etcd logins, certificates, what networks leave out",
  },
  json: { type: "boolean", help: "Print JSON" },
} as const satisfies Flags;

/** What they were given as. */
export interface StoreFlags {
  /** Path of a kubeconfig. */
  readonly kubeconfig?: string | undefined;
  /** Context of the kubeconfig. */
  readonly context?: string | undefined;
  /** Namespace of the objects. */
  readonly namespace?: string | undefined;
  /** Kind of store. */
  readonly datastore?: string | undefined;
  /** SQLite file. */
  readonly database?: string | undefined;
  /** etcd endpoints. */
  readonly "etcd-host"?: string | undefined;
  /** Configuration file. */
  readonly config?: string | undefined;
  /** Whose process this is. Default: a command's. */
  readonly client?: KubernetesClient;
}

/** A store in use by a command. */
export interface CommandStore extends AsyncDisposable {
  /** The store. */
  readonly ipam: Ipam;
  /** Which one. */
  readonly datastore: Datastore;
  /** Which one, in words. */
  readonly where: string;
}

/**
 * Opens the store that the flags, and below them `KUBECONFIG` and the flat file, name. In a pod of a cluster where nothing is named, it is
 * that cluster's.
 *
 * @throws {UsageError} there is no such database
 */
export async function openStore(
  { world, loadDriver, program }: Terminal,
  flags: StoreFlags,
  log: Logger = plainLogger(world),
): Promise<CommandStore> {
  const datastore = await chooseStore(world, program, flags);
  const ipam = await openIpam(datastore, loadDriver, world, log);
  const where = wordsFor(datastore, ipam.driver.namespace?.name);
  return { datastore, ipam, where, [Symbol.asyncDispose]: () => ipam[Symbol.asyncDispose]() };
}

async function chooseStore(world: World, program: string, flags: StoreFlags): Promise<Datastore> {
  const { namespace } = flags;
  if (namespace !== undefined && !/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/.test(namespace)) {
    throw new UsageError(`Cannot look in --namespace ${JSON.stringify(namespace)}: wanted a name such as kube-system`);
  }
  const unnamed = flags.datastore === undefined && flags.database === undefined && flags["etcd-host"] === undefined;
  const kubeconfig = flags.kubeconfig ??
    (unnamed && flags.config === undefined ? await usualKubeconfig(world, program) : undefined);
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
    if (unnamed && world.env("KUBERNETES_SERVICE_HOST")) return withFlags({ kind: "kubernetes" }, flags);
    throw new UsageError(
      `There is no database ${datastore.path}: name the store with --kubeconfig, --etcd-host or --database`,
    );
  }
  return withFlags(await reachable(world, datastore, kubeconfig), flags);
}

/** The flat file's kubeconfig is a file of the nodes: a pod that does not see it asks its own cluster, which is the same. */
async function reachable(world: World, datastore: Datastore, named: string | undefined): Promise<Datastore> {
  if (datastore.kind !== "kubernetes" || named !== undefined || datastore.kubeconfig === undefined) return datastore;
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
  if (context === undefined || kubeconfig !== undefined || client === "controller") return datastore;
  throw new UsageError(`Cannot use --context ${JSON.stringify(context)}: no kubeconfig is named; add --kubeconfig`);
}

/**
 * `KUBECONFIG` as it is set for kubectl: of the files it lists, those that are there. As a plugin of kubectl, its usual file too.
 *
 * @returns paths, separated by colons
 */
export async function usualKubeconfig(world: World, program: string): Promise<string | undefined> {
  const listed = (world.env("KUBECONFIG") ?? "").split(":").filter((path) => path !== "");
  if (listed.length === 0) {
    const usual = `${world.env("HOME") ?? ""}/.kube/config`;
    return program === KUBECTL_PROGRAM && await world.exists(usual) ? usual : undefined;
  }
  const there = await Promise.all(listed.map(async (path) => await world.exists(path) ? [path] : []));
  return there.flat().join(":") || listed[0];
}

/** What a driver warns of, as a sentence for somebody who sits there: without time and level. */
function plainLogger({ stderr }: World): Logger {
  const say = (message: string, fields: LogFields = {}) => {
    const named = Object.entries(fields).map(([name, value]) => `${name} ${JSON.stringify(value)}`);
    stderr(named.length > 0 ? `${message}: ${named.join(", ")}` : message);
  };
  return { ...SILENT, error: say, warn: say };
}

function wordsFor(datastore: Datastore, namespace: string | undefined): string {
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
