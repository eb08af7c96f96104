/**
 * What every use case of this folder works with: a store, and how its pools are changed.
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

/** How one request is put to a pool. */
export interface CommitOptions {
  /** Ends it. */
  readonly signal: AbortSignal;
  /** The pool as just read, or presumed. */
  readonly from?: PoolSnapshot;
  /** Told the changes about to be written for this request, before each write. */
  readonly onAttempt?: (changes: readonly Change[]) => void;
  /** Milliseconds between decision and write. */
  readonly pause?: number;
}

/** Puts a request to a pool. Resolved: durable. Rejected: what `onAttempt` was told may or may not be stored. */
export type Commit = <R extends PoolRequest>(key: PoolKey, request: R, options: CommitOptions) => Promise<Outcome<R>>;

/**
 * Does work on a pool as it is now: reads it, and repeats reading and work when the pool changed under it or the store did not answer.
 *
 * @param work whatever it writes, it writes on the snapshot that it is given
 */
export type OnSnapshot = <T>(
  key: PoolKey,
  work: (snapshot: PoolSnapshot, signal: AbortSignal) => Promise<T>,
  signal: AbortSignal,
) => Promise<T>;

/** A store in use. */
export interface Ipam {
  /** The open store. Reads, and writes that can be repeated, are repeated by themselves when the store does not answer. */
  readonly driver: StorageDriver;
  /** Does other work on a pool than requests: adopts entries, closes it. */
  readonly onSnapshot: OnSnapshot;
  /** Changes a pool: at once, or together with others. */
  readonly commit: Commit;
  /** Makes the processes of this node take turns at a pool, where that is worth while. */
  readonly turn: (key: PoolKey, signal: AbortSignal) => Promise<Disposable | undefined>;
  /** Whether pools that do not overlap are changed at once. Default false: a process that serves one call would connect for each. */
  readonly together?: boolean;
  /** Time and chance. */
  readonly clock: Clock;
  /** Where to say what was done. */
  readonly log: Logger;
}

/**
 * The store, changed directly by this process. The processes of one node queue on a file lock for each pool of each store.
 *
 * @param store tells the store from others with pools of the same names; 64 characters at most
 */
export function directIpam(driver: StorageDriver, world: World, log: Logger, store: string = driver.name): Ipam {
  return {
    driver: retrying(driver, world),
    onSnapshot: (key, work, signal) => onSnapshot(driver, key, work, { clock: world, signal }),
    clock: world,
    log,
    turn: (key, signal) => world.lock(poolLock(store, key), signal),
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

/** A lock's name is a file's: of pools with names this long, those of one store that begin alike share a lock. */
const LONGEST_POOL_NAME = 150;

function poolLock(store: string, key: PoolKey): string {
  return `pool:${store}:${formatPoolKey(key).slice(0, LONGEST_POOL_NAME)}`;
}

/** A store in use, to be disposed. */
export interface OpenIpam extends Ipam, AsyncDisposable {}

/** Opens a datastore for direct use by this process. */
export async function openIpam(
  datastore: Datastore,
  loadDriver: LoadDriver,
  world: World,
  log: Logger,
): Promise<OpenIpam> {
  const open = await loadDriver(datastore.kind);
  const [driver, store] = await Promise.all([
    open(datastore, { world: worldOf(world, datastore), log }),
    world.digest(JSON.stringify(datastore)), // settings may be long, and hold a password
  ]);
  const ipam = directIpam(driver, world, log, store);
  return { ...ipam, [Symbol.asyncDispose]: () => driver[Symbol.asyncDispose]() };
}

/** The World in which a store is opened: one that a tenant names opens no file outside of its folders. */
export function worldOf(world: World, datastore: Datastore): World {
  return "confinedTo" in datastore && datastore.confinedTo ? confine(world, datastore.confinedTo) : world;
}

/** The pool that serves a range. */
export function poolOf(config: Pick<IpamConfig, "networkName">, range: IpRange): PoolKey {
  return { network: config.networkName, cidr: range.cidr, ...range.slice };
}

/** The pools of a configuration, each once. */
export function poolsOf(config: IpamConfig): PoolKey[] {
  return [
    ...new Map(config.ranges.map((range) => poolOf(config, range)).map((key) => [formatPoolKey(key), key])).values(),
  ];
}

/** Whether pools are to be changed at once: the process gains by it, and no two of them can hold the same address. */
export function mayGoTogether({ together = false }: Ipam, pools: readonly { readonly cidr: Cidr }[]): boolean {
  return together && pools.every(({ cidr }, i) => pools.slice(i + 1).every((other) => !overlap(cidr, other.cidr)));
}
