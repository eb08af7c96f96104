/**
 * The result of ADD, in the format of each CNI version: written for ADD, and read where the runtime passes it to CHECK.
 *
 * @module
 */
import { parseCidr } from "../address/cidr.ts";
import { formatIp, type Ip } from "../address/ip.ts";
import type { Dns, Route, StaticAddress } from "../config/types.ts";
import { atLeast, type CniVersion } from "../config/version.ts";
import { CniError, CODES } from "./error.ts";

/** The result of ADD. */
export interface AddResult {
  /** Addresses in order: first those of the ranges, then the static ones. */
  readonly ips: readonly StaticAddress[];
  /** Routes as configured. */
  readonly routes: readonly Route[];
  /** DNS as configured. */
  readonly dns: Dns;
}

/**
 * Renders the result, indented by 4 spaces.
 *
 * Up to 0.2.0 a result has at least one address and at most one per family: the first of each.
 *
 * @throws {CniError} code 7: no address, in a version up to 0.2.0
 */
export function renderResult(result: AddResult, version: CniVersion): string {
  const answer = atLeast(version, "0.3.0") ? listResult(result, version) : familyResult(result, version);
  return JSON.stringify(answer, undefined, 4);
}

function listResult({ ips, routes, dns }: AddResult, version: CniVersion): unknown {
  const modern = atLeast(version, "1.0.0");
  const list = ips.map(({ ip, prefix, gateway }) => ({
    ...(!modern && { version: String(ip.family) }),
    address: `${formatIp(ip)}/${prefix}`,
    ...(gateway && { gateway: formatIp(gateway) }),
  }));
  const written = routes.length > 0 ? { routes } : {};
  if (!modern) return { cniVersion: version, ips: list, ...written, dns };
  return { cniVersion: version, ...(Object.keys(dns).length > 0 && { dns }), ips: list, ...written };
}

/** Up to 0.2.0: the first address of each family. */
function familyResult(result: AddResult, version: CniVersion): unknown {
  const ip4 = familyPart(result, 4);
  const ip6 = familyPart(result, 6);
  if (!ip4 && !ip6) {
    throw new CniError(
      CODES.config,
      `Cannot answer in cniVersion ${version} without an address: configure a range or use a newer version`,
    );
  }
  return { cniVersion: version, ...(ip4 && { ip4 }), ...(ip6 && { ip6 }), dns: result.dns };
}

function familyPart({ ips, routes }: AddResult, family: Ip["family"]): Record<string, unknown> | undefined {
  const first = ips.find(({ ip }) => ip.family === family);
  if (!first) return undefined;
  const own = routes.filter(({ dst }) => parseCidr(dst)?.ip.family === family)
    .map(({ dst, gw }) => ({ dst, ...(gw && { gw }) }));
  return {
    ip: `${formatIp(first.ip)}/${first.prefix}`,
    ...(first.gateway && { gateway: formatIp(first.gateway) }),
    ...(own.length > 0 && { routes: own }),
  };
}

/**
 * The addresses of `prevResult`, in the format of any version.
 *
 * @throws {CniError} code 7: it is missing or invalid
 */
export function parsePrevResult(conf: Readonly<Record<string, unknown>>): Ip[] {
  const previous = conf.prevResult;
  if (typeof previous !== "object" || previous === null) {
    throw new CniError(CODES.config, "Missing prevResult in the network configuration: CHECK needs the result of ADD");
  }
  const { ips, ip4, ip6 } = previous as Record<string, unknown>;
  const texts = Array.isArray(ips)
    ? ips.map((one) => one?.address)
    : [ip4, ip6].filter((one) => one !== undefined).map((one) => (one as Record<string, unknown> | null)?.ip);
  return texts.map((text) => {
    const parsed = typeof text === "string" ? parseCidr(text) : undefined;
    if (parsed) return parsed.ip;
    throw new CniError(CODES.config, `Cannot read prevResult: found address ${JSON.stringify(text)}, expected a CIDR`);
  });
}
