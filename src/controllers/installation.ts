/**
 * What a cluster reports about the installed programs: ours, and those of the original.
 *
 * @module
 */

/** The task of a workload. `original`: any program of k8snetworkplumbingwg/whereabouts. */
export type Role = "agent" | "controller" | "reconciler" | "original";

/** A workload of ours or of the original. */
export interface Component {
  /** Its task. */
  readonly role: Role;
  /** `DaemonSet`, `Deployment` or `CronJob`. */
  readonly kind: string;
  /** Its namespace. */
  readonly namespace: string;
  /** Its name. */
  readonly name: string;
  /** The image of its container as written in it. */
  readonly image: string;
  /** Pods that it should have. 0 for a CronJob. */
  readonly desired: number;
  /** Pods that are ready. */
  readonly ready: number;
  /** Pods of the present template. The others are of a former one. */
  readonly updated: number;
  /** The Lease of a controller's leader; default `whereabouts-controller`. */
  readonly lease?: string;
  /** It is a CronJob that starts no jobs. */
  readonly suspended?: true;
}

/** The leader of a controller. */
export interface Leader {
  /** Namespace of the Lease. */
  readonly namespace: string;
  /** Name of the Lease. */
  readonly name: string;
  /** Identity of the leader; empty: the Lease is free. */
  readonly holder: string;
  /** Last renewal in milliseconds since 1970, by the clock of the leader. Absent: never. */
  readonly renewed?: number;
}

/** Reads about the installation. Each method needs other rights. */
export interface Installation {
  /**
   * The workloads of the cluster, or where these may not be listed, of the namespace of the IPPools.
   *
   * @throws {RefusedError} neither may be listed
   */
  components(signal: AbortSignal): Promise<readonly Component[]>;
  /** The Lease of a controller; undefined: it does not exist. @throws {RefusedError} it may not be read */
  leader(controller: Pick<Component, "namespace" | "lease">, signal: AbortSignal): Promise<Leader | undefined>;
  /** The versions in which the API server serves each of our resources; empty for a missing one. Needs no right. */
  resources(signal: AbortSignal): Promise<ReadonlyMap<string, readonly string[]>>;
}
