/**
 * The one HTTP client of the driver, and what statuses mean.
 *
 * @module
 */
import { ConflictError, RefusedError, UnavailableError } from "../../src/storage/driver.ts";
import type { Access } from "./kubeconfig.ts";

/** One request. */
export interface ApiRequest {
  /** HTTP method. */
  readonly method: "GET" | "POST" | "PATCH" | "DELETE";
  /** Path and query. */
  readonly path: string;
  /** JSON body. */
  readonly body?: unknown;
  /** Its media type. Default `application/json`. */
  readonly contentType?: string;
  /** What is asked for, for messages: `IPPool kube-system/10.0.0.0-24`. */
  readonly what: string;
}

/** The API server's `Status`, as far as it is used. */
interface Status {
  readonly message?: string;
  readonly reason?: string;
  readonly details?: { readonly name?: string; readonly kind?: string; readonly causes?: readonly unknown[] };
}

/** What came back. */
export interface Exchange {
  /** HTTP status. */
  readonly status: number;
  /** HTTP headers. */
  readonly headers: Headers;
  /** The body. */
  readonly text: string;
}

/** Talks to one API server over one connection. */
export class ApiClient implements Disposable {
  readonly #access: Access;
  #client: Deno.HttpClient | undefined;

  /** Connects at the first request. */
  constructor(access: Access) {
    this.#access = access;
  }

  /**
   * Sends a request.
   *
   * @returns the decoded answer; undefined where the object is not there
   * @throws {ConflictError} 409; 422 where a test of a patch failed
   * @throws {UnavailableError} no answer, 429, 5xx
   * @throws {RefusedError} not authorised, resource not installed, object not valid
   */
  async request<T>(request: ApiRequest, signal: AbortSignal): Promise<T | undefined> {
    const { status, headers, text } = await this.#exchange(request, signal);
    let body: unknown;
    try {
      body = JSON.parse(text);
    } catch {
      body = undefined;
    }
    if (status >= 200 && status < 300 && body !== undefined) return body as T;
    if (status >= 200 && status < 300) {
      throw new UnavailableError(`The API server's answer on ${request.what} was cut off`);
    }
    return this.#failure(request, status, headers, (body ?? { message: text.trim() }) as Status);
  }

  [Symbol.dispose](): void {
    this.#client?.close();
    this.#client = undefined;
  }

  async #exchange({ method, path, body, contentType, what }: ApiRequest, signal: AbortSignal): Promise<Exchange> {
    const { server, token } = this.#access;
    const headers: Record<string, string> = { accept: "application/json" };
    if (token) headers.authorization = `Bearer ${await token()}`;
    if (body !== undefined) headers["content-type"] = contentType ?? "application/json";
    const init = { method, headers, signal, ...(body !== undefined && { body: JSON.stringify(body) }) };
    try {
      if (this.#access.insecure) return await (await import("./insecure.ts")).insecureFetch(server + path, init);
      const response = await fetch(server + path, { ...init, client: this.#client ??= this.#connect() });
      return { status: response.status, headers: response.headers, text: await response.text() };
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      const reason = error instanceof Error ? error.message : String(error);
      if (/certificate|InvalidCert|UnknownIssuer/.test(reason)) {
        throw new RefusedError(`Cannot trust the API server ${server} of ${this.#access.source}: ${reason}`, {
          cause: error,
        });
      }
      throw new UnavailableError(`Cannot reach the API server ${server} for ${what}`, { cause: error });
    }
  }

  #connect(): Deno.HttpClient {
    const { ca, certificate } = this.#access;
    return Deno.createHttpClient({ ...(ca !== undefined && { caCerts: [ca] }), ...certificate });
  }

  #failure({ what, method, contentType }: ApiRequest, status: number, headers: Headers, body: Status): undefined {
    const { server, source } = this.#access;
    const message = body.message || body.reason || `status ${status}`;
    switch (true) {
      case status === 404 && body.details?.name !== undefined && body.details.kind !== "namespaces":
        return undefined;
      case status === 404 && body.details?.kind === "namespaces":
        throw new RefusedError(
          `Cannot store ${what}: ${message}; create the namespace or change the context of ${source}`,
        );
      case status === 404:
        throw new RefusedError(
          `Cannot find the resource of ${what} on ${server}: the custom resource definitions are not installed; ` +
            "apply install/manifests/crds",
        );
      case status === 409:
      case status === 422 && contentType !== undefined && !body.details?.causes?.length:
        throw new ConflictError(`${what} changed meanwhile: ${message}`);
      case status === 401:
        throw new RefusedError(
          `The API server ${server} does not accept the credentials of ${source} for ${what}: ${message}`,
        );
      case status === 403:
        throw new RefusedError(
          `The credentials of ${source} do not allow ${method} of ${what}: ${message}; see the ClusterRole in install`,
        );
      case status === 429 || status >= 500: {
        const seconds = Number(headers.get("retry-after"));
        throw new UnavailableError(`The API server ${server} cannot serve ${what} now: ${message}`, {
          ...(seconds > 0 && { retryAfter: seconds * 1000 }),
        });
      }
      default:
        throw new RefusedError(`The API server refused ${what} with status ${status}: ${message}`);
    }
  }
}
