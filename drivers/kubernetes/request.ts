/**
 * Requests to an API server: their paths, headers and descriptions.
 *
 * @module
 */
import type { Question } from "./answer.ts";
import { type ApiResource, isOwn, RESOURCES } from "./resources.ts";
import { type Access, secretsOf } from "./transport.ts";

const METHODS = {
  get: "GET",
  list: "GET",
  watch: "GET",
  create: "POST",
  update: "PUT",
  patch: "PATCH",
  delete: "DELETE",
} as const;
const METADATA_ONLY = "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io,application/json";
const METADATA_LIST = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io,application/json";
const TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io";

/** An object or a collection. */
export interface Target {
  /** The resource. */
  readonly resource: ApiResource;
  /** `GROUP/VERSION` if the resource has several; default that of `RESOURCES`. */
  readonly apiVersion?: string | undefined;
  /** The namespace. Absent: the configured one for our own objects; for others, all namespaces or none. */
  readonly namespace?: string | undefined;
  /** Whether to select our own objects in all namespaces. */
  readonly everywhere?: boolean;
  /** The object, existing or new. Absent for collections. */
  readonly name?: string;
  /** The part of the object, as `status`. Absent: the object. */
  readonly subresource?: "status" | "log";
  /** The description in messages; default its kind, namespace and name. */
  readonly what?: string;
}

/** One request. Verbs are those of RBAC. */
export interface ApiRequest extends Target {
  /** The verb. */
  readonly verb: keyof typeof METHODS;
  /** Query parameters. */
  readonly query?: Readonly<Record<string, string>>;
  /** Body: an object, or for `patch` the operations of a JSON Patch. */
  readonly body?: unknown;
  /** Whether to request only the metadata of objects: the caller knows what it wrote, and a pool may be large. */
  readonly metadataOnly?: boolean;
  /** Whether to request a list as a table, the form that `kubectl get` prints. */
  readonly asTable?: boolean;
  /** Called with the `Warning` headers of a successful answer, joined. */
  readonly onWarning?: (text: string) => void;
}

/** A collection to list. */
export type Collection = Omit<Target, "name"> & Pick<ApiRequest, "metadataOnly" | "query">;

type Namespace = Pick<Access, "namespace">;

/** The path of a request, below the server's URL. */
export function pathOf(request: ApiRequest, access: Namespace): string {
  const { verb, resource, name, query = {} } = request;
  const apiVersion = apiVersionOf(request);
  if (resource === "apis") return `/apis${apiVersion && `/${apiVersion}`}`;
  const namespace = namespaceOf(request, access);
  const segments = [apiVersion.includes("/") ? "apis" : "api", apiVersion];
  if (namespace !== undefined) segments.push("namespaces", encodeURIComponent(namespace));
  segments.push(resource);
  if (name !== undefined && verb !== "create") segments.push(encodeURIComponent(name));
  if (request.subresource !== undefined) segments.push(request.subresource);
  const parameters = new URLSearchParams(query).toString();
  return `/${segments.join("/")}${parameters && `?${parameters}`}`;
}

/** `IPPool kube-system/10.0.0.0-24`, `IPPools of namespace kube-system`, `Node n1`, `Pods of all namespaces`. */
export function whatOf(target: Target, access: Namespace): string {
  if (target.what !== undefined) return target.what;
  const { kind } = RESOURCES[target.resource];
  const namespace = namespaceOf(target, access);
  if (target.name !== undefined) return `${kind} ${namespace === undefined ? "" : `${namespace}/`}${target.name}`;
  return `${kind}s of ${namespace === undefined ? "all namespaces" : `namespace ${namespace}`}`;
}

/** A request, as messages describe it. */
export function questionOf(request: ApiRequest, access: Access): Question {
  const { verb, resource, subresource, name } = request;
  const apiVersion = apiVersionOf(request);
  const group = apiVersion.slice(0, Math.max(0, apiVersion.indexOf("/")));
  const { server, source } = access;
  const what = whatOf(request, access);
  return {
    verb,
    resource,
    ...(subresource !== undefined && { subresource }),
    group,
    what,
    server,
    source,
    secrets: secretsOf(access),
    ...(verb !== "create" && { name }),
  };
}

/** The options of `fetch`. */
export function initOf(request: ApiRequest, { token }: Access, signal: AbortSignal): RequestInit {
  const { verb, resource, body } = request;
  return {
    method: METHODS[verb],
    headers: {
      accept: acceptOf(request),
      // compressing a large pool costs the API server more than it saves
      ...(isOwn(resource) && { "accept-encoding": "identity" }),
      "user-agent": "whereabouts",
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
      ...(body !== undefined && {
        "content-type": verb === "patch" ? "application/json-patch+json" : "application/json",
      }),
    },
    signal,
    redirect: "manual",
    ...(body !== undefined && { body: JSON.stringify(body) }),
  };
}

function acceptOf({ verb, metadataOnly, asTable }: ApiRequest): string {
  if (asTable) return TABLE;
  return !metadataOnly ? "application/json" : verb === "list" ? METADATA_LIST : METADATA_ONLY;
}

function apiVersionOf({ resource, apiVersion = RESOURCES[resource].apiVersion }: Target): string {
  return apiVersion;
}

function namespaceOf({ resource, namespace, everywhere }: Target, access: Namespace): string | undefined {
  return namespace ?? (isOwn(resource) && !everywhere ? access.namespace : undefined);
}
