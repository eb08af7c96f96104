/**
 * The answer to ADD up to CNI 0.2.0, which hardly anybody asks for any more: one address of each family.
 *
 * @module
 */
import { parseCidr } from "../address/cidr.ts";
import { formatIp, type Ip } from "../address/ip.ts";
import { CniError, CODES } from "./error.ts";
import type { Answer } from "./result.ts";
import type { CniVersion } from "../config/version.ts";

/**
 * The result object; the first address of each family is given.
 *
 * @throws {CniError} code 7: there is no address
 */
export function familyResult(answer: Answer, version: CniVersion): unknown {
  const ip4 = familyPart(answer, 4);
  const ip6 = familyPart(answer, 6);
  if (!ip4 && !ip6) {
    throw new CniError(
      CODES.config,
      `Cannot answer in cniVersion ${version} without an address: configure a range or use a newer version`,
    );
  }
  return { cniVersion: version, ...(ip4 && { ip4 }), ...(ip6 && { ip6 }), dns: answer.dns };
}

function familyPart({ ips, routes }: Answer, family: Ip["family"]): Record<string, unknown> | undefined {
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
