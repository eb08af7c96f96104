/**
 * A network in CIDR notation: its addresses, and which of them a host may use.
 *
 * @module
 */
import { bits, type Family, formatIp, type Ip, maxValue, parseIp, type ParseOptions } from "./ip.ts";

/** A network: family, network address (host bits zero) and prefix length. */
export interface Cidr {
  /** 4 or 6. */
  readonly family: Family;
  /** The network address; its host bits are zero. */
  readonly base: bigint;
  /** 0 to 32, or 0 to 128. */
  readonly prefix: number;
}

/** First and last address of an interval, both inclusive. */
export interface Interval {
  /** The lowest address. */
  readonly first: bigint;
  /** The highest address. */
  readonly last: bigint;
}

/** An address and its network, such as `10.0.0.5/24`. */
export interface IpInCidr {
  /** The address as written, host bits kept. */
  readonly ip: Ip;
  /** Its network. */
  readonly cidr: Cidr;
}

/**
 * Reads `address/prefix`.
 *
 * @returns the address as written and its network; undefined if the text is invalid
 *
 * @example
 * ```ts
 * import { formatIp, parseCidr } from "@whereabouts/whereabouts";
 * import assert from "node:assert/strict";
 *
 * const parsed = parseCidr("10.0.0.5/24");
 * assert.equal(parsed && formatIp(parsed.ip), "10.0.0.5");
 * assert.equal(parseCidr("10.0.0.5"), undefined);
 * ```
 */
export function parseCidr(text: string, options: ParseOptions = {}): IpInCidr | undefined {
  const slash = text.indexOf("/");
  const prefixText = text.slice(slash + 1);
  if (slash < 0 || !/^(0|[1-9]\d{0,2})$/.test(prefixText)) return undefined;
  const address = text.slice(0, slash);
  const ip = parseIp(address, options);
  if (!ip || (ip.family === 4) === address.includes(":")) return undefined; // a mapped address has no IPv4 prefix length
  const prefix = Number(prefixText);
  if (prefix > bits(ip.family)) return undefined;
  return { ip, cidr: cidrOf(ip, prefix) };
}

/** The network of an address and a prefix length. */
export function cidrOf(ip: Ip, prefix: number): Cidr {
  const host = BigInt(bits(ip.family) - prefix);
  return { family: ip.family, base: (ip.value >> host) << host, prefix };
}

/**
 * The canonical text, such as `10.0.0.0/24`.
 *
 * @example
 * ```ts
 * import { formatCidr, parseCidr } from "@whereabouts/whereabouts";
 * import assert from "node:assert/strict";
 *
 * const parsed = parseCidr("2001:DB8::5/64");
 * assert.equal(parsed && formatCidr(parsed.cidr), "2001:db8::/64");
 * ```
 */
export function formatCidr(cidr: Cidr): string {
  return `${formatIp({ family: cidr.family, value: cidr.base })}/${cidr.prefix}`;
}

/** All addresses of the network, including network and broadcast address. */
export function span(cidr: Cidr): Interval {
  return { first: cidr.base, last: cidr.base | (maxValue(cidr.family) >> BigInt(cidr.prefix)) };
}

/**
 * The addresses that a host may use: all except the first and the last one, for both families as in the original; every address of a /31,
 * /32, /127 and /128 (RFC 3021, RFC 6164).
 */
export function usable(cidr: Cidr): Interval {
  const { first, last } = span(cidr);
  return last - first < 2n ? { first, last } : { first: first + 1n, last: last - 1n };
}

/** Whether the network contains the address. */
export function contains(cidr: Cidr, ip: Ip): boolean {
  const { first, last } = span(cidr);
  return ip.family === cidr.family && ip.value >= first && ip.value <= last;
}

/** Whether the outer network contains the whole inner one. */
export function within(outer: Cidr, inner: Cidr): boolean {
  return outer.prefix <= inner.prefix && contains(outer, { family: inner.family, value: inner.base });
}

/** Whether two networks share an address. One then contains the other. */
export function overlap(a: Cidr, b: Cidr): boolean {
  if (a.family !== b.family) return false;
  return a.prefix <= b.prefix
    ? contains(a, { family: b.family, value: b.base })
    : contains(b, { family: a.family, value: a.base });
}
