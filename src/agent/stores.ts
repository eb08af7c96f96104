/**
 * The agent's stores: opened once for each set of settings, kept warm, opened anew when the files that the settings name have changed.
 *
 * @module
 */
import type { Datastore } from "../config/types.ts";
import { type OpenIpam, worldOf } from "../ipam/ipam.ts";
import { borrow } from "../storage/borrow.ts";
import { RefusedError, type Reservations, type StorageDriver } from "../storage/driver.ts";
import type { LoadDriver } from "../storage/open.ts";
import type { Logger } from "../world/log.ts";
import type { World } from "../world/world.ts";
import { Batcher, type BatchObserver } from "./batcher.ts";
import { Limit } from "./limit.ts";
import { measured, type ObserveOperation } from "./measured.ts";
import type { Traffic } from "./traffic.ts";

/** Reservations that are made or released at once: each is a connection. */
const RESERVATIONS_AT_ONCE = 16;

/** An open store, and the calls that use it. */
interface Warm {
  readonly driver: StorageDriver;
  readonly batcher: Batcher;
}

/** A store as it was opened. */
interface Opened {
  /** What the files that its settings name held. */
  readonly files: string;
  readonly warm: Promise<Warm>;
  users: number;
  /** The store that is about to take its place. */
  successor?: Promise<Opened>;
}

/** What the stores work with. */
export interface StoresParts {
  /** The machine. */
  readonly world: World;
  /** The agent's log. */
  readonly log: Logger;
  /** Loads the drivers. */
  readonly loadDriver: LoadDriver;
  /** Told of batches. */
  readonly batches: BatchObserver;
  /** Told of operations. */
  readonly operations: ObserveOperation;
  /** Which calls there are. */
  readonly traffic: Traffic;
}

/** Opens stores and keeps them. */
export class Stores implements AsyncDisposable {
  readonly #parts: StoresParts;
  readonly #open = new Map<string, Opened>();

  /** Opens nothing yet. */
  constructor(parts: StoresParts) {
    this.#parts = parts;
  }

  /**
   * The store of a configuration, for one call. Disposing it leaves the store open.
   *
   * @param arrived told when the call puts its first request to a pool
   * @throws {RefusedError} it cannot be opened from here
   */
  async ipam(datastore: Datastore, log: Logger, arrived: () => void): Promise<OpenIpam> {
    const opened = await this.#current(datastore);
    opened.users++;
    try {
      const { driver, batcher } = await opened.warm;
      return {
        driver: borrow(driver),
        commit: (key, request, options) => {
          const outcome = batcher.commit(key, request, options);
          arrived();
          return outcome;
        },
        turn: () => Promise.resolve(undefined), // requests queue in the batcher
        together: true,
        clock: this.#parts.world,
        log,
        [Symbol.asyncDispose]: () => this.#leave(datastore, opened),
      };
    } catch (error) {
      await this.#leave(datastore, opened);
      throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const all = [...this.#open.values()];
    this.#open.clear();
    for (const { warm } of all) await warm.then(({ driver }) => driver[Symbol.asyncDispose](), () => {});
  }

  /** Files that cannot be read or used now may be half written: what is open goes on. */
  async #current(datastore: Datastore): Promise<Opened> {
    const settings = JSON.stringify(datastore);
    const files = await this.#read(datastore);
    const known = this.#open.get(settings);
    if (known && (files === undefined || files === known.files)) return known;
    if (known) return await (known.successor ??= this.#succeed(datastore, known, files));
    const opened: Opened = { files: files ?? "", warm: this.#start(datastore), users: 0 };
    this.#open.set(settings, opened);
    opened.warm.catch(() => this.#open.delete(settings)); // settings that cannot be used now may be mended
    return opened;
  }

  async #succeed(datastore: Datastore, known: Opened, files = ""): Promise<Opened> {
    const opened: Opened = { files, warm: this.#start(datastore), users: 0 };
    try {
      await opened.warm;
    } catch (error) {
      this.#parts.log.error("A store cannot be opened from its files as they are now: the open one goes on", {
        error: String(error),
      });
      delete known.successor;
      return known;
    }
    this.#parts.log.info("The files of a store have changed: it was opened anew", { kind: datastore.kind });
    this.#open.set(JSON.stringify(datastore), opened);
    if (known.users === 0) void close(known);
    return opened;
  }

  /** A store that others have replaced is closed by whoever leaves it last. */
  async #leave(datastore: Datastore, opened: Opened): Promise<void> {
    if (--opened.users === 0 && this.#open.get(JSON.stringify(datastore)) !== opened) await close(opened);
  }

  async #read(datastore: Datastore): Promise<string | undefined> {
    const texts: string[] = [];
    const purpose = datastore.kind === "kubernetes" ? "kubeconfig" : "credential";
    for (const path of filesOf(datastore)) {
      const text = await worldOf(this.#parts.world, datastore).readTextFile(path, purpose).catch(() => undefined);
      if (text === undefined) return undefined;
      texts.push(text);
    }
    return texts.join("\n");
  }

  async #start(datastore: Datastore): Promise<Warm> {
    const { world, log, loadDriver, batches, operations, traffic } = this.#parts;
    if (datastore.kind === "embedded" && !await world.exists(datastore.path)) {
      throw new RefusedError(
        `The agent makes no database, so that it makes none in its own container: ${datastore.path}`,
      );
    }
    const open = await loadDriver(datastore.kind);
    const driver = withLimits(
      measured(await open(datastore, { world: worldOf(world, datastore), log }), () => world.monotonic(), operations),
    );
    return { driver, batcher: new Batcher({ driver, clock: world, observer: batches, traffic }) };
  }
}

/** Files that the settings name and that are read when the store is opened. */
function filesOf(datastore: Datastore): string[] {
  switch (datastore.kind) {
    case "kubernetes":
      return datastore.kubeconfig ? [datastore.kubeconfig] : [];
    case "etcd":
      return [datastore.caFile, datastore.certFile, datastore.keyFile].filter((path) => path !== undefined);
    case "embedded":
      return [];
  }
}

async function close({ warm }: Opened): Promise<void> {
  await warm.then(({ driver }) => driver[Symbol.asyncDispose](), () => {});
}

function withLimits(driver: StorageDriver): StorageDriver {
  const { overlaps } = driver;
  if (!overlaps) return driver;
  const limit = new Limit(RESERVATIONS_AT_ONCE);
  const reservations: Reservations = {
    claim: (reservation, signal) => limit.run(() => overlaps.claim(reservation, signal)),
    takeOver: (found, wanted, signal) => limit.run(() => overlaps.takeOver(found, wanted, signal)),
    create: (reservation, signal) => limit.run(() => overlaps.create(reservation, signal)),
    release: (reservation, signal) => limit.run(() => overlaps.release(reservation, signal)),
    find: (network, ip, signal) => overlaps.find(network, ip, signal),
    list: (network, signal) => overlaps.list(network, signal),
  };
  return { ...borrow(driver), overlaps: reservations, [Symbol.asyncDispose]: () => driver[Symbol.asyncDispose]() };
}
