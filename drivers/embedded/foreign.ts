/**
 * Checks the file at the path of a database before SQLite opens it. SQLite writes when it opens a file: it recovers, truncates and removes
 * files. These checks only read.
 *
 * @module
 */
import type { DatabaseSync } from "node:sqlite";
import { ForeignStoreError } from "../../src/storage/driver.ts";
import { type FirstPage, LOG_MAGIC, readFirstPage } from "./first_page.ts";

/** `PRAGMA application_id` of our files: "whab" in ASCII. Earlier releases left it 0; their files have our tables. */
export const APPLICATION_ID = 0x77686162;

/** Suffixes of the files that SQLite keeps beside a database. */
export const SIDE_FILES = ["-wal", "-shm", "-journal"] as const;

/** First bytes, in hexadecimal, of the files that SQLite removes if their database is empty: https://sqlite.org/fileformat.html 3, 4.1 */
const SIDE_MAGIC = { "-wal": LOG_MAGIC, "-journal": /^(?:d9d505f920a163d7|0{16})/ } as const;

/** The tables of every release, with the columns that all of them have. */
const OWN_TABLES: Readonly<Record<string, readonly string[]>> = {
  pools: ["id", "network", "node", "range", "version"],
  allocations: ["pool", "address", "pod_ref", "if_name", "container_id"],
  reservations: ["network", "address", "pod_ref", "if_name", "container_id"],
};

/** Max tables that a message names. */
const MAX_NAMES = 5;

/**
 * Checks that the file at the path is our database, empty or missing.
 *
 * @throws {ForeignStoreError} it is not. It is unchanged, and so are the files beside it
 */
export function checkFile(path: string): void {
  const info = statOf(path);
  if (info && !info.isFile) throw foreign(path, info.isDirectory ? "it is a folder" : "it is not a regular file");
  if (!info || info.size === 0) return checkSideFiles(path);
  const page = readFirstPage(path, `${path}-wal`, APPLICATION_ID);
  if (!page) throw foreign(path, "it is not a SQLite database");
  check(path, page);
}

/**
 * Checks that an open database is ours or empty.
 *
 * @throws {ForeignStoreError} it belongs to another program
 */
export function checkContent(database: DatabaseSync, path: string): void {
  const schema = database.prepare("SELECT type, name, sql FROM sqlite_schema").all()
    .map(({ type, name, sql }) => ({ type: String(type), name: String(name), sql: String(sql) }));
  const [applicationId, userVersion] = ["application_id", "user_version"].map((name) => Number(pragma(database, name)));
  check(path, { applicationId: applicationId ?? 0, userVersion: userVersion ?? 0, schema });
}

/** One value of a database's header. */
export function pragma(database: DatabaseSync, name: string): unknown {
  return database.prepare(`PRAGMA ${name}`).get()?.[name];
}

function check(path: string, { applicationId, userVersion, schema }: FirstPage): void {
  if (applicationId === APPLICATION_ID) return;
  const others = "it is a SQLite database of another program";
  if (applicationId !== 0) throw foreign(path, `${others} (application_id ${applicationId})`);
  if (!schema) throw foreign(path, `${others}, or a damaged one`);
  const tables = schema.filter(({ type, name }) => ["table", "view"].includes(type) && !name.startsWith("sqlite_"));
  if (tables.length === 0 && userVersion === 0) return;
  if (tables.length === 0) throw foreign(path, `${others} (user_version ${userVersion}, no tables)`);
  const isOwn = Object.entries(OWN_TABLES).every(([own, columns]) => {
    const table = tables.find(({ name }) => name === own);
    return table && columns.every((column) => new RegExp(`\\b${column}\\b`).test(table.sql));
  });
  if (isOwn) return;
  const more = tables.length > MAX_NAMES ? ` and ${tables.length - MAX_NAMES} more` : "";
  const names = tables.slice(0, MAX_NAMES).map(({ name }) => JSON.stringify(name.slice(0, 40))).join(", ");
  throw foreign(path, `${others} (tables ${names}${more})`);
}

/** Checks the files beside a missing or empty database: SQLite removes them as leftovers of an earlier one. */
function checkSideFiles(path: string): void {
  for (const [suffix, magic] of Object.entries(SIDE_MAGIC)) {
    const info = statOf(path + suffix);
    if (!info?.isFile || info.size === 0) continue;
    using file = Deno.openSync(path + suffix);
    const start = new Uint8Array(8);
    file.readSync(start);
    if (!magic.test(start.toHex())) throw foreign(path, `SQLite would remove ${path}${suffix}, which is not SQLite's`);
  }
}

function statOf(path: string): Deno.FileInfo | undefined {
  try {
    return Deno.statSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

function foreign(path: string, found: string): ForeignStoreError {
  return new ForeignStoreError(
    `Cannot use the database ${JSON.stringify(path)}: ${found}; ` +
      "name another file, or move this one away. It was not changed",
  );
}
