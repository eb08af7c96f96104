/**
 * The agent's stores. A store is opened once for each set of settings and stays open. It is reopened when the files that its settings name
 * change, and closed when it is unused and many others were used more recently.
 *
 * Settings come from network configurations, so there may be many, also of stores that do not answer. Limits apply per store: one that does
 * not answer delays only its own calls.
 *
 * @module
 */
import type { Datastore } from "../config/types.ts";
import { type Ipam, type OpenIpam, worldOf } from "../ipam/ipam.ts";
import { KnownBlocks } from "../ipam/known_blocks.ts";
import { ListedPools } from "../ipam/listed_pools.ts";
import { ReservedAddresses } from "../ipam/reserved.ts";
import { RefusedError, type StorageDriver, UnavailableError } from "../storage/driver.ts";
import type { LoadDriver } from "../storage/open.ts";
import { onSnapshot } from "../storage/update.ts";
import { borrow, type Operation, retrying, type Runner, wrap } from "../storage/wrap.ts";
import { unlessAborted } from "../async/abort.ts";
import { Semaphore } from "../async/concurrency.ts";
import type { Logger } from "../world/log.ts";
import type { World } from "../world/world.ts";
import { Batcher, type BatchObserver } from "./batcher.ts";
import { measuring, type ObserveOperation } from "./measured.ts";
import { Shares } from "./shares.ts";

/** Max reservations that are created or released at the same time, per store: each uses a connection. */
const MAX_RESERVATIONS = 16;
/** Max concurrent calls per store: as many as one commit takes. */
const MAX_CALLS_PER_STORE = 1_000;
/** Max calls to all stores, waiting ones included. Each store gets a share: one alone half of them. */
const MAX_CALLS = 4_000;
/** Max unused stores that stay open: the most recently used ones. A node has two or three stores. */
const MAX_IDLE = 32;

/** A store has used its share of the agent's calls: callers shall try again later. */
export class BusyError extends UnavailableError {
  /** The class, for logs. */
  override name = "BusyError";
}

/** An open store, and what tracks its calls. */
interface OpenStore {
  readonly driver: StorageDriver;
  /** The same for calls: it retries, and disposing it leaves the store open. */
  readonly lent: StorageDriver;
  readonly batcher: Batcher;
  readonly reserved: ReservedAddresses;
  readonly blocks: KnownBlocks;
  readonly listed: ListedPools;
  readonly calls: Semaphore;
}

/** How a call uses a store. */
export interface StoreUse {
  /** The call's own log. */
  readonly log: Logger;
  /** Ends the wait for the store. */
  readonly signal: AbortSignal;
}

/** A store of the cache. */
interface CachedStore {
  /** Content of the files that its settings name, as of when it was opened. */
  readonly files: string;
  readonly store: Promise<OpenStore>;
  /** Calls that use it. */
  users: number;
  /** The store that is being opened to replace it. */
  successor?: Promise<CachedStore>;
}

/** What the stores need. */
interface StoresParts {
  /** The machine. */
  readonly world: World;
  /** The agent's log. */
  readonly log: Logger;
  /** Loads the drivers. */
  readonly loadDriver: LoadDriver;
  /** Observes batches. */
  readonly batches: BatchObserver;
  /** Observes operations. */
  readonly operations: ObserveOperation;
  /** Counts node slices and borrowed addresses. */
  readonly onSlice?: Ipam["onSlice"];
}

/** Opens stores and keeps them open. */
export class Stores implements AsyncDisposable {
  readonly #parts: StoresParts;
  /** By settings; the most recently used store is last. */
  readonly #open = new Map<string, CachedStore>();
  readonly #shares = new Shares(MAX_CALLS);
  #waiting = 0;

  /** Opens no store yet. */
  constructor(parts: StoresParts) {
    this.#parts = parts;
  }

  /** Calls that wait because their store is at its limit. */
  get waiting(): number {
    return this.#waiting;
  }

  /**
   * The store of a configuration, for one call. Disposing it leaves the store open.
   *
   * @throws {RefusedError} the agent cannot open the store
   * @throws {BusyError} the store has used its share of the agent's calls
   * @throws the signal's reason if it aborts first
   */
  async ipam(datastore: Datastore, { log, signal }: StoreUse): Promise<OpenIpam> {
    await using use = new AsyncDisposableStack();
    const share = this.#shares.take(JSON.stringify(datastore));
    if (!share) {
      throw new BusyError(`The agent has too many calls to ${nameOf(datastore)} in progress; try again later`);
    }
    use.use(share);
    const opened = await unlessAborted(this.#current(datastore), signal);
    opened.users++;
    use.defer(() => this.#leave(datastore, opened));
    const { driver, lent, batcher, reserved, blocks, listed, calls } = await unlessAborted(opened.store, signal);
    use.use(await this.#enter(calls, signal));
    const resources = use.move();
    const { world, onSlice } = this.#parts;
    return {
      driver: lent,
      onSnapshot: (key, work, signal) => onSnapshot(driver, key, work, { clock: world, signal }),
      commit: (key, request, options) => batcher.commit(key, request, options),
      lockPool: () => Promise.resolve(undefined), // the batcher serializes requests
      parallelPools: true,
      reserved,
      blocks,
      listed,
      ...(onSlice && { onSlice }),
      clock: world,
      log,
      [Symbol.asyncDispose]: () => resources.disposeAsync(),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const all = [...this.#open.values()];
    this.#open.clear();
    for (const { store } of all) await store.then(({ driver }) => driver[Symbol.asyncDispose](), () => {});
  }

  async #enter(calls: Semaphore, signal: AbortSignal): Promise<Disposable> {
    this.#waiting++;
    try {
      return await calls.enter(signal);
    } finally {
      this.#waiting--;
    }
  }

  /** Reopens a store whose files changed. Files that are unreadable or invalid now may be half written: the open store stays in use. */
  async #current(datastore: Datastore): Promise<CachedStore> {
    const settings = JSON.stringify(datastore);
    const files = await this.#read(datastore);
    const known = this.#open.get(settings);
    if (known && (files === undefined || files === known.files)) return known;
    if (known) return await (known.successor ??= this.#succeed(datastore, known, files));
    const opened: CachedStore = { files: files ?? "", store: this.#start(datastore), users: 0 };
    this.#open.set(settings, opened);
    opened.store.catch(() => this.#open.delete(settings)); // the next call tries again
    return opened;
  }

  async #succeed(datastore: Datastore, known: CachedStore, files = ""): Promise<CachedStore> {
    const opened: CachedStore = { files, store: this.#start(datastore), users: 0 };
    try {
      await opened.store;
    } catch (error) {
      this.#parts.log.error("Cannot reopen a store whose files changed; the open one stays in use", {
        error: String(error),
      });
      delete known.successor;
      return known;
    }
    this.#parts.log.info("Reopened a store whose files changed", { kind: datastore.kind });
    this.#open.set(JSON.stringify(datastore), opened);
    if (known.users === 0) void close(known);
    return opened;
  }

  /** The last call closes a store that was replaced. Of other unused stores, the least recently used ones are closed. */
  async #leave(datastore: Datastore, opened: CachedStore): Promise<void> {
    if (--opened.users > 0) return;
    const settings = JSON.stringify(datastore);
    if (this.#open.get(settings) !== opened) return await close(opened);
    this.#open.delete(settings);
    this.#open.set(settings, opened);
    const idle = [...this.#open].filter(([, { users }]) => users === 0);
    for (const [other, unused] of idle.slice(0, -MAX_IDLE)) {
      this.#open.delete(other);
      void close(unused);
    }
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

  async #start(datastore: Datastore): Promise<OpenStore> {
    const { world, log, loadDriver, batches, operations } = this.#parts;
    if (datastore.kind === "embedded" && !await world.exists(datastore.path)) {
      throw new RefusedError(
        `The agent creates no database, because the file would be in its own container: ${datastore.path}`,
      );
    }
    const open = await loadDriver(datastore.kind);
    let outages = 0;
    const measure = measuring(() => world.monotonic(), (operation, outcome, milliseconds) => {
      if (outcome === "unavailable") outages++;
      operations(operation, outcome, milliseconds);
    });
    const driver = wrap(await open(datastore, { world: worldOf(world, datastore), log }), limiting(measure));
    const batcher = new Batcher({ driver, clock: world, observer: batches, outages: () => outages });
    const lent = borrow(retrying(driver, world));
    const [reserved, blocks, listed] = [new ReservedAddresses(world), new KnownBlocks(world), new ListedPools(world)];
    return { driver, lent, batcher, reserved, blocks, listed, calls: new Semaphore(MAX_CALLS_PER_STORE) };
  }
}

/** The store as messages name it: its place, without credentials. */
function nameOf(datastore: Datastore): string {
  switch (datastore.kind) {
    case "kubernetes":
      return `the API server of ${datastore.kubeconfig ?? "this cluster"}`;
    case "etcd":
      return `etcd at ${datastore.hosts.join(", ")}`;
    case "embedded":
      return `the database ${datastore.path}`;
  }
}

/** Files that the settings name and that opening the store reads. */
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

async function close({ store }: CachedStore): Promise<void> {
  await store.then(({ driver }) => driver[Symbol.asyncDispose](), () => {});
}

/** Operations with limited concurrency: each uses a connection. */
const LIMITED: ReadonlySet<Operation> = new Set(["reserve", "take_over_reservation", "unreserve"]);

function limiting(run: Runner): Runner {
  const reserving = new Semaphore(MAX_RESERVATIONS);
  return (operation, work, signal) =>
    LIMITED.has(operation) ? reserving.run(() => run(operation, work, signal), signal) : run(operation, work, signal);
}
