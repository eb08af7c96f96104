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
  /** Whether ADD reserved the address in the whole cluster. Absent where that is unknown: the record is older. */
  readonly reserved?: boolean;
  /** The reservation's token; absent where there is no reservation, or the store gives none. */
  readonly token?: string;
}
