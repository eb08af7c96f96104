/**
 * What the API server's answers mean.
 *
 * @module
 */
import { ConflictError, RefusedError, UnavailableError } from "../../src/storage/driver.ts";
import { GROUP, type Resource } from "./resources.ts";

/** How etcd, and the API server's way to it, refuse an object of more than 1.5 to 2 MB. Told with status 500 or 503. */
const TOO_LARGE = /request is too large|message larger than max/;

/** What came back, whole. */
export interface Answer {
  /** HTTP status. */
  readonly status: number;
  /** HTTP headers. */
  readonly headers: Headers;
  /** The body. */
  readonly text: string;
}

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
}

/** A `Status` of `meta/v1`, as far as it is used. */
interface Status {
  readonly message?: string;
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
export function decode(answer: Answer, question: Question): unknown {
  const body = parse(answer.text);
  if (answer.status >= 200 && answer.status < 300) {
    if (typeof body === "object" && body !== null) return body;
    throw new UnavailableError(`The answer of ${question.server} on ${question.what} is no whole JSON document`);
  }
  const status = (typeof body === "object" && body !== null ? body : {}) as Status;
  const details = status.details ?? {};
  if (answer.status === 404 && details.name !== undefined && details.kind !== "namespaces") return undefined;
  throw failure(answer, question, status);
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function failure({ status, headers, text }: Answer, question: Question, { message, details }: Status): Error {
  const { verb, what, server, source } = question;
  const said = message || text.trim().slice(0, 200) || `status ${status}`;
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
    const seconds = Number(headers.get("retry-after")) || details?.retryAfterSeconds || 0;
    return new UnavailableError(`${doing} now: ${server} says ${said}`, {
      ...(seconds > 0 && { retryAfter: seconds * 1000 }),
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
