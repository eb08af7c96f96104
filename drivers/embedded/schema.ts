/**
 * The tables of the embedded store. Addresses stand in it as text, so that `sqlite3` shows them.
 *
 * @module
 */
import type { DatabaseSync } from "node:sqlite";
import { APPLICATION_ID, checkContent, pragma } from "./foreign.ts";

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

const STAMP = `PRAGMA application_id = ${APPLICATION_ID}`;

/** Columns that files of earlier releases lack. */
const ADDED_COLUMNS = {
  allocations: ["node TEXT", "pod_uid TEXT"],
  reservations: ["node TEXT", "pod_uid TEXT"],
} as const;

/** How long SQLite itself waits for another process's write, in milliseconds, before the caller's own back-off takes over. */
const BUSY_TIMEOUT = 1_000;

/**
 * Settings and tables of a database that was opened. Closes it where it cannot be used.
 *
 * @throws {ForeignStoreError} another program has written to it since it was checked
 * @throws an Error of SQLite's, or one that says the file is of a newer release
 */
export function prepared(database: DatabaseSync, path: string): DatabaseSync {
  try {
    database.exec(`PRAGMA busy_timeout = ${BUSY_TIMEOUT}; PRAGMA synchronous = FULL`);
    const version = Number(pragma(database, "user_version"));
    if (version > SCHEMA_VERSION) {
      throw new Error(
        `its schema version is ${version}, this release reads up to ${SCHEMA_VERSION}: install a newer release`,
      );
    }
    if (missing(database).length > 0) {
      // asked again in the transaction: another process may have written meanwhile, ours or not
      transaction(database, () => {
        checkContent(database, path);
        missing(database).forEach((statement) => database.exec(statement));
      });
    }
    // only now: whoever finds the file before finds all of it in the file itself
    if (pragma(database, "journal_mode") === "delete") database.exec("PRAGMA journal_mode = WAL");
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

/** Statements that add what the database lacks. */
function missing(database: DatabaseSync): string[] {
  const columns = missingColumns(database);
  return [
    ...(Number(pragma(database, "user_version")) < SCHEMA_VERSION ? [TABLES] : []),
    ...(pragma(database, "application_id") === APPLICATION_ID ? [] : [STAMP]),
    ...columns,
  ];
}

function missingColumns(database: DatabaseSync): string[] {
  const columns = database.prepare("SELECT name FROM pragma_table_info(?)");
  return Object.entries(ADDED_COLUMNS).flatMap(([table, added]) => {
    const present = new Set(columns.all(table).map(({ name }) => name));
    return added.filter((column) => !present.has(column.split(" ", 1)[0] ?? ""))
      .map((column) => `ALTER TABLE ${table} ADD COLUMN ${column}`);
  });
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
