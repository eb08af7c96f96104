/**
 * One IP address as a number, and its text.
 *
 * {@linkcode parseIp} is strict (RFC 4291, section 2.2, and nothing that libraries take besides: `10.0.0.01`, `0x7f.1`, `1`, zones), so that
 * a typo never becomes another address. Every call of the plugin loads this, so it stands alone; tests hold it to a library.
 *
 * @module
 */

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

const OCTET = /^\d{1,3}$/;
const GROUP = /^[0-9a-fA-F]{1,4}$/;
/** Groups of 16 bits in an IPv6 address. */
const GROUPS = 8;
/** The longest text of an address: `ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255`. */
const IPV6_TEXT_LENGTH = 45;
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
 * @returns the address, or undefined where the text is none
 *
 * @example
 * ```ts
 * import { formatIp, parseIp } from "./ip.ts";
 * import assert from "node:assert/strict";
 *
 * const ip = parseIp("2001:DB8:0::1");
 * assert.equal(ip && formatIp(ip), "2001:db8::1");
 * assert.equal(parseIp("10.0.0.01"), undefined);
 * ```
 */
export function parseIp(text: string, options: ParseOptions = {}): Ip | undefined {
  return text.includes(":") ? parseIpv6(text) : parseIpv4(text, options.leadingZeros ?? false);
}

function parseIpv4(text: string, leadingZeros: boolean): Ip | undefined {
  const parts = text.split(".");
  if (parts.length !== 4) return undefined;
  let value = 0;
  for (const part of parts) {
    const digits = leadingZeros ? part.replace(/^0+(?=\d)/, "") : part;
    if (!OCTET.test(digits) || Number(digits) > 255 || (digits.length > 1 && digits.startsWith("0"))) return undefined;
    value = value * 256 + Number(digits);
  }
  return { family: 4, value: BigInt(value) };
}

function parseIpv6(text: string): Ip | undefined {
  const halves = text.length > IPV6_TEXT_LENGTH ? [] : dottedAsGroups(text)?.split("::") ?? [];
  const [high = [], low = []] = halves.map((half) => (half === "" ? [] : half.split(":")));
  const count = high.length + low.length;
  if (halves.length === 2 ? count >= GROUPS : halves.length !== 1 || count !== GROUPS) return undefined;
  if (![...high, ...low].every((group) => GROUP.test(group))) return undefined;
  const value = (join(high) << BigInt(16 * (GROUPS - high.length))) | join(low);
  return value >> 32n === MAPPED_PREFIX ? { family: 4, value: value & 0xffffffffn } : { family: 6, value };
}

function join(groups: readonly string[]): bigint {
  return BigInt(`0x0${groups.map((group) => group.padStart(4, "0")).join("")}`);
}

/** The last 32 bits may be written as an IPv4 address. */
function dottedAsGroups(text: string): string | undefined {
  if (!text.includes(".")) return text;
  const tail = text.lastIndexOf(":") + 1;
  const ip = parseIpv4(text.slice(tail), false);
  return ip && `${text.slice(0, tail)}${(ip.value >> 16n).toString(16)}:${(ip.value & 0xffffn).toString(16)}`;
}

/** The canonical text: dotted decimal, or RFC 5952 lower case. */
export function formatIp(ip: Ip): string {
  if (ip.family === 4) {
    const n = Number(ip.value);
    return `${n >>> 24}.${(n >>> 16) & 255}.${(n >>> 8) & 255}.${n & 255}`;
  }
  const digits = ip.value.toString(16).padStart(4 * GROUPS, "0");
  const groups = Array.from({ length: GROUPS }, (_, i) => digits.slice(4 * i, 4 * i + 4).replace(/^0+(?=.)/, ""));
  return shortened(groups.join(":"));
}

/** With `::` for the longest run of zero groups, the first of several, if it is longer than one. */
function shortened(text: string): string {
  const runs = text.match(/\b0(:0)+\b/g) ?? [];
  const longest = runs.reduce((best, run) => (run.length > best.length ? run : best), "");
  if (longest === "") return text;
  const at = text.search(new RegExp(`\\b${longest}\\b`));
  return `${text.slice(0, at).replace(/:$/, "")}::${text.slice(at + longest.length).replace(/^:/, "")}`;
}

/** Orders IPv4 before IPv6, then by value: negative, zero or positive. */
export function compareIp(a: Ip, b: Ip): number {
  if (a.family !== b.family) return a.family - b.family;
  return a.value < b.value ? -1 : a.value > b.value ? 1 : 0;
}

/** Whether two addresses are the same. */
export function sameIp(a: Ip, b: Ip): boolean {
  return a.family === b.family && a.value === b.value;
}
