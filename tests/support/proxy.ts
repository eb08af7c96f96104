/**
 * A proxy in front of the real API server that fails requests on plan: what a network and a loaded server do to a client.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { createServer, type Server } from "node:https";
import { request as send } from "node:https";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { type Kube, kubeconfigOf } from "./kube.ts";

/**
 * What becomes of a request: `pass`; a status as the API server would answer it; `close` (the connection, nothing is done); `lose` (done, and
 * the connection is closed before the answer); `cut` (done, and half of the answer); `hang` (no answer, nothing done).
 */
export type Fate = "pass" | "close" | "lose" | "cut" | "hang" | {
  readonly status: number;
  readonly retryAfter?: number;
};

/** A request as a plan sees it. */
export interface ProxiedRequest {
  /** `GET ippools`, `POST overlappingrangeipreservations`, … */
  readonly what: string;
  /** How many requests came before it. */
  readonly index: number;
}

/** The running proxy. */
export class FaultProxy implements AsyncDisposable {
  /** What came, in order. */
  readonly requests: string[] = [];
  /** Decides each request's fate. */
  plan: (request: ProxiedRequest) => Fate = () => "pass";
  readonly #server: Server;
  readonly #kube: Kube;
  readonly #sockets = new Set<{ destroy(): unknown }>();

  private constructor(kube: Kube, server: Server) {
    this.#kube = kube;
    this.#server = server;
    server.on("connection", (socket) => {
      this.#sockets.add(socket);
      socket.on("close", () => this.#sockets.delete(socket));
    });
    server.on("request", (request, response) => void this.#serve(request, response));
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
    const path = `${this.#kube.kubeconfig}.proxy`;
    const config = kubeconfigOf(
      { ...this.#kube, url: `https://127.0.0.1:${port}` },
      { token: this.#kube.token },
      this.#kube.namespace,
    );
    await Deno.writeTextFile(path, JSON.stringify(config));
    return path;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await readAll(request);
    const resource = /namespaces\/[^/]+\/([a-z]+)/.exec(request.url ?? "")?.[1] ?? "";
    const what = `${request.method} ${resource}`;
    const fate = this.plan({ what, index: this.requests.push(what) - 1 });
    if (fate === "hang") return;
    if (fate === "close") return void request.socket.destroy();
    if (typeof fate === "object") return refuse(response, fate);
    const answer = await this.#forward(request, body);
    if (fate === "lose") return void request.socket.destroy();
    response.writeHead(answer.status, { "content-type": "application/json", "content-length": answer.body.length });
    if (fate === "pass") return void response.end(answer.body);
    response.write(answer.body.subarray(0, answer.body.length / 2));
    setTimeout(() => request.socket.destroy(), 20);
  }

  #forward(
    { method = "GET", url = "", headers }: IncomingMessage,
    body: Uint8Array,
  ): Promise<{ status: number; body: Uint8Array }> {
    const { promise, resolve, reject } = Promise.withResolvers<{ status: number; body: Uint8Array }>();
    const { host: _, connection: __, ...rest } = headers;
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
