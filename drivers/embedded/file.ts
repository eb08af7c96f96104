/**
 * The file of the embedded store: checked, opened, and closed to other users.
 *
 * @module
 */
import { dirname } from "node:path";
import type { DatabaseSync } from "node:sqlite";
import { closeToOthers, makeFolder } from "../../src/world/deno_folders.ts";
import { Database } from "./database.ts";
import { checkFile, SIDE_FILES } from "./foreign.ts";
import { prepared } from "./schema.ts";

/** SQLite's word for a file that it cannot open, whatever the reason. */
const CANNOT_OPEN = "unable to open database file";

/**
 * Opens the file, creating it and its tables where they are missing. Commits are durable: write-ahead log, synced at each commit.
 *
 * The file, and those that SQLite keeps beside it, are closed to other users.
 *
 * @throws {ForeignStoreError} something else's file; it is unchanged
 * @throws an Error of SQLite's, with the system's reason where the file cannot be opened, or one that says the file is of a newer release
 */
export function openDatabase(path: string): DatabaseSync {
  if (path === ":memory:") return prepared(new Database(path), path);
  if (!isInUse(path)) checkFile(path);
  makeFolder(dirname(path));
  try {
    closeFiles(path);
    return open(path);
  } catch (error) {
    if (!(error instanceof Error) || !error.message.startsWith(CANNOT_OPEN) || isInUse(path)) throw error;
    const reason = whyNotOpened(path);
    if (reason === undefined) return open(path); // it has passed
    throw new Error(`${CANNOT_OPEN}: ${reason}`, { cause: error });
  }
}

function open(path: string): DatabaseSync {
  const database = prepared(new Database(path), path);
  inUse.set(database, fileOf(path));
  return database;
}

/** Closes a database that was opened here. */
export function closeDatabase(database: DatabaseSync): void {
  database.close();
  inUse.delete(database);
}

/**
 * The files that this process has open. They were checked, and nobody else may open them here: closing any descriptor of a file drops the
 * locks that SQLite has on it (https://sqlite.org/howtocorrupt.html 2.2).
 */
const inUse = new Map<DatabaseSync, string | undefined>();

function isInUse(path: string): boolean {
  const file = fileOf(path);
  return file !== undefined && [...inUse.values()].includes(file);
}

/** Which file a path leads to, whatever its name. */
function fileOf(path: string): string | undefined {
  try {
    const { dev, ino } = Deno.statSync(path);
    return `${dev}:${ino}`;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
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

/** SQLite makes the files beside the database with its mode. */
function closeFiles(path: string): void {
  if (fileOf(path) === undefined) createClosed(path);
  for (const file of [path, ...SIDE_FILES.map((suffix) => path + suffix)]) {
    try {
      closeToOthers(file);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
}

function createClosed(path: string): void {
  try {
    Deno.openSync(path, { createNew: true, write: true, mode: 0o600 }).close();
  } catch (error) {
    if (!(error instanceof Deno.errors.AlreadyExists)) throw error; // another process made it
  }
}
