/**
 * The text of a range, its bounds and its excludes.
 *
 * @module
 */
import { type Cidr, contains, formatCidr, type Interval, overlap, parseCidr, span, usable } from "../address/cidr.ts";
import { formatIp, type Ip, parseIp } from "../address/ip.ts";
import { type IpRange, mergeIntervals } from "../address/range.ts";
import { type Document, list, quote, text, type Warn } from "./document.ts";
import { ConfigError } from "./types.ts";

/** The original reads `010` in ranges and gateways as 10. */
const SLOPPY = { leadingZeros: true };

/** `::ffff:0:0/96`: written as text and read again, its addresses are IPv4. They are never given. */
const MAPPED: Cidr = { family: 6, base: 0xffff_0000_0000n, prefix: 96 };

/**
 * Reads one range: `range`, `range_start`, `range_end`, `exclude` of a document.
 *
 * Bounds outside the network, or an end before the start, are ignored with a warning, as the original does without one.
 *
 * @throws {ConfigError} text that is no range, address or CIDR
 */
export function parseRange(document: Document, path: string, warn: Warn): IpRange {
  const { cidr, start, end } = parseRangeText(document, path);
  const whole = usable(cidr);
  const say = (field: string, ip: Ip, used: bigint, why: string) =>
    warn(
      `${path}.${field} ${formatIp(ip)} is ignored: it is ${why} ${formatCidr(cidr)}; ` +
        `${formatIp({ family: cidr.family, value: used })} is used instead`,
    );
  const inside = (ip: Ip, from: bigint) => ip.family === cidr.family && ip.value >= from && ip.value <= whole.last;
  let { first, last } = whole;
  if (start && inside(start, whole.first)) first = start.value;
  else if (start && !isNetworkAddress(start, cidr)) say("range_start", start, first, "no usable address of");
  if (end && inside(end, first)) last = end.value;
  else if (end) say("range_end", end, last, "before the start or no usable address of");
  return { cidr, first, last, excludes: parseExcludes(document, cidr, path, warn) };
}

/** A start that is the network's own address means the whole network, as it is the original's default. */
function isNetworkAddress(ip: Ip, cidr: Cidr): boolean {
  return ip.family === cidr.family && ip.value === cidr.base;
}

interface RangeText {
  readonly cidr: Cidr;
  readonly start: Ip | undefined;
  readonly end: Ip | undefined;
}

function parseRangeText(document: Document, path: string): RangeText {
  const range = text(document, "range") ?? "";
  const start = parseAddress(document, "range_start", path);
  const end = parseAddress(document, "range_end", path);
  const field = `${path}.range`;
  const dash = range.indexOf("-");
  if (dash < 0) {
    const parsed = parseCidr(range, SLOPPY);
    if (parsed) return { cidr: parsed.cidr, start, end };
    throw new ConfigError(
      field,
      `Cannot read ${field} ${
        quote(range)
      }: wanted a CIDR such as "10.0.0.0/24" or bounds such as "10.0.0.10-10.0.0.20/24"`,
    );
  }
  const first = parseIp(range.slice(0, dash), SLOPPY);
  const last = parseCidr(range.slice(dash + 1), SLOPPY);
  if (!first || !last) {
    throw new ConfigError(
      field,
      `Cannot read ${field} ${quote(range)}: wanted "FIRST-LAST/LENGTH" such as "10.0.0.10-10.0.0.20/24"`,
    );
  }
  if (!contains(last.cidr, first)) {
    throw new ConfigError(
      field,
      `Cannot use ${field} ${quote(range)}: ${formatIp(first)} is not in ${formatCidr(last.cidr)}`,
    );
  }
  return { cidr: last.cidr, start: first, end: last.ip };
}

/** Reads an address field, leading zeros tolerated. @throws {ConfigError} it is none */
export function parseAddress(document: Document, key: string, path: string): Ip | undefined {
  const value = text(document, key);
  if (value === undefined) return undefined;
  const ip = parseIp(value, SLOPPY);
  if (ip) return ip;
  throw new ConfigError(
    `${path}.${key}`,
    `Cannot read ${path}.${key} ${quote(value)}: wanted an address such as "10.0.0.10"`,
  );
}

function parseExcludes(document: Document, cidr: Cidr, path: string, warn: Warn): Interval[] {
  const excludes: Interval[] = overlap(MAPPED, cidr) ? [span(MAPPED)] : [];
  for (const [i, exclude] of list(document, "exclude").map(String).entries()) {
    const field = `${path}.exclude[${i}]`;
    const excluded = parseExclude(exclude);
    if (!excluded) {
      throw new ConfigError(field, `Cannot read ${field} ${quote(exclude)}: wanted a CIDR or an address`);
    }
    if (overlap(excluded, cidr)) excludes.push(span(excluded));
    else warn(`${field} ${formatCidr(excluded)} excludes nothing: it is outside of ${formatCidr(cidr)}`);
  }
  return mergeIntervals(excludes);
}

function parseExclude(exclude: string): Cidr | undefined {
  const ip = parseIp(exclude);
  return ip ? { family: ip.family, base: ip.value, prefix: ip.family === 4 ? 32 : 128 } : parseCidr(exclude)?.cidr;
}

/** The range without its gateway, which is kept free. Unchanged where the gateway is not in its network. */
export function withoutGateway(range: IpRange, gateway: Ip): IpRange {
  if (!contains(range.cidr, gateway)) return range;
  const { value } = gateway;
  return { ...range, gateway: value, excludes: mergeIntervals([...range.excludes, { first: value, last: value }]) };
}
