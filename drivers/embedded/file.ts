/**
 * The file of the embedded store: checks it, opens it, and denies other users access.
 *
 * @module
 */
import { dirname } from "node:path";
import type { DatabaseSync } from "node:sqlite";
import { closeToOthers, makeFolder } from "../../src/world/deno_folders.ts";
import { Database } from "./database.ts";
import { checkFile, SIDE_FILES } from "./foreign.ts";
import { prepared } from "./schema.ts";
import { messageOf } from "../../src/values/errors.ts";

/** SQLite's message for a file that it cannot open, whatever the reason. */
const CANNOT_OPEN = "unable to open database file";

/**
 * Opens the file, and creates it and its tables if they are missing. Commits are durable: a write-ahead log, synced at each commit.
 *
 * Other users have no access to the file and to those that SQLite keeps beside it.
 *
 * @throws {ForeignStoreError} the file belongs to another program; it is unchanged
 * @throws an Error of SQLite, with the system's reason if the file cannot be opened, or an Error about a file of a newer release
 */
export function openDatabase(path: string): DatabaseSync {
  if (path === ":memory:") return prepared(new Database(path), path);
  if (!isInUse(path)) checkFile(path);
  makeFolder(dirname(path));
  try {
    restrictFiles(path);
    return open(path);
  } catch (error) {
    if (!(error instanceof Error) || !error.message.startsWith(CANNOT_OPEN) || isInUse(path)) throw error;
    const reason = openFailure(path);
    if (reason === undefined) return open(path); // the cause was temporary
    throw new Error(`${CANNOT_OPEN}: ${reason}`, { cause: error });
  }
}

function open(path: string): DatabaseSync {
  const database = prepared(new Database(path), path);
  inUse.set(database, fileOf(path));
  return database;
}

/** Closes a database that {@linkcode openDatabase} returned. */
export function closeDatabase(database: DatabaseSync): void {
  database.close();
  inUse.delete(database);
}

/**
 * The files that this process has open. They are checked already, and nothing else in this process may open them: closing any descriptor of
 * a file drops SQLite's locks on it (https://sqlite.org/howtocorrupt.html 2.2).
 */
const inUse = new Map<DatabaseSync, string | undefined>();

function isInUse(path: string): boolean {
  const file = fileOf(path);
  return file !== undefined && [...inUse.values()].includes(file);
}

/** Identifies the file of a path, whatever its name. */
function fileOf(path: string): string | undefined {
  try {
    const { dev, ino } = Deno.statSync(path);
    return `${dev}:${ino}`;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/** The system's error for opening the file and the two that SQLite keeps beside it, concurrently as SQLite does; undefined if none. */
function openFailure(path: string): string | undefined {
  using opened = new DisposableStack();
  for (const file of [path, `${path}-wal`, `${path}-shm`]) {
    try {
      opened.use(Deno.openSync(file, { read: true, write: true, create: file === path }));
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) return messageOf(error);
    }
  }
  return undefined;
}

/** Denies other users access. SQLite creates the files beside the database with the mode of the database. */
function restrictFiles(path: string): void {
  if (fileOf(path) === undefined) createPrivate(path);
  for (const file of [path, ...SIDE_FILES.map((suffix) => path + suffix)]) {
    try {
      closeToOthers(file);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
}

function createPrivate(path: string): void {
  try {
    Deno.openSync(path, { createNew: true, write: true, mode: 0o600 }).close();
  } catch (error) {
    if (!(error instanceof Deno.errors.AlreadyExists)) throw error; // another process created it
  }
}
