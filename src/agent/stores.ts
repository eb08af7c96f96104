/**
 * The agent's stores: opened once for each set of settings, kept warm.
 *
 * @module
 */
import type { Datastore } from "../config/types.ts";
import type { OpenIpam } from "../ipam/ipam.ts";
import { borrow } from "../storage/borrow.ts";
import type { Reservations, StorageDriver } from "../storage/driver.ts";
import type { LoadDriver } from "../storage/open.ts";
import type { Logger } from "../world/log.ts";
import type { World } from "../world/world.ts";
import { Batcher, type BatchObserver } from "./batcher.ts";
import { limiter } from "./limit.ts";
import type { Traffic } from "./traffic.ts";

/** Reservations that are made or released at once: each is a connection. */
const RESERVATIONS_AT_ONCE = 16;

interface Warm {
  readonly driver: StorageDriver;
  readonly batcher: Batcher;
}

/** Opens stores and keeps them. */
export class Stores implements AsyncDisposable {
  readonly #world: World;
  readonly #log: Logger;
  readonly #loadDriver: LoadDriver;
  readonly #observer: BatchObserver;
  readonly #traffic: Traffic;
  readonly #open = new Map<string, Promise<Warm>>();

  /** Opens nothing yet. */
  constructor(world: World, log: Logger, loadDriver: LoadDriver, observer: BatchObserver, traffic: Traffic) {
    this.#world = world;
    this.#log = log;
    this.#loadDriver = loadDriver;
    this.#observer = observer;
    this.#traffic = traffic;
  }

  /**
   * The store of a configuration, for one call. Disposing it leaves the store open.
   *
   * @param arrived told when the call puts its first request to a pool
   */
  async ipam(datastore: Datastore, log: Logger, arrived: () => void): Promise<OpenIpam> {
    const { driver, batcher } = await this.#warm(datastore);
    return {
      driver: borrow(driver),
      commit: (key, request, options) => {
        const outcome = batcher.commit(key, request, options);
        arrived();
        return outcome;
      },
      turn: () => Promise.resolve(undefined), // requests queue in the batcher
      together: true,
      clock: this.#world,
      log,
      [Symbol.asyncDispose]: () => Promise.resolve(),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const warm of this.#open.values()) await warm.then(({ driver }) => driver[Symbol.asyncDispose](), () => {});
    this.#open.clear();
  }

  #warm(datastore: Datastore): Promise<Warm> {
    const settings = JSON.stringify(datastore);
    const known = this.#open.get(settings);
    if (known) return known;
    const opening = this.#start(datastore);
    this.#open.set(settings, opening);
    opening.catch(() => this.#open.delete(settings)); // settings that cannot be used now may be mended
    return opening;
  }

  async #start(datastore: Datastore): Promise<Warm> {
    const open = await this.#loadDriver(datastore.kind);
    const driver = withLimits(await open(datastore, { world: this.#world, log: this.#log }));
    const parts = { driver, clock: this.#world, observer: this.#observer, traffic: this.#traffic };
    return { driver, batcher: new Batcher(parts) };
  }
}

function withLimits(driver: StorageDriver): StorageDriver {
  const { overlaps } = driver;
  if (!overlaps) return driver;
  const limited = limiter(RESERVATIONS_AT_ONCE);
  const reservations: Reservations = {
    claim: (reservation, signal) => limited(() => overlaps.claim(reservation, signal)),
    release: (reservation, signal) => limited(() => overlaps.release(reservation, signal)),
    find: (network, ip, signal) => overlaps.find(network, ip, signal),
    list: (network, signal) => overlaps.list(network, signal),
  };
  return { ...borrow(driver), overlaps: reservations, [Symbol.asyncDispose]: () => driver[Symbol.asyncDispose]() };
}
