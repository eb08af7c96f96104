/**
 * Names of objects, as the original makes them, and what they stand for.
 *
 * A name is the text with `:` and `/` replaced by `-`, behind the network (and the node) it belongs to. One that would begin with `-`
 * (`::1`, `::/64` of the unnamed network), which the API server refuses, gets a `0` in front.
 *
 * @module
 */
import { formatCidr, parseCidr } from "../../src/address/cidr.ts";
import { formatIp, type Ip, parseIp } from "../../src/address/ip.ts";
import type { PoolKey } from "../../src/pool/types.ts";
import { RefusedError } from "../../src/storage/driver.ts";

/** What the API server takes as a name: a DNS subdomain (RFC 1123). */
const NAME = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const LONGEST_NAME = 253;

/**
 * The IPPool of a key: `[network-][node-]range`.
 *
 * @throws {RefusedError} the network or node makes no object name
 */
export function poolName({ network, node = "", cidr }: PoolKey): string {
  return join([network, node], dashed(formatCidr(cidr)));
}

/**
 * The key of an IPPool. Network and node cannot be told apart in a name, so both stand in `network`; {@linkcode poolName} of the key is
 * the name again.
 *
 * @returns undefined where the range is none, or the name does not end with it
 */
export function poolKey(name: string, range: string): PoolKey | undefined {
  const cidr = parseCidr(range)?.cidr;
  if (!cidr) return undefined;
  const text = dashed(formatCidr(cidr));
  if (name === join([], text)) return { network: "", cidr };
  const network = name.slice(0, -text.length - 1);
  return network !== "" && name === `${network}-${text}` ? { network, cidr } : undefined;
}

/**
 * The OverlappingRangeIPReservation of an address: `[network-]address`, an address that ends in `::` with a `0` behind it.
 *
 * @throws {RefusedError} the network makes no object name
 */
export function reservationName(network: string, ip: Ip): string {
  const text = formatIp(ip);
  return join([network], dashed(text.endsWith(":") ? `${text}0` : text));
}

/**
 * What a reservation's name stands for.
 *
 * @param network the network it must be of. Undefined: any. Where a network's name ends like an address (`net-fd` before `2001:db8::1`)
 * a name can be read in several ways: the longest tail whose first group has four digits, as those of all unicast addresses in use, goes
 * before the longest tail. Who knows the network should say it
 */
export function reservationKey(name: string, network?: string): { network: string; ip: Ip } | undefined {
  if (network !== undefined) {
    const prefix = network === "" ? "" : `${network}-`;
    const ip = name.startsWith(prefix) ? undashed(name.slice(prefix.length)) : undefined;
    return ip && { network, ip };
  }
  const readings: { network: string; ip: Ip; usual: boolean }[] = [];
  for (const at of starts(name)) {
    const ip = undashed(name.slice(at));
    const usual = ip?.family === 4 || /^[0-9a-f]{4}-/.test(name.slice(at));
    if (ip) readings.push({ network: name.slice(0, Math.max(0, at - 1)), ip, usual });
  }
  const chosen = readings.find(({ usual }) => usual) ?? readings[0];
  return chosen && { network: chosen.network, ip: chosen.ip };
}

/** Where an address may start: at the front, or behind a dash. */
function starts(name: string): number[] {
  return [0, ...Array.from(name.matchAll(/-/g), ({ index }) => index + 1)];
}

function dashed(text: string): string {
  return text.replace(/[:/]/g, "-");
}

function undashed(name: string): Ip | undefined {
  return parseIp(name.includes(".") ? name : name.replaceAll("-", ":"));
}

function join(domain: readonly string[], text: string): string {
  const parts = domain.filter((part) => part !== "");
  const name = parts.length === 0 && text.startsWith("-") ? `0${text}` : [...parts, text].join("-");
  if (name.length <= LONGEST_NAME && NAME.test(name)) return name;
  throw new RefusedError(
    `Cannot name an object ${
      JSON.stringify(name)
    }: network_name and node name must be made of lower-case letters, digits, "-" and ".", ` +
      `begin and end with a letter or digit, and leave the name at most ${LONGEST_NAME} characters`,
  );
}
