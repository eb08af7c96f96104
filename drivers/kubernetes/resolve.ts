/**
 * Determines the keys of listed objects.
 *
 * @module
 */
import { formatCidr } from "../../src/address/cidr.ts";
import { formatIp } from "../../src/address/ip.ts";
import type { PoolKey } from "../../src/pool/types.ts";
import { RefusedError, type Reservation } from "../../src/storage/driver.ts";
import type { ApiServer } from "./api_server.ts";
import { choosePool, chooseReservation, type KnownPool, type KnownSlice } from "./known.ts";
import { poolKeys, readAnnotations, type ReservationKey, reservationKeys } from "./names.ts";
import {
  baseOf,
  decodeEntries,
  type IpPool,
  type NodeSlicePoolObject,
  type ReservationObject,
  toReservation,
  toSlices,
} from "./resources.ts";

/** A pool's object and its key. */
interface ResolvedPool {
  /** The object. */
  readonly object: IpPool;
  /** Its key, in doubt if it has `otherReadings`. Absent if the object is not a valid pool. */
  readonly key?: PoolKey;
}

/** The keys of pools. Lists NodeSlicePools only if a name has several readings. */
export async function resolvePools(
  api: ApiServer,
  objects: readonly IpPool[],
  signal: AbortSignal,
): Promise<{ readonly pools: readonly ResolvedPool[]; readonly slices: readonly KnownSlice[] }> {
  const read = objects.map((object) => ({ object, keys: poolKeys(object.metadata, object.spec?.range ?? "") }));
  const slices = read.some(({ keys }) => keys.length > 1) ? await knownSlices(api, signal) : [];
  const networks = new Set(objects.flatMap(({ metadata }) => readAnnotations(metadata)?.network ?? []));
  const byCidr = Map.groupBy(slices, ({ cidr }) => cidr);
  const pools = read.map(({ object, keys: [first, ...rest] }) => ({
    object,
    ...(first && { key: choosePool([first, ...rest], networks, byCidr.get(formatCidr(first.cidr)) ?? []) }),
  }));
  return { pools, slices };
}

/** The slices of nodes. Empty if NodeSlicePools may not be listed, or an older installation lacks the resource. */
async function knownSlices(api: ApiServer, signal: AbortSignal): Promise<KnownSlice[]> {
  const objects = await api.list<NodeSlicePoolObject>({ resource: "nodeslicepools" }, signal).catch((error) => {
    if (error instanceof RefusedError) return [];
    throw error;
  });
  return objects.flatMap((object) =>
    toSlices(object).filter(({ node }) => node !== "")
      .map(({ node, cidr }) => ({ pool: object.metadata.name, node, cidr: formatCidr(cidr) }))
  );
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

/** The keys of reservations. Lists pools only if a name has several readings. */
export async function resolveReservations(
  api: ApiServer,
  objects: readonly ReservationObject[],
  signal: AbortSignal,
): Promise<ResolvedReservation[]> {
  const read = objects.map((object) => ({ object, keys: reservationKeys(object.metadata) }));
  const doubtful = read.filter(({ keys }) => keys.length > 1);
  const pods = new Set(doubtful.map(({ object }) => object.spec?.podref ?? ""));
  const pools = doubtful.length > 0 ? await knownPools(api, pods, signal) : [];
  return read.map(({ object, keys }) => {
    const key = chooseReservation(keys, object.spec ?? {}, pools);
    return { object, keys, ...(key && { key }) };
  });
}

/** The pools, with only the entries of these pods. */
async function knownPools(api: ApiServer, pods: ReadonlySet<string>, signal: AbortSignal): Promise<KnownPool[]> {
  const { pools } = await resolvePools(api, await api.list<IpPool>({ resource: "ippools" }, signal), signal);
  return pools.flatMap(({ object: { spec: { range = "", allocations = {} } = {} }, key }) => {
    const base = baseOf(range)?.base;
    if (!key || !base) return [];
    const ofPods = Object.fromEntries(Object.entries(allocations).filter(([, entry]) => pods.has(entry?.podref ?? "")));
    const entries = [...decodeEntries(ofPods, base).allocations.values()].map(({ address, podRef, ifName }) =>
      [formatIp({ family: base.family, value: address }), { podref: podRef, ifname: ifName }] as const
    );
    return [{ key, entries: new Map(entries) }];
  });
}

/** All reservations of a network, including those that may belong to it; without a network, of all networks. */
export async function listReservations(
  api: ApiServer,
  network: string | undefined,
  signal: AbortSignal,
): Promise<Reservation[]> {
  const objects = await api.list<ReservationObject>({ resource: "overlappingrangeipreservations" }, signal);
  if (network === undefined) {
    const resolved = await resolveReservations(api, objects, signal);
    return resolved.flatMap(({ object, keys: [first], key }) => {
      if (key) return [toReservation(object, key)];
      return first ? [{ ...toReservation(object, first), doubtful: true as const }] : [];
    });
  }
  return objects.flatMap((object) => {
    const keys = reservationKeys(object.metadata);
    const key = keys.find((one) => one.network === network);
    return key ? [{ ...toReservation(object, key), ...(keys.length > 1 && { doubtful: true as const }) }] : [];
  });
}
