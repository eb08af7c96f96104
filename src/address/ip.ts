/**
 * One IP address as a number, and its text.
 *
 * Only this file uses npm:ipaddr.js, which parses and formats the text of IPv6 addresses. {@linkcode parseIp} is stricter than that library
 * (RFC 4291, section 2.2; it refuses `10.0.0.01`, `0x7f.1`, `1` and zones), so that a typo never becomes another address.
 *
 * @module
 */
import ipaddr from "npm:ipaddr.js@2.5.0";

/** The IP version: 4 or 6. */
export type Family = 4 | 6;

/** An IP address: its family and its value as an unsigned integer of 32 or 128 bits. */
export interface Ip {
  /** 4 or 6. */
  readonly family: Family;
  /** 0 to 2^32-1, or 0 to 2^128-1. */
  readonly value: bigint;
}

/** How {@linkcode parseIp} treats text that is not canonical. */
export interface ParseOptions {
  /** Read octets such as `010` as decimal 10, as the original does for ranges and gateways. Default false: refused. */
  readonly leadingZeros?: boolean;
}

/** The length of the longest address: `ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255`. */
const MAX_TEXT_LENGTH = 45;
/** Four decimal octets without leading zeros. Commands and servers read IPv4 addresses by the hundred thousand, so it takes one expression. */
const FOUR_OCTETS = new RegExp(`^${Array(4).fill("(25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)").join("\\.")}$`);
const MAX_IPV4 = 0xffffffffn;
/** The upper 96 bits of an IPv4-mapped IPv6 address (RFC 4291, section 2.5.5.2). */
const MAPPED_PREFIX = 0xffffn;

/** The number of bits of an address: 32 or 128. */
export function bits(family: Family): number {
  return family === 4 ? 32 : 128;
}

/** The highest address value of a family. */
export function maxValue(family: Family): bigint {
  return (1n << BigInt(bits(family))) - 1n;
}

/**
 * Reads an address. IPv4-mapped IPv6 text (`::ffff:10.0.0.1`) is the IPv4 address, as in Go's `net` package.
 *
 * @returns the address; undefined if the text is invalid
 *
 * @example
 * ```ts
 * import { formatIp, parseIp } from "@whereabouts/whereabouts";
 * import assert from "node:assert/strict";
 *
 * const ip = parseIp("2001:DB8:0::1");
 * assert.equal(ip && formatIp(ip), "2001:db8::1");
 * assert.equal(parseIp("10.0.0.01"), undefined);
 * ```
 */
export function parseIp(text: string, options: ParseOptions = {}): Ip | undefined {
  if (text.length > MAX_TEXT_LENGTH) return undefined;
  return text.includes(":") ? parseIpv6(text) : parseIpv4(text, options.leadingZeros ?? false);
}

function parseIpv4(text: string, leadingZeros: boolean): Ip | undefined {
  const decimal = leadingZeros ? text.replace(/(?<![^.])0+(?=\d)/g, "") : text;
  const octets = FOUR_OCTETS.exec(decimal);
  if (!octets) return undefined;
  const value = octets.slice(1).reduce((sum, octet) => sum * 256 + Number(octet), 0);
  return { family: 4, value: BigInt(value) };
}

function parseIpv6(text: string): Ip | undefined {
  const groups = dottedAsGroups(text);
  if (groups === undefined || groups.includes("%") || !ipaddr.IPv6.isValid(groups)) return undefined;
  const value = valueOf(ipaddr.IPv6.parse(groups));
  return value >> 32n === MAPPED_PREFIX ? { family: 4, value: value & MAX_IPV4 } : { family: 6, value };
}

/** Rewrites a dotted suffix as groups: the library accepts octal and hexadecimal octets there, and reads `::1.2.3.4` as `::ffff:1.2.3.4`. */
function dottedAsGroups(text: string): string | undefined {
  if (!text.includes(".")) return text;
  const tail = text.lastIndexOf(":") + 1;
  const ip = parseIpv4(text.slice(tail), false);
  return ip && `${text.slice(0, tail)}${(ip.value >> 16n).toString(16)}:${(ip.value & 0xffffn).toString(16)}`;
}

function valueOf(address: ipaddr.IPv6): bigint {
  return BigInt(`0x${Uint8Array.from(address.toByteArray()).toHex()}`);
}

/**
 * The canonical text: dotted decimal, or RFC 5952 lower case.
 *
 * @example
 * ```ts
 * import { formatIp } from "@whereabouts/whereabouts";
 * import assert from "node:assert/strict";
 *
 * assert.equal(formatIp({ family: 4, value: 0x0a000001n }), "10.0.0.1");
 * ```
 */
export function formatIp(ip: Ip): string {
  if (ip.family === 4 && ip.value >= 0n && ip.value <= MAX_IPV4) {
    const value = Number(ip.value);
    return `${value >>> 24}.${value >>> 16 & 255}.${value >>> 8 & 255}.${value & 255}`;
  }
  const bytes = Uint8Array.fromHex(ip.value.toString(16).padStart(bits(ip.family) / 4, "0")); // throws on a value out of bounds
  return ipaddr.fromByteArray([...bytes]).toString();
}

/**
 * Orders IPv4 before IPv6, then by value: negative, zero or positive.
 *
 * @example
 * ```ts
 * import { compareIp, formatIp, parseIp } from "@whereabouts/whereabouts";
 * import assert from "node:assert/strict";
 *
 * const ips = ["fd00::1", "10.0.0.10", "10.0.0.9"].flatMap((text) => parseIp(text) ?? []);
 * assert.deepEqual(ips.toSorted(compareIp).map(formatIp), ["10.0.0.9", "10.0.0.10", "fd00::1"]);
 * ```
 */
export function compareIp(a: Ip, b: Ip): number {
  if (a.family !== b.family) return a.family - b.family;
  return a.value < b.value ? -1 : a.value > b.value ? 1 : 0;
}

/** Whether two addresses are the same. */
export function sameIp(a: Ip, b: Ip): boolean {
  return a.family === b.family && a.value === b.value;
}
