/**
 * A proxy in front of the real API server that fails requests on plan: what a network and a loaded server do to a client.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { createServer, type Server } from "node:https";
import { request as send } from "node:https";
import type { IncomingHttpHeaders, IncomingMessage, OutgoingHttpHeaders, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { type Kube, kubeconfigOf } from "./kube.ts";

/**
 * What becomes of a request: `pass`; a status as the API server would answer it; `close` (the connection, nothing is done); `lose` (done, and
 * the connection is closed before the answer); `cut` (done, and half of the answer); `hang` (no answer, nothing done); `stale` (the answer
 * that the same question got first, nothing done); `gone` (a watch whose version is too old, as the watch cache says it). A watch passes as it
 * comes, or does not begin.
 */
export type Fate = "pass" | "close" | "lose" | "cut" | "hang" | "stale" | "gone" | {
  readonly status: number;
  readonly retryAfter?: number;
};

/** A request as a plan sees it. */
export interface ProxiedRequest {
  /** `GET ippools`, `POST overlappingrangeipreservations`, `WATCH pods`, … */
  readonly what: string;
  /** Path and query. */
  readonly url: string;
  /** How many requests came before it. */
  readonly index: number;
  /** The bearer token it brought; empty where it brought none. */
  readonly token: string;
}

/** The running proxy. */
export class FaultProxy implements AsyncDisposable {
  /** What came, in order. */
  readonly requests: string[] = [];
  /** Whether the first answer to each question is kept, for `stale`. A bench that only counts requests of large lists turns it off. */
  remembers = true;
  /** Decides each request's fate. */
  plan: (request: ProxiedRequest) => Fate = () => "pass";
  readonly #server: Server;
  readonly #kube: Kube;
  readonly #sockets = new Set<{ destroy(): unknown }>();
  readonly #watches = new Set<{ destroy(): unknown }>();
  readonly #first = new Map<string, Answer>();

  private constructor(kube: Kube, server: Server) {
    this.#kube = kube;
    this.#server = server;
    server.on("connection", (socket) => {
      this.#sockets.add(socket);
      socket.on("close", () => this.#sockets.delete(socket));
    });
    server.on("request", (request, response) => {
      this.#serve(request, response).catch((error) => {
        if (error.code !== "ECONNRESET") throw error;
        request.socket.destroy(); // one of the two ends closed its connection
      });
    });
  }

  /** Starts one in front of a control plane. */
  static async start(kube: Kube): Promise<FaultProxy> {
    const [cert, key] = await Promise.all([
      Deno.readTextFile(`${kube.folder}/server.crt`),
      Deno.readTextFile(`${kube.folder}/server.key`),
    ]);
    const server = createServer({ cert, key });
    const proxy = new FaultProxy(kube, server);
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return proxy;
  }

  /** A kubeconfig that leads through the proxy. */
  async kubeconfig(): Promise<string> {
    const { port } = this.#server.address() as AddressInfo;
    const path = `${this.#kube.kubeconfig}.proxy-${port}`;
    const config = kubeconfigOf(
      { ...this.#kube, url: `https://127.0.0.1:${port}` },
      { token: this.#kube.token },
      this.#kube.namespace,
    );
    await Deno.writeTextFile(path, JSON.stringify(config));
    return path;
  }

  /** Breaks every watch under way. */
  cutWatches(): void {
    for (const socket of this.#watches) socket.destroy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await readAll(request);
    const { url = "", method = "GET" } = request;
    const watches = url.includes("watch=1");
    const what = `${watches ? "WATCH" : method} ${resourceOf(url)}`;
    const fate = this.plan({ what, url, index: this.requests.push(what) - 1, token: tokenOf(request.headers) });
    if (fate === "hang") return;
    if (fate === "close") return void request.socket.destroy();
    if (typeof fate === "object") return refuse(response, fate);
    if (fate === "gone") return void response.end(`${JSON.stringify(GONE)}\n`);
    if (watches) return this.#stream(request, response);
    const question = `${method} ${url}`;
    const known = fate === "stale" ? this.#first.get(question) : undefined;
    const answer = known ?? await this.#forward(request, body);
    if (this.remembers && !this.#first.has(question)) this.#first.set(question, answer);
    if (fate === "lose") return void request.socket.destroy();
    response.writeHead(answer.status, { "content-type": "application/json", "content-length": answer.body.length });
    if (fate !== "cut") return void response.end(answer.body);
    response.write(answer.body.subarray(0, answer.body.length / 2));
    request.socket.destroySoon(); // once that is written
  }

  /** Passes a watch on as it comes. */
  #stream({ url = "", headers, socket }: IncomingMessage, response: ServerResponse): void {
    const rest = passedOn(headers);
    const sent = send(this.#kube.url + url, { headers: rest, rejectUnauthorized: false, agent: false }, (answer) => {
      response.writeHead(answer.statusCode ?? 500, { "content-type": "application/json" });
      response.flushHeaders();
      answer.pipe(response);
      answer.on("error", () => socket.destroy());
    });
    this.#watches.add(socket);
    socket.on("close", () => {
      this.#watches.delete(socket);
      sent.destroy();
    });
    sent.on("error", () => socket.destroy());
    sent.end();
  }

  #forward({ method = "GET", url = "", headers }: IncomingMessage, body: Uint8Array): Promise<Answer> {
    const { promise, resolve, reject } = Promise.withResolvers<Answer>();
    const rest = passedOn(headers);
    const sent = send(
      this.#kube.url + url,
      { method, headers: rest, rejectUnauthorized: false, agent: false },
      (response) => {
        readAll(response).then((body) => resolve({ status: response.statusCode ?? 500, body }), reject);
      },
    );
    sent.on("error", reject);
    sent.end(body);
    return promise;
  }
}

const GONE = {
  type: "ERROR",
  object: {
    kind: "Status",
    apiVersion: "v1",
    status: "Failure",
    code: 410,
    reason: "Expired",
    message: "injected: too old",
  },
};

interface Answer {
  readonly status: number;
  readonly body: Uint8Array;
}

/** The resource of a path, in a namespace or of the whole cluster. */
function resourceOf(url: string): string {
  const path = url.split("?", 1)[0] ?? "";
  return (/namespaces\/[^/]+\/([a-z-]+)/.exec(path) ?? /^\/(?:api|apis\/[^/]+)\/[^/]+\/([a-z-]+)/.exec(path))?.[1] ??
    "";
}

/** Without what is between two neighbours: the connection, and how bytes are packed. */
function passedOn(
  { host: _, connection: __, "accept-encoding": ___, ...rest }: IncomingHttpHeaders,
): OutgoingHttpHeaders {
  return rest;
}

async function readAll(stream: IncomingMessage): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}

function refuse(response: ServerResponse, { status, retryAfter }: Exclude<Fate, string>): void {
  const body = JSON.stringify({
    kind: "Status",
    apiVersion: "v1",
    status: "Failure",
    code: status,
    message: `injected ${status}`,
    details: {},
  });
  response.writeHead(status, {
    "content-type": "application/json",
    ...(retryAfter !== undefined && { "retry-after": `${retryAfter}` }),
  });
  response.end(body);
}

function tokenOf({ authorization = "" }: IncomingHttpHeaders): string {
  return authorization.replace(/^Bearer /, "");
}
