/**
 * Keys in etcd. Pools of this release: `PREFIX/pools/NETWORK/NODE/CIDR`, with `_` for no network and no node, which no name can be.
 *
 * Older layouts: the original's v0.2 to v0.5.4 kept `/whereabouts/CIDR`, its v0.1 `/RANGE` as configured.
 *
 * @module
 */
import { formatCidr, parseCidr } from "../../src/address/cidr.ts";
import type { PoolKey } from "../../src/pool/types.ts";

const NONE = "_";

/** Everything of this release. */
export function poolsPrefix(prefix: string): string {
  return `${prefix}/pools/`;
}

/** The key of a pool. */
export function encodeKey(prefix: string, { network, node = "", cidr }: PoolKey): string {
  return `${poolsPrefix(prefix)}${network || NONE}/${node || NONE}/${formatCidr(cidr)}`;
}

/** The pool of a key; undefined where it is none. */
export function decodeKey(prefix: string, key: string): PoolKey | undefined {
  if (!key.startsWith(poolsPrefix(prefix))) return undefined;
  const [network = "", node = "", ...rest] = key.slice(poolsPrefix(prefix).length).split("/");
  const cidr = parseCidr(rest.join("/"))?.cidr;
  if (!cidr || network === "" || node === "") return undefined;
  return { network: network === NONE ? "" : network, ...(node !== NONE && { node }), cidr };
}

/** Where older releases of the original kept the pool. They had neither networks nor nodes. */
export function legacyKeys({ network, node, cidr }: PoolKey): string[] {
  return network === "" && node === undefined ? [`/whereabouts/${formatCidr(cidr)}`, `/${formatCidr(cidr)}`] : [];
}
