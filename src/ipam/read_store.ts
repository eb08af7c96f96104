/**
 * Reads a whole store, each record once.
 *
 * @module
 */
import type { Unreadable } from "../pool/finding.ts";
import type { PoolSnapshot, Reservation, Reservations, StorageDriver } from "../storage/driver.ts";

/** The content of a store. */
interface StoreRead {
  /** The reservations. */
  readonly reservations: readonly Reservation[];
  /** The pools. */
  readonly pools: readonly PoolSnapshot[];
  /** What the lists could not read, sorted by its place. */
  readonly unreadable: readonly Unreadable[];
}

/**
 * Reads reservations first: every listed reservation of a concurrent ADD then has its entry.
 *
 * @param reservations undefined: they are not read
 * @param onListed called after each list
 * @throws the error of a list
 */
export async function readStore(
  driver: Pick<StorageDriver, "list">,
  reservations: Pick<Reservations, "list"> | undefined,
  signal: AbortSignal,
  onListed?: () => void,
): Promise<StoreRead> {
  const found = new Map<string, Unreadable>(); // a list that is repeated reports the same again
  const onUnreadable = (one: Unreadable) => void found.set(`${one.where} ${one.why}`, one);
  const reserved = await reservations?.list(undefined, signal, undefined, onUnreadable) ?? [];
  onListed?.();
  const pools = await driver.list(signal, undefined, onUnreadable);
  onListed?.();
  const unreadable = [...found.values()].sort((a, b) => a.where.localeCompare(b.where));
  return { reservations: reserved, pools, unreadable };
}
