/**
 * Converts an API server's answers to results and errors.
 *
 * @module
 */
import { ConflictError, RefusedError, UnavailableError } from "../../src/storage/driver.ts";
import { withoutSecrets } from "../../src/values/redact.ts";
import { GROUP } from "./resources.ts";
import type { Answer } from "./transport.ts";

/** Messages of etcd, and of the API server's etcd client, about an object of more than 1.5 to 2 MB. Reported with status 500 or 503. */
const TOO_LARGE = /request is too large|message larger than max/;
/** Max seconds that a server may request to wait. A timer accepts at most 2^31 ms, and fires immediately for more. */
const MAX_RETRY_AFTER = 600;
/** Max characters of a server's message that are shown. */
const MAX_MESSAGE = 1_000;

/** A request, as messages describe it. */
export interface Question {
  /** The verb of RBAC. */
  readonly verb: string;
  /** The resource. */
  readonly resource: string;
  /** The part of the object. Absent: the object. */
  readonly subresource?: string;
  /** Its API group; empty for the core group. */
  readonly group: string;
  /** Name of the object that must exist for a success. Absent for collections and for an object that is created. */
  readonly name?: string | undefined;
  /** The object or collection. */
  readonly what: string;
  /** The server's URL. */
  readonly server: string;
  /** Path of the credentials. */
  readonly source: string;
  /** Values that were sent to the server and that no message may show. */
  readonly secrets: readonly (string | undefined)[];
}

/** The API server does not serve the resource. */
export class NotServedError extends RefusedError {
  override name = "NotServedError";
}

/** The used part of a `Status` of `meta/v1`. Any server may have written it. */
interface Status {
  readonly kind?: unknown;
  readonly reason?: unknown;
  readonly message?: unknown;
  readonly details?: {
    readonly name?: unknown;
    readonly kind?: unknown;
    readonly causes?: readonly unknown[];
    readonly retryAfterSeconds?: unknown;
  };
}

/**
 * Decodes an answer.
 *
 * @returns the body; undefined if the API server reports that this very object is missing. A 404 alone is not enough: it may be a proxy's
 * @throws {ConflictError} the object already exists, or has changed since it was read; the version of a list is too old
 * @throws {UnavailableError} the server is temporarily unavailable, or the answer is incomplete
 * @throws {NotServedError} the resource does not exist
 * @throws {RefusedError} every other failure
 */
export function decode(answer: Answer, question: Question): object | undefined {
  const body = parse(answer.text);
  if (answer.status >= 200 && answer.status < 300) {
    if (body) return body;
    throw new UnavailableError(`The answer of ${question.server} on ${question.what} is not a complete JSON document`);
  }
  if (answer.status === 404 && isMissing(body ?? {}, question)) return undefined;
  throw errorOf(answer, question);
}

function isMissing({ kind, reason, details }: Status, { resource, name }: Question): boolean {
  return kind === "Status" && reason === "NotFound" && name !== undefined && details?.name === name &&
    details.kind === resource;
}

/**
 * A server's reason for a refusal: the message of a Kubernetes `Status`, else only the HTTP status. A configuration may name any server, so
 * other text in its answer may be confidential.
 *
 * @param secrets values that were sent to the server: some servers repeat them in the answer
 */
export function messageOf(body: unknown, status: number, secrets: readonly (string | undefined)[]): string {
  const { kind, message } = (typeof body === "object" && body !== null ? body : {}) as Status;
  const isStatus = kind === "Status" && typeof message === "string" && message !== "";
  return isStatus ? withoutSecrets(message, secrets).slice(0, MAX_MESSAGE) : `HTTP status ${status}`;
}

/** The error for an answer that is not a success. Its class determines what the caller does next. */
export function errorOf({ status, headers, text }: Answer, question: Question): Error {
  const { verb, what, server, secrets } = question;
  const body: Status = parse(text) ?? {};
  const { details } = body;
  const reason = messageOf(body, status, secrets);
  const doing = `Cannot ${verb} ${what}`;
  if (TOO_LARGE.test(reason)) {
    return new RefusedError(`${doing}: ${reason}; the object is full (about 10000 allocations), use smaller ranges`);
  }
  if (status === 409 || status === 410) return new ConflictError(`${doing}: ${reason}`);
  // a failed test, or the removal of a missing member, is reported without causes; an invalid object is reported with causes
  if (status === 422 && verb === "patch" && !details?.causes?.length) {
    return new ConflictError(`${doing}: it has changed since it was read`);
  }
  if (status === 429 || status === 408 || status >= 500) {
    const seconds = Number(headers.get("retry-after")) || Number(details?.retryAfterSeconds) || 0;
    return new UnavailableError(`${doing} now: ${server} answers ${reason}`, {
      ...(seconds > 0 && { retryAfter: Math.min(seconds, MAX_RETRY_AFTER) * 1_000 }),
    });
  }
  const message = `${doing}: ${reason}${advice(status, details?.kind, question)}`;
  // the text of the API server's router, or a Status: any other page may be a proxy's
  const isFromApiServer = status === 404 && (body.kind === "Status" || text.trim() === "404 page not found");
  return isFromApiServer && details?.kind !== "namespaces" ? new NotServedError(message) : new RefusedError(message);
}

function advice(status: number, kind: unknown, question: Question): string {
  const { verb, resource, subresource, group, server, source } = question;
  const right = subresource === undefined ? resource : `${resource}/${subresource}`;
  switch (status) {
    case 401:
      return `; ${server} does not accept the credentials of ${source}: renew them`;
    case 403:
      return `; the user of ${source} needs the verb "${verb}" on "${right}" of API group "${group}": see install/manifests`;
    case 404:
      if (group !== GROUP) return `; ${server} does not serve it`;
      return kind === "namespaces"
        ? `; create the namespace, or name another one in the context of ${source}`
        : `; ${server} does not serve ${resource}.${group}: kubectl apply -f install/manifests/crds`;
    default:
      return "";
  }
}

function parse(text: string): object | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}
