/**
 * The answer to ADD, in the shape of each CNI version.
 *
 * @module
 */
import { formatIp } from "../address/ip.ts";
import type { Dns, Route, StaticAddress } from "../config/types.ts";
import { atLeast, type CniVersion } from "../config/version.ts";

/** What ADD came to. */
export interface Answer {
  /** Addresses in order: those of the ranges, then static ones. */
  readonly ips: readonly StaticAddress[];
  /** Routes as configured. */
  readonly routes: readonly Route[];
  /** DNS as configured. */
  readonly dns: Dns;
}

/**
 * Renders the answer, 4 spaces deep.
 *
 * Up to 0.2.0 a result has place for one address of each family and needs at least one; the first of each is given.
 *
 * @throws {CniError} code 7: an old version and no address at all
 */
export async function renderResult(answer: Answer, version: CniVersion): Promise<string> {
  const result = atLeast(version, "0.3.0")
    ? listResult(answer, version)
    : (await import("./old_result.ts")).familyResult(answer, version);
  return JSON.stringify(result, undefined, 4);
}

function listResult({ ips, routes, dns }: Answer, version: CniVersion): unknown {
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
