/**
 * The one HTTP client of the driver, and what it asks for.
 *
 * @module
 */
import type { World } from "../../src/world/world.ts";
import { decode } from "./answer.ts";
import { connect } from "./connect.ts";
import { toReachError } from "./reach.ts";
import { API_VERSION, KINDS, type Resource } from "./resources.ts";
import { checkShape } from "./shapes.ts";
import { type Access, type Answer, LIST_LIMIT, secretsOf, type Transport } from "./transport.ts";

const METHODS = { get: "GET", list: "GET", create: "POST", patch: "PATCH", delete: "DELETE" } as const;
const METADATA_ONLY = "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io,application/json";
const METADATA_LIST = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io,application/json";

/** One request. Verbs are those of RBAC. */
export interface ApiRequest {
  /** What is done. */
  readonly verb: keyof typeof METHODS;
  /** To which resource. */
  readonly resource: Resource;
  /** To which object of it, or the one created. Absent for lists. */
  readonly name?: string;
  /** Query parameters. */
  readonly query?: Readonly<Record<string, string>>;
  /** Body: an object, or for `patch` the operations of a JSON Patch. */
  readonly body?: unknown;
  /** Answer with the metadata of objects only: what was written is known, and a pool may be large. */
  readonly metadataOnly?: boolean;
  /** List the objects of every namespace. */
  readonly everywhere?: boolean;
  /** Told what the API server warns of in a successful answer: the `Warning` headers, joined. */
  readonly onWarning?: (text: string) => void;
}

/** Reads the credentials anew: they rotate. */
export type ReadAccess = () => Promise<Access>;

/** Talks to one API server, over one connection as long as requests follow one another. */
export class ApiClient implements Disposable {
  readonly #readAccess: ReadAccess;
  #access: Access;
  #transport: Transport | undefined;
  readonly #sleep: World["sleep"];
  #suspect = false;

  /** Connects at the first request. */
  constructor(access: Access, readAccess: ReadAccess, { sleep }: Pick<World, "sleep">) {
    this.#access = access;
    this.#readAccess = readAccess;
    this.#sleep = sleep;
  }

  /** The namespace of the objects. */
  get namespace(): string {
    return this.#access.namespace;
  }

  /** `IPPool kube-system/10.0.0.0-24`, for messages. */
  what({ resource, name, everywhere }: Pick<ApiRequest, "resource" | "name" | "everywhere">): string {
    const { namespace } = this.#access;
    if (everywhere) return `${KINDS[resource]}s of all namespaces`;
    return name === undefined
      ? `${KINDS[resource]}s of namespace ${namespace}`
      : `${KINDS[resource]} ${namespace}/${name}`;
  }

  /**
   * Sends a request. Credentials that the server does not accept, or that led to no server, are read anew; when they have changed, at once
   * or in a few seconds, the refused request is sent once more.
   *
   * @returns the decoded answer; undefined where the object is not there
   * @throws {ConflictError} 409; 422 where a test of a patch failed
   * @throws {UnavailableError} no answer, 429, 5xx
   * @throws {RefusedError} not authorised, resource not installed, object not valid
   */
  async request<T>(request: ApiRequest, signal: AbortSignal): Promise<T | undefined> {
    signal.throwIfAborted();
    if (this.#suspect) await this.#renew(this.#access);
    const used = this.#access;
    let answer = await this.#send(request, signal);
    if (answer.status === 401) {
      const { isRenewed } = await import("./renewal.ts");
      const look = () => this.#renew(used);
      if (await isRenewed(look, used, this.#sleep, signal)) answer = await this.#send(request, signal);
    }
    const { server, source } = this.#access;
    const { verb, resource } = request;
    const what = this.what(request);
    const body = decode(answer, { verb, resource, what, server, source, secrets: secretsOf(this.#access) });
    const warning = answer.headers.get("warning");
    if (warning) request.onWarning?.(warning);
    // a list of metadata without objects has the items null
    if (request.metadataOnly && verb === "list" && body && "items" in body) body.items ??= [];
    if (body !== undefined && verb !== "delete") checkShape(resource, body, verb === "list", what);
    return body as T | undefined;
  }

  [Symbol.dispose](): void {
    this.#transport?.[Symbol.dispose]();
    this.#transport = undefined;
  }

  /** Reads the credentials anew. Whether they are others than those that were used. */
  async #renew(used: Access): Promise<boolean> {
    const access = await this.#readAccess().catch(() => this.#access); // half-written files: the old ones may serve
    this.#suspect = false;
    if (JSON.stringify(access) !== JSON.stringify(this.#access)) {
      this[Symbol.dispose]();
      this.#access = access;
    }
    return this.#access !== used;
  }

  async #send(request: ApiRequest, signal: AbortSignal): Promise<Answer> {
    const { server } = this.#access;
    const transport = this.#transport ??= connect(this.#access);
    try {
      const limit = request.verb === "list" ? LIST_LIMIT : undefined;
      return await transport.send(`${server}${this.#path(request)}`, this.#init(request, signal), limit);
    } catch (error) {
      this.#suspect = true;
      if (signal.aborted) throw signal.reason;
      throw toReachError(error, this.#access, `to ${request.verb} ${this.what(request)}`);
    }
  }

  #path({ verb, resource, name, everywhere, query = {} }: ApiRequest): string {
    const namespace = everywhere ? [] : ["namespaces", encodeURIComponent(this.#access.namespace)];
    const segments = [API_VERSION, ...namespace, resource];
    if (name !== undefined && verb !== "create") segments.push(encodeURIComponent(name));
    const parameters = new URLSearchParams(query).toString();
    return `/apis/${segments.join("/")}${parameters && `?${parameters}`}`;
  }

  #init({ verb, body, metadataOnly }: ApiRequest, signal: AbortSignal): RequestInit {
    const headers: Record<string, string> = {
      accept: !metadataOnly ? "application/json" : verb === "list" ? METADATA_LIST : METADATA_ONLY,
      "accept-encoding": "identity", // compressing a large pool costs the API server more than it saves
      "user-agent": "whereabouts",
    };
    if (this.#access.token !== undefined) headers.authorization = `Bearer ${this.#access.token}`;
    if (body !== undefined) {
      headers["content-type"] = verb === "patch" ? "application/json-patch+json" : "application/json";
    }
    return {
      method: METHODS[verb],
      headers,
      signal,
      redirect: "manual",
      ...(body !== undefined && { body: JSON.stringify(body) }),
    };
  }
}
