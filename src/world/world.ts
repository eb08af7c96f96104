/**
 * Everything the core may touch of the machine, in one small object that `main.ts` makes once. Tests make their own.
 *
 * @module
 */

/** Folder of ours alone for what outlives a restart of the machine: the journal, and the database of the embedded store. */
export const DATA_FOLDER = "/var/lib/cni/whereabouts";

/** Folder of ours alone for what ends with the processes of the machine: the agent's socket, and locks. */
export const RUN_FOLDER = "/run/whereabouts";

/** An advisory lock that is held until disposed, or until the process ends. */
export type Lock = Disposable;

/**
 * What a file is read for: the flat file or one that `configuration_path` names; a kubeconfig; certificates, keys and tokens; or a file that
 * the product names itself. Whoever reads a file that a configuration names says it: this is where a rule about paths is asked for.
 */
export type FilePurpose = "configuration" | "kubeconfig" | "credential" | "record";

/** Bytes that a file may have, by what it is read for. */
export const FILE_LIMITS: Readonly<Record<FilePurpose, number>> = {
  /** As large as a network configuration on standard input. */
  configuration: 4 * 1024 * 1024,
  /** As large as a Secret or ConfigMap may be. */
  kubeconfig: 1024 * 1024,
  /** The bundles of distributions have 220 KB. */
  credential: 4 * 1024 * 1024,
  /** A journal's record holds a network configuration as JSON text, at most twice its size. */
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
   * A whole text file. Rejects with an error named `NotFound` where the path leads nowhere, and with one that names path and rule where it
   * is no regular file, is larger than its purpose allows, or does not answer.
   *
   * @param purpose what it is read for; default `record`
   */
  readTextFile(path: string, purpose?: FilePurpose): Promise<string>;
  /** The absolute path that links lead to. Rejects with an error named `NotFound` where the path leads nowhere. */
  realPath(path: string): Promise<string>;
  /** Whether a file or folder is there; errors other than its absence count as there, as the original's search does. */
  exists(path: string): Promise<boolean>;
  /** Whether the path is a folder. */
  isDirectory(path: string): Promise<boolean>;
  /**
   * Replaces a file as a whole: a temporary file, then a rename, so that nobody reads half of it. Makes the folder.
   *
   * @param options `durable`: synced to the disk before it resolves; `mode`: permissions, 0600 unless given
   */
  writeFile(
    path: string,
    text: string,
    options: { readonly durable: boolean; readonly mode?: number },
  ): Promise<void>;
  /** Removes a file; nothing there is success. */
  remove(path: string): Promise<void>;
  /** Names in a folder; a folder that is not there is empty. */
  listFolder(path: string): Promise<string[]>;
  /** Appends text to a regular file, creating it with mode 0600; an existing one keeps its mode. @throws an Error for anything else */
  appendTextFile(path: string, text: string): void;
  /**
   * Sends a text to a unix socket and reads the answer, a line or all there is. Who listens sees when this process goes away.
   *
   * @returns the answer; undefined where nobody listens there
   * @throws an Error where somebody does, and does not answer within the milliseconds
   */
  exchange(socket: string, text: string, milliseconds: number): Promise<string | undefined>;
  /**
   * Waits for the lock of that name among the processes of this node. A lock that nobody holds leaves nothing behind.
   *
   * @param name of 240 bytes at most
   * @returns the lock, or undefined where this node has no folder to keep locks in: callers then go on without
   */
  lock(name: string, signal: AbortSignal): Promise<Lock | undefined>;
  /** Milliseconds since 1970, for what is printed or stored. Jumps, forward and back, whenever somebody sets the clock. */
  now(): number;
  /** Milliseconds since some moment before this process, for durations and deadlines: it never goes back, and nobody can set it. */
  monotonic(): number;
  /** Resolves after the milliseconds, or rejects with the signal's reason when that aborts first. */
  sleep(milliseconds: number, signal?: AbortSignal): Promise<void>;
  /** 64 characters for a text, from which nobody finds the text, nor another text with the same ones. */
  digest(text: string): Promise<string>;
  /** A number from 0 (inclusive) to 1. */
  random(): number;
}
