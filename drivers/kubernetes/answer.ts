/**
 * What an API server's answers mean, and what to do about them.
 *
 * @module
 */
import { ConflictError, RefusedError, UnavailableError } from "../../src/storage/driver.ts";
import { withoutSecrets } from "../../src/values/redact.ts";
import { GROUP } from "./resources.ts";
import type { Answer } from "./transport.ts";

/** How etcd, and the API server's way to it, refuse an object of more than 1.5 to 2 MB. Reported with status 500 or 503. */
const TOO_LARGE = /request is too large|message larger than max/;
/** Seconds that a server may ask to wait. A timer takes 2^31 ms at most, and fires at once for more. */
const LONGEST_WAIT = 600;
/** Characters of a server's message that are shown. */
const LONGEST_MESSAGE = 1_000;

/** What was requested, for messages. */
export interface Question {
  /** The verb of RBAC. */
  readonly verb: string;
  /** The resource. */
  readonly resource: string;
  /** Its API group; empty for the core group. */
  readonly group: string;
  /** Name of the object that must exist for a success. Absent for collections and what is created. */
  readonly name?: string | undefined;
  /** The object or collection. */
  readonly what: string;
  /** The server's URL. */
  readonly server: string;
  /** Where the credentials stand. */
  readonly source: string;
  /** What the server was sent that no message shows. */
  readonly secrets: readonly (string | undefined)[];
}

/** The API server does not serve the resource. */
export class NotServedError extends RefusedError {
  override name = "NotServedError";
}

/** A `Status` of `meta/v1`, as far as it is used. Any server may have written it. */
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
 * Takes an answer apart.
 *
 * @returns the decoded body; undefined where the API server reports that this very object is missing: a proxy in between answers 404, too
 * @throws {ConflictError} the object exists already, or is not the one that was read; the version of a list is too old
 * @throws {UnavailableError} the server cannot serve now, or the answer is not whole
 * @throws {NotServedError} the resource does not exist
 * @throws {RefusedError} every other answer that is no success
 */
export function decode(answer: Answer, question: Question): object | undefined {
  const body = parse(answer.text);
  if (answer.status >= 200 && answer.status < 300) {
    if (body) return body;
    throw new UnavailableError(`The answer of ${question.server} on ${question.what} is no whole JSON document`);
  }
  if (answer.status === 404 && isMissing(body ?? {}, question)) return undefined;
  throw errorOf(answer, question);
}

function isMissing({ kind, reason, details }: Status, { resource, name }: Question): boolean {
  return kind === "Status" && reason === "NotFound" && name !== undefined && details?.name === name &&
    details.kind === resource;
}

/**
 * A server's reason for a refusal: the message of a Kubernetes `Status`, else the HTTP status alone. The server may be any that a
 * configuration names, and its pages are not for those who read our messages.
 *
 * @param secrets what it was sent: some servers answer with it
 */
export function messageOf(body: unknown, status: number, secrets: readonly (string | undefined)[]): string {
  const { kind, message } = (typeof body === "object" && body !== null ? body : {}) as Status;
  const isStatus = kind === "Status" && typeof message === "string" && message !== "";
  return isStatus ? withoutSecrets(message, secrets).slice(0, LONGEST_MESSAGE) : `HTTP status ${status}`;
}

/** The error for an answer that is no success, by which the caller knows what to do next. */
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
  // a failed test, or a member that does not exist and cannot be removed, is reported without causes; an invalid object with them
  if (status === 422 && verb === "patch" && !details?.causes?.length) {
    return new ConflictError(`${doing}: it is no longer as it was read`);
  }
  if (status === 429 || status === 408 || status >= 500) {
    const seconds = Number(headers.get("retry-after")) || Number(details?.retryAfterSeconds) || 0;
    return new UnavailableError(`${doing} now: ${server} says ${reason}`, {
      ...(seconds > 0 && { retryAfter: Math.min(seconds, LONGEST_WAIT) * 1_000 }),
    });
  }
  const message = `${doing}: ${reason}${advice(status, details?.kind, question)}`;
  // the router's text, or a Status: every other page may be a proxy's
  const isRouters = status === 404 && (body.kind === "Status" || text.trim() === "404 page not found");
  return isRouters && details?.kind !== "namespaces" ? new NotServedError(message) : new RefusedError(message);
}

function advice(status: number, kind: unknown, { verb, resource, group, server, source }: Question): string {
  switch (status) {
    case 401:
      return `; ${server} does not accept the credentials of ${source}: renew them`;
    case 403:
      return `; the user of ${source} needs the verb "${verb}" on "${resource}" of API group "${group}": see install/manifests`;
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
