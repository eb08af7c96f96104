/**
 * Names of objects, as the original forms them, and their meaning.
 *
 * A name is the network (and the node), followed by the range or address with `:` and `/` replaced by `-`. A name that would begin with `-`
 * (`::1`, `::/64` of the unnamed network), which the API server refuses, gets a leading `0`.
 *
 * A name does not show where the network ends and the node or the address begins, so the objects that we create record both in annotations
 * (a label has at most 63 characters, and a network's name may be longer). Without annotations, an object may have every key that forms its
 * name; `known.ts` chooses among several.
 *
 * @module
 */
import { formatCidr, parseCidr } from "../../src/address/cidr.ts";
import { formatIp, type Ip, parseIp } from "../../src/address/ip.ts";
import type { PoolKey } from "../../src/pool/types.ts";
import { RefusedError } from "../../src/storage/driver.ts";
import { DNS_SUBDOMAIN } from "../../src/values/dns.ts";
import { GROUP, type Metadata, type PatchOperation } from "./resources.ts";

/** Max characters of a name. */
const MAX_NAME = 253;

/**
 * The IPPool of a key: `[network-][node-]range`.
 *
 * @throws {RefusedError} the network or node does not form a valid object name
 */
export function poolName({ network, node = "", cidr }: PoolKey): string {
  return join([network, node], dashed(formatCidr(cidr)));
}

/**
 * The IPPool of a pool's text (`formatPoolKey`).
 *
 * @throws {RefusedError} it does not form a valid object name
 */
export function objectName(pool: string): string {
  const parts = pool.split("/");
  return join(parts.slice(0, -2), dashed(parts.slice(-2).join("/")));
}

/**
 * The OverlappingRangeIPReservation of an address: `[network-]address`. An address that ends in `::` gets a trailing `0`.
 *
 * @throws {RefusedError} the network does not form a valid object name
 */
export function reservationName(network: string, ip: Ip): string {
  const text = formatIp(ip);
  return join([network], dashed(text.endsWith(":") ? `${text}0` : text));
}

/** Text as part of a name. */
function dashed(text: string): string {
  return text.replace(/[:/]/g, "-");
}

/**
 * The name of a text in a domain.
 *
 * @throws {RefusedError} it is not a valid object name
 */
function join(domain: readonly string[], text: string): string {
  const parts = domain.filter((part) => part !== "");
  const name = parts.length === 0 && text.startsWith("-") ? `0${text}` : [...parts, text].join("-");
  if (name.length <= MAX_NAME && DNS_SUBDOMAIN.test(name)) return name;
  throw new RefusedError(
    `Cannot name an object ${
      JSON.stringify(name)
    }: network_name and node name must be made of lower-case letters, digits, "-" and ".", ` +
      `begin and end with a letter or digit, and leave the name at most ${MAX_NAME} characters`,
  );
}

const NETWORK = `${GROUP}/network`;
const NODE = `${GROUP}/node`;

/** Network and node. The unnamed network is "". */
export interface Domain {
  /** `network_name`. */
  readonly network: string;
  /** For a pool, the node of its slice; for a reservation, the node of its pod. Absent if unknown, or if the pool is no slice. */
  readonly node?: string;
}

/** The annotations of a new object. */
export function annotationsOf({ network, node }: Domain): Readonly<Record<string, string>> {
  return { [NETWORK]: network, ...(node && { [NODE]: node }) };
}

/** The domain in the annotations; undefined if an older release or the original created the object. */
export function readAnnotations({ annotations = {} }: Pick<Metadata, "annotations">): Domain | undefined {
  const { [NETWORK]: network, [NODE]: node } = annotations;
  return network === undefined ? undefined : { network, ...(node && { node }) };
}

/** Sets the annotations of a stored object to a domain, in a patch that tests its version. Empty if they already match. */
export function annotate({ annotations }: Pick<Metadata, "annotations">, domain: Domain): PatchOperation[] {
  const wanted = annotationsOf(domain);
  if (!annotations) return [{ op: "add", path: "/metadata/annotations", value: wanted }];
  return [NETWORK, NODE].flatMap((name): PatchOperation[] => {
    const path = annotationPath(name);
    const value = wanted[name];
    if (value === annotations[name]) return [];
    return [value === undefined ? { op: "remove", path } : { op: "add", path, value }];
  });
}

/** The path of an annotation, a JSON pointer (RFC 6901). */
export function annotationPath(name: string): string {
  return `/metadata/annotations/${name.replaceAll("/", "~1")}`;
}

/** Whether a reservation with a name of the network may be the network's: its annotations name no other network that forms the same name. */
export function mayBelongTo(metadata: Pick<Metadata, "annotations">, network: string): boolean {
  const domain = readAnnotations(metadata);
  return domain === undefined || domain.network === network;
}

/** An object's name and annotations. */
type Named = Pick<Metadata, "name" | "annotations">;

/** The meaning of a reservation's name. */
export interface ReservationKey {
  /** `network_name`. */
  readonly network: string;
  /** The address. */
  readonly ip: Ip;
}

/**
 * The keys that an IPPool may have: only that of its annotations if they fit its name; otherwise every reading, that of a network without a
 * node first.
 *
 * @returns an empty list if the range is invalid, or the name does not end with it
 */
export function poolKeys(object: Named, range: string): PoolKey[] {
  const { name } = object;
  const cidr = parseCidr(range)?.cidr;
  if (!cidr) return [];
  const domain = readAnnotations(object);
  if (domain && nameOf({ ...domain, cidr }) === name) return [{ ...domain, cidr }];
  const text = dashed(formatCidr(cidr));
  if (name === join([], text)) return [{ network: "", cidr }];
  const prefix = name.slice(0, -text.length - 1);
  if (prefix === "" || name !== `${prefix}-${text}`) return [];
  const split = dashes(prefix).filter((at) => at > 0 && at < prefix.length - 1)
    .map((at) => ({ network: prefix.slice(0, at), node: prefix.slice(at + 1), cidr }));
  return [{ network: prefix, cidr }, { network: "", node: prefix, cidr }, ...split];
}

/** The keys that a reservation may have: only that of its annotations if they fit its name; otherwise every reading. */
export function reservationKeys(object: Named): ReservationKey[] {
  const { name } = object;
  const keys = [0, ...dashes(name).map((at) => at + 1)].flatMap((at) => {
    const ip = undashed(name.slice(at));
    return ip ? [{ network: name.slice(0, Math.max(0, at - 1)), ip }] : [];
  });
  const domain = readAnnotations(object);
  const exact = domain && keys.find(({ network }) => network === domain.network);
  return exact ? [exact] : keys;
}

function dashes(text: string): number[] {
  return Array.from(text.matchAll(/-/g), ({ index }) => index);
}

function undashed(text: string): Ip | undefined {
  return parseIp(text.includes(".") ? text : text.replaceAll("-", ":"));
}

/** Whether an object of a key has this name. */
export function isNamed(name: string, key: PoolKey): boolean {
  return nameOf(key) === name;
}

/** The name of a key; undefined if that is not a valid object name. */
function nameOf(key: PoolKey): string | undefined {
  try {
    return poolName(key);
  } catch {
    return undefined;
  }
}
