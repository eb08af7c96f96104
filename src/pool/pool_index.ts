/**
 * Finds pools by an address or by their key, without comparing every pool: records and pools are joined by the hundred thousand.
 *
 * @module
 */
import { cidrOf } from "../address/cidr.ts";
import { bits, type Ip } from "../address/ip.ts";
import { formatPoolKey, type PoolKey } from "./types.ts";

/** Pools in the order in which they were given. */
export class PoolIndex<P extends { readonly key: PoolKey }> {
  readonly #byKey = new Map<string, P>();
  /** By family and prefix length: a cluster has few of them. */
  readonly #byPrefix = new Map<number, Map<bigint, { readonly at: number; readonly pool: P }[]>>();

  /** Of several pools with one key, {@linkcode get} returns the first. */
  constructor(pools: Iterable<P>) {
    let at = 0;
    for (const pool of pools) {
      const { cidr } = pool.key;
      const name = formatPoolKey(pool.key);
      if (!this.#byKey.has(name)) this.#byKey.set(name, pool);
      const byBase = getOrInsert(this.#byPrefix, slotOf(cidr.family, cidr.prefix), () => new Map());
      getOrInsert(byBase, cidr.base, () => []).push({ at: at++, pool });
    }
  }

  /** The pool of a key. */
  get(key: PoolKey): P | undefined {
    return this.#byKey.get(formatPoolKey(key));
  }

  /** The pools whose network contains an address, in the order in which they were given. */
  containing(ip: Ip): P[] {
    const found = [];
    for (const [slot, byBase] of this.#byPrefix) {
      const prefix = slot % SLOTS;
      if (slot !== slotOf(ip.family, prefix) || prefix > bits(ip.family)) continue;
      const some = byBase.get(cidrOf(ip, prefix).base);
      if (some) found.push(...some);
    }
    if (found.length > 1) found.sort((a, b) => a.at - b.at);
    return found.map(({ pool }) => pool);
  }
}

/** More than the longest prefix. */
const SLOTS = 256;

function slotOf(family: number, prefix: number): number {
  return family * SLOTS + prefix;
}

function getOrInsert<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  const present = map.get(key);
  if (present !== undefined) return present;
  const made = make();
  map.set(key, made);
  return made;
}
