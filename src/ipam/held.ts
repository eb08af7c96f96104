/**
 * What an attachment holds, as its node remembers it.
 *
 * @module
 */
import type { Allocation, PoolKey } from "../pool/types.ts";

/** One address of an attachment. */
export interface Held {
  /** The pool. */
  readonly key: PoolKey;
  /** The entry. */
  readonly allocation: Allocation;
  /** The reservation's token; absent where there is no reservation. */
  readonly token?: string;
}
