/**
 * The client of an API server: every request of the driver, the controller and the commands goes through it.
 *
 * @module
 */
import { UnavailableError } from "../../src/storage/driver.ts";
import { startDeadline } from "../../src/async/deadline.ts";
import type { World } from "../../src/world/world.ts";
import { type KubeconfigChoice, readAccess } from "./access.ts";
import { decode, errorOf } from "./answer.ts";
import { connect } from "./connect.ts";
import { toReachError } from "./reach.ts";
import { type ApiRequest, type Collection, initOf, pathOf, questionOf, type Target, whatOf } from "./request.ts";
import { isOwn, namesOf, type Page, type Table } from "./resources.ts";
import { checkShape } from "./shapes.ts";
import { type Access, LIST_LIMIT, readText, secretsOf, type Transport } from "./transport.ts";

/** Default objects per page, as in client-go. */
const PAGE = 500;
/** Milliseconds for a page, the default of the API server (`--request-timeout`). */
const PAGE_TIMEOUT = 60_000;
/** Max bytes of a refusal that are read if a stream was requested: a Status has a few hundred. */
const REFUSAL_LIMIT = 64 * 1024;
/**
 * Milliseconds between two reads of credentials that the server refused, and for all reads. The process that renews the credentials may
 * still be starting: in an update of the DaemonSet, the token of the old pod is void before its successor has written a new one.
 */
const RENEWAL = { interval: 250, timeout: 8_000 };

/** Sends requests to one API server with the current credentials of its files. Sequential requests share one connection. */
export class ApiServer implements Disposable {
  readonly #world: World;
  readonly #choice: KubeconfigChoice;
  #access: Access;
  #transport: Transport | undefined;
  #suspect = false;

  /** Reads the credentials. Connects at the first request. @throws {RefusedError} they are missing or invalid */
  static async open(world: World, choice: KubeconfigChoice): Promise<ApiServer> {
    return new ApiServer(world, choice, await readAccess(world, choice));
  }

  private constructor(world: World, choice: KubeconfigChoice, access: Access) {
    this.#world = world;
    this.#choice = choice;
    this.#access = access;
  }

  /** Its URL. */
  get url(): string {
    return this.#access.server;
  }

  /** The namespace of our objects. */
  get namespace(): string {
    return this.#access.namespace;
  }

  /** Values that are sent to the server and that no message may show. */
  get secrets(): readonly (string | undefined)[] {
    return secretsOf(this.#access);
  }

  /** An object or collection in messages: `IPPool kube-system/10.0.0.0-24`, `Pods`. */
  what(target: Target): string {
    return whatOf(target, this.#access);
  }

  /**
   * Sends a request.
   *
   * @returns the decoded answer; undefined if the object is missing
   * @throws {ConflictError} 409, 410; 422 if a test of a patch failed
   * @throws {UnavailableError} no answer, 408, 429, 5xx
   * @throws {NotServedError} the resource is not installed
   * @throws {RefusedError} not authorised, object invalid
   */
  async request<T>(request: ApiRequest, signal: AbortSignal): Promise<T | undefined> {
    const isList = request.verb === "list";
    const answer = await this.#authorised(
      request,
      signal,
      (transport, url, init) => transport.send(url, init, isList ? LIST_LIMIT : undefined),
    );
    const body = decode(answer, questionOf(request, this.#access));
    const warning = answer.headers.get("warning");
    if (warning) request.onWarning?.(warning);
    const { resource } = request;
    // an empty list of metadata has `items: null`
    if (isList && request.metadataOnly && body && "items" in body) body.items ??= [];
    if (body && isOwn(resource) && request.verb !== "delete" && !request.asTable) {
      checkShape(resource, body, isList, this.what(request));
    }
    return body as T | undefined;
  }

  /**
   * The body of an answer as it arrives. It ends with its connection; a broken connection rejects the read.
   *
   * @throws as {@linkcode request}
   */
  async stream(request: ApiRequest, signal: AbortSignal): Promise<ReadableStream<Uint8Array>> {
    const answer = await this.#authorised(request, signal, async (transport, url, init) => {
      const { status, headers, body } = await transport.stream(url, init);
      return status === 200 ? { status, body } : { status, headers, text: await readText(body, REFUSAL_LIMIT) };
    });
    if (answer.body) return answer.body;
    throw errorOf(answer, questionOf(request, this.#access));
  }

  /**
   * Lists a collection page by page.
   *
   * @param size objects per page
   * @throws as {@linkcode request}, {@linkcode UnavailableError} for an incomplete page: a part of a list is no evidence
   */
  async *pages<T>(collection: Collection, signal: AbortSignal, size: number = PAGE): AsyncGenerator<Page<T>> {
    let next: string | undefined;
    do {
      const query = { ...collection.query, limit: `${size}`, ...(next && { continue: next }) };
      const page = await this.#page<T>({ ...collection, verb: "list", query }, signal);
      yield page;
      next = page.metadata?.continue;
    } while (next);
  }

  /** Lists every object of a collection. @throws as {@linkcode pages} */
  async list<T>(collection: Collection, signal: AbortSignal): Promise<T[]> {
    const objects: T[] = [];
    for await (const { items } of this.pages<T>(collection, signal)) objects.push(...items);
    return objects;
  }

  /** Lists every object of a collection in one request, which a cache of the server may answer. @throws as {@linkcode pages} */
  async listAll<T>(collection: Collection, signal: AbortSignal): Promise<readonly T[]> {
    return (await this.#page<T>({ ...collection, verb: "list" }, signal)).items;
  }

  /**
   * Lists the names of a collection in one request. A table costs the API server a third of the objects' time, and has a twelfth of their
   * bytes: for 4,000 reservations 76 ms and 280 KiB.
   *
   * @throws as {@linkcode pages}
   */
  async names(collection: Collection, signal: AbortSignal): Promise<string[]> {
    const request = { ...collection, verb: "list", asTable: true, query: { includeObject: "None" } } as const;
    const names = namesOf(await this.#list<Table>(request, signal));
    if (names) return names;
    throw this.#incomplete(request);
  }

  async #page<T>(request: ApiRequest, signal: AbortSignal): Promise<Page<T>> {
    const page = await this.#list<Page<T>>(request, signal);
    if (Array.isArray(page?.items)) return page;
    throw this.#incomplete(request);
  }

  async #list<T>(request: ApiRequest, signal: AbortSignal): Promise<T | undefined> {
    const what = this.what(request);
    const timeout = new UnavailableError(`No answer from the API server on ${what} within ${PAGE_TIMEOUT / 1_000} s`);
    using deadline = startDeadline(this.#world, PAGE_TIMEOUT, timeout, signal);
    return await this.request<T>(request, deadline.signal);
  }

  #incomplete(request: ApiRequest): UnavailableError {
    return new UnavailableError(`The API server's list of ${this.what(request)} is incomplete`);
  }

  [Symbol.dispose](): void {
    this.#transport?.[Symbol.dispose]();
    this.#transport = undefined;
  }

  /**
   * Sends a request. If the server refuses the credentials, they are read again, and if they change, the request is sent once more. After a
   * failed connection, the next request reads them again.
   */
  async #authorised<T extends { readonly status: number }>(
    request: ApiRequest,
    signal: AbortSignal,
    send: (transport: Transport, url: string, init: RequestInit) => Promise<T>,
  ): Promise<T> {
    signal.throwIfAborted();
    if (this.#suspect) await this.#renew(this.#access);
    const used = this.#access;
    const attempt = async () => {
      const access = this.#access;
      const transport = this.#transport ??= connect(access);
      try {
        return await send(transport, `${access.server}${pathOf(request, access)}`, initOf(request, access, signal));
      } catch (error) {
        this.#suspect = true;
        signal.throwIfAborted();
        throw toReachError(error, access, `to ${request.verb} ${whatOf(request, access)}`);
      }
    };
    const answer = await attempt();
    return answer.status === 401 && await this.#isRenewed(used, signal) ? await attempt() : answer;
  }

  /** Reads the credentials until they change: for some seconds if a token was used, else once. */
  async #isRenewed(used: Access, signal: AbortSignal): Promise<boolean> {
    for (let waited = 0;; waited += RENEWAL.interval) {
      if (await this.#renew(used)) return true;
      if (used.token === undefined || waited >= RENEWAL.timeout) return false;
      await this.#world.sleep(RENEWAL.interval, signal);
    }
  }

  /** Reads the credentials. Returns whether they differ from those that were used. */
  async #renew(used: Access): Promise<boolean> {
    const access = await readAccess(this.#world, this.#choice).catch(() => this.#access); // a half-written file: keep the old ones
    this.#suspect = false;
    if (JSON.stringify(access) !== JSON.stringify(this.#access)) {
      // a transport holds certificates and no token: if only the token changed, it stays usable for requests in flight
      if (trustOf(access) !== trustOf(this.#access)) this[Symbol.dispose]();
      this.#access = access;
    }
    return this.#access !== used;
  }
}

function trustOf(access: Access): string {
  return JSON.stringify({ ...access, token: "" });
}
