/**
 * Requests that `fetch` cannot make, over `node:https`: to a server whose certificate is not verified (`insecure-skip-tls-verify`) or
 * bears another name than its URL (`tls-server-name`). Slower to load, so loaded only then.
 *
 * @module
 */
import { Agent, request } from "node:https";
import type { Answer } from "./answer.ts";
import type { Transport } from "./http.ts";
import type { Access } from "./kubeconfig.ts";

/** Opens no connection yet. */
export function nodeTransport({ ca, certificate, insecure, serverName }: Access): Transport {
  const agent = new Agent({
    keepAlive: true,
    rejectUnauthorized: !insecure,
    ...(ca !== undefined && { ca }),
    ...(serverName !== undefined && { servername: serverName }),
    ...certificate,
  });
  return {
    send: (url, init) => send(agent, url, init),
    [Symbol.dispose]: () => agent.destroy(),
  };
}

function send(agent: Agent, url: string, { method = "GET", headers, body, signal }: RequestInit): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  const options = { agent, method, headers: headers as Record<string, string>, ...(signal && { signal }) };
  const sent = request(url, options, (response) => {
    let text = "";
    response.setEncoding("utf8");
    response.on("data", (chunk) => text += chunk);
    response.on("error", reject);
    response.on("close", () => reject(new Error("The connection was closed before the answer was whole")));
    response.on("end", () => {
      const fields = Object.entries(response.headers).map(([name, value]): [string, string] => [name, String(value)]);
      resolve({ status: response.statusCode ?? 0, headers: new Headers(fields), text });
    });
  });
  sent.on("error", reject);
  sent.end(typeof body === "string" ? body : undefined);
  return promise;
}
