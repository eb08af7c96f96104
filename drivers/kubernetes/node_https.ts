/**
 * Requests that `fetch` does not support, over `node:https`: to a server whose certificate is not verified (`insecure-skip-tls-verify`) or
 * has another name than its URL (`tls-server-name`), or with a client certificate of X.509 version 1. It loads slowly, so only on demand.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { type IncomingMessage, request as requestPlain } from "node:http";
import { Agent, request, type RequestOptions } from "node:https";
import type { Duplex } from "node:stream";
import { connect as connectTls } from "node:tls";
import { RefusedError } from "../../src/storage/driver.ts";
import { type Access, type Answer, ANSWER_LIMIT, readText, type Stream, type Transport } from "./transport.ts";

/** Milliseconds for a proxy to connect, as in Go's dialer. */
const CONNECT_TIMEOUT = 30_000;

/** The message of some releases of Deno for an unsupported client certificate. */
const UNUSABLE = "unsupported protocol";

/**
 * Creates a transport. Opens no connection.
 *
 * @param doubt the reason to refuse the kubeconfig's client certificate if this runtime does not support it
 * @throws {RefusedError} this transport does not support the proxy
 */
export function nodeTransport(access: Access, doubt?: string): Transport {
  const agent = makeAgent(access);
  const reach = async (url: string, init: RequestInit): Promise<IncomingMessage> => {
    try {
      return await send(agent, url, init);
    } catch (error) {
      if (doubt === undefined || !(error instanceof Error && error.message.includes(UNUSABLE))) throw error;
      throw new RefusedError(
        `Cannot use the kubeconfig ${
          JSON.stringify(access.source)
        }: ${doubt}; issue a certificate of version 3, or use a token`,
      );
    }
  };
  return {
    send: async (url, init, limit = ANSWER_LIMIT) => await answerOf(await reach(url, init), limit),
    stream: async (url, init) => streamOf(await reach(url, init)),
    [Symbol.dispose]: () => agent.destroy(),
  };
}

function makeAgent({ ca, certificate, insecure, serverName, proxy, source }: Access): Agent {
  const tls = {
    rejectUnauthorized: !insecure,
    ...(ca !== undefined && { ca }),
    ...(serverName !== undefined && { servername: serverName }),
    ...certificate,
  };
  if (proxy === undefined) return new Agent({ keepAlive: true, ...tls });
  const url = new URL(proxy.url);
  if (url.protocol === "http:") return new TunnelAgent(url, { keepAlive: true, ...tls });
  throw new RefusedError(
    `Cannot use the kubeconfig ${
      JSON.stringify(source)
    }: a cluster with insecure-skip-tls-verify or tls-server-name is reached ` +
      `only through an http proxy, but ${proxy.from} names one of ${url.protocol.slice(0, -1)}`,
  );
}

/** Connects through an HTTP proxy, by CONNECT (RFC 9110, section 9.3.6). */
class TunnelAgent extends Agent {
  readonly #proxy: URL;

  constructor(proxy: URL, options: ConstructorParameters<typeof Agent>[0]) {
    super(options);
    this.#proxy = proxy;
  }

  override createConnection(
    options: RequestOptions,
    callback?: (error: Error | null, stream: Duplex) => void,
  ): Duplex {
    const done = (error: Error | null, stream?: Duplex) => callback?.(error, stream as Duplex); // missing if there is an error
    const { hostname, port, username, password } = this.#proxy;
    const target = `${options.host?.includes(":") ? `[${options.host}]` : options.host}:${options.port ?? 443}`;
    const login = username === "" ? {} : { "proxy-authorization": basic(username, password) };
    const connecting = requestPlain({
      host: hostname.replace(/^\[/, "").replace(/\]$/, ""),
      port,
      method: "CONNECT",
      path: target,
      headers: { host: target, ...login },
      agent: false,
    });
    connecting.on("connect", ({ statusCode }, socket) => {
      if (statusCode === 200) {
        const servername = options.servername ?? options.host;
        done(
          null,
          connectTls({ ...options as Record<string, unknown>, socket, ...(servername && { servername }) }),
        );
        return;
      }
      socket.destroy();
      done(new Error(`The proxy answered CONNECT with HTTP status ${statusCode}`));
    });
    connecting.setTimeout(CONNECT_TIMEOUT, () => connecting.destroy(new Error("The proxy did not answer CONNECT")));
    connecting.on("error", (error) => done(error));
    connecting.end();
    return undefined as unknown as Duplex; // the callback receives it, which older types of Node.js do not allow
  }
}

function basic(username: string, password: string): string {
  return `Basic ${Buffer.from(`${decodeURIComponent(username)}:${decodeURIComponent(password)}`).toString("base64")}`;
}

function send(agent: Agent, url: string, init: RequestInit): Promise<IncomingMessage> {
  const { method = "GET", headers, body, signal } = init;
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const options = { agent, method, headers: headers as Record<string, string>, ...(signal && { signal }) };
  const sent = request(url, options, (response) => {
    response.on("error", () => {}); // the reader of the body handles it
    resolve(response);
  });
  sent.on("error", reject);
  sent.end(typeof body === "string" ? body : undefined);
  return promise;
}

async function answerOf(response: IncomingMessage, limit: number): Promise<Answer> {
  const { status, headers, body } = streamOf(response);
  return { status, headers, text: await readText(body, limit) };
}

/** The body as it arrives. If the connection ends before the answer, the read fails. */
function streamOf(response: IncomingMessage): Stream {
  const body = new ReadableStream<Uint8Array>({
    start: (controller) => {
      let open = true;
      const end = (how: () => void) => {
        if (open) how();
        open = false;
      };
      response.on("data", (chunk: Uint8Array) => {
        if (open) controller.enqueue(chunk);
        if ((controller.desiredSize ?? 0) <= 0) response.pause();
      });
      response.on("end", () => end(() => controller.close()));
      response.on("error", (error) => end(() => controller.error(error)));
      const broken = () => new Error("The connection was closed before the answer was complete");
      response.on("close", () => end(() => controller.error(broken())));
    },
    pull: () => void response.resume(),
    cancel: () => void response.destroy(),
  });
  const fields = Object.entries(response.headers).map(([name, value]): [string, string] => [name, String(value)]);
  return { status: response.statusCode ?? 0, headers: new Headers(fields), body };
}
