/**
 * An HTTP proxy as companies have them: CONNECT for https, whole URLs for http. Every host is this machine.
 *
 * @module
 */

/** A running proxy. */
export class ForwardProxy implements AsyncDisposable {
  /** The first line of every request, such as `CONNECT kubernetes:6443`, and its login where it brought one. */
  readonly requests: string[] = [];
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly #open = new Set<Deno.TcpConn>();
  readonly #serving: Promise<void>;

  /** Starts one. */
  constructor() {
    this.#serving = this.#accept();
  }

  /** `127.0.0.1:PORT`. */
  get host(): string {
    return `127.0.0.1:${this.#listener.addr.port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    for (const connection of this.#open) close(connection);
    await this.#serving;
  }

  async #accept(): Promise<void> {
    const work: Promise<void>[] = [];
    for await (const near of this.#listener) work.push(this.#serve(near).catch(() => {}));
    await Promise.all(work);
  }

  async #serve(near: Deno.TcpConn): Promise<void> {
    this.#open.add(near);
    const head = await readHead(near);
    const [method = "", target = ""] = head.split(" ", 2);
    const login = /^proxy-authorization: Basic (\S+)/im.exec(head)?.[1];
    this.requests.push(`${method} ${target}${login === undefined ? "" : ` as ${atob(login)}`}`);
    const url = new URL(method === "CONNECT" ? `http://${target}` : target);
    const far = await Deno.connect({ hostname: "127.0.0.1", port: Number(url.port || 80) });
    this.#open.add(far);
    const first = method === "CONNECT" ? undefined : head.replace(target, url.pathname + url.search);
    if (first === undefined) await write(near, "HTTP/1.1 200 Connection established\r\n\r\n");
    else await write(far, first);
    await Promise.all([pump(near, far), pump(far, near)]);
  }
}

async function readHead(connection: Deno.TcpConn): Promise<string> {
  const buffer = new Uint8Array(1);
  let head = "";
  while (!head.endsWith("\r\n\r\n") && await connection.read(buffer) !== null) {
    head += String.fromCharCode(buffer[0] ?? 0);
  }
  return head;
}

async function write(connection: Deno.TcpConn, text: string): Promise<void> {
  const data = new TextEncoder().encode(text);
  for (let at = 0; at < data.length;) at += await connection.write(data.subarray(at));
}

async function pump(from: Deno.TcpConn, to: Deno.TcpConn): Promise<void> {
  const buffer = new Uint8Array(65_536);
  try {
    for (let count = await from.read(buffer); count !== null; count = await from.read(buffer)) {
      for (let at = 0; at < count;) at += await to.write(buffer.subarray(at, count));
    }
  } catch {
    // one side is gone: so is the other
  }
  close(from);
  close(to);
}

function close(connection: Deno.TcpConn): void {
  try {
    connection.close();
  } catch {
    // closed already
  }
}
