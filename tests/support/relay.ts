/**
 * A TCP relay in front of a server: what happens to connections between hosts. Bytes pass as they are, encrypted or not.
 *
 * @module
 */

/** A running relay. */
export class Relay implements AsyncDisposable {
  readonly #listener: Deno.TcpListener;
  readonly #target: { readonly hostname: string; readonly port: number };
  readonly #pairs = new Set<readonly [Deno.TcpConn, Deno.TcpConn]>();
  readonly #pumps = new Set<Promise<void>>();
  #frozen: PromiseWithResolvers<void> | undefined;
  #bytes = 0;

  /** Starts one in front of `https://host:port`. */
  constructor(url: string) {
    const { hostname, port } = new URL(url);
    this.#target = { hostname, port: Number(port) };
    this.#listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    this.#track(this.#accept());
  }

  /** Where it listens. */
  get url(): string {
    return `https://127.0.0.1:${this.#listener.addr.port}`;
  }

  /** Bytes passed on so far, both ways. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Breaks every connection; new ones are made. */
  cut(): void {
    for (const [near, far] of this.#pairs) {
      close(near);
      close(far);
    }
  }

  /** Passes nothing on, and closes nothing: a host that went away without a word. */
  freeze(): void {
    this.#frozen ??= Promise.withResolvers();
  }

  /** Passes on again. */
  thaw(): void {
    this.#frozen?.resolve();
    this.#frozen = undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    this.thaw();
    this.cut();
    await Promise.allSettled([...this.#pumps]);
  }

  async #accept(): Promise<void> {
    for await (const near of this.#listener) this.#track(this.#serve(near));
  }

  async #serve(near: Deno.TcpConn): Promise<void> {
    const far = await Deno.connect(this.#target).catch(() => undefined);
    if (!far) return close(near);
    const pair = [near, far] as const;
    this.#pairs.add(pair);
    near.setNoDelay(true);
    far.setNoDelay(true);
    await Promise.all([this.#pump(near, far), this.#pump(far, near)]);
    this.#pairs.delete(pair);
  }

  async #pump(from: Deno.TcpConn, to: Deno.TcpConn): Promise<void> {
    const buffer = new Uint8Array(65_536);
    try {
      for (;;) {
        const count = await from.read(buffer);
        await this.#frozen?.promise;
        if (count === null) break;
        this.#bytes += count;
        for (let at = 0; at < count;) at += await to.write(buffer.subarray(at, count));
      }
    } catch {
      // one side is gone: so is the other
    }
    close(from);
    close(to);
  }

  #track(work: Promise<void>): void {
    this.#pumps.add(work);
    work.finally(() => this.#pumps.delete(work)).catch(() => {});
  }
}

function close(connection: Deno.TcpConn): void {
  try {
    connection.close();
  } catch {
    // closed already
  }
}
