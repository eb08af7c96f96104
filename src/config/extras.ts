/**
 * What few configurations have, and is loaded for them: routes, DNS, static and requested addresses.
 *
 * @module
 */
import { cidrOf, contains, type IpInCidr, parseCidr } from "../address/cidr.ts";
import { formatIp, type Ip, parseIp, sameIp } from "../address/ip.ts";
import type { IpRange } from "../address/range.ts";
import type { Asked, Wanted } from "./asked.ts";
import { type Document, isObject, list, quote, readDocument, text, type Warn } from "./document.ts";
import { isEmpty } from "./merge.ts";
import { parseAddress } from "./ranges.ts";
import { ADDRESS_FIELDS, ROUTE_FIELDS } from "./schema.ts";
import { ConfigError, type Dns, type IpamConfig, type Route, type StaticAddress } from "./types.ts";

const SLOPPY = { leadingZeros: true };

function readIp(value: string, field: string): Ip {
  const ip = parseIp(value, SLOPPY);
  if (ip) return ip;
  throw new ConfigError(field, `Cannot read ${field} ${quote(value)}: wanted an address such as "10.0.0.1"`);
}

/** What {@linkcode parseExtras} reads. */
export type Extras = Pick<IpamConfig, "routes" | "dns" | "addresses" | "requested">;

/** Reads all of them. @throws {ConfigError} the first that cannot be used */
export function parseExtras(
  document: Document,
  path: string,
  ranges: readonly IpRange[],
  { requested, gateways }: Asked,
  warn: Warn,
): Extras {
  const { inside, outside } = sortRequested(requested, ranges, warn);
  const addresses = withGateways([...parseAddresses(document, path, warn), ...outside], gateways);
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

/** What became of the addresses asked for. */
export interface Requested {
  /** Those inside a range: given from there. */
  readonly inside: readonly Ip[];
  /** Those outside of every range: given as they are. */
  readonly outside: readonly StaticAddress[];
}

/**
 * Sorts the addresses asked for by whether a range contains them.
 *
 * @throws {ConfigError} text that is no address, an address outside without prefix length, two addresses for one range
 */
function sortRequested(wanted: readonly Wanted[], ranges: readonly IpRange[], warn: Warn): Requested {
  const inside: Ip[] = [];
  const outside: StaticAddress[] = [];
  const free = [...ranges];
  for (const { field, value } of wanted) {
    const { ip, prefix } = readWanted(field, value);
    if (inside.some((seen) => sameIp(seen, ip)) || outside.some((seen) => sameIp(seen.ip, ip))) continue;
    const range = free.findIndex(({ cidr }) => contains(cidr, ip));
    if (range >= 0) {
      free.splice(range, 1);
      inside.push(ip);
    } else if (ranges.some(({ cidr }) => contains(cidr, ip))) {
      throw new ConfigError(
        field,
        `Cannot give ${formatIp(ip)} of ${field}: its range gives one address, and another one is requested`,
      );
    } else {
      if (prefix === undefined) {
        throw new ConfigError(
          field,
          `Cannot give ${formatIp(ip)} of ${field}: no range contains it, so it needs a prefix length`,
        );
      }
      warn(`${field} ${formatIp(ip)} lies in no range: it is given as it is and tracked in no pool`);
      outside.push({ ip, prefix });
    }
  }
  return { inside, outside };
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
