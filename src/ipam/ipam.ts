/**
 * The store that every use case of this folder works with, and how its pools are changed.
 *
 * @module
 */
import { type Cidr, overlap } from "../address/cidr.ts";
import type { IpRange } from "../address/range.ts";
import type { Datastore, IpamConfig } from "../config/types.ts";
import type { Outcome, PoolRequest } from "../pool/requests.ts";
import { type Change, formatPoolKey, type PoolKey } from "../pool/types.ts";
import type { PoolSnapshot, StorageDriver } from "../storage/driver.ts";
import type { LoadDriver } from "../storage/open.ts";
import type { Clock } from "../storage/retry.ts";
import { onSnapshot, update } from "../storage/update.ts";
import { retrying } from "../storage/wrap.ts";
import { confine } from "../world/confine.ts";
import type { Logger } from "../world/log.ts";
import type { World } from "../world/world.ts";
import { KnownBlocks } from "./known_blocks.ts";
import { ListedPools } from "./listed_pools.ts";
import { ReservedAddresses } from "./reserved.ts";

/** Options of one request to a pool. */
export interface CommitOptions {
  /** The deadline. */
  readonly signal: AbortSignal;
  /** The pool as read before, or assumed from memory. */
  readonly from?: PoolSnapshot;
  /** Called before each write with the changes of this request. */
  readonly onAttempt?: (changes: readonly Change[]) => void;
  /** Milliseconds between decision and write. */
  readonly pause?: number;
}

/** Serves a request on a pool. Durable once it resolves. If it rejects, the changes passed to `onAttempt` may or may not be stored. */
export type Commit = <R extends PoolRequest>(key: PoolKey, request: R, options: CommitOptions) => Promise<Outcome<R>>;

/**
 * Reads a pool and runs work on the snapshot. Repeats both after a conflict, or if the store did not answer.
 *
 * @param work must write only on the snapshot that it receives
 */
export type OnSnapshot = <T>(
  key: PoolKey,
  work: (snapshot: PoolSnapshot, signal: AbortSignal) => Promise<T>,
  signal: AbortSignal,
) => Promise<T>;

/** A store in use. */
export interface Ipam {
  /** The open store. It retries idempotent operations by itself. */
  readonly driver: StorageDriver;
  /** Other work on a pool than requests: adopts entries, closes it. */
  readonly onSnapshot: OnSnapshot;
  /** Changes a pool, directly or in a batch with other requests. */
  readonly commit: Commit;
  /** Locks a pool among the processes of this node, if that avoids conflicts. */
  readonly lockPool: (key: PoolKey, signal: AbortSignal) => Promise<Disposable | undefined>;
  /** Whether disjoint pools are changed in parallel. Default false: a process that serves one call would open a connection for each. */
  readonly parallelPools?: boolean;
  /** The reserved addresses that this process remembers. */
  readonly reserved: ReservedAddresses;
  /** The blocks of divided ranges that this process remembers. */
  readonly blocks: KnownBlocks;
  /** The pools that this process remembers. */
  readonly listed: ListedPools;
  /** Counts the node slices that this process takes, and the addresses that it borrows from slices of other nodes. Absent: not counted. */
  readonly onSlice?: (event: "taken" | "borrowed") => void;
  /** The clock for retries. */
  readonly clock: Clock;
  /** Receives events. */
  readonly log: Logger;
}

/**
 * A store that this process changes directly. The processes of one node queue on a file lock per pool and store.
 *
 * @param store distinguishes stores that have pools of the same names; max 64 characters
 *
 * @example
 * ```ts
 * import { denoWorld, directIpam, loadDriver, parseCidr, SILENT } from "@whereabouts/whereabouts";
 * import assert from "node:assert/strict";
 *
 * const world = denoWorld();
 * const open = await loadDriver("embedded");
 * await using driver = await open({ kind: "embedded", path: ":memory:" }, { world, log: SILENT });
 * const ipam = directIpam(driver, world, SILENT);
 * const network = parseCidr("10.0.0.0/24");
 * assert(network);
 * const request = { kind: "release", containerId: "9f1c", ifName: "net1" } as const;
 * const outcome = await ipam.commit({ network: "", cidr: network.cidr }, request, { signal: AbortSignal.timeout(10_000) });
 * assert.deepEqual(outcome.allocations, []);
 * ```
 */
export function directIpam(driver: StorageDriver, world: World, log: Logger, store: string = driver.name): Ipam {
  return {
    driver: retrying(driver, world),
    onSnapshot: (key, work, signal) => onSnapshot(driver, key, work, { clock: world, signal }),
    reserved: new ReservedAddresses(world),
    blocks: new KnownBlocks(world),
    listed: new ListedPools(world),
    clock: world,
    log,
    lockPool: (key, signal) => world.lock(poolLock(store, key), signal),
    commit: async <R extends PoolRequest>(key: PoolKey, request: R, options: CommitOptions) => {
      const { onAttempt } = options;
      const { outcomes } = await update(driver, key, () => [request], {
        ...options,
        clock: world,
        onAttempt: (decision) => onAttempt?.(decision.changes),
      });
      return outcomes[0] as Outcome<R>;
    },
  };
}

/** Lock names are file names of max 240 bytes. Pools of one store whose names share this many characters share a lock. */
const MAX_POOL_NAME_LENGTH = 150;

function poolLock(store: string, key: PoolKey): string {
  return `pool:${store}:${formatPoolKey(key).slice(0, MAX_POOL_NAME_LENGTH)}`;
}

/** A store that the caller disposes. */
export interface OpenIpam extends Ipam, AsyncDisposable {}

/** Opens a datastore for direct use by this process. */
export async function openIpam(
  datastore: Datastore,
  loadDriver: LoadDriver,
  world: World,
  log: Logger,
): Promise<OpenIpam> {
  const [open, store] = await Promise.all([
    loadDriver(datastore.kind),
    world.digest(JSON.stringify(datastore)), // settings may be long, and contain a password
  ]);
  const driver = await open(datastore, { world: worldOf(world, datastore), log });
  const ipam = directIpam(driver, world, log, store);
  return { ...ipam, [Symbol.asyncDispose]: () => driver[Symbol.asyncDispose]() };
}

/** The World for opening a store. A store that a tenant configured reads no file outside its folders. */
export function worldOf(world: World, datastore: Datastore): World {
  return "confinedTo" in datastore && datastore.confinedTo ? confine(world, datastore.confinedTo) : world;
}

/**
 * The pool that serves a range.
 *
 * @example
 * ```ts
 * import { denoWorld, formatPoolKey, loadConfig, poolOf } from "@whereabouts/whereabouts";
 * import assert from "node:assert/strict";
 *
 * const ipam = { type: "whereabouts", datastore: "embedded", range: "10.0.0.0/24", network_name: "storage" };
 * const { config } = await loadConfig(denoWorld(), { conf: { name: "lab", ipam } });
 *
 * assert.deepEqual(config.ranges.map((range) => formatPoolKey(poolOf(config, range))), ["storage/10.0.0.0/24"]);
 * ```
 */
export function poolOf(config: Pick<IpamConfig, "networkName">, range: IpRange): PoolKey {
  return { network: config.networkName, cidr: range.cidr, ...range.slice };
}

/**
 * The pools of a configuration, each once.
 *
 * @example
 * ```ts
 * import { denoWorld, formatPoolKey, loadConfig, poolsOf } from "@whereabouts/whereabouts";
 * import assert from "node:assert/strict";
 *
 * const ipam = { type: "whereabouts", datastore: "embedded", range: "10.0.0.0/24", network_name: "storage" };
 * const { config } = await loadConfig(denoWorld(), { conf: { name: "lab", ipam } });
 *
 * assert.deepEqual(poolsOf(config).map(formatPoolKey), ["storage/10.0.0.0/24"]);
 * ```
 */
export function poolsOf(config: IpamConfig): PoolKey[] {
  return [
    ...new Map(config.ranges.map((range) => poolOf(config, range)).map((key) => [formatPoolKey(key), key])).values(),
  ];
}

/** Whether pools may be changed in parallel: the process allows it, and no two of them contain the same address. */
export function mayRunInParallel(
  { parallelPools = false }: Ipam,
  pools: readonly { readonly cidr: Cidr }[],
): boolean {
  return parallelPools && pools.every(({ cidr }, i) => pools.slice(i + 1).every((other) => !overlap(cidr, other.cidr)));
}
