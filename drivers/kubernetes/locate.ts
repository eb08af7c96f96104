/**
 * Finds the records of one address without reading the others: the metadata of all pools, and the objects that their names lead to.
 *
 * @module
 */
import { cidrOf, formatCidr } from "../../src/address/cidr.ts";
import { bits, type Ip } from "../../src/address/ip.ts";
import { mapConcurrently } from "../../src/async/concurrency.ts";
import type { Located, Reservation } from "../../src/storage/driver.ts";
import { RefusedError } from "../../src/storage/driver.ts";
import type { ApiServer } from "./api_server.ts";
import { poolKeys, readAnnotations, reservationKeys, reservationName } from "./names.ts";
import { isLayoutOnly, type Pools } from "./pools.ts";
import { type IpPool, type ReservationObject, toReservation } from "./resources.ts";

/** Concurrent requests. */
const AT_ONCE = 8;

/**
 * The pools whose range contains the address, and its reservations in the networks that pools belong to.
 *
 * @returns undefined if a name has several meanings, among which only other objects decide
 */
export async function locate(api: ApiServer, pools: Pools, ip: Ip, signal: AbortSignal): Promise<Located | undefined> {
  const rangeOf = rangesContaining(ip);
  const networks = new Set([""]);
  const found = [];
  for await (const { items } of api.pages<IpPool>({ resource: "ippools", metadataOnly: true }, signal)) {
    for (const { metadata } of items) {
      const network = readAnnotations(metadata)?.network;
      if (network !== undefined) networks.add(network);
      const range = rangeOf(metadata.name);
      if (range === undefined) continue;
      const [key, ...others] = poolKeys(metadata, range);
      if (others.length > 0) return undefined;
      if (key) found.push(key);
    }
  }
  const read = (await mapConcurrently(found, AT_ONCE, (key) => pools.read(key, signal)))
    .filter((pool) => !isLayoutOnly(pool));
  const reservations: Reservation[] = [];
  const objects = await mapConcurrently([...networks], AT_ONCE, async (network) => {
    const name = nameOf(network, ip);
    return name && await api.request<ReservationObject>(
      { verb: "get", resource: "overlappingrangeipreservations", name },
      signal,
    );
  });
  for (const object of objects) {
    if (!object) continue;
    const [key, ...others] = reservationKeys(object.metadata);
    if (others.length > 0) return undefined;
    if (key) reservations.push(toReservation(object, key));
  }
  return { pools: read, reservations };
}

/** Reads the range at the end of a pool's name, if that contains the address. */
function rangesContaining(ip: Ip): (name: string) => string | undefined {
  const ranges = Array.from({ length: bits(ip.family) + 1 }, (_, prefix) => {
    const range = formatCidr(cidrOf(ip, prefix));
    return { range, text: range.replace(/[:/]/g, "-") };
  });
  return (name) => {
    const one = ranges[Number(name.slice(name.lastIndexOf("-") + 1))];
    const isOf = one && (name === one.text || name === `0${one.text}` || name.endsWith(`-${one.text}`));
    return isOf ? one.range : undefined;
  };
}

/** The reservation's name; undefined for a network that forms no name. */
function nameOf(network: string, ip: Ip): string | undefined {
  try {
    return reservationName(network, ip);
  } catch (error) {
    if (error instanceof RefusedError) return undefined;
    throw error;
  }
}
