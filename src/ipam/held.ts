/**
 * What an attachment holds, as its node remembers it.
 *
 * @module
 */
import { usable } from "../address/cidr.ts";
import type { IpamConfig } from "../config/types.ts";
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

/** What a configuration would say that leads to exactly these pools and reservations. */
export function rangesOf(held: readonly Held[]): Pick<IpamConfig, "networkName" | "ranges" | "overlapping"> {
  return {
    networkName: held[0]?.key.network ?? "",
    ranges: held.map(({ key: { cidr, node } }) => ({
      cidr,
      ...usable(cidr),
      excludes: [],
      ...(node !== undefined && { slice: { node, cidr } }),
    })),
    overlapping: held.some(({ reserved, token }) => reserved ?? token !== undefined),
  };
}
