/**
 * Reading what is not ours: any path of an API server, as a whole or as a stream. For controllers and commands, never on the plugin's way.
 *
 * @module
 */
import { ConflictError, RefusedError, UnavailableError } from "../../src/storage/driver.ts";
import type { World } from "../../src/world/world.ts";
import { type KubeconfigChoice, readAccess } from "./access.ts";
import { toReachError } from "./reach.ts";
import { messageOf } from "./answer.ts";
import { connect } from "./connect.ts";
import { type Access, LIST_LIMIT, readText, secretsOf, type Transport } from "./transport.ts";

/** Bytes of a refusal that are read. */
const REFUSAL_LIMIT = 64 * 1024;

/** A question to the API server. */
export interface Question {
  /** Path below the server's URL, its query included. */
  readonly path: string;
  /** What is read, for messages: `pods`. */
  readonly what: string;
  /** The one object that the path leads to: it is missing only where the API server says so of this very object. Absent: a collection. */
  readonly object?: { readonly resource: string; readonly name: string };
}

/** Reads from one API server with the credentials as they are in their files. */
export class ApiReader implements Disposable {
  readonly #world: World;
  readonly #choice: KubeconfigChoice;
  #access: Access;
  #transport: Transport | undefined;
  #streams: Transport | undefined; // a connection each, for answers that do not end

  /** Reads the credentials. Connects at the first question. */
  static async open(world: World, choice: KubeconfigChoice): Promise<ApiReader> {
    return new ApiReader(world, choice, await readAccess(world, choice));
  }

  private constructor(world: World, choice: KubeconfigChoice, access: Access) {
    this.#world = world;
    this.#choice = choice;
    this.#access = access;
  }

  /** The namespace of our objects. */
  get namespace(): string {
    return this.#access.namespace;
  }

  /**
   * A whole JSON document.
   *
   * @returns undefined where the object is missing, or the collection's resource is not served
   * @throws {ConflictError} 409, 410 @throws {UnavailableError} no answer, 429, 5xx @throws {RefusedError} everything else
   */
  async json(question: Question, signal: AbortSignal): Promise<unknown> {
    return await this.#authorised(async () => {
      const answer = await this.#reach(question, signal, () => {
        this.#transport ??= connect(this.#access);
        return this.#transport.send(`${this.#access.server}${question.path}`, this.#init(signal), LIST_LIMIT);
      });
      if (answer.status === 404 && isMissing(question, answer.text)) return undefined;
      if (answer.status !== 200) throw this.#failure(question, answer.status, answer.text);
      try {
        return JSON.parse(answer.text);
      } catch (error) {
        throw new UnavailableError(`The answer of ${this.#access.server} on ${question.what} is not whole`, {
          cause: error,
        });
      }
    });
  }

  /** The body of an answer as it comes. Ends with its connection; a broken connection rejects the read. */
  async stream(question: Question, signal: AbortSignal): Promise<ReadableStream<Uint8Array>> {
    return await this.#authorised(async () => {
      const { status, body } = await this.#reach(question, signal, () => {
        this.#streams ??= connect(this.#access);
        return this.#streams.stream(`${this.#access.server}${question.path}`, this.#init(signal));
      });
      if (status === 200) return body;
      throw this.#failure(question, status, await readText(body, REFUSAL_LIMIT));
    });
  }

  [Symbol.dispose](): void {
    this.#transport?.[Symbol.dispose]();
    this.#streams?.[Symbol.dispose]();
    this.#transport = undefined;
    this.#streams = undefined;
  }

  /** Tries once more with fresh credentials where the old ones are refused. */
  async #authorised<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof UnauthorizedError) || !await this.#renew()) throw error;
      return await work();
    }
  }

  async #renew(): Promise<boolean> {
    const access = await readAccess(this.#world, this.#choice).catch(() => this.#access); // may be half written
    if (JSON.stringify(access) === JSON.stringify(this.#access)) return false;
    // transports carry certificates, not tokens: those in use by others go on, and are closed with the last of them
    if (sameTrust(access, this.#access)) this.#access = access;
    else {
      this[Symbol.dispose]();
      this.#access = access;
    }
    return true;
  }

  async #reach<T>({ what }: Question, signal: AbortSignal, send: () => Promise<T>): Promise<T> {
    signal.throwIfAborted();
    try {
      return await send();
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof RefusedError) throw error;
      const failure = toReachError(error, this.#access, `for ${what}`);
      await this.#renew();
      throw failure;
    }
  }

  #init(signal: AbortSignal): RequestInit {
    const { token } = this.#access;
    return {
      headers: {
        accept: "application/json",
        "user-agent": "whereabouts",
        ...(token !== undefined && { authorization: `Bearer ${token}` }),
      },
      redirect: "manual",
      signal,
    };
  }

  #failure({ what }: Question, status: number, text: string): Error {
    const { server, source } = this.#access;
    const said = `Cannot read ${what}: ${server} says ${messageOf(parse(text), status, secretsOf(this.#access))}`;
    if (status === 401) return new UnauthorizedError(`${said}; it does not accept the credentials of ${source}`);
    if (status === 403) return new RefusedError(`${said}; see install/manifests for the rights it takes`);
    if (status === 409 || status === 410) return new ConflictError(said);
    if (status === 408 || status === 429 || status >= 500) return new UnavailableError(said);
    return new RefusedError(said);
  }
}

class UnauthorizedError extends RefusedError {
  override name = "UnauthorizedError";
}

function sameTrust(a: Access, b: Access): boolean {
  return JSON.stringify({ ...a, token: "" }) === JSON.stringify({ ...b, token: "" });
}

/**
 * What status 404 says. Of a collection: there is no such resource, in the plain text of the API server's router or in its Status. Of an object:
 * it is missing only by a Status of reason NotFound that names it. A proxy in between answers 404 too, and proves nothing.
 */
function isMissing({ object }: Question, text: string): boolean {
  const parsed = parse(text);
  const status: Status | undefined = typeof parsed === "object" && parsed !== null ? parsed : undefined;
  if (!object) return status?.kind === "Status" || text.trim() === "404 page not found";
  const { name, kind } = status?.details ?? {};
  return status?.kind === "Status" && status.reason === "NotFound" && name === object.name && kind === object.resource;
}

interface Status {
  readonly kind?: unknown;
  readonly reason?: unknown;
  readonly details?: { readonly name?: unknown; readonly kind?: unknown };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // no Status
  }
}
