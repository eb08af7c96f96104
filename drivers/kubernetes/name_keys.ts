/**
 * What the names of listed objects can stand for. `names.ts` makes them; `known.ts` chooses among several readings.
 *
 * A name does not tell where the network ends. An object's annotations do; of one without, every reading is possible that makes the same
 * name again.
 *
 * @module
 */
import { formatCidr, parseCidr } from "../../src/address/cidr.ts";
import { type Ip, parseIp } from "../../src/address/ip.ts";
import type { PoolKey } from "../../src/pool/types.ts";
import { readAnnotations } from "./annotations.ts";
import { dashed, join, poolName } from "./names.ts";
import type { Metadata } from "./resources.ts";

/** What an object's name and annotations say. */
type Named = Pick<Metadata, "name" | "annotations">;

/** What a reservation's name stands for. */
export interface ReservationKey {
  /** `network_name`. */
  readonly network: string;
  /** The address. */
  readonly ip: Ip;
}

/**
 * The keys that an IPPool may have: the one that its annotations say, where they fit its name; otherwise every one, that of a network
 * without a node first.
 *
 * @returns none where the range is invalid, or the name does not end with it
 */
export function poolKeys(object: Named, range: string): PoolKey[] {
  const { name } = object;
  const cidr = parseCidr(range)?.cidr;
  if (!cidr) return [];
  const domain = readAnnotations(object);
  if (domain && nameOf({ ...domain, cidr }) === name) return [{ ...domain, cidr }];
  const text = dashed(formatCidr(cidr));
  if (name === join([], text)) return [{ network: "", cidr }];
  const prefix = name.slice(0, -text.length - 1);
  if (prefix === "" || name !== `${prefix}-${text}`) return [];
  const split = dashes(prefix).filter((at) => at > 0 && at < prefix.length - 1)
    .map((at) => ({ network: prefix.slice(0, at), node: prefix.slice(at + 1), cidr }));
  return [{ network: prefix, cidr }, { network: "", node: prefix, cidr }, ...split];
}

/** The keys that a reservation may have: of those that its name can be read as, the one that its annotations say, where they fit. */
export function reservationKeys(object: Named): ReservationKey[] {
  const { name } = object;
  const keys = [0, ...dashes(name).map((at) => at + 1)].flatMap((at) => {
    const ip = undashed(name.slice(at));
    return ip ? [{ network: name.slice(0, Math.max(0, at - 1)), ip }] : [];
  });
  const domain = readAnnotations(object);
  const exact = domain && keys.find(({ network }) => network === domain.network);
  return exact ? [exact] : keys;
}

function dashes(text: string): number[] {
  return Array.from(text.matchAll(/-/g), ({ index }) => index);
}

function undashed(text: string): Ip | undefined {
  return parseIp(text.includes(".") ? text : text.replaceAll("-", ":"));
}

/** The name of a key; undefined where it makes none. */
function nameOf(key: PoolKey): string | undefined {
  try {
    return poolName(key);
  } catch {
    return undefined;
  }
}
