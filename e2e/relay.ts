/**
 * Relays between a port of this machine and the API server in the control plane's network namespace.
 *
 * A socket file is the same in every network namespace: outside a process accepts TCP and connects to the file, inside one accepts on the
 * file and connects to the API server. This module is the program inside: `relay.ts FILE PORT`.
 *
 * @module
 */

/** Relays every connection until the listener closes. */
export async function relay(listener: Deno.Listener, connect: () => Promise<Deno.Conn>): Promise<void> {
  for await (const near of listener) join(near, connect).catch(() => {}); // a broken connection ends both sides: clients see it
}

async function join(near: Deno.Conn, connect: () => Promise<Deno.Conn>): Promise<void> {
  const far = await connect().catch((error) => {
    near.close();
    throw error;
  });
  await Promise.all([near.readable.pipeTo(far.writable), far.readable.pipeTo(near.writable)]);
}

if (import.meta.main) {
  const [path = "", port = ""] = Deno.args;
  await relay(
    Deno.listen({ transport: "unix", path }),
    () => Deno.connect({ hostname: "127.0.0.1", port: Number(port) }),
  );
}
