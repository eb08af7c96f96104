/**
 * Choosing what the names of objects without annotations stand for, by what else is stored. Where that leaves several readings, nothing is
 * guessed: the object stays in doubt until a plugin that knows its network writes to it.
 *
 * @module
 */
import { contains, formatCidr } from "../../src/address/cidr.ts";
import { formatIp } from "../../src/address/ip.ts";
import { mayBeOf, type PoolKey } from "../../src/pool/types.ts";
import type { ReservationKey } from "./names.ts";
import type { PoolEntry } from "./resources.ts";

/** A slice that a NodeSlicePool assigns to a node. */
export interface KnownSlice {
  /** Name of the NodeSlicePool: the `network_name`, or where that is unset the CNI network's. */
  readonly pool: string;
  /** The node. */
  readonly node: string;
  /** The slice, as text. */
  readonly cidr: string;
}

/**
 * The key of a pool: the only one, or the only one that something else supports. Otherwise the likeliest, with the networks of the others.
 *
 * @param networks networks that annotated objects name
 */
export function choosePool(
  keys: readonly [PoolKey, ...PoolKey[]],
  networks: ReadonlySet<string>,
  slices: readonly KnownSlice[],
): PoolKey {
  if (keys.length === 1) return keys[0];
  const supported = keys.filter(({ network, node, cidr }) =>
    node === undefined
      ? networks.has(network)
      : slices.some((slice) =>
        slice.node === node && slice.cidr === formatCidr(cidr) && (network === "" || slice.pool === network)
      )
  );
  const [chosen = keys[0], ...rest] = supported;
  if (supported.length === 1) return chosen;
  const others = supported.length > 1 ? rest : keys.filter((key) => key !== chosen);
  return { ...chosen, mayAlsoBe: [...new Set(others.map(({ network }) => network))] };
}

/** Whether the key of a listed pool is in doubt, although it matters: a NodeSlicePool shows that nodes have pools of their own here. */
export function isDoubtful(key: PoolKey, slices: readonly KnownSlice[]): boolean {
  return key.mayAlsoBe !== undefined && slices.length > 0;
}

/** A pool with its entries, as far as reservations are compared with them. */
export interface KnownPool {
  /** Its key. */
  readonly key: PoolKey;
  /** Entries by canonical address. */
  readonly entries: ReadonlyMap<string, PoolEntry>;
}

/**
 * The key of a reservation: the only one, or the only one for which a pool has an entry of its pod, or else the only one whose network has any
 * pool at all, one that contains the address: who holds a reservation has an entry in such a pool.
 *
 * @returns undefined: in doubt
 */
export function chooseReservation(
  keys: readonly ReservationKey[],
  { podref = "", ifname = "" }: { readonly podref?: string; readonly ifname?: string },
  pools: readonly KnownPool[],
): ReservationKey | undefined {
  if (keys.length === 1) return keys[0];
  const isHeld = ({ network, ip }: ReservationKey) =>
    pools.some(({ key, entries }) => {
      const entry = mayBeOf(key, network) ? entries.get(formatIp(ip)) : undefined;
      return entry !== undefined && podref !== "" && entry.podref === podref &&
        (!ifname || !entry.ifname || entry.ifname === ifname);
    });
  const held = keys.filter(isHeld);
  if (held.length > 0) return held.length === 1 ? held[0] : undefined;
  const known = keys.filter(({ network }) => pools.some(({ key }) => mayBeOf(key, network)));
  const [one] = known;
  return known.length === 1 && one && pools.some(({ key }) => mayBeOf(key, one.network) && contains(key.cidr, one.ip))
    ? one
    : undefined;
}
