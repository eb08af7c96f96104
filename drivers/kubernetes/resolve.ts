/**
 * Determines the keys of listed objects.
 *
 * @module
 */
import { formatCidr } from "../../src/address/cidr.ts";
import { formatIp } from "../../src/address/ip.ts";
import type { PoolKey } from "../../src/pool/types.ts";
import { type OnPart, type OnUnreadable, RefusedError, type Reservation } from "../../src/storage/driver.ts";
import type { ApiServer } from "./api_server.ts";
import { choosePool, chooseReservation, type KnownPool, type KnownSlice, type ResolvedReservation } from "./known.ts";
import { poolKeys, readAnnotations, reservationKeys } from "./names.ts";
import {
  baseOf,
  decodeEntries,
  type IpPool,
  type NodeSlicePoolObject,
  type ReservationObject,
  toReservation,
  toSlices,
} from "./resources.ts";
import { unreadableInReservation } from "./unreadable.ts";

/** What a list of pools is read with. */
export interface PoolReader<T> {
  /**
   * Keeps of a pool what is needed: its object, and the text that contained it, are garbage when the next page is read. `key` is in doubt if it
   * has `otherReadings`, and absent if the object is not a valid pool.
   */
  readonly convert: (object: IpPool, key: PoolKey | undefined, slices: readonly KnownSlice[]) => T;
  /** Called after each page. */
  readonly onPart?: OnPart | undefined;
}

/** Pools a page: their objects are large, 60 kB with 250 entries, and what a page leaves should not outlive V8's young generation of 4 MB. */
const POOLS_PAGE = 10;

/** Reads every pool, page by page. Lists NodeSlicePools only if a name has several readings; the objects of such names are kept until then. */
export async function readPools<T>(api: ApiServer, reader: PoolReader<T>, signal: AbortSignal): Promise<T[]> {
  const { convert, onPart } = reader;
  const pools: T[] = [];
  const ambiguous: { readonly at: number; readonly object: IpPool; readonly keys: readonly [PoolKey, ...PoolKey[]] }[] =
    [];
  const networks = new Set<string>();
  for await (const { items } of api.pages<IpPool>({ resource: "ippools" }, signal, POOLS_PAGE)) {
    for (const object of items) {
      const network = readAnnotations(object.metadata)?.network;
      if (network !== undefined) networks.add(network);
      const [first, ...rest] = poolKeys(object.metadata, object.spec?.range ?? "");
      if (first && rest.length > 0) ambiguous.push({ at: pools.length++, object, keys: [first, ...rest] });
      else pools.push(convert(object, first, []));
    }
    onPart?.(pools.length);
  }
  if (ambiguous.length === 0) return pools;
  const slices = await knownSlices(api, signal);
  const byCidr = Map.groupBy(slices, ({ cidr }) => cidr);
  for (const { at, object, keys } of ambiguous) {
    pools[at] = convert(object, choosePool(keys, networks, byCidr.get(formatCidr(keys[0].cidr)) ?? []), slices);
  }
  return pools;
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

/** What a list of reservations is read with. */
interface ReservationReader<T> {
  /** Keeps of a reservation what is needed, as {@linkcode PoolReader.convert}. */
  readonly convert: (reservation: ResolvedReservation) => T;
  /** Called after each page. */
  readonly onPart?: OnPart | undefined;
}

/** Reads every reservation, page by page. Lists pools only if a name has several readings; the objects of such names are kept until then. */
async function readReservations<T>(
  api: ApiServer,
  { convert, onPart }: ReservationReader<T>,
  signal: AbortSignal,
): Promise<T[]> {
  const reservations: T[] = [];
  const ambiguous: (ResolvedReservation & { readonly at: number })[] = [];
  for await (const { items } of api.pages<ReservationObject>(RESERVATIONS, signal, RESERVATIONS_PAGE)) {
    for (const object of items) {
      const keys = reservationKeys(object.metadata);
      const [key] = keys;
      if (keys.length > 1) ambiguous.push({ at: reservations.length++, object, keys });
      else reservations.push(convert({ object, keys, ...(key && { key }) }));
    }
    onPart?.(reservations.length);
  }
  const pods = new Set(ambiguous.map(({ object }) => object.spec?.podref ?? ""));
  const pools = ambiguous.length > 0 ? await knownPools(api, pods, signal) : [];
  for (const { at, object, keys } of ambiguous) {
    const key = chooseReservation(keys, object.spec ?? {}, pools);
    reservations[at] = convert({ object, keys, ...(key && { key }) });
  }
  return reservations;
}

const RESERVATIONS = { resource: "overlappingrangeipreservations" } as const;
/**
 * Reservations a page, of 0.8 kB each. For each page, an API server passes over all objects that are still to be listed, of 100,000 in about
 * 26 ms; but what larger pages leave outlives V8's young generation: with 1,000, a sweep of 100,000 took 520 MB instead of 370 to 450.
 */
const RESERVATIONS_PAGE = 500;

/** The pools, with only the entries of these pods. */
async function knownPools(api: ApiServer, pods: ReadonlySet<string>, signal: AbortSignal): Promise<KnownPool[]> {
  const convert = ({ spec: { range = "", allocations = {} } = {} }: IpPool, key: PoolKey | undefined): KnownPool[] => {
    const base = baseOf(range)?.base;
    if (!key || !base) return [];
    const ofPods = Object.fromEntries(Object.entries(allocations).filter(([, entry]) => pods.has(entry?.podref ?? "")));
    const entries = [...decodeEntries(ofPods, base).allocations.values()].map(({ address, podRef, ifName }) =>
      [formatIp({ family: base.family, value: address }), { podref: podRef, ifname: ifName }] as const
    );
    return [{ key, entries: new Map(entries) }];
  };
  return (await readPools(api, { convert }, signal)).flat();
}

/** All reservations of a network, including those that may belong to it; without a network, of all networks. */
export async function listReservations(
  api: ApiServer,
  network: string | undefined,
  signal: AbortSignal,
  onPart?: OnPart,
  onUnreadable?: OnUnreadable,
): Promise<Reservation[]> {
  if (network === undefined) {
    const convert = (one: ResolvedReservation): Reservation | undefined => {
      if (onUnreadable) unreadableInReservation(one).forEach(onUnreadable);
      const { object, keys: [first], key } = one;
      if (key) return toReservation(object, key);
      return first && { ...toReservation(object, first), doubtful: true };
    };
    return (await readReservations(api, { convert, onPart }, signal)).filter((one) => one !== undefined);
  }
  const found: Reservation[] = [];
  let read = 0;
  for await (const { items } of api.pages<ReservationObject>(RESERVATIONS, signal, RESERVATIONS_PAGE)) {
    for (const object of items) {
      const keys = reservationKeys(object.metadata);
      const key = keys.find((one) => one.network === network);
      if (key) found.push({ ...toReservation(object, key), ...(keys.length > 1 && { doubtful: true as const }) });
    }
    onPart?.(read += items.length);
  }
  return found;
}
