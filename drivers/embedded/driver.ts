/**
 * The embedded store: one SQLite file, for one machine without a cluster. Safe for concurrent processes, durable at each commit.
 * With the path `:memory:` it lives in this process, as in the simulation.
 *
 * @module
 */
import type { DatabaseSync } from "node:sqlite";
import { contains, formatCidr, parseCidr } from "../../src/address/cidr.ts";
import type { Datastore } from "../../src/config/types.ts";
import { type Family, formatIp, type Ip, parseIp } from "../../src/address/ip.ts";
import type { Unreadable } from "../../src/pool/finding.ts";
import type { BlockFacts } from "../../src/pool/grid.ts";
import { decodeMove, encodeMove, type Move } from "../../src/pool/move.ts";
import { isEmpty, type Reuse } from "../../src/pool/reuse.ts";
import type { Allocation, Change, PoolKey } from "../../src/pool/types.ts";
import { formatPoolKey, sameEntry } from "../../src/pool/types.ts";
import {
  ConflictError,
  ForeignStoreError,
  type Located,
  type PoolSnapshot,
  RefusedError,
  type Reservations,
  type StorageDriver,
  UnavailableError,
} from "../../src/storage/driver.ts";
import { IS_LAYOUT, listBlocks } from "./blocks.ts";
import { closeDatabase, openDatabase } from "./file.ts";
import { isReserved, mustReserve, poolsThatMustReserve } from "./overlaps.ts";
import { ALLOCATION_COLUMNS, allocationValues, toAllocation } from "./owner.ts";
import { reservationsOf, sqliteReservations } from "./reservations.ts";
import { REUSE_COLUMNS, type ReuseColumns, reuseReader, writeReuse } from "./reuse.ts";
import { transaction } from "./schema.ts";
import { messageOf } from "../../src/values/errors.ts";

/** Temporary errors. */
const BUSY = /locked|busy|disk is full|disk I\/O|Too many open files/;

/** Opens the embedded store. The first operation creates the file and its folder. */
export function openEmbedded(datastore: Datastore): Promise<StorageDriver> {
  return datastore.kind === "embedded"
    ? Promise.resolve(new EmbeddedDriver(datastore.path))
    : Promise.reject(new RefusedError(`Cannot open datastore ${datastore.kind} with the embedded driver`));
}

class EmbeddedDriver implements StorageDriver {
  readonly name = "embedded";
  readonly recordsReuse = true;
  readonly reservations: Reservations;
  readonly #path: string;
  #database: DatabaseSync | undefined;

  constructor(path: string) {
    this.#path = path;
    this.reservations = sqliteReservations((signal, work) => this.#run(signal, work));
  }

  read(key: PoolKey, signal: AbortSignal): Promise<PoolSnapshot> {
    return this.#run(signal, (database) => {
      const row = poolRow(database, key);
      const isMarked = mustReserve(database, key);
      if (!row) return { key, allocations: new Map(), version: 0, ...mark(isMarked) };
      return snapshotReader(database)(key, row, isMarked);
    });
  }

  setMove(snapshot: PoolSnapshot, move: Move | undefined, signal: AbortSignal): Promise<PoolSnapshot> {
    return this.#run(signal, (database) => {
      const { key, move: _, ...others } = snapshot;
      const version = transaction(database, () => {
        const { id, version } = writable(database, snapshot);
        database.prepare("UPDATE pools SET move = ?, version = version + 1 WHERE id = ?")
          .run(move ? encodeMove(move) : null, id);
        return version + 1;
      });
      return { ...others, key, version, ...(move && { move }) };
    });
  }

  commit(
    snapshot: PoolSnapshot,
    changes: readonly Change[],
    signal: AbortSignal,
    reuse: Reuse | undefined = snapshot.reuse,
  ): Promise<PoolSnapshot> {
    return this.#run(signal, (database) => {
      const { version, marked } = transaction(database, () => write(database, snapshot, changes, reuse));
      const allocations = new Map(snapshot.allocations);
      for (const { address, after } of changes) {
        if (after) allocations.set(address, after);
        else allocations.delete(address);
      }
      const recorded = reuse && !isEmpty(reuse) && { reuse };
      const { key, move, block } = snapshot;
      const marks = { ...mark(marked), ...(move && { move }), ...(block && { block }) };
      return { key, allocations, version, ...marks, ...recorded };
    });
  }

  listBlocks(network: string, _fresh: boolean, signal: AbortSignal): Promise<BlockFacts[]> {
    return this.#run(signal, (database) => listBlocks(database, network));
  }

  list(signal: AbortSignal): Promise<PoolSnapshot[]> {
    return this.#run(signal, (database) => {
      const read = snapshotReader(database);
      const marked = poolsThatMustReserve(database);
      return listedRows(database).map(({ key, row }) => read(key, toPoolRow(row), marked.has(Number(row.id))));
    });
  }

  locate(ip: Ip, signal: AbortSignal): Promise<Located> {
    return this.#run(signal, (database) => {
      const read = snapshotReader(database);
      const pools = listedRows(database).filter(({ key }) => contains(key.cidr, ip))
        .map(({ key, row }) => read(key, toPoolRow(row), mustReserve(database, key)));
      return { pools, reservations: reservationsOf(database, ip) };
    });
  }

  unreadable(signal: AbortSignal): Promise<Unreadable[]> {
    return this.#run(signal, (database) => {
      const pools = database.prepare("SELECT network, node, range FROM pools").all().filter((row) => !toKey(row));
      const odd = database.prepare(
        "SELECT range, address FROM allocations JOIN pools ON pools.id = allocations.pool",
      ).all().filter(({ range, address }) => {
        const family = parseCidr(String(range))?.cidr.family;
        return family !== undefined && parseIp(String(address))?.family !== family;
      });
      const reserved = database.prepare("SELECT address FROM reservations").all()
        .filter(({ address }) => !parseIp(String(address)));
      return [
        ...pools.map(({ range }) => ({ where: `Pool ${range}`, why: "Its range is not a CIDR" })),
        ...odd.map(({ range, address }) => ({
          where: `Pool ${range}`,
          why: `Its entry ${address} is not an address of its range`,
        })),
        ...reserved.map(({ address }) => ({ where: `Reservation ${address}`, why: "It is of no address" })),
      ];
    });
  }

  status(signal: AbortSignal): Promise<void> {
    return this.#run(signal, (database) => transaction(database, () => {}));
  }

  [Symbol.asyncDispose](): Promise<void> {
    if (this.#database) closeDatabase(this.#database);
    this.#database = undefined;
    return Promise.resolve();
  }

  // deno-lint-ignore require-await -- SQLite is synchronous; the contract's failures are rejections
  async #run<T>(signal: AbortSignal, work: (database: DatabaseSync) => T): Promise<T> {
    signal.throwIfAborted();
    try {
      this.#database ??= openDatabase(this.#path);
      return work(this.#database);
    } catch (error) {
      if (error instanceof ConflictError || error instanceof ForeignStoreError) throw error;
      const message = messageOf(error);
      const text = `Cannot use the database ${JSON.stringify(this.#path)}: ${message}`;
      throw BUSY.test(message)
        ? new UnavailableError(text, { cause: error })
        : new RefusedError(text, { cause: error });
    }
  }
}

interface PoolRow extends ReuseColumns {
  readonly id: number;
  readonly version: number;
  readonly move?: Move | undefined;
  readonly block?: true | undefined;
}

const POOL_COLUMNS = `id, version, move, block, ${REUSE_COLUMNS}`;

function poolRow(database: DatabaseSync, key: PoolKey): PoolRow | undefined {
  const row = database.prepare(`SELECT ${POOL_COLUMNS} FROM pools WHERE network = ? AND node = ? AND range = ?`)
    .get(key.network, key.node ?? "", formatCidr(key.cidr));
  return row && toPoolRow(row);
}

function toPoolRow(row: Record<string, unknown>): PoolRow {
  const block = row.block === 1 ? true : undefined;
  return { ...row, id: Number(row.id), version: Number(row.version), move: decodeMove(row.move), block };
}

/** The pools that lists have, in order of creation: all but those that only record a grid. */
function listedRows(database: DatabaseSync): { readonly key: PoolKey; readonly row: Record<string, unknown> }[] {
  return database
    .prepare(`SELECT network, node, range, ${POOL_COLUMNS} FROM pools WHERE NOT ${IS_LAYOUT} ORDER BY id`).all()
    .flatMap((row) => {
      const key = toKey(row);
      return key ? [{ key, row }] : [];
    });
}

/** Reads the entries of pools, with statements that are prepared once. */
function snapshotReader(
  database: DatabaseSync,
): (key: PoolKey, row: PoolRow, mustReserve: boolean) => PoolSnapshot {
  const entries = database.prepare(`SELECT address, ${ALLOCATION_COLUMNS} FROM allocations WHERE pool = ?`);
  const reuseOf = reuseReader(database);
  return (key, row, mustReserve) => {
    const reuse = reuseOf(row, key.cidr.family);
    return {
      key,
      allocations: fromRows(entries.all(row.id), key.cidr.family),
      version: row.version,
      ...mark(mustReserve),
      ...(row.move && { move: row.move }),
      ...(row.block && { block: row.block }),
      ...(reuse && { reuse }),
    };
  };
}

function mark(mustReserve: boolean): Pick<PoolSnapshot, "mustReserve"> {
  return mustReserve ? { mustReserve } : {};
}

/** The row of a snapshot's pool, which is created if it does not exist. @throws {ConflictError} the pool changed since the snapshot */
function writable(
  database: DatabaseSync,
  { key, version }: PoolSnapshot,
): { readonly id: number; readonly version: number } {
  const row = poolRow(database, key);
  const present = row?.version ?? 0;
  if (present !== version) {
    throw new ConflictError(`Pool ${formatPoolKey(key)} is at version ${present}, expected ${version}, as it was read`);
  }
  return { id: row?.id ?? createPool(database, key), version: present };
}

/** Writes the changes. Returns the version of the pool after it, and whether it must reserve or a released entry has a reservation. */
function write(
  database: DatabaseSync,
  read: PoolSnapshot,
  changes: readonly Change[],
  reuse: Reuse | undefined,
): { readonly version: number; readonly marked: boolean } {
  const { key, reuse: before, ...snapshot } = read;
  const { id: pool, version: present } = writable(database, read);
  const isMarked = mustReserve(database, key);
  if (isMarked && !snapshot.mustReserve && changes.some(({ after }) => after?.unreserved)) {
    throw new ConflictError(`Pool ${formatPoolKey(key)} must reserve since a network with reservations overlaps it`);
  }
  const put = database.prepare(
    `INSERT OR REPLACE INTO allocations (pool, address, ${ALLOCATION_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  );
  const remove = database.prepare("DELETE FROM allocations WHERE pool = ? AND address = ?");
  const get = database.prepare(`SELECT ${ALLOCATION_COLUMNS} FROM allocations WHERE pool = ? AND address = ?`);
  for (const { address, before, after } of changes) {
    const text = formatIp({ family: key.cidr.family, value: address });
    const stored = get.get(pool, text);
    // a file that was restored from a backup reaches the same version with other content
    if (stored && before ? !sameEntry(toAllocation(address, stored), before) : stored || before) {
      throw new ConflictError(
        `The entry of ${text} in pool ${formatPoolKey(key)} has changed since it was read`,
      );
    }
    if (after) put.run(pool, text, ...allocationValues(after));
    else remove.run(pool, text);
  }
  if (reuse !== before) writeReuse(database, pool, key.cidr.family, before, reuse);
  database.prepare("UPDATE pools SET version = version + 1, block = ? WHERE id = ?").run(read.block ? 1 : null, pool);
  const marked = isMarked || changes.some(({ before }) => before && isReserved(database, key, before));
  return { version: present + 1, marked };
}

function createPool(database: DatabaseSync, key: PoolKey): number {
  const { lastInsertRowid } = database.prepare("INSERT INTO pools (network, node, range, version) VALUES (?, ?, ?, 0)")
    .run(key.network, key.node ?? "", formatCidr(key.cidr));
  return Number(lastInsertRowid);
}

function fromRows(rows: readonly Record<string, unknown>[], family: Family): Map<bigint, Allocation> {
  const allocations = new Map<bigint, Allocation>();
  for (const row of rows) {
    const ip = parseIp(String(row.address));
    if (ip?.family !== family) continue;
    allocations.set(ip.value, toAllocation(ip.value, row));
  }
  return allocations;
}

function toKey(row: Record<string, unknown>): PoolKey | undefined {
  const cidr = parseCidr(String(row.range))?.cidr;
  const node = String(row.node);
  return cidr && { network: String(row.network), cidr, ...(node && { node }) };
}
