/**
 * The parts of a result besides the addresses of ranges: routes, DNS and static addresses.
 *
 * @module
 */
import { cidrOf, contains, formatCidr, parseCidr } from "../address/cidr.ts";
import { formatIp, parseIp } from "../address/ip.ts";
import { type IpRange, isCandidate } from "../address/range.ts";
import { isObject } from "../values/json.ts";
import { type Document, isEmpty, list, quote, readDocument, text, type Warn } from "./document.ts";
import { LENIENT, parseAddress } from "./ranges.ts";
import { readIp, type RequestedAddress, type RequestedAddresses, type Requests, sortRequested } from "./requested.ts";
import { ADDRESS_FIELDS, ROUTE_FIELDS } from "./schema.ts";
import { ConfigError, type Dns, type IpamConfig, type Route, type StaticAddress } from "./types.ts";

/** The fields that {@linkcode parseExtras} reads. */
type Extras = Pick<IpamConfig, "routes" | "dns" | "addresses" | "requested">;

/** The requested addresses, and the rules for them. */
interface ExtrasRules extends RequestedAddresses {
  /** Whether addresses outside all ranges may be requested. */
  readonly requests: Requests;
  /** Whether the rules for new allocations apply. */
  readonly strict: boolean;
}

/** Reads the extras. @throws {ConfigError} the first invalid one */
export function parseExtras(
  document: Document,
  path: string,
  ranges: readonly IpRange[],
  { requested, gateways, requests, strict }: ExtrasRules,
  warn: Warn,
): Extras {
  const { inside, outside } = sortRequested(requested, ranges, requests, warn);
  const configured = parseAddresses(document, path, warn);
  if (strict) refuseAllocatable(configured, ranges, path);
  const addresses = withGateways([...configured, ...outside], gateways);
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
        `Cannot read ${at}.dst ${quote(dst)}: expected a CIDR such as "0.0.0.0/0"`,
      );
    }
    const gw = text(read, "gw");
    if (gw !== undefined && !parseIp(gw)) {
      throw new ConfigError(
        `${at}.gw`,
        `Cannot read ${at}.gw ${quote(gw)}: expected an address such as "10.0.0.1"`,
      );
    }
    return { ...nonEmpty(read), dst } as Route;
  });
}

/** Reads `dns`. */
function parseDns(document: Document): Dns {
  return isObject(document.dns) ? nonEmpty(document.dns) : {};
}

/** The members that are not empty: the original omits empty ones from its results. */
function nonEmpty(document: Document): Document {
  return Object.fromEntries(Object.entries(document).filter(([, value]) => !isEmpty(value)));
}

/** Reads `addresses`. */
function parseAddresses(document: Document, path: string, warn: Warn): StaticAddress[] {
  return list(document, "addresses").map((address, i) => {
    const at = `${path}.addresses[${i}]`;
    const read = readDocument(address, ADDRESS_FIELDS, at, warn);
    const value = text(read, "address") ?? "";
    const parsed = parseCidr(value, LENIENT);
    if (!parsed) {
      throw new ConfigError(
        `${at}.address`,
        `Cannot read ${at}.address ${quote(value)}: expected a CIDR such as "10.0.0.5/24"`,
      );
    }
    const gateway = parseAddress(read, "gateway", at);
    return { ip: parsed.ip, prefix: parsed.cidr.prefix, ...(gateway && { gateway }) };
  });
}

/**
 * Refuses static addresses that a range may allocate: no pool tracks them, so a range could allocate one to another pod.
 *
 * @throws {ConfigError} a range may allocate a static address
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

/** Sets each gateway of CNI_ARGS `GATEWAY` on the static addresses whose network contains it. */
function withGateways(addresses: readonly StaticAddress[], gateways: readonly RequestedAddress[]): StaticAddress[] {
  const read = gateways.map(({ field, value }) => readIp(value, field));
  return addresses.map((address) => {
    const gateway = read.find((one) => contains(cidrOf(address.ip, address.prefix), one));
    return gateway ? { ...address, gateway } : address;
  });
}
