/**
 * Objects of a cluster as its API server returns them, for a report.
 *
 * @module
 */

/** The kinds of objects that a report reads. There are no Secrets and no ConfigMaps among them. */
export const RAW_KINDS = [
  "ippools",
  "overlappingrangeipreservations",
  "nodeslicepools",
  "network-attachment-definitions",
  "ipamclaims",
  "daemonsets",
  "deployments",
  "cronjobs",
  "nodes",
  "events",
] as const;

/** A kind of objects. */
export type RawKind = typeof RAW_KINDS[number];

/** A container of a pod of ours. */
export interface PodContainer {
  /** Namespace of the pod. */
  readonly namespace: string;
  /** Name of the pod. */
  readonly pod: string;
  /** Name of the container. */
  readonly container: string;
  /** Whether to read the log of its former instance. */
  readonly previous: boolean;
}

/** Reads objects. */
export interface RawObjects {
  /**
   * Lists a kind: our own in the namespace of the IPPools, workloads in these namespaces, others in the whole cluster. Workloads are only those
   * of our programs and of the original's.
   *
   * @throws {RefusedError} they may not be listed, or are not served
   */
  list(kind: RawKind, namespaces: readonly string[], signal: AbortSignal): Promise<readonly unknown[]>;
  /** The pods of a namespace that run our programs or the original's. @throws {RefusedError} they may not be listed */
  pods(namespace: string, signal: AbortSignal): Promise<readonly unknown[]>;
  /** The last lines of a log, of at most so many bytes. @throws {RefusedError} it may not be read */
  log(of: PodContainer, maxBytes: number, signal: AbortSignal): Promise<string>;
}
