import assert from "node:assert/strict";
import { ApiServer } from "../../../drivers/kubernetes/api_server.ts";
import { NotServedError } from "../../../drivers/kubernetes/answer.ts";
import { RefusedError, UnavailableError } from "../../../src/storage/driver.ts";
import type { World } from "../../../src/world/world.ts";
import { hurriedClock } from "../../support/hurried_clock.ts";
import { memoryWorld } from "../../support/world.ts";
import { NEVER } from "./live.ts";

const PATH = "/kubeconfig";
const POD = { verb: "get", resource: "pods", namespace: "default", name: "web" } as const;

/** A server on loopback that counts its connections. */
function serve(answer: (request: Request) => Response | Promise<Response>) {
  const connections = new Set<number>();
  const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen: () => {} }, (request, { remoteAddr }) => {
    connections.add(remoteAddr.port);
    return answer(request);
  });
  return {
    url: `http://127.0.0.1:${server.addr.port}`,
    connections,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

function kubeconfig(server: string, user: Record<string, string>, cluster: Record<string, string> = {}): string {
  return JSON.stringify({
    clusters: [{ name: "c", cluster: { server, ...cluster } }],
    users: [{ name: "u", user }],
    contexts: [{ name: "x", context: { cluster: "c", user: "u" } }],
    "current-context": "x",
  });
}

/** Accepts only the token `good`. */
function guarded({ headers }: Request): Response {
  return headers.get("authorization") === "Bearer good" ? Response.json({}) : new Response("", { status: 401 });
}

/** Requests a pod with a kubeconfig whose token becomes good after so many more reads. */
async function renewed(url: string, user: Record<string, string>, readsBefore: number) {
  const clock = hurriedClock();
  let reads = -1; // the first read is that of `open`
  const world: World = {
    ...memoryWorld(),
    sleep: clock.sleep,
    readTextFile: () => Promise.resolve(kubeconfig(url, ++reads > readsBefore ? { token: "good" } : user)),
  };
  using api = await ApiServer.open(world, { kubeconfig: PATH });
  const found = await api.request(POD, NEVER).then(() => true, (error) => {
    assert(error instanceof RefusedError, String(error));
    return false;
  });
  return { found, reads, milliseconds: clock.monotonic() };
}

Deno.test("ApiServer reads refused credentials again immediately, and waits only for tokens", async () => {
  await using server = serve(guarded);
  assert.deepEqual(await renewed(server.url, { token: "void" }, 0), { found: true, reads: 1, milliseconds: 0 });
  assert.deepEqual(await renewed(server.url, {}, 1), { found: false, reads: 1, milliseconds: 0 });
});

Deno.test("ApiServer waits at most 8 seconds for a new token", async () => {
  await using server = serve(guarded);
  assert.deepEqual(await renewed(server.url, { token: "void" }, 8), { found: true, reads: 9, milliseconds: 2_000 });
  assert.deepEqual(await renewed(server.url, { token: "void" }, Infinity), {
    found: false,
    reads: 33,
    milliseconds: 8_000,
  });
});

Deno.test("ApiServer keeps its connection if only the token changes", async () => {
  for (const [cluster, connections] of [[{}, 1], [{ "tls-server-name": "other" }, 2]] as const) {
    await using server = serve(guarded);
    const world = memoryWorld({ files: { [PATH]: kubeconfig(server.url, { token: "good" }) } });
    using api = await ApiServer.open(world, { kubeconfig: PATH });
    await api.request(POD, NEVER);
    world.files.set(PATH, kubeconfig(server.url, { token: "void" }));
    using other = await ApiServer.open(world, { kubeconfig: PATH });
    world.files.set(PATH, kubeconfig(server.url, { token: "good" }, cluster));
    server.connections.clear();
    await other.request(POD, NEVER);
    assert.equal(server.connections.size, connections);
  }
});

Deno.test("ApiServer rejects a list with an incomplete page", async () => {
  const pages = ['{"items":[{}],"metadata":{"continue":"2"}}', '{"items":{}}'];
  await using server = serve(() => new Response(pages.shift()));
  const world = memoryWorld({ files: { [PATH]: kubeconfig(server.url, {}) } });
  using api = await ApiServer.open(world, { kubeconfig: PATH });
  await assert.rejects(api.list({ resource: "pods" }, NEVER), /^UnavailableError: .*list of Pods .* is incomplete$/);
});

Deno.test("ApiServer rejects a list whose page does not arrive in time", async () => {
  const stopped = Promise.withResolvers<Response>();
  await using server = serve(() => stopped.promise);
  const world = { ...memoryWorld({ files: { [PATH]: kubeconfig(server.url, {}) } }), sleep: hurriedClock().sleep };
  using api = await ApiServer.open(world, { kubeconfig: PATH });
  await assert.rejects(
    api.list({ resource: "nodeslicepools" }, NEVER),
    (error: Error) =>
      error instanceof UnavailableError &&
      /No answer from the API server on NodeSlicePools .* 60 s$/.test(error.message),
  );
  stopped.resolve(new Response());
});

Deno.test("ApiServer distinguishes a resource that is not served from a 404 of another server", async () => {
  for (const [text, kind] of [["404 page not found\n", NotServedError], ["<html></html>", RefusedError]] as const) {
    await using server = serve(() => new Response(text, { status: 404 }));
    const world = memoryWorld({ files: { [PATH]: kubeconfig(server.url, {}) } });
    using api = await ApiServer.open(world, { kubeconfig: PATH });
    for (
      const work of [api.list({ resource: "pods" }, NEVER), api.stream({ verb: "watch", resource: "pods" }, NEVER)]
    ) {
      const error = await work.then(() => undefined, (error) => error);
      assert.equal(error?.constructor, kind, text);
    }
  }
});
