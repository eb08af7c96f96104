/**
 * The answer to ADD as CHECK brings it back.
 *
 * @module
 */
import { parseCidr } from "../address/cidr.ts";
import type { Ip } from "../address/ip.ts";
import { CniError, CODES } from "./error.ts";

/**
 * The addresses of `prevResult`, whatever version shaped it.
 *
 * @throws {CniError} code 7: there is none, or it is no result
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
    throw new CniError(CODES.config, `Cannot read prevResult: found address ${JSON.stringify(text)}, wanted a CIDR`);
  });
}
