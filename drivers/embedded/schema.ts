/**
 * The tables of the embedded store, and how its file is opened. Addresses stand in it as text, so that `sqlite3` shows them.
 *
 * @module
 */
import { dirname } from "node:path";
import type { DatabaseSync } from "node:sqlite";
import { Database } from "./database.ts";

/**
 * `PRAGMA user_version` of the tables below. It rises when older releases could not go on with them; they refuse the file then. Columns that
 * they may leave NULL are added without: a release that does not know them goes on, and what it writes has none of their facts.
 */
export const SCHEMA_VERSION = 1;

const TABLES = `
CREATE TABLE IF NOT EXISTS pools (
  id INTEGER PRIMARY KEY, network TEXT NOT NULL, node TEXT NOT NULL, range TEXT NOT NULL, version INTEGER NOT NULL,
  UNIQUE (network, node, range));
CREATE TABLE IF NOT EXISTS allocations (
  pool INTEGER NOT NULL REFERENCES pools (id), address TEXT NOT NULL,
  pod_ref TEXT NOT NULL, if_name TEXT NOT NULL, container_id TEXT NOT NULL,
  PRIMARY KEY (pool, address)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS reservations (
  network TEXT NOT NULL, address TEXT NOT NULL,
  pod_ref TEXT NOT NULL, if_name TEXT NOT NULL, container_id TEXT NOT NULL,
  PRIMARY KEY (network, address)) WITHOUT ROWID;
PRAGMA user_version = ${SCHEMA_VERSION};`;

/** Columns that files of earlier releases lack. */
const ADDED_COLUMNS = {
  allocations: ["node TEXT", "pod_uid TEXT"],
  reservations: ["node TEXT", "pod_uid TEXT"],
} as const;

/** How long SQLite itself waits for another process's write, in milliseconds, before the caller's own back-off takes over. */
const BUSY_TIMEOUT = 1_000;

/** SQLite's word for a file that it cannot open, whatever the reason. */
const CANNOT_OPEN = "unable to open database file";

/**
 * Opens the file, creating it and its tables where they are missing. Commits are durable: write-ahead log, synced at each commit.
 *
 * @throws an Error of SQLite's, with the system's reason where the file cannot be opened, or one that says the file is of a newer release
 */
export function openDatabase(path: string): DatabaseSync {
  const open = () => prepared(new Database(path));
  if (path === ":memory:") return open();
  Deno.mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  try {
    return open();
  } catch (error) {
    if (!(error instanceof Error) || !error.message.startsWith(CANNOT_OPEN)) throw error;
    const reason = whyNotOpened(path);
    if (reason === undefined) return open(); // it has passed
    throw new Error(`${CANNOT_OPEN}: ${reason}`, { cause: error });
  }
}

/** What the system says to opening the file and the two that SQLite keeps beside it, all at once as SQLite does. */
function whyNotOpened(path: string): string | undefined {
  using opened = new DisposableStack();
  for (const file of [path, `${path}-wal`, `${path}-shm`]) {
    try {
      opened.use(Deno.openSync(file, { read: true, write: true, create: file === path }));
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) return error instanceof Error ? error.message : String(error);
    }
  }
  return undefined;
}

/** Settings and tables of a database that was opened. Closes it where it cannot be used. */
function prepared(database: DatabaseSync): DatabaseSync {
  try {
    database.exec(`PRAGMA busy_timeout = ${BUSY_TIMEOUT}; PRAGMA synchronous = FULL`);
    const version = userVersion(database);
    if (version > SCHEMA_VERSION) {
      throw new Error(
        `its schema version is ${version}, this release reads up to ${SCHEMA_VERSION}: install a newer release`,
      );
    }
    if (version < SCHEMA_VERSION) createTables(database);
    if (missingColumns(database).length > 0) {
      // asked again in the transaction: another process may have added them
      transaction(database, () => missingColumns(database).forEach((statement) => database.exec(statement)));
    }
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

function createTables(database: DatabaseSync): void {
  database.exec("PRAGMA journal_mode = WAL");
  transaction(database, () => database.exec(TABLES));
}

/** Statements that add what the tables lack. */
function missingColumns(database: DatabaseSync): string[] {
  const columns = database.prepare("SELECT name FROM pragma_table_info(?)");
  return Object.entries(ADDED_COLUMNS).flatMap(([table, added]) => {
    const present = new Set(columns.all(table).map(({ name }) => name));
    return added.filter((column) => !present.has(column.split(" ", 1)[0] ?? ""))
      .map((column) => `ALTER TABLE ${table} ADD COLUMN ${column}`);
  });
}

function userVersion(database: DatabaseSync): number {
  return Number(database.prepare("PRAGMA user_version").get()?.user_version);
}

/** Runs the work in one transaction that holds the write lock from its start; rolls back when it throws. */
export function transaction<T>(database: DatabaseSync, work: () => T): T {
  database.exec("BEGIN IMMEDIATE");
  try {
    const result = work();
    database.exec("COMMIT");
    return result;
  } catch (error) {
    if (database.isTransaction) database.exec("ROLLBACK");
    throw error;
  }
}
