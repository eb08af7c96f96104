/**
 * Reading what is not ours: any path of an API server, as a whole or as a stream. For controllers and commands, never on the plugin's way.
 *
 * @module
 */
import { ConflictError, RefusedError, UnavailableError } from "../../src/storage/driver.ts";
import type { World } from "../../src/world/world.ts";
import { connect, rootMessage, type Transport } from "./http.ts";
import { type Access, readAccess } from "./kubeconfig.ts";

/** A question to the API server. */
export interface Question {
  /** Path below the server's URL, its query included. */
  readonly path: string;
  /** What is read, for messages: `pods`. */
  readonly what: string;
}

/** Reads from one API server with the credentials as they are in their files. */
export class ApiReader implements Disposable {
  readonly #world: World;
  readonly #kubeconfig: string | undefined;
  #access: Access;
  #transport: Transport | undefined;
  #streams: Deno.HttpClient | undefined;

  /** Reads the credentials. Connects at the first question. */
  static async open(world: World, kubeconfig: string | undefined): Promise<ApiReader> {
    return new ApiReader(world, kubeconfig, await readAccess(world, kubeconfig));
  }

  private constructor(world: World, kubeconfig: string | undefined, access: Access) {
    this.#world = world;
    this.#kubeconfig = kubeconfig;
    this.#access = access;
  }

  /** The namespace of our objects. */
  get namespace(): string {
    return this.#access.namespace;
  }

  /**
   * A whole JSON document.
   *
   * @returns undefined where the path leads to nothing
   * @throws {ConflictError} 409, 410 @throws {UnavailableError} no answer, 429, 5xx @throws {RefusedError} everything else
   */
  async json(question: Question, signal: AbortSignal): Promise<unknown> {
    return await this.#authorised(async () => {
      const answer = await this.#reach(question, signal, () => {
        this.#transport ??= connect(this.#access);
        return this.#transport.send(`${this.#access.server}${question.path}`, this.#init(signal));
      });
      if (answer.status === 404) return undefined;
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
      const { server, source, insecure, serverName } = this.#access;
      if (insecure || serverName !== undefined) {
        const member = insecure ? "insecure-skip-tls-verify" : "tls-server-name";
        throw new RefusedError(
          `Cannot watch ${question.what}: the cluster of ${source} sets ${member}; name its CA instead`,
        );
      }
      const client = this.#streams ??= openStreams(this.#access);
      const response = await this.#reach(
        question,
        signal,
        () => fetch(`${server}${question.path}`, { ...this.#init(signal), client }),
      );
      if (response.status === 200 && response.body) return response.body;
      throw this.#failure(question, response.status, await response.text());
    });
  }

  [Symbol.dispose](): void {
    this.#transport?.[Symbol.dispose]();
    this.#streams?.close();
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
    const access = await readAccess(this.#world, this.#kubeconfig).catch(() => this.#access); // may be half written
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
      await this.#renew();
      throw new UnavailableError(
        `Cannot reach the API server ${this.#access.server} for ${what}: ${rootMessage(error)}`,
        {
          cause: error,
        },
      );
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
    const said = `Cannot read ${what}: ${server} says ${messageOf(text) || `status ${status}`}`;
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

/** A connection each, for answers that do not end. */
function openStreams({ ca, certificate }: Access): Deno.HttpClient {
  return Deno.createHttpClient({ http2: false, ...(ca !== undefined && { caCerts: [ca] }), ...certificate });
}

function sameTrust(a: Access, b: Access): boolean {
  return JSON.stringify({ ...a, token: "" }) === JSON.stringify({ ...b, token: "" });
}

function messageOf(text: string): string {
  try {
    const status: unknown = JSON.parse(text);
    if (typeof status === "object" && status !== null && "message" in status) return String(status.message);
  } catch {
    // not a Status: shown as it is
  }
  return text.trim().slice(0, 200);
}
