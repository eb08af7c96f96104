/**
 * Requests to a server whose certificate is not verified (`insecure-skip-tls-verify`), which `fetch` cannot make. Loaded only then.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { request } from "node:https";
import type { Exchange } from "./http.ts";

/** What is sent. */
export interface InsecureRequest {
  /** HTTP method. */
  readonly method: string;
  /** HTTP headers. */
  readonly headers: Record<string, string>;
  /** The body. */
  readonly body?: string;
  /** Ends it. */
  readonly signal: AbortSignal;
}

/** Sends one request, whatever certificate the server shows. */
export function insecureFetch(url: string, { method, headers, body, signal }: InsecureRequest): Promise<Exchange> {
  const { promise, resolve, reject } = Promise.withResolvers<Exchange>();
  const sent = request(url, { method, headers, signal, rejectUnauthorized: false }, (response) => {
    const chunks: Uint8Array[] = [];
    response.on("data", (chunk) => chunks.push(chunk));
    response.on("error", reject);
    response.on("end", () => {
      const fields = Object.entries(response.headers).map(([name, value]) => [name, String(value)]);
      resolve({
        status: response.statusCode ?? 0,
        headers: new Headers(fields as [string, string][]),
        text: Buffer.concat(chunks).toString(),
      });
    });
  });
  sent.on("error", reject);
  sent.end(body);
  return promise;
}
