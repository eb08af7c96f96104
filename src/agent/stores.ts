/**
 * The agent's stores: opened once for each set of settings, kept warm, opened anew when the files that the settings name have changed, closed
 * when others are in use instead.
 *
 * Settings are whatever a network's configuration says, so there may be many, and stores that do not answer. What calls may occupy is counted
 * by store: one that does not answer holds its own calls.
 *
 * @module
 */
import type { Datastore } from "../config/types.ts";
import { type OpenIpam, worldOf } from "../ipam/ipam.ts";
import { RefusedError, type StorageDriver, UnavailableError } from "../storage/driver.ts";
import type { LoadDriver } from "../storage/open.ts";
import { onSnapshot } from "../storage/update.ts";
import { borrow, type Operation, retrying, type Runner, wrap } from "../storage/wrap.ts";
import { unlessAborted } from "../async/abort.ts";
import type { Logger } from "../world/log.ts";
import type { World } from "../world/world.ts";
import { Batcher, type BatchObserver } from "./batcher.ts";
import { Limit } from "./limit.ts";
import { measuring, type ObserveOperation } from "./measured.ts";
import { Shares } from "./shares.ts";
import { Traffic } from "./traffic.ts";

/** Reservations of a store that are made or released at once: each is a connection. */
const RESERVATIONS_AT_ONCE = 16;
/** Calls that use a store at once: as many as one commit takes. */
const CALLS_AT_ONCE = 1_000;
/** Calls to all stores, those that wait included, of which a store gets its share: one alone half of them. */
const ROOM = 4_000;
/** Stores that are kept open while no call uses them: those that were used last. A node has two or three. */
const MOST_IDLE = 32;

/** A store has its share of the agent's calls: its callers shall try again later. */
export class BusyError extends UnavailableError {
  /** The class, for logs. */
  override name = "BusyError";
}

/** An open store, and the calls that use it. */
interface Warm {
  readonly driver: StorageDriver;
  readonly batcher: Batcher;
  readonly traffic: Traffic;
  readonly limit: Limit;
}

/** How a call uses a store. */
export interface StoreUse {
  /** The call's own log. */
  readonly log: Logger;
  /** Ends its waiting for the store. */
  readonly signal: AbortSignal;
  /** Whether it is about to put a request to a pool, so that a commit may gain by waiting for it. */
  readonly commits: boolean;
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
}

/** Opens stores and keeps them. */
export class Stores implements AsyncDisposable {
  readonly #parts: StoresParts;
  /** By settings; those that were used last come last. */
  readonly #open = new Map<string, Opened>();
  readonly #shares = new Shares(ROOM);
  #waiting = 0;

  /** Opens nothing yet. */
  constructor(parts: StoresParts) {
    this.#parts = parts;
  }

  /** Calls that wait for room in their stores. */
  get waiting(): number {
    return this.#waiting;
  }

  /**
   * The store of a configuration, for one call. Disposing it leaves the store open.
   *
   * @throws {RefusedError} it cannot be opened from here
   * @throws {BusyError} too many calls use it already; the signal's reason once it aborts
   */
  async ipam(datastore: Datastore, { log, signal, commits }: StoreUse): Promise<OpenIpam> {
    await using use = new AsyncDisposableStack();
    const share = this.#shares.take(JSON.stringify(datastore));
    if (!share) throw new BusyError(`The agent has too many calls to ${nameOf(datastore)} under way: try again later`);
    use.use(share);
    const opened = await unlessAborted(this.#current(datastore), signal);
    opened.users++;
    use.defer(() => this.#leave(datastore, opened));
    const { driver, batcher, traffic, limit } = await unlessAborted(opened.warm, signal);
    use.use(await this.#enter(limit, signal));
    const passage = commits ? traffic.begin() : undefined;
    use.defer(() => passage?.end());
    const held = use.move();
    return {
      driver: borrow(retrying(driver, this.#parts.world)),
      onSnapshot: (key, work, signal) => onSnapshot(driver, key, work, { clock: this.#parts.world, signal }),
      commit: (key, request, options) => {
        const outcome = batcher.commit(key, request, options);
        passage?.arrived();
        return outcome;
      },
      lockPool: () => Promise.resolve(undefined), // requests queue in the batcher
      parallelPools: true,
      clock: this.#parts.world,
      log,
      [Symbol.asyncDispose]: () => held.disposeAsync(),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const all = [...this.#open.values()];
    this.#open.clear();
    for (const { warm } of all) await warm.then(({ driver }) => driver[Symbol.asyncDispose](), () => {});
  }

  async #enter(limit: Limit, signal: AbortSignal): Promise<Disposable> {
    this.#waiting++;
    try {
      return await limit.enter(signal);
    } finally {
      this.#waiting--;
    }
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

  /** A store that another has replaced is closed by whoever leaves it last; of the others, those that were not used for longest. */
  async #leave(datastore: Datastore, opened: Opened): Promise<void> {
    if (--opened.users > 0) return;
    const settings = JSON.stringify(datastore);
    if (this.#open.get(settings) !== opened) return await close(opened);
    this.#open.delete(settings);
    this.#open.set(settings, opened);
    const idle = [...this.#open].filter(([, { users }]) => users === 0);
    for (const [other, unused] of idle.slice(0, -MOST_IDLE)) {
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

  async #start(datastore: Datastore): Promise<Warm> {
    const { world, log, loadDriver, batches, operations } = this.#parts;
    if (datastore.kind === "embedded" && !await world.exists(datastore.path)) {
      throw new RefusedError(
        `The agent makes no database, so that it makes none in its own container: ${datastore.path}`,
      );
    }
    const open = await loadDriver(datastore.kind);
    let outages = 0;
    const now = () => world.monotonic();
    const measure = measuring(now, (operation, outcome, milliseconds) => {
      if (outcome === "unavailable") outages++;
      operations(operation, outcome, milliseconds);
    });
    const driver = wrap(await open(datastore, { world: worldOf(world, datastore), log }), limiting(measure));
    const traffic = new Traffic(now);
    const batcher = new Batcher({ driver, clock: world, observer: batches, traffic, outages: () => outages });
    return { driver, batcher, traffic, limit: new Limit(CALLS_AT_ONCE) };
  }
}

/** A store for people: where it is, without what opens it. */
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

/** Operations of which a few run at a time: each is a connection. */
const LIMITED: ReadonlySet<Operation> = new Set(["reserve", "take_over_reservation", "unreserve"]);

function limiting(run: Runner): Runner {
  const limit = new Limit(RESERVATIONS_AT_ONCE);
  return (operation, work, signal) =>
    LIMITED.has(operation) ? limit.run(() => run(operation, work, signal), signal) : run(operation, work, signal);
}
