/**
 * The door to an API server: every request of the driver, the controller and the commands goes through it.
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
import { isOwn, type Page } from "./resources.ts";
import { checkShape } from "./shapes.ts";
import { type Access, LIST_LIMIT, readText, secretsOf, type Transport } from "./transport.ts";

/** Objects of a page, unless the caller wants fewer: as client-go lists. */
const PAGE = 500;
/** Milliseconds a page may take. */
const PAGE_TIMEOUT = 60_000;
/** Bytes of a refusal that are read where a stream was requested. */
const REFUSAL_LIMIT = 64 * 1024;
/**
 * Milliseconds between two readings of credentials that the server refused, and in all. What keeps the credentials fresh may be starting
 * itself: in an update of the DaemonSet, the token of the old pod is void before its successor has written its own.
 */
const RENEWAL = { interval: 250, timeout: 8_000 };

/** Talks to one API server, over one connection as long as requests follow one another, with the credentials as they are in their files. */
export class ApiServer implements Disposable {
  readonly #world: World;
  readonly #choice: KubeconfigChoice;
  #access: Access;
  #transport: Transport | undefined;
  #suspect = false;

  /** Reads the credentials. Connects at the first request. @throws {RefusedError} they cannot be used */
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

  /** What it was sent that no message shows. */
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
   * @returns the decoded answer; undefined where the object is missing
   * @throws {ConflictError} 409, 410; 422 where a test of a patch failed
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
    // a list of metadata without objects has the items null
    if (isList && request.metadataOnly && body && "items" in body) body.items ??= [];
    if (body && isOwn(resource) && request.verb !== "delete") checkShape(resource, body, isList, this.what(request));
    return body as T | undefined;
  }

  /**
   * The body of an answer as it comes. Ends with its connection; a broken connection rejects the read.
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
   * A collection, page by page.
   *
   * @param size objects of a page
   * @throws as {@linkcode request}, {@linkcode UnavailableError} for a page that is not whole: a part of a list is evidence of nothing
   */
  async *pages<T>(collection: Collection, signal: AbortSignal, size: number = PAGE): AsyncGenerator<Page<T>> {
    let next: string | undefined;
    do {
      const query = { limit: `${size}`, ...(next && { continue: next }) };
      const page = await this.#page<T>({ ...collection, verb: "list", query }, signal);
      yield page;
      next = page.metadata?.continue;
    } while (next);
  }

  /** Every object of a collection. @throws as {@linkcode pages} */
  async list<T>(collection: Collection, signal: AbortSignal): Promise<T[]> {
    const objects: T[] = [];
    for await (const { items } of this.pages<T>(collection, signal)) objects.push(...items);
    return objects;
  }

  async #page<T>(request: ApiRequest, signal: AbortSignal): Promise<Page<T>> {
    const what = this.what(request);
    const late = new UnavailableError(`The API server gave no page of ${what} within ${PAGE_TIMEOUT / 1_000} s`);
    using limit = startDeadline(this.#world, PAGE_TIMEOUT, late, signal);
    const page = await this.request<Page<T>>(request, limit.signal);
    if (Array.isArray(page?.items)) return page;
    throw new UnavailableError(`The API server's list of ${what} is not whole`);
  }

  [Symbol.dispose](): void {
    this.#transport?.[Symbol.dispose]();
    this.#transport = undefined;
  }

  /**
   * Sends a request. Credentials that the server does not accept, or that led to no server, are read again; when they have changed, at once
   * or in a few seconds, the refused request is sent once more.
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

  /** Reads the credentials until they have changed: once, and where a token was used, for some seconds. */
  async #isRenewed(used: Access, signal: AbortSignal): Promise<boolean> {
    for (let waited = 0;; waited += RENEWAL.interval) {
      if (await this.#renew(used)) return true;
      if (used.token === undefined || waited >= RENEWAL.timeout) return false;
      await this.#world.sleep(RENEWAL.interval, signal);
    }
  }

  /** Reads the credentials. Whether they are others than those that were used. */
  async #renew(used: Access): Promise<boolean> {
    const access = await readAccess(this.#world, this.#choice).catch(() => this.#access); // half-written files: the old ones may serve
    this.#suspect = false;
    if (JSON.stringify(access) !== JSON.stringify(this.#access)) {
      // a transport has certificates, not tokens: one that others use serves on
      if (trustOf(access) !== trustOf(this.#access)) this[Symbol.dispose]();
      this.#access = access;
    }
    return this.#access !== used;
  }
}

function trustOf(access: Access): string {
  return JSON.stringify({ ...access, token: "" });
}
