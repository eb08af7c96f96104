/**
 * Names of objects, as the original makes them, and what they stand for.
 *
 * A name replaces `:` and `/` by `-`. One that would begin with `-` (`::1`, `::/64`), which the API server refuses, gets a `0` in front.
 *
 * @module
 */
import { formatCidr, parseCidr } from "../../src/address/cidr.ts";
import { formatIp, type Ip, parseIp } from "../../src/address/ip.ts";
import type { PoolKey } from "../../src/pool/types.ts";

/** The IPPool of a key: `[network-][node-]range`. */
export function poolName({ network, node = "", cidr }: PoolKey): string {
  return joined([network, node, dashed(formatCidr(cidr))]);
}

/**
 * The key of an IPPool. Network and node cannot be told apart in a name, so both stand in `network`.
 *
 * @returns undefined where the range is none, or the name does not end with it
 */
export function poolKey(name: string, range: string): PoolKey | undefined {
  const cidr = parseCidr(range)?.cidr;
  if (!cidr) return undefined;
  const suffix = dashed(formatCidr(cidr));
  if (name === suffix) return { network: "", cidr };
  return name.endsWith(`-${suffix}`) ? { network: name.slice(0, -suffix.length - 1), cidr } : undefined;
}

/** The OverlappingRangeIPReservation of an address: `[network-]address`. */
export function reservationName(network: string, ip: Ip): string {
  const text = formatIp(ip);
  return joined([network, dashed(text.endsWith(":") ? `${text}0` : text)]);
}

/**
 * What a reservation's name stands for.
 *
 * @param network the network it must be of; undefined: any, and the longest tail that is an address is taken for one
 */
export function reservationKey(name: string, network?: string): { network: string; ip: Ip } | undefined {
  if (network !== undefined) {
    const prefix = network === "" ? "" : `${network}-`;
    const ip = name.startsWith(prefix) ? undash(name.slice(prefix.length)) : undefined;
    return ip && { network, ip };
  }
  for (let at = 0; at >= 0; at = name.indexOf("-", at) + 1 || -1) {
    const ip = undash(name.slice(at));
    if (ip) return { network: name.slice(0, Math.max(0, at - 1)), ip };
  }
  return undefined;
}

function dashed(text: string): string {
  const name = text.replace(/[:/]/g, "-");
  return name.startsWith("-") ? `0${name}` : name;
}

function undash(name: string): Ip | undefined {
  return name.includes("-") ? parseIp(name.replaceAll("-", ":")) : parseIp(name);
}

function joined(parts: readonly string[]): string {
  return parts.filter((part) => part !== "").join("-");
}
