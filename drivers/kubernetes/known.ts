/**
 * Decides the meaning of the names of objects without annotations, from other stored objects. If several readings remain, none is guessed:
 * the object stays in doubt until a plugin that knows its network writes to it.
 *
 * @module
 */
import { contains, formatCidr } from "../../src/address/cidr.ts";
import { formatIp } from "../../src/address/ip.ts";
import { mayBeOf, type PoolKey } from "../../src/pool/types.ts";
import type { ReservationKey } from "./names.ts";
import type { PoolEntry, ReservationObject } from "./resources.ts";

/** A slice that a NodeSlicePool assigns to a node. */
export interface KnownSlice {
  /** Name of the NodeSlicePool: the `network_name`, or if that is unset, the name of the CNI network. */
  readonly pool: string;
  /** The node. */
  readonly node: string;
  /** The slice, as text. */
  readonly cidr: string;
}

/**
 * The key of a pool: the only one, or the only one that other objects support. Otherwise the likeliest, with all others in
 * `otherReadings`.
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
  const [chosen = keys[0]] = supported;
  return supported.length === 1 ? chosen : { ...chosen, otherReadings: keys.filter((key) => key !== chosen) };
}

/** Whether the key of a listed pool is in doubt and the doubt matters: a NodeSlicePool shows that nodes have their own pools. */
export function isDoubtful(key: PoolKey, slices: readonly KnownSlice[]): boolean {
  return key.otherReadings !== undefined && slices.length > 0;
}

/** A reservation's object, and the possible meanings of its name. */
export interface ResolvedReservation {
  /** The object. */
  readonly object: ReservationObject;
  /** Every reading; empty if the name contains no address. */
  readonly keys: readonly ReservationKey[];
  /** The chosen reading; absent if no reading or several are possible. */
  readonly key?: ReservationKey;
}

/** A pool with the entries that reservations are compared with. */
export interface KnownPool {
  /** Its key. */
  readonly key: PoolKey;
  /** Entries by canonical address. */
  readonly entries: ReadonlyMap<string, PoolEntry>;
}

/**
 * The key of a reservation: the only one, else the only one for which a pool has an entry of its pod, else the only one whose network has
 * any pool, if one of those contains the address: the owner of a reservation has an entry in such a pool.
 *
 * @returns undefined if in doubt
 */
export function chooseReservation(
  keys: readonly ReservationKey[],
  { podref = "", ifname = "" }: { readonly podref?: string; readonly ifname?: string },
  pools: readonly KnownPool[],
): ReservationKey | undefined {
  if (keys.length === 1) return keys[0];
  const hasEntry = ({ network, ip }: ReservationKey) =>
    pools.some(({ key, entries }) => {
      const entry = mayBeOf(key, network) ? entries.get(formatIp(ip)) : undefined;
      return entry !== undefined && podref !== "" && entry.podref === podref &&
        (!ifname || !entry.ifname || entry.ifname === ifname);
    });
  const supported = keys.filter(hasEntry);
  if (supported.length > 0) return supported.length === 1 ? supported[0] : undefined;
  const known = keys.filter(({ network }) => pools.some(({ key }) => mayBeOf(key, network)));
  const [one] = known;
  return known.length === 1 && one && pools.some(({ key }) => mayBeOf(key, one.network) && contains(key.cidr, one.ip))
    ? one
    : undefined;
}
