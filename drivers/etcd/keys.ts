/**
 * Keys in etcd. Pools of this release: `PREFIX/pools/NETWORK/NODE/CIDR`. `_`, which is not a valid name, stands for no network and no node.
 *
 * Older layouts: the original's v0.2 to v0.5.4 used `/whereabouts/CIDR`, its v0.1 `/RANGE` as configured.
 *
 * @module
 */
import { formatCidr, parseCidr } from "../../src/address/cidr.ts";
import type { PoolKey } from "../../src/pool/types.ts";

const NONE = "_";

/** The prefix of all keys of this release. */
export function poolsPrefix(prefix: string): string {
  return `${prefix}/pools/`;
}

/** The key of a pool. */
export function encodeKey(prefix: string, { network, node = "", cidr }: PoolKey): string {
  return `${poolsPrefix(prefix)}${network || NONE}/${node || NONE}/${formatCidr(cidr)}`;
}

/** The prefix of the keys that show a domain's blocks, and the pools that record its grid, without their entries. */
export function blocksPrefix(prefix: string, network: string): string {
  return `${prefix}/blocks/${network || NONE}/`;
}

/** The pool of a key; undefined if the key is not that of a pool. */
export function decodeKey(prefix: string, key: string): PoolKey | undefined {
  if (!key.startsWith(poolsPrefix(prefix))) return undefined;
  const [network = "", node = "", ...rest] = key.slice(poolsPrefix(prefix).length).split("/");
  const cidr = parseCidr(rest.join("/"))?.cidr;
  if (!cidr || network === "" || node === "") return undefined;
  return { network: network === NONE ? "" : network, ...(node !== NONE && { node }), cidr };
}

/** Prefix of all keys of the original's v0.2 to v0.5.4, whatever the prefix of this release. */
const OLD_PREFIX = "/whereabouts";

/** The keys of older releases for the pool, as far as its CIDR determines them. Those releases had neither networks nor nodes. */
export function legacyKeys(key: PoolKey): string[] {
  const { cidr } = key;
  return mayBeLegacy(key) ? [`${OLD_PREFIX}/${formatCidr(cidr)}`, `/${formatCidr(cidr)}`] : [];
}

/** Whether older releases had pools of this kind. */
export function mayBeLegacy({ network, node }: PoolKey): boolean {
  return network === "" && node === undefined;
}

/** The pool of an older release's key; undefined if the key is not that of a pool. v0.1 named it after the range as configured. */
export function decodeLegacyKey(key: string): PoolKey | undefined {
  const range = key.startsWith(`${OLD_PREFIX}/`) ? key.slice(OLD_PREFIX.length + 1) : key.slice(1);
  if (!key.startsWith("/")) return undefined;
  const cidr = parseCidr(range.slice(range.lastIndexOf("-") + 1))?.cidr; // FIRST-LAST/LENGTH
  return cidr && { network: "", cidr };
}

/** Ranges of keys that contain those of older releases for a pool: v0.1 used keys that begin like its addresses. Without a pool: for any. */
export function legacyRanges(key?: PoolKey): { readonly start: string; readonly end: string }[] {
  const all = [{ start: "/0", end: "/g" }, { start: `${OLD_PREFIX}/`, end: `${OLD_PREFIX}0` }];
  const cidr = key?.cidr;
  if (cidr?.family !== 4 || cidr.prefix < 8) return all;
  const first = `/${cidr.base >> 24n}`;
  return [{ start: `${first}.`, end: `${first}/` }];
}

/** The lock by which plugins of an older release exclude each other: `LOCK/LEASE` exists while a plugin works on the record. */
export function legacyLock(key: string): string {
  return key.startsWith(`${OLD_PREFIX}/`) ? key : OLD_PREFIX;
}
