/**
 * What the API server's answers mean.
 *
 * @module
 */
import { ConflictError, RefusedError, UnavailableError } from "../../src/storage/driver.ts";
import { withoutSecrets } from "../../src/values/redact.ts";
import { GROUP, type Resource } from "./resources.ts";
import type { Answer } from "./transport.ts";

/** What was asked, for messages. */
export interface Question {
  /** The verb of RBAC. */
  readonly verb: string;
  /** The resource. */
  readonly resource: Resource;
  /** The object or collection. */
  readonly what: string;
  /** The server's URL. */
  readonly server: string;
  /** Where the credentials stand. */
  readonly source: string;
  /** What the server was sent that no message shows. */
  readonly secrets: readonly (string | undefined)[];
}

/** A `Status` of `meta/v1`, as far as it is used. */
export interface Status {
  /** What is wrong. */
  readonly message?: string;
  /** With what. */
  readonly details?: {
    readonly name?: string;
    readonly kind?: string;
    readonly causes?: readonly unknown[];
    readonly retryAfterSeconds?: number;
  };
}

/**
 * Takes an answer apart.
 *
 * @returns the decoded body; undefined where the object is not there
 * @throws {ConflictError} the object is there already, or is not the one that was read
 * @throws {UnavailableError} the server cannot serve now, or the answer is not whole
 * @throws {RefusedError} everything else that is no success
 */
export function decode(answer: Answer, question: Question): object | undefined {
  const body = parse(answer.text);
  if (answer.status >= 200 && answer.status < 300) {
    if (typeof body === "object" && body !== null) return body;
    throw new UnavailableError(`The answer of ${question.server} on ${question.what} is no whole JSON document`);
  }
  const status = (typeof body === "object" && body !== null ? body : {}) as Status;
  const details = status.details ?? {};
  if (answer.status === 404 && details.name !== undefined && details.kind !== "namespaces") return undefined;
  throw toError(answer, question, status);
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** How etcd, and the API server's way to it, refuse an object of more than 1.5 to 2 MB. Told with status 500 or 503. */
const TOO_LARGE = /request is too large|message larger than max/;

/** Seconds that a server may ask to wait. A timer takes 2^31 ms at most, and fires at once for more. */
const LONGEST_WAIT = 600;

/** Characters of a server's message that are shown. */
const LONGEST_MESSAGE = 1_000;

/**
 * What a server says of its refusal: the message of a Kubernetes `Status`, else the HTTP status alone. The server may be any that a
 * configuration names, and its pages are not for those who read our messages.
 *
 * @param secrets what it was sent: some servers answer with it
 */
export function messageOf(body: unknown, status: number, secrets: readonly (string | undefined)[]): string {
  const { kind, message } = (typeof body === "object" && body !== null ? body : {}) as Record<string, unknown>;
  const isStatus = kind === "Status" && typeof message === "string" && message !== "";
  return isStatus ? withoutSecrets(message, secrets).slice(0, LONGEST_MESSAGE) : `HTTP status ${status}`;
}

/** The error by which the caller knows what to do next. */
function toError({ status, headers }: Answer, question: Question, body: Status): Error {
  const { verb, what, server, source, secrets } = question;
  const { details } = body;
  const said = messageOf(body, status, secrets);
  const doing = `Cannot ${verb} ${what}`;
  if (TOO_LARGE.test(said)) {
    return new RefusedError(`${doing}: ${said}; the object is full (about 10000 allocations), use smaller ranges`);
  }
  if (status === 409 || status === 410) return new ConflictError(`${doing}: ${said}`);
  // A failed test, or a member that is not there to remove, is told without causes; an object that is not valid with them.
  if (status === 422 && verb === "patch" && !details?.causes?.length) {
    return new ConflictError(`${doing}: it is no longer as it was read`);
  }
  if (status === 429 || status === 408 || status >= 500) {
    const seconds = Number(headers.get("retry-after")) || Number(details?.retryAfterSeconds) || 0;
    return new UnavailableError(`${doing} now: ${server} says ${said}`, {
      ...(seconds > 0 && { retryAfter: Math.min(seconds, LONGEST_WAIT) * 1_000 }),
    });
  }
  return new RefusedError(`${doing}: ${said}${advice(status, question, details?.kind, source)}`);
}

function advice(
  status: number,
  { verb, resource, server }: Question,
  kind: string | undefined,
  source: string,
): string {
  switch (status) {
    case 401:
      return `; ${server} does not accept the credentials of ${source}: renew them`;
    case 403:
      return `; the user of ${source} needs the verb "${verb}" on "${resource}" of API group "${GROUP}": see install/manifests`;
    case 404:
      return kind === "namespaces"
        ? `; create the namespace, or name another one in the context of ${source}`
        : `; ${server} does not serve ${resource}.${GROUP}: kubectl apply -f install/manifests/crds`;
    default:
      return "";
  }
}
