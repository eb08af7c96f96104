/**
 * The result of ADD, which the runtime passes to CHECK.
 *
 * @module
 */
import { parseCidr } from "../address/cidr.ts";
import type { Ip } from "../address/ip.ts";
import { CniError, CODES } from "./error.ts";

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
