/**
 * What the names of listed objects stand for. `names.ts` makes them.
 *
 * @module
 */
import { formatCidr, parseCidr } from "../../src/address/cidr.ts";
import { type Ip, parseIp } from "../../src/address/ip.ts";
import type { PoolKey } from "../../src/pool/types.ts";
import { dashed, join } from "./names.ts";

/**
 * The key of an IPPool. Network and node cannot be told apart in a name, so both stand in `network`; `poolName` of the key is
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

function undashed(name: string): Ip | undefined {
  return parseIp(name.includes(".") ? name : name.replaceAll("-", ":"));
}
