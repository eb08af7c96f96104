/**
 * The real machine. Only the files `deno*.ts`, `main.ts` and the drivers use `Deno`.
 *
 * @module
 */
import { kindOf, readRegularFile, realPathOf } from "./deno_files.ts";
import { ignoreAbsence, openIn } from "./deno_folders.ts";
import { lock } from "./deno_locks.ts";
import type { World } from "./world.ts";

/** The byte that ends a message on a socket. */
export const NEWLINE = 10;

/**
 * Makes the World of this process.
 *
 * @example
 * ```ts
 * import { denoWorld } from "@whereabouts/whereabouts";
 * import assert from "node:assert/strict";
 *
 * const world = denoWorld();
 * assert(await world.exists("/"));
 * assert.equal(await world.isDirectory("/"), true);
 * ```
 */
export function denoWorld(): World {
  const { gc } = globalThis as { readonly gc?: () => void }; // only a compiled program has it (install/compile.ts)
  return {
    env: (name) => Deno.env.get(name),
    stdin: readStdin,
    stderr: (line) => void writeAll(Deno.stderr, `${line}\n`),
    readTextFile: readRegularFile,
    realPath: realPathOf,
    exists: async (path) => await kindOf(path) !== "missing",
    isDirectory: async (path) => await kindOf(path) === "folder",
    // deno-lint-ignore require-await -- asynchronous, so that errors are rejections
    writeFile: async (path, content, { durable, mode }) => writeFile(path, content, durable, mode),
    remove: asAsync(remove),
    listFolder: asAsync(listFolder),
    appendTextFile: (path, text) => appendTextFile(path, text),
    appendBounded,
    exchange,
    lock: (name, signal) => lock(name, signal, sleep),
    now: () => Date.now(),
    monotonic: () => performance.now(),
    sleep,
    digest,
    random: () => Math.random(),
    ...(gc && { collectGarbage: gc }),
  };
}

/** Writes all of a text to a stream of the process. */
export function writeAll(stream: { writeSync(data: Uint8Array): number }, text: string): void {
  let rest = new TextEncoder().encode(text);
  while (rest.length > 0) rest = rest.subarray(stream.writeSync(rest));
}

/** A synchronous read wakes no thread; streams that do not support it are read asynchronously. */
function readSome(buffer: Uint8Array): Promise<number | null> | number | null {
  try {
    return Deno.stdin.readSync(buffer);
  } catch {
    return Deno.stdin.read(buffer);
  }
}

async function readStdin(limit: number): Promise<Uint8Array> {
  const buffer = new Uint8Array(65_536);
  let all = new Uint8Array(); // one read is usually enough, so appending may copy
  for (let count = await readSome(buffer); count !== null; count = await readSome(buffer)) {
    const longer = new Uint8Array(all.length + count);
    if (longer.length > limit) throw new RangeError(`Standard input is longer than ${limit} bytes`);
    longer.set(all);
    longer.set(buffer.subarray(0, count), all.length);
    all = longer;
  }
  return all;
}

async function exchange(socket: string, text: string, milliseconds: number): Promise<string | undefined> {
  let connection: Deno.UnixConn;
  try {
    connection = await Deno.connect({ transport: "unix", path: socket });
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.ConnectionRefused) return undefined;
    throw error;
  }
  // a timer by `setTimeout` would cost a plugin's process 5 ms on Deno 2.9, which loads the timers of Node for it
  const deadline = AbortSignal.timeout(milliseconds);
  const onTimeout = () => connection.close();
  deadline.addEventListener("abort", onTimeout, { once: true });
  try {
    const data = new TextEncoder().encode(text);
    for (let at = 0; at < data.length;) at += await connection.write(data.subarray(at));
    const answer = await readToEnd(connection, { end: NEWLINE });
    if (answer === "") throw new Error("it closed without an answer");
    return answer;
  } catch (error) {
    throw deadline.aborted ? new Error(`it did not answer within ${milliseconds / 1000} s`) : error;
  } finally {
    deadline.removeEventListener("abort", onTimeout);
    if (!deadline.aborted) connection.close();
  }
}

/** Reads a text until the other side closes, or until the text ends with the byte `end`. @throws {RangeError} more than `limit` bytes */
export async function readToEnd(
  source: { read(buffer: Uint8Array): Promise<number | null> },
  { limit = Number.MAX_SAFE_INTEGER, end }: { readonly limit?: number; readonly end?: number } = {},
): Promise<string> {
  const decoder = new TextDecoder();
  let buffer = new Uint8Array(4_096); // fits most texts; small, because a thousand callers may wait at the same time
  let text = "";
  let size = 0;
  for (let count = await source.read(buffer); count !== null; count = await source.read(buffer)) {
    size += count;
    if (size > limit) throw new RangeError(`The peer sent more than ${limit} bytes`);
    text += decoder.decode(buffer.subarray(0, count), { stream: true });
    if (buffer[count - 1] === end) return text;
    if (count === buffer.length) buffer = new Uint8Array(65_536);
  }
  return text + decoder.decode();
}

/**
 * Runs synchronous work as a promise. Small files are read faster than a thread is woken, and a short process would have to start that thread
 * first. A failure rejects the promise.
 */
function asAsync<T>(work: (path: string) => T): (path: string) => Promise<T> {
  return (path) => {
    try {
      return Promise.resolve(work(path));
    } catch (error) {
      return Promise.reject(error);
    }
  };
}

/** `Deno.writeTextFileSync` would change the mode of an existing file. A FIFO is refused: opening it waits for a reader. */
function appendTextFile(path: string, text: string, after?: (file: Deno.FsFile) => void): void {
  if (exists(path) && !Deno.statSync(path).isFile) throw new Error(`${path} is not a regular file`);
  using file = Deno.openSync(path, { append: true, create: true, mode: 0o600 });
  writeAll(file, text);
  after?.(file);
}

/** Of several processes that see the limit, the first one renames; to the others the path is another file, or missing, by then. */
function appendBounded(path: string, text: string, max: number): void {
  const rename = (file: Deno.FsFile) => {
    const { size, ino } = file.statSync();
    if (size > max && exists(path) && Deno.statSync(path).ino === ino) Deno.renameSync(path, `${path}.1`);
  };
  openIn(folderOf(path), () => appendTextFile(path, text, rename));
}

function folderOf(path: string): string {
  return path.slice(0, path.lastIndexOf("/"));
}

function exists(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch (error) {
    return !(error instanceof Deno.errors.NotFound);
  }
}

function remove(path: string): void {
  try {
    Deno.removeSync(path);
  } catch (error) {
    ignoreAbsence(error);
  }
}

function listFolder(path: string): string[] {
  try {
    return Array.from(Deno.readDirSync(path), ({ name }) => name);
  } catch (error) {
    ignoreAbsence(error);
    return [];
  }
}

/** Synchronous: a small file is written faster than a thread is woken. */
function writeFile(path: string, content: string | Uint8Array, durable: boolean, mode?: number): void {
  const folder = folderOf(path);
  const temporary = `${path}.${crypto.randomUUID()}.tmp`;
  const data = typeof content === "string" ? new TextEncoder().encode(content) : content;
  const file = openIn(folder, () => Deno.openSync(temporary, { write: true, createNew: true, mode: 0o600 }));
  try {
    try {
      for (let at = 0; at < data.length;) at += file.writeSync(data.subarray(at));
      if (mode !== undefined) Deno.chmodSync(temporary, mode);
      if (durable) file.syncSync();
    } finally {
      file.close();
    }
    Deno.renameSync(temporary, path);
  } catch (error) {
    Deno.removeSync(temporary);
    throw error;
  }
  if (!durable) return;
  using opened = Deno.openSync(folder);
  opened.syncSync();
}

async function digest(text: string): Promise<string> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text))).toHex();
}

function sleep(milliseconds: number, signal?: AbortSignal): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  if (signal?.aborted) reject(signal.reason);
  else {
    const onAbort = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", onAbort);
      resolve();
    }, milliseconds);
    signal?.addEventListener("abort", onAbort, { once: true });
  }
  return promise;
}
