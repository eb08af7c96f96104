/**
 * The parts of the machine that only servers and the installer use.
 *
 * @module
 */

/** The suffix of a replaced program's name while it is kept for processes that are just starting it. */
export const REPLACED = " (deleted)";

/** Another process listens on the socket or address. */
export class InUseError extends Error {
  override readonly name = "InUseError";
}

/** One caller on the socket. */
export interface Connection {
  /** Reads a line, or everything until the caller closes its side. Rejects beyond `limit` bytes or after the milliseconds. */
  readLine(limit: number, milliseconds: number): Promise<string>;
  /** Aborts when the caller disconnects before it gets an answer. Not detected if the caller closed its side to end its request. */
  readonly gone: AbortSignal;
  /** Answers and closes. It is no error if the caller disconnected, or does not read the answer within the milliseconds. */
  reply(text: string, milliseconds: number): Promise<void>;
  /** Closes without an answer. */
  close(): void;
}

/** A listening socket. Iterating it yields callers until it is closed. */
export interface Listener extends AsyncIterable<Connection> {
  /** Stops accepting and removes the socket. Until then, callers wait while the process has no free descriptor. */
  close(): void;
}

/** What is known about this process. */
export interface ProcessStats {
  /** Seconds of CPU time, in user and system mode. */
  readonly cpuSeconds: number;
  /** Bytes in RAM. */
  readonly residentBytes: number;
  /** When it started, in seconds since 1970. */
  readonly startSeconds: number;
}

/** Sockets, signals, and the program file. */
export interface Platform {
  /**
   * Listens on a unix socket that only its owner may use. Replaces a socket that no process listens on.
   *
   * @throws {InUseError} another process listens on it
   */
  listen(path: string): Promise<Listener>;
  /**
   * Serves plain text over HTTP, by path. Disposing stops the server.
   *
   * @throws {InUseError} another process listens on the address
   */
  serveHttp(
    address: string,
    handle: (path: string) => { readonly status: number; readonly body: string },
  ): AsyncDisposable;
  /**
   * Serves requests on a port of 127.0.0.1; 0 is any free one. Disposing stops the server, and waits until its answers have ended.
   *
   * @throws {InUseError} another process listens on the port
   */
  serveLocally(port: number, handle: (request: Request) => Response): { readonly port: number } & AsyncDisposable;
  /** Reads the bundled page of `whereabouts ui`. In a checkout, bundles it first. */
  readPage(): Promise<{ readonly script: string; readonly style: string }>;
  /**
   * Installs a copy of the running program at a path, atomically and durably: writes a temporary file, then renames it. Processes that run the
   * replaced file, or are just starting it, continue: it is kept for two seconds under a name that ends in {@linkcode REPLACED}.
   */
  installSelf(path: string): Promise<void>;
  /** Aborts when the process gets SIGTERM or SIGINT. */
  stopSignal(): AbortSignal;
  /** Reads what is known about this process. */
  processStats(): ProcessStats;
}
