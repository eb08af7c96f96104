/**
 * Names of objects, as the original makes them, and what they stand for.
 *
 * A name is the text with `:` and `/` replaced by `-`, behind the network (and the node) it belongs to. One that would begin with `-`
 * (`::1`, `::/64` of the unnamed network), which the API server refuses, gets a `0` in front.
 *
 * A name does not show where the network ends and the node or the address begins, so the objects that we create have it in annotations
 * (a label holds 63 characters, and a network's name may be longer). Of an object without them, every reading is possible that makes the
 * same name; `known.ts` chooses among several.
 *
 * @module
 */
import { formatCidr, parseCidr } from "../../src/address/cidr.ts";
import { formatIp, type Ip, parseIp } from "../../src/address/ip.ts";
import type { PoolKey } from "../../src/pool/types.ts";
import { RefusedError } from "../../src/storage/driver.ts";
import { GROUP, type Metadata, type PatchOperation } from "./resources.ts";

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
function dashed(text: string): string {
  return text.replace(/[:/]/g, "-");
}

/**
 * The name of a text behind what it belongs to.
 *
 * @throws {RefusedError} it makes no object name
 */
function join(domain: readonly string[], text: string): string {
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

const NETWORK = `${GROUP}/network`;
const NODE = `${GROUP}/node`;

/** Network and node. A network of "" is the unnamed one. */
export interface Domain {
  /** `network_name`. */
  readonly network: string;
  /** Of a pool the node of its slice; of a reservation the node of its pod. Absent where there is none, or it is unknown. */
  readonly node?: string;
}

/** The annotations of an object that is created. */
export function annotationsOf({ network, node }: Domain): Readonly<Record<string, string>> {
  return { [NETWORK]: network, ...(node && { [NODE]: node }) };
}

/** What the annotations say; undefined where an older release, or the original, created the object. */
export function readAnnotations({ annotations = {} }: Pick<Metadata, "annotations">): Domain | undefined {
  const { [NETWORK]: network, [NODE]: node } = annotations;
  return network === undefined ? undefined : { network, ...(node && { node }) };
}

/** What makes the annotations of a stored object say this and no more, in a patch that tests its version. Empty where they do. */
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

/** Where an annotation stands, as a JSON pointer (RFC 6901). */
export function annotationPath(name: string): string {
  return `/metadata/annotations/${name.replaceAll("/", "~1")}`;
}

/** Whether an object with the name of a network's reservation is not, by its annotations, that of another network with such a name. */
export function isNamed(metadata: Pick<Metadata, "annotations">, network: string): boolean {
  const domain = readAnnotations(metadata);
  return domain === undefined || domain.network === network;
}

/** What an object's name and annotations say. */
type Named = Pick<Metadata, "name" | "annotations">;

/** What a reservation's name stands for. */
export interface ReservationKey {
  /** `network_name`. */
  readonly network: string;
  /** The address. */
  readonly ip: Ip;
}

/**
 * The keys that an IPPool may have: the one that its annotations say, where they fit its name; otherwise every one, that of a network
 * without a node first.
 *
 * @returns none where the range is invalid, or the name does not end with it
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

/** The keys that a reservation may have: of those that its name can be read as, the one that its annotations say, where they fit. */
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

/** The name of a key; undefined where it makes none. */
function nameOf(key: PoolKey): string | undefined {
  try {
    return poolName(key);
  } catch {
    return undefined;
  }
}
