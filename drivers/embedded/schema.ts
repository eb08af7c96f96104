/**
 * The tables of the embedded store. Addresses are stored as text, so that `sqlite3` shows them.
 *
 * @module
 */
import type { DatabaseSync } from "node:sqlite";
import { APPLICATION_ID, checkContent, pragma } from "./foreign.ts";

/**
 * `PRAGMA user_version` of the tables below. It rises when older releases can no longer use the tables; they then refuse the file. Columns
 * that older releases may leave NULL are added without a new version: these releases keep running, and the rows that they write lack the
 * new facts.
 */
const SCHEMA_VERSION = 1;

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

/** Tables that files of earlier releases lack, and that these releases ignore. */
const ADDED_TABLES = {
  rests: `CREATE TABLE rests (
  pool INTEGER NOT NULL REFERENCES pools (id), address TEXT NOT NULL,
  pod_ref TEXT NOT NULL, if_name TEXT NOT NULL, since INTEGER NOT NULL,
  PRIMARY KEY (pool, address)) WITHOUT ROWID`,
} as const;

const STAMP = `PRAGMA application_id = ${APPLICATION_ID}`;

/** Columns that files of earlier releases lack. */
const ADDED_COLUMNS = {
  pools: ["reuse_after INTEGER", "last_address TEXT", "move TEXT", "block INTEGER"],
  allocations: ["node TEXT", "pod_uid TEXT", "keeper TEXT", "former TEXT", "unreserved INTEGER"],
  reservations: ["node TEXT", "pod_uid TEXT", "keeper TEXT"],
} as const;

/** Milliseconds that SQLite waits for another process's write before the caller's back-off takes over. */
const BUSY_TIMEOUT = 1_000;

/**
 * Applies the settings to an open database and adds missing tables. Closes it on an error.
 *
 * @throws {ForeignStoreError} another program has written to it since it was checked
 * @throws an Error of SQLite, or one about a file of a newer release
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
      // checked again in the transaction: another process, ours or not, may have written since
      transaction(database, () => {
        checkContent(database, path);
        missing(database).forEach((statement) => database.exec(statement));
      });
    }
    // last, because a process that opens the file earlier must find everything in the file itself
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
  const table = database.prepare("SELECT name FROM sqlite_schema WHERE type = 'table' AND name = ?");
  const tables = Object.entries(ADDED_TABLES).filter(([name]) => !table.get(name)).map(([, statement]) => statement);
  return [
    ...(Number(pragma(database, "user_version")) < SCHEMA_VERSION ? [TABLES] : []),
    ...(pragma(database, "application_id") === APPLICATION_ID ? [] : [STAMP]),
    ...columns,
    ...tables,
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

/** Runs the work in one transaction that holds the write lock from its start; rolls back if the work throws. */
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
