/**
 * The configuration that the rest of the program uses: read, merged and checked.
 *
 * @module
 */
import type { Ip } from "../address/ip.ts";
import type { IpRange } from "../address/range.ts";
import type { LogOptions } from "../world/log.ts";

/** A route of the result, as configured. */
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

/** DNS settings of the result, as configured. */
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

/** An address that is assigned without a pool. */
export interface StaticAddress {
  /** The address. */
  readonly ip: Ip;
  /** The prefix length of its network. */
  readonly prefix: number;
  /** Its gateway. */
  readonly gateway?: Ip;
}

/** The kind of process that connects to a Kubernetes API server. It determines which features of a kubeconfig are allowed. */
export type KubernetesClient = "node" | "controller" | "command";

/** The kind of store, and its address. */
export type Datastore =
  | {
    readonly kind: "kubernetes";
    /** Path of the kubeconfig. Absent: the service account of this process's pod. */
    readonly kubeconfig?: string;
    /** Context of the kubeconfig. Absent: its current one. Only commands and the controller set it. */
    readonly context?: string;
    /** The kind of process that opens the store. Default `node`. */
    readonly client?: KubernetesClient;
    /** Namespace of the objects. Absent: that of the kubeconfig's context. */
    readonly namespace?: string;
    /** Folders to which the kubeconfig and the files that it names are confined. Absent: the operator names it, so it may be anywhere. */
    readonly confinedTo?: readonly string[];
  }
  | {
    readonly kind: "etcd";
    /** Endpoints such as `https://etcd.example:2379`. */
    readonly hosts: readonly string[];
    /** Key prefix. Default `/whereabouts`. */
    readonly prefix: string;
    /** The expected name in the server's certificate. Absent: the host. */
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
    /** Folders to which these files are confined. Absent: the operator names them, so they may be anywhere. */
    readonly confinedTo?: readonly string[];
  }
  | {
    readonly kind: "embedded";
    /** Path of the SQLite file; `:memory:` keeps the database in this process. Default `/var/lib/cni/whereabouts/whereabouts.db`. */
    readonly path: string;
  };

/** Which ranges of a network give a pod an address. */
export type RangesAllocation = "all" | "first_available";

/** One network's IPAM configuration, checked. */
export interface IpamConfig {
  /** The CNI network's `name`. */
  readonly network: string;
  /** `cniVersion` of the network configuration. Default `0.1.0`. */
  readonly cniVersion: string;
  /** `network_name`: the allocation domain. Empty for the default domain. */
  readonly networkName: string;
  /** Ranges, in the order of allocation. */
  readonly ranges: readonly IpRange[];
  /**
   * Which ranges give a pod an address: `all` of them one each, or the `first_available` one only. Default `all`. Named as in the original's
   * proposal k8snetworkplumbingwg/whereabouts#738.
   */
  readonly rangesAllocation?: RangesAllocation;
  /** Gateway of the addresses of its own family. */
  readonly gateway?: Ip;
  /** Routes of the result. */
  readonly routes: readonly Route[];
  /** DNS of the result. */
  readonly dns: Dns;
  /** Addresses that are assigned without a pool. No range may allocate one of them. */
  readonly addresses: readonly StaticAddress[];
  /** Requested addresses in the network of a range: allocated from it, or refused. */
  readonly requested: readonly Ip[];
  /** Whether addresses are reserved in the whole cluster, across all pools of the allocation domain. */
  readonly overlapping: boolean;
  /** Whether the network-status of a running pod is evidence that the pod no longer uses an address. */
  readonly verifyNetworkStatus: boolean;
  /** The store. */
  readonly datastore: Datastore;
  /** The log: level, format and file. */
  readonly log: LogOptions;
  /** `allow_persistent_ips`: whether IPAMClaims keep addresses. Default false. */
  readonly persistentIps?: boolean;
  /** `sticky`: the owners of pods, apart from IPAMClaims, that keep addresses. Absent: none. */
  readonly sticky?: "statefulset";
  /** `preferred_ip`: whether a pod may name the address that it prefers. Default false. */
  readonly preferredIp?: boolean;
  /** `node_slice_size` as written. Absent: the pool is shared by all nodes. */
  readonly nodeSliceSize?: string;
  /** A node that has used up its slice takes another one, or borrows addresses. Absent: it has one slice. */
  readonly nodeSliceElastic?: true;
  /** `configuration_path`: a file or a folder. The folder contains `nodename`. */
  readonly configurationPath?: string;
  /** `reconciler_cron_expression`. */
  readonly reconcilerCron?: string;
  /** `sleep_for_race`: seconds to wait between decision and write. For tests. */
  readonly sleepForRace: number;
}

/** A configuration, with messages for the operator. */
export interface Loaded {
  /** The checked configuration. */
  readonly config: IpamConfig;
  /** One sentence each: ignored bounds, unknown keys, settings without effect. */
  readonly warnings: readonly string[];
  /** One sentence each, for debug logs: settings that are accepted and ignored. */
  readonly notes: readonly string[];
  /** No store is configured anywhere, so `config.datastore` is the embedded default. */
  readonly defaultStore: boolean;
}

/**
 * The purpose of a configuration. It determines which rules apply.
 *
 * - `allocate`: ADD and STATUS. Every rule.
 * - `release`: DEL, GC, CHECK and pending releases. The rules for new allocations do not apply.
 * - `inspect`: a process outside of the node reads a network. Every rule, but no file that the network names is opened.
 * - `store`: the store and its settings. The ranges are not used.
 */
export type Purpose = "allocate" | "release" | "inspect" | "store";

/** An invalid configuration. The message names the field, the value found and the value expected. */
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

/** A caller requests an address that no range of the network may allocate. CNI code 101. */
export class RequestRefusedError extends ConfigError {
  /** The class, for logs. */
  override name = "RequestRefusedError";
}

/** A pod of Kubernetes needs an address, and no store is configured. A store of this node would allocate the same addresses as other nodes. */
export class NoStoreError extends ConfigError {
  /** The class, for logs. */
  override name = "NoStoreError";
}

/**
 * The operator's rules forbid what a network names, such as a file elsewhere. ADD is refused. A release leaves the entries to the sweep,
 * because a retry does not help.
 */
export class ForbiddenError extends ConfigError {
  /** The class, for logs. */
  override name = "ForbiddenError";
}
