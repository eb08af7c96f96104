/**
 * Marks the pools that `overlap_settings.ts` names, so that plugins reserve what they allocate from them.
 *
 * A mark changes the version of the pool, so a commit that was decided before it conflicts. Every entry is therefore written before the mark,
 * and is in the pool as the mark's write returns it, or its plugin reserves it. The keeper reserves the former immediately: unlike the sweep,
 * which waits for a second scan, it needs no proof that no ADD or DEL is in progress, since an existing reservation stays, and a reservation
 * is deleted again if its entry no longer exists after it was created.
 *
 * @module
 */
import { attemptAll } from "../async/concurrency.ts";
import type { Ipam } from "../ipam/ipam.ts";
import { reserveEntries } from "../ipam/reclaim.ts";
import { formatIp } from "../address/ip.ts";
import { entriesOf } from "../pool/orphans.ts";
import { addressOf, formatPoolKey, type PoolKey } from "../pool/types.ts";
import type { PoolSnapshot } from "../storage/driver.ts";
import type { Logger } from "../world/log.ts";
import type { World } from "../world/world.ts";
import type { Network } from "./networks.ts";
import { poolsToMark, poolsToUnmark } from "./overlap_settings.ts";
import { Worker } from "./worker.ts";

/** Without delay: until a pool is marked, two networks may allocate the same address. */
const WORK = { name: "mark pools that must reserve", delay: 0, retry: { first: 200, max: 30_000 } };

/** What a keeper works with. */
interface KeeperContext {
  /** The machine. */
  readonly world: World;
  /** Receives log lines. */
  readonly log: Logger;
  /** The store. */
  readonly ipam: Ipam;
}

/** Marks pools during one term of a leader. */
export class OverlapKeeper {
  readonly #ipam: Ipam;
  readonly #worker: Worker;
  #demanded: readonly PoolKey[] = [];
  /** Pools that are marked, and whose entries have reservations. */
  readonly #settled = new Set<string>();
  #listed: readonly PoolSnapshot[] = [];

  /** Does nothing until {@linkcode run}. */
  constructor({ world, log, ipam }: KeeperContext) {
    this.#ipam = ipam;
    this.#worker = new Worker(world, log, WORK, (signal) => this.#keep(signal));
  }

  /** Runs until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    await this.#worker.run(signal);
  }

  /** Receives the networks whenever they were read. */
  demand(networks: readonly Network[]): void {
    this.#demanded = poolsToMark(networks);
    this.#worker.trigger();
  }

  /** Receives a list of all pools: marks may have been lost with their objects, or may be needed no longer. */
  listed(pools: readonly PoolSnapshot[]): void {
    const marked = new Set(pools.filter(({ mustReserve }) => mustReserve).map(({ key }) => formatPoolKey(key)));
    for (const name of this.#settled) if (!marked.has(name)) this.#settled.delete(name);
    this.#listed = pools;
    this.#worker.trigger();
  }

  /**
   * Marks the pools, and removes the marks that the last list shows as no longer needed.
   *
   * @throws the first failure, once everything else is done
   */
  async #keep(signal: AbortSignal): Promise<void> {
    const demanded = this.#demanded;
    if (!this.#ipam.driver.requireReservations) return;
    const unneeded = poolsToUnmark(this.#listed, demanded).map(({ key }) => key);
    const unsettled = demanded.filter((key) => !this.#settled.has(formatPoolKey(key)));
    await attemptAll([
      ...unsettled.map((key) => () => this.#mark(key, signal)),
      ...unneeded.map((key) => () => this.#unmark(key, signal)),
    ], signal);
    this.#listed = [];
  }

  async #mark(key: PoolKey, signal: AbortSignal): Promise<void> {
    const pool = await this.#require(key, true, signal);
    const entries = await this.#unreserved(pool, signal);
    const { failures } = await reserveEntries(this.#ipam, entries, signal);
    if (failures.length > 0) throw failures[0];
    this.#settled.add(formatPoolKey(key));
  }

  async #unmark(key: PoolKey, signal: AbortSignal): Promise<void> {
    await this.#require(key, false, signal);
    this.#settled.delete(formatPoolKey(key));
  }

  async #require(key: PoolKey, required: boolean, signal: AbortSignal): Promise<PoolSnapshot> {
    const { driver, log } = this.#ipam;
    return await this.#ipam.onSnapshot(key, async (pool, deadline) => {
      if (!driver.requireReservations || (pool.mustReserve ?? false) === required) return pool;
      const written = await driver.requireReservations(pool, required, deadline);
      log.info(required ? "Pool must reserve" : "Pool need not reserve any more", { pool: formatPoolKey(key) });
      return written;
    }, signal);
  }

  /** The entries whose address nobody has reserved. */
  async #unreserved(pool: PoolSnapshot, signal: AbortSignal) {
    const entries = entriesOf([pool]).toArray();
    if (entries.length === 0) return [];
    const reserved = await this.#ipam.driver.reservations?.list(pool.key.network, signal) ?? [];
    const addresses = new Set(reserved.map(({ ip }) => formatIp(ip)));
    return entries.filter((entry) => !addresses.has(formatIp(addressOf(entry))));
  }
}
