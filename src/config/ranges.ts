/**
 * Parses a range, its bounds and its excludes.
 *
 * @module
 */
import { type Cidr, contains, formatCidr, type Interval, overlap, parseCidr, span } from "../address/cidr.ts";
import { formatIp, type Ip, parseIp } from "../address/ip.ts";
import { assignable, type IpRange, mergeIntervals } from "../address/range.ts";
import { type Document, list, quote, text, type Warn } from "./document.ts";
import { ConfigError } from "./types.ts";

/** Addresses may have leading zeros, and are decimal, as in the original: `010` is 10. */
export const LENIENT = { leadingZeros: true };

/** `::ffff:0:0/96`: never allocated, because its addresses, formatted and parsed again, become IPv4 addresses. */
const MAPPED: Cidr = { family: 6, base: 0xffff_0000_0000n, prefix: 96 };

/**
 * Reads a range: `range`, `range_start`, `range_end` and `exclude` of a document.
 *
 * Bounds outside of the network, and an end before the start, are ignored as by the original, but with a warning.
 *
 * @param l3ByDefault whether `enable_l3` applies to a range that does not have the field
 * @throws {ConfigError} an invalid range, address or CIDR
 */
export function parseRange(document: Document, path: string, warn: Warn, l3ByDefault = false): IpRange {
  const { cidr, start, end } = parseRangeText(document, path);
  const l3 = document.enable_l3 === true || l3ByDefault;
  const whole = assignable(cidr, l3);
  const warnIgnored = (field: string, ip: Ip, used: bigint, reason: string) =>
    warn(
      `${path}.${field} ${formatIp(ip)} is ignored: it is ${reason} ${formatCidr(cidr)}; ` +
        `${formatIp({ family: cidr.family, value: used })} is used instead`,
    );
  const inside = (ip: Ip, from: bigint) => ip.family === cidr.family && ip.value >= from && ip.value <= whole.last;
  let { first, last } = whole;
  if (start && inside(start, whole.first)) first = start.value;
  else if (start && !isNetworkAddress(start, cidr)) warnIgnored("range_start", start, first, "no usable address of");
  if (end && inside(end, first)) last = end.value;
  else if (end) warnIgnored("range_end", end, last, "before the start or no usable address of");
  const picks = parsePicks(document, cidr, path);
  const excludes = parseExcludes(document, cidr, path, warn);
  return { cidr, first, last, excludes, ...(l3 && { l3 }), ...(picks && { picks }) };
}

/**
 * Reads `gateway` of an element of `ipRanges`.
 *
 * @throws {ConfigError} it is invalid, or of another family than the range
 */
export function parseRangeGateway(document: Document, { cidr }: IpRange, path: string): Ip | undefined {
  const gateway = parseAddress(document, "gateway", path);
  if (!gateway || gateway.family === cidr.family) return gateway;
  const field = `${path}.gateway`;
  throw new ConfigError(
    field,
    `Cannot use ${field} ${formatIp(gateway)}: expected an IPv${cidr.family} address, as range ${formatCidr(cidr)} has`,
  );
}

/** Reads `pick_addresses`. Undefined if the field is absent or empty. @throws {ConfigError} an invalid address, or one outside of the range */
function parsePicks(document: Document, cidr: Cidr, path: string): bigint[] | undefined {
  const picks = list(document, "pick_addresses").map(String);
  if (picks.length === 0) return undefined;
  return picks.map((pick, i) => {
    const field = `${path}.pick_addresses[${i}]`;
    const ip = parseIp(pick, LENIENT);
    if (ip && contains(cidr, ip)) return ip.value;
    throw new ConfigError(field, `Cannot use ${field} ${quote(pick)}: expected an address of ${formatCidr(cidr)}`);
  });
}

/** A start equal to the network's own address selects the whole network: it is the original's default. */
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
    const parsed = parseCidr(range, LENIENT);
    if (parsed) return { cidr: parsed.cidr, start, end };
    throw new ConfigError(
      field,
      `Cannot read ${field} ${
        quote(range)
      }: expected a CIDR such as "10.0.0.0/24" or bounds such as "10.0.0.10-10.0.0.20/24"`,
    );
  }
  const first = parseIp(range.slice(0, dash), LENIENT);
  const last = parseCidr(range.slice(dash + 1), LENIENT);
  if (!first || !last) {
    throw new ConfigError(
      field,
      `Cannot read ${field} ${quote(range)}: expected "FIRST-LAST/LENGTH" such as "10.0.0.10-10.0.0.20/24"`,
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

/** Reads an address field; leading zeros are allowed. Undefined if empty. @throws {ConfigError} it is invalid */
export function parseAddress(document: Document, key: string, path: string): Ip | undefined {
  const value = text(document, key);
  if (value === undefined) return undefined;
  const ip = parseIp(value, LENIENT);
  if (ip) return ip;
  throw new ConfigError(
    `${path}.${key}`,
    `Cannot read ${path}.${key} ${quote(value)}: expected an address such as "10.0.0.10"`,
  );
}

function parseExcludes(document: Document, cidr: Cidr, path: string, warn: Warn): Interval[] {
  const excludes: Interval[] = overlap(MAPPED, cidr) ? [span(MAPPED)] : [];
  for (const [i, exclude] of list(document, "exclude").map(String).entries()) {
    const field = `${path}.exclude[${i}]`;
    const excluded = parseExclude(exclude);
    if (!excluded) {
      throw new ConfigError(field, `Cannot read ${field} ${quote(exclude)}: expected a CIDR or an address`);
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

/** Excludes the gateway from the range. Unchanged if the gateway is not in its network. */
export function withoutGateway(range: IpRange, gateway: Ip): IpRange {
  if (!contains(range.cidr, gateway)) return range;
  const { value } = gateway;
  const excludes = mergeIntervals([...range.excludes, { first: value, last: value }]);
  return { ...range, keptFree: [...range.keptFree ?? [], value], excludes };
}
