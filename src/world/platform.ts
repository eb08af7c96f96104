/**
 * What the agent and the installer need of the machine beyond the World.
 *
 * @module
 */

/** What the name of a program that was replaced ends with, as long as it is kept for those that just start it. */
export const REPLACED = " (deleted)";

/** A socket or an address that another process listens on. */
export class InUseError extends Error {
  override readonly name = "InUseError";
}

/** One caller on the socket. */
export interface Connection {
  /** The line that the caller sends, or all it sends until it closes its side. Rejects past the limits. */
  readLine(limit: number, milliseconds: number): Promise<string>;
  /** Aborts when the caller goes away before it is answered. One that ended what it sent by closing its side is not seen to go. */
  readonly gone: AbortSignal;
  /** Answers, and closes. A caller that went away, or does not read its answer in so many milliseconds, is no error. */
  reply(text: string, milliseconds: number): Promise<void>;
  /** Closes without an answer. */
  close(): void;
}

/** A listening socket. Iterating it gives callers until it is closed. */
export interface Listener extends AsyncIterable<Connection> {
  /** Accepts nobody more, and removes the socket. Until then a caller that cannot be accepted, for want of descriptors, waits. */
  close(): void;
}

/** Sockets, signals, and the program itself. */
export interface Platform {
  /**
   * Listens on a unix socket that only its owner may use. A socket nobody listens on is replaced.
   *
   * @throws an {@linkcode InUseError} where another process listens
   */
  listen(path: string): Promise<Listener>;
  /**
   * Serves HTTP; paths to texts. Disposing it stops it.
   *
   * @throws an {@linkcode InUseError} where another process listens on that address
   */
  serveHttp(
    address: string,
    handle: (path: string) => { readonly status: number; readonly body: string },
  ): AsyncDisposable;
  /**
   * Puts a copy of the running program at a path, as a whole and synced: a temporary file, then a rename. One that runs there, or is about
   * to, goes on: the former file is kept for two seconds beside it, its name ending in {@linkcode REPLACED}.
   */
  installSelf(path: string): Promise<void>;
  /** Aborts when the process is told to stop. */
  stopSignal(): AbortSignal;
}
