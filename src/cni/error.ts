/**
 * Failures in the form of the CNI specification: one object with a code and a message.
 *
 * @module
 */
import { ConfigError, RequestRefusedError } from "../config/types.ts";
import {
  AddressUnavailableError,
  LayoutError,
  NoSliceError,
  NotAllocatedError,
  PoolExhaustedError,
  SupersededError,
} from "../ipam/errors.ts";
import { UnknownStoreError } from "../journal/plan.ts";
import { ConflictError, ForeignStoreError, RefusedError, UnavailableError } from "../storage/driver.ts";
import { messageOf } from "../values/errors.ts";
import { NEWEST_VERSION } from "../config/version.ts";

/** Error codes: the specification's below 100, this plugin's from 100. */
export const CODES = {
  /** The CNI version is unsupported. */
  incompatibleVersion: 1,
  /** An environment variable is missing or malformed. */
  environment: 4,
  /** Standard input cannot be read, or the node's journal cannot be written. */
  io: 5,
  /** Standard input is not JSON. */
  decoding: 6,
  /** The network configuration is invalid. */
  config: 7,
  /** A temporary failure: the runtime retries. */
  tryAgain: 11,
  /** STATUS: ADD cannot be served now. */
  notAvailable: 50,
  /** A pool is full. */
  exhausted: 100,
  /** A requested address is in use or unavailable. */
  taken: 101,
  /** The store refused the request. */
  refused: 102,
  /** This node has no slice. */
  noSlice: 103,
  /** CHECK: an address is no longer allocated to the owner. */
  notAllocated: 104,
  /** Anything else. */
  internal: 999,
} as const;

/** An error with a code of the CNI specification. */
export class CniError extends Error {
  /** The class, for logs. */
  override name = "CniError";
  /** One of {@linkcode CODES}. */
  readonly code: number;
  /** The chain of causes. */
  readonly details?: string;

  /** Keeps code and details. */
  constructor(code: number, message: string, details?: string) {
    super(message);
    this.code = code;
    if (details) this.details = details;
  }
}

/** The maximum length of a message, in characters: runtimes copy it into events. */
const MAX_MESSAGE_LENGTH = 1_000;

const KINDS: readonly (readonly [new (...args: never[]) => Error, number])[] = [
  [RequestRefusedError, CODES.taken],
  [ConfigError, CODES.config],
  [LayoutError, CODES.config],
  [PoolExhaustedError, CODES.exhausted],
  [AddressUnavailableError, CODES.taken],
  [NoSliceError, CODES.noSlice],
  [NotAllocatedError, CODES.notAllocated],
  [SupersededError, CODES.tryAgain],
  [UnknownStoreError, CODES.tryAgain],
  [UnavailableError, CODES.tryAgain],
  [ConflictError, CODES.tryAgain],
  [ForeignStoreError, CODES.config],
  [RefusedError, CODES.refused],
];

/** Maps a failure to its code: the only place that does. */
export function toCniError(error: unknown): CniError {
  if (error instanceof CniError) return error;
  if (error instanceof AggregateError) return fromSeveral(error);
  const kind = KINDS.find(([type]) => error instanceof type);
  return new CniError(kind?.[1] ?? CODES.internal, messageOf(error), causesOf(error));
}

/** Several failures in one: a retry helps if it helps any of them. */
function fromSeveral({ message, errors }: AggregateError): CniError {
  const all = errors.map(toCniError);
  const retryable = all.find(({ code }) => code === CODES.tryAgain);
  const code = retryable?.code ?? all[0]?.code ?? CODES.internal;
  return new CniError(code, `${message}: ${all.map((one) => one.message).join("; ")}`);
}

function causesOf(error: unknown): string | undefined {
  const causes: string[] = [];
  let cause = error instanceof Error ? error.cause : undefined;
  while (cause !== undefined && causes.length < 5) {
    causes.push(messageOf(cause));
    cause = cause instanceof Error ? cause.cause : undefined;
  }
  return causes.length > 0 ? causes.join(": ") : undefined;
}

/** Renders the error object, indented by 4 spaces, as in the original. The specification requires the version in it. */
export function renderError({ code, message, details }: CniError, cniVersion: string = NEWEST_VERSION): string {
  return JSON.stringify(
    { cniVersion, code, msg: flat(message), ...(details && { details: flat(details) }) },
    undefined,
    4,
  );
}

function flat(text: string): string {
  // deno-lint-ignore no-control-regex -- they are replaced
  const line = text.replace(/[\u0000-\u001f\u007f]+/g, " ").trim();
  return line.length > MAX_MESSAGE_LENGTH ? `${line.slice(0, MAX_MESSAGE_LENGTH)}…` : line;
}
