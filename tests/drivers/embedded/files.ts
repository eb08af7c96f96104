/**
 * Files at the path of a database: foreign ones, and our own of earlier releases.
 *
 * @module
 */
import { DatabaseSync } from "node:sqlite";
import { must } from "../../support/process.ts";

/** Tables of the releases without node and uid, unchanged. */
export const FIRST_TABLES = `
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
PRAGMA user_version = 1;`;

/** One entry for 10.9.0.1, of pod default/a. */
const FIRST_ENTRY = `
INSERT INTO pools (network, node, range, version) VALUES ('', '', '10.9.0.0/24', 1);
INSERT INTO allocations VALUES (1, '10.9.0.1', 'default/a', 'net1', 'c1');`;

const OTHERS = "CREATE TABLE users (name TEXT); INSERT INTO users VALUES ('ann')";

/** Creates a file at a path. */
export type MakeFile = (path: string) => Promise<unknown> | void;

/** Runs statements in a database, and closes it like a process that exits. */
export function sqlite(statements: string): MakeFile {
  return (path) => {
    using database = new DatabaseSync(path);
    database.exec(statements);
  };
}

/** Leaves the files of a killed process: all data is in the log beside the database. */
export function killed(statements: string): MakeFile {
  return async (path) => {
    const folder = await Deno.makeTempDir();
    using database = new DatabaseSync(`${folder}/live`);
    database.exec(`PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0; ${statements}`);
    for (const suffix of ["", "-wal", "-shm"]) await Deno.copyFile(`${folder}/live${suffix}`, path + suffix);
    await Deno.remove(folder, { recursive: true });
  };
}

/** Refused files: description, creation, and a part of the error message. */
export const FOREIGN: readonly (readonly [name: string, make: MakeFile, found: RegExp])[] = [
  ["a text", (path) => Deno.writeTextFile(path, "user: ann\n".repeat(500)), /it is not a SQLite database/],
  ["an empty line", (path) => Deno.writeTextFile(path, "\n"), /it is not a SQLite database/],
  ["garbage", (path) => Deno.writeFile(path, crypto.getRandomValues(new Uint8Array(9_000))), /not a SQLite database/],
  [
    "garbage after SQLite's magic",
    (path) => Deno.writeTextFile(path, `SQLite format 3\0${"\x10\x00".repeat(4_000)}`),
    /of another program/,
  ],
  ["a folder", (path) => Deno.mkdir(path), /it is a folder/],
  ["a FIFO", (path) => must(["mkfifo", path]), /it is not a regular file/],
  ["a database with a rollback journal", sqlite(OTHERS), /of another program \(tables "users"\)/],
  ["a database with a log", sqlite(`PRAGMA journal_mode = WAL; ${OTHERS}`), /of another program \(tables "users"\)/],
  ["a database of a killed process", killed(OTHERS), /of another program \(tables "users"\)/],
  ["a database with a table of our name", sqlite("CREATE TABLE pools (id, name)"), /\(tables "pools"\)/],
  [
    "a database of many tables",
    sqlite(Array.from({ length: 8 }, (_, i) => `CREATE TABLE t${i} (a);`).join("")),
    /\(tables "t0", "t1", "t2", "t3", "t4" and 3 more\)/,
  ],
  [
    "a database of more tables than a page names",
    sqlite(Array.from({ length: 300 }, (_, i) => `CREATE TABLE t${i} (a);`).join("")),
    /of another program, or a damaged one/,
  ],
  ["a database in UTF-16", sqlite(`PRAGMA encoding = 'UTF-16be'; ${OTHERS}`), /\(tables "users"\)/],
  ["a database with another's mark", sqlite("PRAGMA application_id = 1196444487"), /\(application_id 1196444487\)/],
  ["an empty database with a version", sqlite("PRAGMA user_version = 5"), /\(user_version 5, no tables\)/],
  [
    "nothing, beside somebody's file",
    (path) => Deno.writeTextFile(`${path}-wal`, "mine"),
    /SQLite would remove .*-wal/,
  ],
];

/** Accepted files: description, creation, and number of entries. */
export const OWN: readonly (readonly [name: string, make: MakeFile, entries: number])[] = [
  ["nothing", () => {}, 0],
  ["an empty file", (path) => Deno.writeTextFile(path, ""), 0],
  ["an empty database", sqlite("VACUUM"), 0],
  ["a database of an earlier release", sqlite(`PRAGMA journal_mode = WAL; ${FIRST_TABLES} ${FIRST_ENTRY}`), 1],
  ["a database of an earlier release that was killed", killed(`${FIRST_TABLES} ${FIRST_ENTRY}`), 1],
  [
    "a database of an earlier release, with a table that a tool for backups added",
    sqlite(`PRAGMA journal_mode = WAL; ${FIRST_TABLES} ${FIRST_ENTRY} CREATE TABLE _backup (a)`),
    1,
  ],
];

/** Everything that could change about the files of a folder. */
export async function stateOf(folder: string): Promise<Record<string, unknown>> {
  const names = Array.from(Deno.readDirSync(folder), ({ name }) => name).sort();
  const states = names.map(async (name) => {
    const { mode, size, mtime, ino, isFile } = await Deno.lstat(`${folder}/${name}`);
    const content = isFile && await crypto.subtle.digest("SHA-256", await Deno.readFile(`${folder}/${name}`));
    return [name, { mode, size, mtime, ino, content: content && new Uint8Array(content).toHex() }] as const;
  });
  return Object.fromEntries(await Promise.all(states));
}
