/**
 * What the API server's answers mean.
 *
 * @module
 */
import { UnavailableError } from "../../src/storage/driver.ts";
import type { Resource } from "./resources.ts";

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
export async function decode(answer: Answer, question: Question): Promise<object | undefined> {
  const body = parse(answer.text);
  if (answer.status >= 200 && answer.status < 300) {
    if (typeof body === "object" && body !== null) return body;
    throw new UnavailableError(`The answer of ${question.server} on ${question.what} is no whole JSON document`);
  }
  const status = (typeof body === "object" && body !== null ? body : {}) as Status;
  const details = status.details ?? {};
  if (answer.status === 404 && details.name !== undefined && details.kind !== "namespaces") return undefined;
  const { toError } = await import("./refusal.ts");
  throw toError(answer, question, status);
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
