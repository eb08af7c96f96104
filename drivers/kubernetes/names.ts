/**
 * Names of objects, as the original makes them. `name_keys.ts` reads them back.
 *
 * A name is the text with `:` and `/` replaced by `-`, behind the network (and the node) it belongs to. One that would begin with `-`
 * (`::1`, `::/64` of the unnamed network), which the API server refuses, gets a `0` in front.
 *
 * @module
 */
import { formatCidr } from "../../src/address/cidr.ts";
import { formatIp, type Ip } from "../../src/address/ip.ts";
import type { PoolKey } from "../../src/pool/types.ts";
import { RefusedError } from "../../src/storage/driver.ts";

/** What the API server takes as a name: a DNS subdomain (RFC 1123). */
const NAME = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const LONGEST_NAME = 253;

/**
 * The IPPool of a key: `[network-][node-]range`.
 *
 * @throws {RefusedError} the network or node makes no object name
 */
export function poolName({ network, node = "", cidr }: PoolKey): string {
  return join([network, node], dashed(formatCidr(cidr)));
}

/**
 * The IPPool of a pool's name (`formatPoolKey`).
 *
 * @throws {RefusedError} it makes no object name
 */
export function objectName(pool: string): string {
  const parts = pool.split("/");
  return join(parts.slice(0, -2), dashed(parts.slice(-2).join("/")));
}

/**
 * The OverlappingRangeIPReservation of an address: `[network-]address`, an address that ends in `::` with a `0` behind it.
 *
 * @throws {RefusedError} the network makes no object name
 */
export function reservationName(network: string, ip: Ip): string {
  const text = formatIp(ip);
  return join([network], dashed(text.endsWith(":") ? `${text}0` : text));
}

/** Text as it stands in names. */
export function dashed(text: string): string {
  return text.replace(/[:/]/g, "-");
}

/**
 * The name of a text behind what it belongs to.
 *
 * @throws {RefusedError} it makes no object name
 */
export function join(domain: readonly string[], text: string): string {
  const parts = domain.filter((part) => part !== "");
  const name = parts.length === 0 && text.startsWith("-") ? `0${text}` : [...parts, text].join("-");
  if (name.length <= LONGEST_NAME && NAME.test(name)) return name;
  throw new RefusedError(
    `Cannot name an object ${
      JSON.stringify(name)
    }: network_name and node name must be made of lower-case letters, digits, "-" and ".", ` +
      `begin and end with a letter or digit, and leave the name at most ${LONGEST_NAME} characters`,
  );
}
