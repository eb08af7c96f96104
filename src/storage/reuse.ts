/**
 * Stores what a pool records about the reuse of its addresses as JSON, for stores whose pool is a JSON object.
 *
 * ```json
 * {"afterSeconds":60,"last":"7","released":{"5":{"at":"2026-11-29T10:00:00.000Z","podref":"default/web-0","ifname":"net1"}}}
 * ```
 *
 * @module
 */
import type { Reuse } from "../pool/reuse.ts";
import type { Rest } from "../pool/types.ts";
import { isObject } from "../values/json.ts";

/** A rest, as stored. */
interface StoredRest {
  /** When the address was released: RFC 3339. */
  readonly at: string;
  /** `namespace/name` of the pod that had it. */
  readonly podref: string;
  /** The pod's interface. */
  readonly ifname: string;
}

/** The stored form. */
interface StoredReuse {
  /** `reuse_after` in seconds. */
  readonly afterSeconds?: number;
  /** The key of the address that was allocated last in the order `rotate`. */
  readonly last?: string;
  /** The rests, by the key of their address. */
  readonly released: Readonly<Record<string, StoredRest>>;
}

/** Encodes. @param keyOf the store's key of an address */
export function encodeReuse({ after, last, rests }: Reuse, keyOf: (address: bigint) => string): StoredReuse {
  return {
    ...(after !== undefined && { afterSeconds: Math.ceil(after / 1_000) }), // settings have no fractions
    ...(last !== undefined && { last: keyOf(last) }),
    released: Object.fromEntries([...rests].map(([address, rest]) => [keyOf(address), encodeRest(rest)])),
  };
}

/** Encodes a rest. */
export function encodeRest({ since, podRef, ifName }: Rest): StoredRest {
  return { at: new Date(since).toISOString(), podref: podRef, ifname: ifName };
}

/**
 * Decodes.
 *
 * @param addressOf the address of a key; undefined if the key is invalid
 * @returns undefined if a part is invalid: the whole is then replaced by the next write
 */
export function decodeReuse(value: unknown, addressOf: (key: string) => bigint | undefined): Reuse | undefined {
  if (!isObject(value)) return undefined;
  const { afterSeconds, last, released } = value as Record<string, unknown>;
  const address = typeof last === "string" ? addressOf(last) : undefined;
  if (!isObject(released) || (last !== undefined && address === undefined)) return undefined;
  if (afterSeconds !== undefined && !(typeof afterSeconds === "number" && afterSeconds > 0)) return undefined;
  const rests = new Map<bigint, Rest>();
  for (const [key, stored] of Object.entries(released)) {
    const [at, rest] = [addressOf(key), decodeRest(stored)];
    if (at === undefined || !rest) return undefined;
    rests.set(at, rest);
  }
  return {
    ...(afterSeconds !== undefined && { after: afterSeconds * 1_000 }),
    ...(address !== undefined && { last: address }),
    rests,
  };
}

function decodeRest(value: unknown): Rest | undefined {
  const { at, podref, ifname } = (isObject(value) ? value : {}) as Record<string, unknown>;
  const since = typeof at === "string" ? Date.parse(at) : NaN;
  if (Number.isNaN(since) || typeof podref !== "string" || typeof ifname !== "string") return undefined;
  return { podRef: podref, ifName: ifname, since };
}
