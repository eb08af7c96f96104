/**
 * A parser and formatter of addresses, independent of the product's library: tests compare the two.
 *
 * @module
 */
import type { Ip, ParseOptions } from "../../src/address/ip.ts";

const OCTET = /^\d{1,3}$/;
const GROUP = /^[0-9a-fA-F]{1,4}$/;
/** Groups of 16 bits in an IPv6 address. */
const GROUPS = 8;
/** The length of the longest address: `ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255`. */
const IPV6_TEXT_LENGTH = 45;
const MAPPED_PREFIX = 0xffffn;

/** Parses an address as `parseIp` does. */
export function oracleParse(text: string, options: ParseOptions = {}): Ip | undefined {
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

/** Parses groups; the last 32 bits may be an IPv4 address. */
function dottedAsGroups(text: string): string | undefined {
  if (!text.includes(".")) return text;
  const tail = text.lastIndexOf(":") + 1;
  const ip = parseIpv4(text.slice(tail), false);
  return ip && `${text.slice(0, tail)}${(ip.value >> 16n).toString(16)}:${(ip.value & 0xffffn).toString(16)}`;
}

/** The canonical text: dotted decimal, or RFC 5952 lower case. */
export function oracleFormat(ip: Ip): string {
  if (ip.family === 4) {
    const n = Number(ip.value);
    return `${n >>> 24}.${(n >>> 16) & 255}.${(n >>> 8) & 255}.${n & 255}`;
  }
  const digits = ip.value.toString(16).padStart(4 * GROUPS, "0");
  const groups = Array.from({ length: GROUPS }, (_, i) => digits.slice(4 * i, 4 * i + 4).replace(/^0+(?=.)/, ""));
  return shortened(groups.join(":"));
}

/** Replaces the longest run of zero groups by `::`: the first of several, if it is longer than one. */
function shortened(text: string): string {
  const runs = text.match(/\b0(:0)+\b/g) ?? [];
  const longest = runs.reduce((best, run) => (run.length > best.length ? run : best), "");
  if (longest === "") return text;
  const at = text.search(new RegExp(`\\b${longest}\\b`));
  return `${text.slice(0, at).replace(/:$/, "")}::${text.slice(at + longest.length).replace(/^:/, "")}`;
}
