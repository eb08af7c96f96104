/**
 * The machine as the core uses it: one small object, which `main.ts` creates once. Tests create their own.
 *
 * @module
 */

/** An advisory lock that is held until disposed, or until the process ends. */
export type Lock = Disposable;

/**
 * What a file is read for: the flat file or the one in `configuration_path`; a kubeconfig; certificates, keys and tokens; or a file whose path
 * the program chooses. Code that reads a file named in a configuration states the purpose, which selects the rules for its path.
 */
export type FilePurpose = "configuration" | "kubeconfig" | "credential" | "record";

/** Max bytes of a file, by purpose. */
export const FILE_LIMITS: Readonly<Record<FilePurpose, number>> = {
  /** As large as a network configuration on standard input. */
  configuration: 4 * 1024 * 1024,
  /** As large as a Secret or ConfigMap may be. */
  kubeconfig: 1024 * 1024,
  /** CA bundles of distributions have 220 KB. */
  credential: 4 * 1024 * 1024,
  /** A journal record contains a network configuration as JSON text, at most twice its size. */
  record: 16 * 1024 * 1024,
};

/** The machine, as far as the core sees it. */
export interface World {
  /** An environment variable; undefined where unset. */
  env(name: string): string | undefined;
  /** Standard input until its end. Fails with a RangeError past `limit` bytes. */
  stdin(limit: number): Promise<Uint8Array>;
  /** Writes a line to standard error. */
  stderr(line: string): void;
  /**
   * Reads a whole text file. Rejects with an error named `NotFound` if the path does not exist, and with one that names path and rule if it is
   * not a regular file, is larger than its purpose allows, or the disk does not answer.
   *
   * @param purpose what the file is read for; default `record`
   */
  readTextFile(path: string, purpose?: FilePurpose): Promise<string>;
  /** The absolute path after links are resolved. Rejects with an error named `NotFound` if the path does not exist. */
  realPath(path: string): Promise<string>;
  /** Whether a file or folder exists. Errors other than NotFound count as existing, as in the original's search. */
  exists(path: string): Promise<boolean>;
  /** Whether the path is a folder. */
  isDirectory(path: string): Promise<boolean>;
  /**
   * Replaces a file atomically: writes a temporary file, then renames it. Creates the folder.
   *
   * @param options `durable`: syncs to disk before it resolves; `mode`: permissions, default 0600
   */
  writeFile(
    path: string,
    content: string | Uint8Array,
    options: { readonly durable: boolean; readonly mode?: number },
  ): Promise<void>;
  /** Removes a file. A missing file is no error. */
  remove(path: string): Promise<void>;
  /** The names in a folder. A missing folder is empty. */
  listFolder(path: string): Promise<string[]>;
  /** Appends text to a regular file, creating it with mode 0600; an existing one keeps its mode. @throws an Error for anything else */
  appendTextFile(path: string, text: string): void;
  /**
   * Appends text to a file as {@linkcode World.appendTextFile} does, and bounds its size: a file of more bytes than `max` is renamed to
   * `PATH.1`, which it replaces. Creates the folder.
   *
   * @throws as {@linkcode World.appendTextFile}
   */
  appendBounded(path: string, text: string, max: number): void;
  /**
   * Sends a text to a unix socket and reads the answer: a line, or everything until the other side closes. The listener notices if this
   * process ends.
   *
   * @returns the answer; undefined if no process listens
   * @throws an Error if the listener does not answer within the milliseconds
   */
  exchange(socket: string, text: string, milliseconds: number): Promise<string | undefined>;
  /**
   * Waits for the lock of that name among the processes of this node. A free lock leaves no file.
   *
   * @param name of 240 bytes at most
   * @returns the lock; undefined if the node has no folder for locks: callers then continue without it
   */
  lock(name: string, signal: AbortSignal): Promise<Lock | undefined>;
  /** Milliseconds since 1970, for times that are printed or stored. Jumps forward or back when the clock is set. */
  now(): number;
  /** Milliseconds on the monotonic clock, for durations and deadlines: it never goes back and cannot be set. */
  monotonic(): number;
  /** Resolves after the milliseconds, or rejects with the signal's reason if that aborts first. */
  sleep(milliseconds: number, signal?: AbortSignal): Promise<void>;
  /** The SHA-256 of a text, as 64 hex digits. */
  digest(text: string): Promise<string>;
  /** A number from 0 (inclusive) to 1. */
  random(): number;
  /** Frees the memory of unused objects now, and does nothing else meanwhile. Absent: the program cannot. */
  readonly collectGarbage?: () => void;
}
