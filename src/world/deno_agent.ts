/**
 * The real machine for long-running processes: sockets, signals, and the program file.
 *
 * @module
 */
import { messageOf } from "../values/errors.ts";
import { type Connection, InUseError, type Listener, type Platform, REPLACED } from "./platform.ts";
import { NEWLINE, readToEnd } from "./deno.ts";
import { makeFolder } from "./deno_folders.ts";
import { readPage } from "./deno_page.ts";
import { readProcessStats } from "./deno_stats.ts";

/** Milliseconds before a failed accept is retried: the process has no free descriptor. */
const ACCEPT_RETRY_DELAY = 50;

/** Milliseconds for which a replaced program is kept: starting processes open their own file within that time. */
const KEEP_REPLACED = 2_000;

const DISCONNECTED = new Error("The caller disconnected");

/** Makes the Platform of this process. */
export function denoPlatform(): Platform {
  return { listen, serveHttp, serveLocally, readPage, installSelf, stopSignal, processStats: readProcessStats };
}

async function listen(path: string): Promise<Listener> {
  const folder = path.slice(0, path.lastIndexOf("/"));
  makeFolder(folder);
  await refuseSecond(path);
  const temporary = `${path}.${Deno.pid}`;
  const socket = listenClosed(temporary);
  Deno.renameSync(temporary, path); // atomic: the socket appears listening and closed to other users
  const { ino } = Deno.statSync(path);
  let open = true;
  return {
    close: () => {
      open = false;
      if (isSame(path, ino)) Deno.removeSync(path);
      socket.close();
    },
    [Symbol.asyncIterator]: async function* () {
      while (open) {
        const connection = await socket.accept().catch(() => undefined);
        if (connection) yield wrap(connection);
        else if (open) await new Promise((resolve) => setTimeout(resolve, ACCEPT_RETRY_DELAY));
      }
    },
  };
}

/** Listens on a socket that has mode 0600 from the start. */
function listenClosed(path: string): Deno.UnixListener {
  const umask = Deno.umask(0o177);
  try {
    return Deno.listen({ transport: "unix", path });
  } finally {
    Deno.umask(umask);
  }
}

/** A socket that accepts connections belongs to a running process; otherwise a dead one left it behind. */
async function refuseSecond(path: string): Promise<void> {
  const connection = await Deno.connect({ transport: "unix", path }).catch(() => undefined);
  if (!connection) return;
  connection.close();
  throw new InUseError(`Cannot listen on ${path}: another agent listens there; stop it first`);
}

function isSame(path: string, ino: number | null): boolean {
  try {
    return Deno.statSync(path).ino === ino;
  } catch {
    return false;
  }
}

function wrap(connection: Deno.UnixConn): Connection {
  let open = true;
  const close = () => {
    if (open) connection.close();
    open = false;
  };
  const gone = new AbortController();
  const watch = async () => {
    const rest = new Uint8Array(64);
    const next = () => connection.read(rest).catch(() => null);
    while (await next() !== null);
    gone.abort(DISCONNECTED);
  };
  return {
    close,
    gone: gone.signal,
    readLine: async (limit, milliseconds) => {
      const timer = setTimeout(close, milliseconds);
      try {
        const text = await readToEnd(connection, { limit, end: NEWLINE });
        if (text.endsWith("\n")) void watch();
        return text;
      } finally {
        clearTimeout(timer);
      }
    },
    reply: async (text, milliseconds) => {
      const timer = setTimeout(close, milliseconds);
      try {
        const data = new TextEncoder().encode(text);
        for (let at = 0; at < data.length;) at += await connection.write(data.subarray(at));
      } catch {
        // the caller disconnected: it serves its call itself
      } finally {
        clearTimeout(timer);
        close();
      }
    },
  };
}

function serveHttp(
  address: string,
  handle: (path: string) => { readonly status: number; readonly body: string },
): AsyncDisposable {
  const colon = address.lastIndexOf(":");
  const options = {
    hostname: address.slice(0, colon).replace(/^\[|\]$/g, ""),
    port: Number(address.slice(colon + 1)),
    onListen() {},
  };
  try {
    const server = Deno.serve(options, (request) => {
      const { status, body } = handle(new URL(request.url).pathname);
      return new Response(body, { status, headers: { "content-type": "text/plain; version=0.0.4" } });
    });
    return { [Symbol.asyncDispose]: () => server.shutdown() };
  } catch (cause) {
    if (!(cause instanceof Deno.errors.AddrInUse)) throw cause;
    throw new InUseError(`Cannot serve HTTP on ${address}: another process listens there; stop it first`, { cause });
  }
}

function serveLocally(
  port: number,
  handle: (request: Request) => Response,
): { readonly port: number } & AsyncDisposable {
  const options = { hostname: "127.0.0.1", port, onListen() {} };
  try {
    const server = Deno.serve(options, (request) => handle(request));
    return { port: server.addr.port, [Symbol.asyncDispose]: () => server.shutdown() };
  } catch (cause) {
    if (!(cause instanceof Deno.errors.AddrInUse)) throw cause;
    throw new InUseError(`Cannot serve the page on port ${port}: another process listens there`, { cause });
  }
}

async function installSelf(path: string): Promise<void> {
  const slash = path.lastIndexOf("/");
  const [folder, name] = [path.slice(0, slash), path.slice(slash + 1)];
  const temporary = (unique: string) => `.${name}.${unique}.tmp`;
  for await (const { name: found } of Deno.readDir(folder)) { // leftovers of an installation that was killed
    if (found.startsWith(temporary("").replace(/\.tmp$/, "")) && found.endsWith(".tmp")) {
      await Deno.remove(`${folder}/${found}`);
    }
  }
  const copy = `${folder}/${temporary(crypto.randomUUID())}`;
  try {
    await Deno.copyFile(Deno.execPath(), copy);
    await Deno.chmod(copy, 0o755);
    using file = await Deno.open(copy);
    await file.sync();
    await using _replaced = await keepReplaced(path);
    await Deno.rename(copy, path);
    using opened = await Deno.open(folder);
    await opened.sync();
  } catch (error) {
    await Deno.remove(copy).catch(() => {});
    throw new Error(`Cannot install ${path}: ${messageOf(error)}`, { cause: error });
  }
}

/**
 * Keeps the replaced program under a second name. A process that just started has yet to open its own file by the name in `/proc/self/exe`,
 * which ends in ` (deleted)` for a replaced file (proc(5)). Another installation may run at the same time: of a pod that was deleted by force.
 */
async function keepReplaced(path: string): Promise<AsyncDisposable> {
  const kept = `${path}${REPLACED}`;
  await Deno.remove(kept).catch(() => {}); // left by an installation that was killed
  const isReplaced = await Deno.link(path, kept).then(() => true, (error) => {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.AlreadyExists) return false;
    throw error;
  });
  return {
    [Symbol.asyncDispose]: async () => {
      if (!isReplaced) return;
      await new Promise((resolve) => setTimeout(resolve, KEEP_REPLACED));
      await Deno.remove(kept).catch((error) => {
        if (!(error instanceof Deno.errors.NotFound)) throw error;
      });
    },
  };
}

function stopSignal(): AbortSignal {
  const stop = new AbortController();
  for (const signal of ["SIGTERM", "SIGINT"] as const) Deno.addSignalListener(signal, () => stop.abort());
  return stop.signal;
}
