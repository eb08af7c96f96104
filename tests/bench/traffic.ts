/**
 * The traffic of a plugin: bytes through a relay, requests from the audit log.
 *
 * @module
 */

/** A relay that counts bytes both ways. */
export class Relay implements AsyncDisposable {
  readonly #listener: Deno.TcpListener;
  readonly #target: number;
  readonly #done: Promise<void>;
  #bytes = 0;
  #connections = 0;

  /** Listens on a free loopback port and relays to another. */
  constructor(target: number) {
    this.#target = target;
    this.#listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    this.#done = this.#serve();
  }

  /** Its port. */
  get port(): number {
    return this.#listener.addr.port;
  }

  /** Bytes so far, both ways. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Connections so far. */
  get connections(): number {
    return this.#connections;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    await this.#done;
  }

  async #serve(): Promise<void> {
    const open: Promise<unknown>[] = [];
    for await (const client of this.#listener) {
      this.#connections++;
      const server = await Deno.connect({ hostname: "127.0.0.1", port: this.#target });
      client.setNoDelay(true);
      server.setNoDelay(true);
      open.push(this.#pipe(client, server), this.#pipe(server, client));
    }
    await Promise.allSettled(open);
  }

  async #pipe(from: Deno.TcpConn, to: Deno.TcpConn): Promise<void> {
    const count = new TransformStream<Uint8Array, Uint8Array>({
      transform: (chunk, controller) => {
        this.#bytes += chunk.length;
        controller.enqueue(chunk);
      },
    });
    await from.readable.pipeThrough(count).pipeTo(to.writable).catch(() => {});
  }
}
