/**
 * Failures as the CNI specification wants them: one object with a code and a message.
 *
 * @module
 */
import { ConfigError, RequestRefusedError } from "../config/types.ts";
import {
  AddressUnavailableError,
  NoSliceError,
  NotAllocatedError,
  PoolExhaustedError,
  SupersededError,
} from "../ipam/errors.ts";
import { UnknownStoreError } from "../journal/plan.ts";
import { ConflictError, ForeignStoreError, RefusedError, UnavailableError } from "../storage/driver.ts";
import { messageOf } from "../values/errors.ts";
import { NEWEST_VERSION } from "../config/version.ts";

/** Codes of errors. Below 100 they are the specification's, from 100 on this plugin's. */
export const CODES = {
  /** The CNI version is not spoken. */
  incompatibleVersion: 1,
  /** An environment variable is missing or malformed. */
  environment: 4,
  /** Standard input cannot be read, or the node's journal not be written. */
  io: 5,
  /** Standard input is not JSON. */
  decoding: 6,
  /** The network configuration cannot be used. */
  config: 7,
  /** Try again later. */
  tryAgain: 11,
  /** STATUS: ADD cannot be served now. */
  notAvailable: 50,
  /** A pool has no address left. */
  exhausted: 100,
  /** A requested address is somebody else's. */
  taken: 101,
  /** The store said no. */
  refused: 102,
  /** This node has no slice. */
  noSlice: 103,
  /** CHECK: an address is not the owner's any more. */
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
  /** What led to it, where there is more to say. */
  readonly details?: string;

  /** Keeps code and details. */
  constructor(code: number, message: string, details?: string) {
    super(message);
    this.code = code;
    if (details) this.details = details;
  }
}

/** Longest message, in characters: runtimes put it into events. */
const LONGEST_MESSAGE = 1_000;

const KINDS: readonly (readonly [new (...args: never[]) => Error, number])[] = [
  [RequestRefusedError, CODES.taken],
  [ConfigError, CODES.config],
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

/** The one mapping from failures to codes. */
export function toCniError(error: unknown): CniError {
  if (error instanceof CniError) return error;
  if (error instanceof AggregateError) return fromSeveral(error);
  const kind = KINDS.find(([type]) => error instanceof type);
  return new CniError(kind?.[1] ?? CODES.internal, messageOf(error), causesOf(error));
}

/** Several failures at once: trying again helps if it helps any of them. */
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

/** The error object as it is printed: 4 spaces deep, as the original's. The specification wants the version in it. */
export function renderError({ code, message, details }: CniError, cniVersion: string = NEWEST_VERSION): string {
  return JSON.stringify(
    { cniVersion, code, msg: flat(message), ...(details && { details: flat(details) }) },
    undefined,
    4,
  );
}

function flat(text: string): string {
  // deno-lint-ignore no-control-regex -- control characters are what is removed
  const line = text.replace(/[\u0000-\u001f\u007f]+/g, " ").trim();
  return line.length > LONGEST_MESSAGE ? `${line.slice(0, LONGEST_MESSAGE)}…` : line;
}
