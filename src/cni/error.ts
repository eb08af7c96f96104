/**
 * Codes of errors, and the error that carries one. `failure.ts` gives every other error its code.
 *
 * @module
 */

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
