/**
 * The API server of a simulated cluster, as processes reach it over a network that fails: requests wait, are lost, are answered late or not at
 * all, and watches break.
 *
 * The product's driver sends the requests. Each process has its own host name for the server, which identifies the process.
 *
 * @module
 */
import type { Process, Scheduler } from "../scheduler.ts";
import { operate } from "../store.ts";
import { ApiError, type ApiEvent, type ApiObject, type ApiObjects } from "./objects.ts";

/** Shares of watches that end, and of lists of watched resources that are stale, while faults are on. */
const FAULTS = { cut: 0.03, tooOld: 0.02, stale: 0.1 };
/** Resources that controllers watch: caches answer their lists. */
const WATCHED: ReadonlySet<string> = new Set(["pods", "nodes"]);

/** Discovery documents, by path. */
const DISCOVERY: Readonly<Record<string, unknown>> = {
  "/apis": { kind: "APIGroupList", groups: [{ name: "resource.k8s.io", versions: [{ version: "v1" }] }] },
  "/apis/resource.k8s.io/v1": { kind: "APIResourceList", resources: [{ name: "resourceclaims" }] },
};

/** An answer. */
interface Answer {
  readonly status: number;
  readonly body: unknown;
}

/** The object or list of a path. */
interface Target {
  readonly resource: string;
  readonly namespace?: string;
  readonly name?: string;
}

/** An API server. */
export class ApiServer {
  readonly #objects: ApiObjects;
  readonly #scheduler: Scheduler;
  readonly #processes = new Map<string, Process>();
  /** Resources whose objects nobody may read by name. Claims of both kinds may not be listed then. */
  readonly forbidden = new Set<string>();
  /** Resources that are not served: their definition is missing for a while. */
  readonly unserved = new Set<string>();

  /** A server of these objects. */
  constructor(objects: ApiObjects, scheduler: Scheduler) {
    this.#objects = objects;
    this.#scheduler = scheduler;
  }

  /** The kubeconfig of a process for this server. */
  kubeconfig(process: Process): string {
    const host = `p${this.#processes.size}.test`;
    this.#processes.set(host, process);
    return JSON.stringify({
      "current-context": "c",
      contexts: [{ name: "c", context: { cluster: "c", user: "u", namespace: "kube-system" } }],
      clusters: [{ name: "c", cluster: { server: `http://${host}` } }],
      users: [{ name: "u", user: { token: "t" } }],
    });
  }

  /** Replaces the global `fetch`. */
  async fetch(url: string, { method = "GET", body, signal, headers }: RequestInit): Promise<Response> {
    const { hostname, pathname, searchParams } = new URL(url);
    const process = this.#processes.get(hostname);
    if (!process) throw new TypeError(`${hostname} is not in the simulated network`);
    const until = signal ?? new AbortController().signal;
    const discovered = DISCOVERY[pathname];
    if (discovered) {
      const serve = () => Promise.resolve({ status: 200, body: discovered });
      return response(await operate(this.#scheduler, process, `${method} ${pathname}`, until, serve));
    }
    const target = toTarget(pathname);
    const { resource, namespace, name } = target;
    if (searchParams.has("watch")) {
      const stream = this.#watch(process, target, Number(searchParams.get("resourceVersion")), until);
      return response({ status: 200, body: "" }, stream);
    }
    const sent = body ? JSON.parse(String(body)) : undefined;
    const of = [resource, resource === "pods" ? namespace : undefined, name ?? sent?.metadata?.name];
    const label = `${method} ${of.filter((part) => part !== undefined).join("/")}`;
    const isDryRun = searchParams.get("dryRun") === "All"; // a creation that probes the schema
    const asTable = new Headers(headers).get("accept")?.includes("as=Table") ?? false;
    const serve = () => {
      if (isDryRun) return Promise.resolve({ status: 201, body: sent });
      const answer = this.#serve(method, target, sent, searchParams);
      return Promise.resolve(asTable && answer.status === 200 ? { ...answer, body: tableOf(answer.body) } : answer);
    };
    const conflict = () =>
      Promise.resolve(method === "PATCH" ? failure(new ApiError(409, "simulated"), target) : serve());
    return response(await operate(this.#scheduler, process, label, until, serve, conflict));
  }

  #serve(method: string, target: Target, body: unknown, query: URLSearchParams): Answer {
    const { resource, namespace = "", name } = target;
    if (this.unserved.has(resource)) return { status: 404, body: "404 page not found" };
    try {
      switch (method) {
        case "GET":
          if (this.forbidden.has(resource) && (name !== undefined || resource.endsWith("claims"))) {
            throw new ApiError(403, `${resource} ${JSON.stringify(name ?? "*")} is forbidden`);
          }
          if (name === undefined) return selected(this.#list(target, query.get("resourceVersion") === "0"), query);
          return { status: 200, body: this.#objects.get(resource, namespace, name) ?? missing(target) };
        case "POST": {
          const object = body as ApiObject;
          const metadata = { ...object.metadata, namespace };
          return { status: 201, body: this.#objects.create(resource, { ...object, metadata }) };
        }
        case "PATCH":
          return { status: 200, body: this.#objects.patch(resource, namespace, name ?? "", body as never) };
        case "DELETE": {
          const { preconditions } = (body ?? {}) as { preconditions?: Record<string, string> };
          return { status: 200, body: this.#objects.remove(resource, namespace, name ?? "", preconditions) };
        }
        default:
          throw new ApiError(405, `${method} is not served`);
      }
    } catch (error) {
      if (error instanceof ApiError) return failure(error, target);
      throw error;
    }
  }

  /** Lists of watched resources, and those that a cache may answer, are sometimes stale, as from an API server that lags. */
  #list({ resource, namespace }: Target, isCached: boolean): Answer {
    const { events } = this.#objects;
    const mayLag = isCached || (this.#scheduler.faults && WATCHED.has(resource));
    const stale = mayLag && this.#scheduler.chance(FAULTS.stale);
    if (!stale) {
      return {
        status: 200,
        body: { items: this.#objects.list(resource, namespace), metadata: { resourceVersion: `${events.length}` } },
      };
    }
    const seen = events.slice(0, Math.max(0, events.length - this.#scheduler.below(12)));
    const items = new Map<string, ApiObject>();
    for (const { type, resource: of, object } of seen) {
      const { namespace = "", name } = object.metadata;
      if (of !== resource) continue;
      if (type === "DELETED") items.delete(`${namespace}/${name}`);
      else items.set(`${namespace}/${name}`, object);
    }
    return { status: 200, body: { items: [...items.values()], metadata: { resourceVersion: `${seen.length}` } } };
  }

  #watch(process: Process, { resource }: Target, version: number, signal: AbortSignal): ReadableStream<Uint8Array> {
    const encoder = new TextEncoder();
    let at = version;
    return new ReadableStream({
      pull: async (controller) => {
        try {
          const event = await this.#next(process, resource, at, signal);
          at = event.after;
          controller.enqueue(encoder.encode(`${JSON.stringify(event.line)}\n`));
        } catch (error) {
          controller.error(error);
        }
      },
    }, { highWaterMark: 0 });
  }

  async #next(
    process: Process,
    resource: string,
    from: number,
    signal: AbortSignal,
  ): Promise<{ readonly after: number; readonly line: unknown }> {
    const { events } = this.#objects;
    for (let at = from;; at++) {
      while (at >= events.length) await orAborted(this.#objects.changed, signal);
      const { type, resource: of, object } = events[at] as ApiEvent;
      if (of !== resource) continue;
      await orAborted(this.#scheduler.gate(process, `watch ${resource}`), signal);
      const { faults, outage } = this.#scheduler;
      if (outage || process.reaches?.() === false) throw new TypeError("simulated: the watch broke");
      if (faults && this.#scheduler.chance(FAULTS.cut)) throw new TypeError("simulated: the watch was cut");
      const tooOld = faults && this.#scheduler.chance(FAULTS.tooOld);
      const line = tooOld ? { type: "ERROR", object: { code: 410, message: "simulated: too old" } } : { type, object };
      return { after: at + 1, line };
    }
  }
}

let present: ApiServer | undefined;

/**
 * Connects the global `fetch` to a server. This is never undone: the simulation makes no real connections, and requests of an earlier simulation
 * must not reach anything.
 */
export function connectTo(server: ApiServer): void {
  present = server;
  globalThis.fetch = ((url: string, init: RequestInit) => present?.fetch(url, init)) as typeof fetch;
  Deno.createHttpClient = (() => ({ close: () => {} })) as never;
}

/** `/api/v1/namespaces/NS/pods/NAME`, `/apis/GROUP/VERSION/nodes`, and so on; the status of an object counts as the object. */
function toTarget(path: string): Target {
  const [, , resource = "", name] =
    (/^\/(api\/v1|apis\/[^/]+\/[^/]+)\/(?:namespaces\/[^/]+\/)?([^/]+)(?:\/([^/]+))?(?:\/status)?$/
      .exec(path) ?? []).map((part) => part && decodeURIComponent(part));
  const namespace = /\/namespaces\/([^/]+)\//.exec(path)?.[1];
  return { resource, ...(namespace && { namespace }), ...(name && { name }) };
}

/** The names of a list, as `includeObject=None` returns them. */
function tableOf(list: unknown): unknown {
  const { items } = list as { readonly items: readonly ApiObject[] };
  const rows = items.map(({ metadata: { name } }) => ({ cells: [name, "1s"], object: null }));
  return { kind: "Table", columnDefinitions: [{ name: "Name", format: "name" }, { name: "Age" }], rows };
}

/** The objects of a list that have the label of a query: `NAME=VALUE`. */
function selected(answer: Answer, query: URLSearchParams): Answer {
  const [name = "", value] = query.get("labelSelector")?.split("=") ?? [];
  if (value === undefined) return answer;
  const { items, ...list } = answer.body as { readonly items: readonly ApiObject[] };
  return { ...answer, body: { ...list, items: items.filter(({ metadata }) => metadata.labels?.[name] === value) } };
}

function missing({ resource, name = "" }: Target): never {
  throw new ApiError(404, `${resource} "${name}" not found`);
}

/** The reasons of `meta/v1`, by status. */
const REASONS: Readonly<Record<number, string>> = {
  403: "Forbidden",
  404: "NotFound",
  409: "Conflict",
  410: "Expired",
  422: "Invalid",
};

function failure({ status: code, message, causes }: ApiError, { resource, name = "" }: Target): Answer {
  const reason = REASONS[code] ?? "InternalError";
  const details = { kind: resource, name, causes };
  return {
    status: code,
    body: { kind: "Status", apiVersion: "v1", status: "Failure", code, reason, message, details },
  };
}

/** The members of a Response that the driver uses. */
function response({ status, body }: Answer, stream?: ReadableStream<Uint8Array>): Response {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  return {
    status,
    headers: new Headers(stream ? {} : { "content-length": `${text.length}` }),
    body: stream,
    text: () => Promise.resolve(text),
  } as Response;
}

async function orAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  const stop = () => reject(signal.reason);
  if (signal.aborted) stop();
  signal.addEventListener("abort", stop, { once: true });
  try {
    return await Promise.race([work, promise]);
  } finally {
    signal.removeEventListener("abort", stop);
  }
}
