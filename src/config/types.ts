/**
 * The configuration after reading, merging and checking: what the rest of the program works with.
 *
 * @module
 */
import type { Ip } from "../address/ip.ts";
import type { IpRange } from "../address/range.ts";
import type { LogOptions } from "../world/log.ts";

/** A route of the answer, passed through as configured. */
export interface Route {
  /** Destination network as text. */
  readonly dst: string;
  /** Gateway. */
  readonly gw?: string;
  /** Path MTU in bytes. */
  readonly mtu?: number;
  /** Advertised MSS in bytes. */
  readonly advmss?: number;
  /** Metric. */
  readonly priority?: number;
  /** Routing table number. */
  readonly table?: number;
  /** Route scope number. */
  readonly scope?: number;
}

/** DNS settings of the answer, passed through. */
export interface Dns {
  /** Server addresses. */
  readonly nameservers?: readonly string[];
  /** Local domain. */
  readonly domain?: string;
  /** Search list. */
  readonly search?: readonly string[];
  /** Resolver options. */
  readonly options?: readonly string[];
}

/** An address that is given as it is, tracked in no pool. */
export interface StaticAddress {
  /** The address. */
  readonly ip: Ip;
  /** The prefix length of its network. */
  readonly prefix: number;
  /** Its gateway. */
  readonly gateway?: Ip;
}

/** Whose process talks to a Kubernetes API server: decides what a kubeconfig may ask for. */
export type KubernetesClient = "node" | "controller" | "command";

/** Which store, and how to reach it. */
export type Datastore =
  | {
    readonly kind: "kubernetes";
    /** Path of the kubeconfig. Absent: the service account of the pod this runs in. */
    readonly kubeconfig?: string;
    /** Context of the kubeconfig. Absent: its current one. Commands and the controller alone set it. */
    readonly context?: string;
    /** Whose process opens the store. Absent: a node's. */
    readonly client?: KubernetesClient;
    /** Namespace of the objects. Absent: that of the kubeconfig's context. */
    readonly namespace?: string;
    /** Folders that the kubeconfig and the files that it names must be in. Absent: anywhere, since the operator names it. */
    readonly confinedTo?: readonly string[];
  }
  | {
    readonly kind: "etcd";
    /** Endpoints such as `https://etcd.example:2379`. */
    readonly hosts: readonly string[];
    /** Key prefix. Default `/whereabouts`. */
    readonly prefix: string;
    /** The name to look for in the server's certificate. Absent: the host. */
    readonly serverName?: string;
    /** Login name. */
    readonly username?: string;
    /** Login password. */
    readonly password?: string;
    /** Path of the CA certificate (PEM). */
    readonly caFile?: string;
    /** Path of the client certificate (PEM). */
    readonly certFile?: string;
    /** Path of the client key (PEM). */
    readonly keyFile?: string;
    /** Folders that these files must be in. Absent: anywhere, since the operator names them. */
    readonly confinedTo?: readonly string[];
  }
  | {
    readonly kind: "embedded";
    /** Path of the SQLite file; `:memory:` keeps it in this process. Default `/var/lib/cni/whereabouts/whereabouts.db`. */
    readonly path: string;
  };

/** One network's IPAM configuration, checked. */
export interface IpamConfig {
  /** The CNI network's `name`. */
  readonly network: string;
  /** `cniVersion` of the network configuration; `0.1.0` where absent. */
  readonly cniVersion: string;
  /** `network_name`: a separate allocation domain. Empty for the unnamed one. */
  readonly networkName: string;
  /** Ranges in order of allocation; each gives one address. */
  readonly ranges: readonly IpRange[];
  /** Gateway for addresses of its own family. */
  readonly gateway?: Ip;
  /** Routes of the answer. */
  readonly routes: readonly Route[];
  /** DNS of the answer. */
  readonly dns: Dns;
  /** Addresses given besides, tracked nowhere. None is one that a range may allocate. */
  readonly addresses: readonly StaticAddress[];
  /** Addresses asked for by the caller that lie in the network of a range: allocated there, or refused. */
  readonly requested: readonly Ip[];
  /** Whether an address is reserved in the whole cluster, over all pools of the allocation domain. */
  readonly overlapping: boolean;
  /** Whether the network-status of a running pod may show that an address is not its own any more. */
  readonly verifyNetworkStatus: boolean;
  /** Which store. */
  readonly datastore: Datastore;
  /** Log sinks. */
  readonly log: LogOptions;
  /** `node_slice_size` as written. Absent: the pool is shared by all nodes. */
  readonly nodeSliceSize?: string;
  /** `configuration_path`, file or folder; the folder holds `nodename`. */
  readonly configurationPath?: string;
  /** `reconciler_cron_expression`. */
  readonly reconcilerCron?: string;
  /** `sleep_for_race`: seconds to wait between decision and write. A test aid. */
  readonly sleepForRace: number;
}

/** What the loader gives: the configuration and what an operator should know about it. */
export interface Loaded {
  /** The checked configuration. */
  readonly config: IpamConfig;
  /** One sentence each: ignored bounds, unknown keys, settings without effect. */
  readonly warnings: readonly string[];
  /** One sentence each, for debug logs: settings that are accepted for the original's sake. */
  readonly notes: readonly string[];
  /** No store is configured anywhere, so `config.datastore` is the embedded default. */
  readonly defaultStore: boolean;
}

/**
 * What a configuration is loaded for; it decides which rules apply.
 *
 * - `allocate`: ADD and STATUS. Every rule.
 * - `release`: DEL, GC, CHECK and pending releases. Rules that only a new allocation has to meet are not applied.
 * - `inspect`: a network as a process outside its node reads it. Every rule, but no file that the network names is opened.
 * - `store`: the store and the settings beside it; the ranges are not used.
 */
export type Purpose = "allocate" | "release" | "inspect" | "store";

/** A configuration that cannot be used. The message names the field, the value and what was wanted. */
export class ConfigError extends Error {
  /** The class, for logs. */
  override name = "ConfigError";
  /** The field's path, such as `ipam.ipRanges[1].range`. */
  readonly field: string;

  /** Keeps the field. */
  constructor(field: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.field = field;
  }
}

/** A caller asks for an address that no range of the network may allocate. CNI code 101. */
export class RequestRefusedError extends ConfigError {
  /** The class, for logs. */
  override name = "RequestRefusedError";
}

/** A pod of Kubernetes wants an address, and no store is configured: one of this node's own would give other nodes' addresses too. */
export class NoStoreError extends ConfigError {
  /** The class, for logs. */
  override name = "NoStoreError";
}

/**
 * The operator's rules forbid what a network names, for example a file elsewhere. ADD is refused; a release leaves the entries to the sweep,
 * because waiting does not help.
 */
export class ForbiddenError extends ConfigError {
  /** The class, for logs. */
  override name = "ForbiddenError";
}
