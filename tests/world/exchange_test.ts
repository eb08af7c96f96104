import assert from "node:assert/strict";
import { denoWorld } from "../../src/world/deno.ts";

const world = denoWorld();

/** Runs work with the path of a socket whose listener treats each connection as given. */
async function listening(
  serve: (connection: Deno.UnixConn) => Promise<void> | void,
  work: (socket: string) => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir();
  const socket = `${folder}/s.sock`;
  const listener = Deno.listen({ transport: "unix", path: socket });
  const served: Deno.UnixConn[] = [];
  const serving = (async () => {
    for await (const connection of listener) {
      served.push(connection);
      await serve(connection);
    }
  })();
  try {
    await work(socket);
  } finally {
    listener.close();
    await serving;
    for (const connection of served) connection.close();
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("denoWorld exchanges a text for the line that the listener of a socket answers", () =>
  listening(
    async (connection) => {
      const buffer = new Uint8Array(100);
      const count = await connection.read(buffer) ?? 0;
      await connection.write(buffer.subarray(0, count));
    },
    async (socket) => {
      assert.equal(await world.exchange(socket, "a line\n", 60_000), "a line\n");
      assert.equal(await world.exchange(`${socket}.none`, "a line\n", 60_000), undefined);
    },
  ));

Deno.test("denoWorld gives up an exchange whose listener does not answer in time, and one that closes without an answer", async () => {
  await listening(() => {}, async (socket) => {
    await assert.rejects(world.exchange(socket, "a line\n", 50), { message: "it did not answer within 0.05 s" });
  });
  await listening((connection) => connection.closeWrite(), async (socket) => {
    await assert.rejects(world.exchange(socket, "a line\n", 60_000), { message: "it closed without an answer" });
  });
});
