/**
 * Listed objects with their keys.
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

/** A pool's object and key; no key where it has none. */
export interface ResolvedPool {
  /** The object. */
  readonly object: IpPool;
  /** Its key, in doubt where it has `mayAlsoBe`. */
  readonly key?: PoolKey;
}

/** The keys of pools. Asks for NodeSlicePools only where a name can be read in several ways. */
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

/** Which nodes have which slices. None where NodeSlicePools may not be listed, or older installations have no such resource. */
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

/** A reservation's object, and what its name can stand for. */
export interface ResolvedReservation {
  /** The object. */
  readonly object: ReservationObject;
  /** Every reading; none where it is the name of no address. */
  readonly keys: readonly ReservationKey[];
  /** The one that holds; undefined where there is none, or several are possible. */
  readonly key?: ReservationKey;
}

/** The keys of reservations. Asks for pools only where a name can be read in several ways. */
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

/** The pools, with the entries of these pods. */
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

/** Every reservation of a network, and those that may be of it; without a network, every one. */
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
