/**
 * What few configurations have, and is loaded for them: routes, DNS, static and requested addresses.
 *
 * @module
 */
import { cidrOf, contains, formatCidr, type IpInCidr, parseCidr } from "../address/cidr.ts";
import { formatIp, type Ip, parseIp, sameIp } from "../address/ip.ts";
import { type IpRange, isCandidate } from "../address/range.ts";
import { requestedOf } from "../pool/requested.ts";
import { isObject } from "../values/json.ts";
import type { Asked, Wanted } from "./asked.ts";
import { type Document, list, quote, readDocument, text, type Warn } from "./document.ts";
import { isEmpty } from "./merge.ts";
import { parseAddress } from "./ranges.ts";
import { ADDRESS_FIELDS, ROUTE_FIELDS } from "./schema.ts";
import {
  ConfigError,
  type Dns,
  type IpamConfig,
  RequestRefusedError,
  type Route,
  type StaticAddress,
} from "./types.ts";

const SLOPPY = { leadingZeros: true };

function readIp(value: string, field: string): Ip {
  const ip = parseIp(value, SLOPPY);
  if (ip) return ip;
  throw new ConfigError(field, `Cannot read ${field} ${quote(value)}: wanted an address such as "10.0.0.1"`);
}

/** What {@linkcode parseExtras} reads. */
export type Extras = Pick<IpamConfig, "routes" | "dns" | "addresses" | "requested">;

/** Which addresses a caller may request: those that a range may allocate, or any. */
export type Requests = "ranges" | "any";

/** What is asked for, and by which rules. */
export interface ExtrasRules extends Asked {
  /** Whether addresses outside all ranges may be requested. */
  readonly requests: Requests;
  /** Whether the rules for new allocations apply. */
  readonly strict: boolean;
}

/** Reads all of them. @throws {ConfigError} the first that cannot be used */
export function parseExtras(
  document: Document,
  path: string,
  ranges: readonly IpRange[],
  { requested, gateways, requests, strict }: ExtrasRules,
  warn: Warn,
): Extras {
  const { inside, outside } = sortRequested(requested, ranges, requests, warn);
  const written = parseAddresses(document, path, warn);
  if (strict) refuseAllocatable(written, ranges, path);
  const addresses = withGateways([...written, ...outside], gateways);
  return { routes: parseRoutes(document, path, warn), dns: parseDns(document), addresses, requested: inside };
}

/** Reads `routes`. */
function parseRoutes(document: Document, path: string, warn: Warn): Route[] {
  return list(document, "routes").map((route, i) => {
    const at = `${path}.routes[${i}]`;
    const read = readDocument(route, ROUTE_FIELDS, at, warn);
    const dst = text(read, "dst") ?? "";
    if (!parseCidr(dst)) {
      throw new ConfigError(
        `${at}.dst`,
        `Cannot read ${at}.dst ${quote(dst)}: wanted a CIDR such as "0.0.0.0/0"`,
      );
    }
    const gw = text(read, "gw");
    if (gw !== undefined && !parseIp(gw)) {
      throw new ConfigError(
        `${at}.gw`,
        `Cannot read ${at}.gw ${quote(gw)}: wanted an address such as "10.0.0.1"`,
      );
    }
    return { ...written(read), dst } as Route;
  });
}

/** Reads `dns`. */
function parseDns(document: Document): Dns {
  return isObject(document.dns) ? written(document.dns) : {};
}

/** What is passed through has no empty members, as the original's answers have none. */
function written(document: Document): Document {
  return Object.fromEntries(Object.entries(document).filter(([, value]) => !isEmpty(value)));
}

/** Reads `addresses`. */
function parseAddresses(document: Document, path: string, warn: Warn): StaticAddress[] {
  return list(document, "addresses").map((address, i) => {
    const at = `${path}.addresses[${i}]`;
    const read = readDocument(address, ADDRESS_FIELDS, at, warn);
    const value = text(read, "address") ?? "";
    const parsed = parseCidr(value, SLOPPY);
    if (!parsed) {
      throw new ConfigError(
        `${at}.address`,
        `Cannot read ${at}.address ${quote(value)}: wanted a CIDR such as "10.0.0.5/24"`,
      );
    }
    const gateway = parseAddress(read, "gateway", at);
    return { ip: parsed.ip, prefix: parsed.cidr.prefix, ...(gateway && { gateway }) };
  });
}

/**
 * A static address is tracked in no pool, so none may be one that a range would allocate to somebody else.
 *
 * @throws {ConfigError} one is
 */
function refuseAllocatable(addresses: readonly StaticAddress[], ranges: readonly IpRange[], path: string): void {
  for (const [i, { ip }] of addresses.entries()) {
    const range = ranges.find((one) => contains(one.cidr, ip) && isCandidate(one, ip.value));
    if (!range) continue;
    const field = `${path}.addresses[${i}].address`;
    const [first, last] = [range.first, range.last].map((value) => formatIp({ family: ip.family, value }));
    throw new ConfigError(
      field,
      `Cannot use ${field} ${formatIp(ip)}: range ${formatCidr(range.cidr)} allocates it (${first} to ${last}); ` +
        "exclude it from the range, or move the range's bounds",
    );
  }
}

/** What became of the addresses asked for. */
export interface Requested {
  /** Those in the network of a range: allocated there. */
  readonly inside: readonly Ip[];
  /** Those outside of every range: given as they are. */
  readonly outside: readonly StaticAddress[];
}

/**
 * Sorts the addresses asked for by whether the network of a range contains them. Whether the range may allocate them is decided with the
 * pool at hand: an owner keeps what it has.
 *
 * @throws {RequestRefusedError} an address outside all ranges, where that is not allowed
 * @throws {ConfigError} text that is no address, an address outside without prefix length, two addresses for one range
 */
function sortRequested(
  wanted: readonly Wanted[],
  ranges: readonly IpRange[],
  requests: Requests,
  warn: Warn,
): Requested {
  const inside: Ip[] = [];
  const outside: StaticAddress[] = [];
  for (const { field, value } of wanted) {
    const { ip, prefix } = readWanted(field, value);
    if (inside.some((seen) => sameIp(seen, ip)) || outside.some((seen) => sameIp(seen.ip, ip))) continue;
    if (ranges.some(({ cidr }) => contains(cidr, ip))) {
      inside.push(ip);
      refuseSecond(inside, ranges, field);
    } else {
      outside.push({ ip, prefix: outsidePrefix(field, ip, prefix, ranges, requests) });
      warn(`${field} ${formatIp(ip)} lies in no range: it is given as it is and tracked in no pool`);
    }
  }
  return { inside, outside };
}

function refuseSecond(inside: readonly Ip[], ranges: readonly IpRange[], field: string): void {
  const ip = inside.at(-1);
  const given = requestedOf(ranges, inside).filter((value) => value !== undefined).length;
  if (!ip || given === inside.length) return;
  throw new ConfigError(
    field,
    `Cannot give ${formatIp(ip)} of ${field}: its range gives one address, and another one is requested`,
  );
}

/** The prefix length of an address outside all ranges. @throws {ConfigError} it may not be given, or has none */
function outsidePrefix(
  field: string,
  ip: Ip,
  prefix: number | undefined,
  ranges: readonly IpRange[],
  requests: Requests,
): number {
  if (requests !== "any") {
    const known = ranges.map(({ cidr }) => formatCidr(cidr)).join(", ") || "none";
    throw new RequestRefusedError(
      field,
      `Cannot give ${
        formatIp(ip)
      } of ${field}: it is outside all ranges of the network (${known}), where no pool tracks it; ` +
        'request an address of a range, or write "requests": "any" into ipam',
    );
  }
  if (prefix !== undefined) return prefix;
  throw new ConfigError(
    field,
    `Cannot give ${formatIp(ip)} of ${field}: no range contains it, so it needs a prefix length`,
  );
}

function readWanted(field: string, value: string): { ip: Ip; prefix?: number } {
  const parsed: IpInCidr | undefined = parseCidr(value, SLOPPY);
  if (parsed) return { ip: parsed.ip, prefix: parsed.cidr.prefix };
  return { ip: readIp(value, field) };
}

/** Sets each gateway on the static addresses whose network contains it, as CNI_ARGS `GATEWAY` asks. */
function withGateways(addresses: readonly StaticAddress[], gateways: readonly Wanted[]): StaticAddress[] {
  const read = gateways.map(({ field, value }) => readIp(value, field));
  return addresses.map((address) => {
    const gateway = read.find((one) => contains(cidrOf(address.ip, address.prefix), one));
    return gateway ? { ...address, gateway } : address;
  });
}
