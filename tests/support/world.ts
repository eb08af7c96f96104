/**
 * A World in memory: files in a map, a clock that only a test moves, chance from a seed.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { unlessAborted } from "../../src/async/abort.ts";
import type { World } from "../../src/world/world.ts";

/** What a memory world starts with. */
export interface MemoryWorldOptions {
  /** Files by absolute path. An Error instead of text: the file is there and reading it fails with that error. */
  readonly files?: Readonly<Record<string, string | Error>>;
  /** Folders that hold no file. Those above a file are there without being named. */
  readonly folders?: readonly string[];
  /** The environment. Default: empty, but for `WHEREABOUTS_ALLOW_PATHS`, by which a network may name any path. */
  readonly env?: Readonly<Record<string, string>>;
  /** What answers on unix sockets, by path. Default: nobody listens anywhere. */
  readonly sockets?: Readonly<Record<string, (text: string) => Promise<string>>>;
  /** Standard input. Default: empty. */
  readonly stdin?: string | Uint8Array;
  /** Milliseconds since 1970 at the start. Default 0. */
  readonly now?: number;
  /** Seed of {@linkcode World.random}. Default 1. */
  readonly seed?: number;
}

/** A World whose parts a test can see and move. */
export interface MemoryWorld extends World {
  /** The files, appended ones included. A test may change them. */
  readonly files: Map<string, string | Error>;
  /** The environment. A test may change it. */
  readonly environment: Map<string, string>;
  /** The lines written to standard error. */
  readonly lines: readonly string[];
  /** How many calls of `sleep` wait for the clock. */
  sleepers(): number;
  /** Moves the clock on and wakes the sleepers in the order of their times; what they do then is done before the next one wakes. */
  advance(milliseconds: number): Promise<void>;
  /** Sets the clock that `now` reads on, or back. Nobody sleeps the longer or shorter for it. */
  setClock(milliseconds: number): void;
}

/** Makes a World in memory. */
export function memoryWorld(options: MemoryWorldOptions = {}): MemoryWorld {
  const files = new Map(Object.entries(options.files ?? {}));
  const environment = new Map(Object.entries({ WHEREABOUTS_ALLOW_PATHS: "/", ...options.env }));
  const lines: string[] = [];
  return {
    environment,
    lines,
    env: (name) => environment.get(name),
    stdin: (limit) => readStdin(options.stdin ?? "", limit),
    stderr: (line) => void lines.push(line),
    exchange: async (socket, text) => await options.sockets?.[socket]?.(text),
    lock: makeLock(),
    digest: (text) => Promise.resolve(createHash("sha256").update(text).digest("hex")),
    random: makeRandom(options.seed ?? 1),
    ...makeFiles(files, options.folders ?? []),
    ...makeClock(options.now ?? 0),
  };
}

function makeFiles(files: Map<string, string | Error>, folders: readonly string[]) {
  const below = (path: string) => {
    const start = `${path.replace(/\/+$/, "")}/`;
    return [...files.keys()].filter((file) => file.startsWith(start)).map((file) => file.slice(start.length));
  };
  const isDirectory = (path: string) => below(path).length > 0 || folders.includes(path.replace(/\/+$/, ""));
  const append = (path: string, text: string) => {
    const before = files.get(path) ?? "";
    if (before instanceof Error) throw before;
    files.set(path, before + text);
  };
  // deno-lint-ignore require-await -- asynchronous, so that errors are rejections
  const readTextFile = async (path: string) => {
    const content = files.get(path);
    if (typeof content === "string") return content;
    if (content) throw content;
    throw isDirectory(path) ? new Error(`Is a directory: ${path}`) : notFound(path);
  };
  return {
    files,
    readTextFile,
    realPath: (path: string) =>
      files.has(path) || isDirectory(path) ? Promise.resolve(path) : Promise.reject(notFound(path)),
    exists: (path: string) => Promise.resolve(files.has(path) || isDirectory(path)),
    isDirectory: (path: string) => Promise.resolve(isDirectory(path)),
    // deno-lint-ignore require-await -- asynchronous, so that errors are rejections
    writeFile: async (path: string, text: string) => {
      const before = files.get(path);
      if (before instanceof Error) throw before;
      files.set(path, text);
    },
    remove: (path: string) => Promise.resolve(void files.delete(path)),
    listFolder: (path: string) => Promise.resolve([...new Set(below(path).map((name) => name.replace(/\/.*/, "")))]),
    appendTextFile: append,
    appendBounded: append,
  };
}

function notFound(path: string): Error {
  return Object.assign(new Error(`No such file: ${path}`), { name: "NotFound" });
}

function readStdin(input: string | Uint8Array, limit: number): Promise<Uint8Array> {
  const bytes = typeof input === "string" ? new TextEncoder().encode(input) : input;
  return bytes.length > limit
    ? Promise.reject(new RangeError(`Standard input is longer than ${limit} bytes`))
    : Promise.resolve(bytes);
}

interface Sleeper {
  readonly at: number;
  readonly wake: () => void;
}

type MemoryClock = Pick<MemoryWorld, "now" | "monotonic" | "sleep" | "sleepers" | "advance" | "setClock">;

function makeClock(start: number): MemoryClock {
  let now = 0;
  let shift = start;
  const sleepers = new Set<Sleeper>();
  const sleep = (milliseconds: number, signal?: AbortSignal): Promise<void> => {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    if (signal?.aborted) return Promise.reject(signal.reason);
    const onAbort = () => {
      sleepers.delete(sleeper);
      reject(signal?.reason);
    };
    const sleeper: Sleeper = {
      at: now + milliseconds,
      wake: () => {
        signal?.removeEventListener("abort", onAbort);
        resolve();
      },
    };
    sleepers.add(sleeper);
    signal?.addEventListener("abort", onAbort, { once: true });
    return promise;
  };
  const advance = async (milliseconds: number) => {
    const end = now + milliseconds;
    await settled();
    for (let next = earliest(sleepers, end); next; next = earliest(sleepers, end)) {
      now = Math.max(now, next.at);
      sleepers.delete(next);
      next.wake();
      await settled();
    }
    now = end;
  };
  return {
    now: () => now + shift,
    monotonic: () => now,
    setClock: (milliseconds) => void (shift += milliseconds),
    sleep,
    sleepers: () => sleepers.size,
    advance,
  };
}

/** A Set keeps the order of insertion, so of equal times the older sleeper is first. */
function earliest(sleepers: ReadonlySet<Sleeper>, end: number): Sleeper | undefined {
  let found: Sleeper | undefined;
  for (const sleeper of sleepers) if (sleeper.at <= end && (!found || sleeper.at < found.at)) found = sleeper;
  return found;
}

/** One turn of the event loop: every promise that can continue has continued. */
function settled(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}

/** Locks by name, given in the order of asking. */
function makeLock(): World["lock"] {
  const tails = new Map<string, Promise<void>>();
  return async (name, signal) => {
    signal.throwIfAborted();
    const before = tails.get(name) ?? Promise.resolve();
    const { promise: released, resolve: release } = Promise.withResolvers<void>();
    const tail = before.then(() => released);
    tails.set(name, tail);
    void tail.then(() => tails.get(name) === tail && tails.delete(name));
    try {
      await unlessAborted(before, signal);
      return { [Symbol.dispose]: release };
    } catch (error) {
      release();
      throw error;
    }
  };
}

/** Mulberry32, a generator of 32 bits of state by Tommy Ettinger (public domain): the same seed gives the same numbers everywhere. */
export function makeRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000;
  };
}
