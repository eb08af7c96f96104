/**
 * Describes a store without pools: it may be new, or its objects may be in another namespace.
 *
 * @module
 */
import { RefusedError } from "../storage/driver.ts";
import type { CommandStore } from "./store.ts";

/** A store without pools. */
export interface Empty {
  /** One sentence: that it has no pools, and where others are. */
  readonly message: string;
  /** Number of objects by other namespace. Undefined: other namespaces cannot be listed. */
  readonly elsewhere: ReadonlyMap<string, number> | undefined;
}

/**
 * Searches the other namespaces of a store without pools.
 *
 * @param readsAll whether the command can read all namespaces. Default false
 */
export async function describeEmpty(
  { ipam: { driver }, where }: CommandStore,
  signal: AbortSignal,
  readsAll = false,
): Promise<Empty> {
  const { namespace } = driver;
  const none = `No pools in ${where}`;
  if (!namespace) return { message: none, elsewhere: new Map() };
  try {
    const others = [...await namespace.inUse(signal)].filter(([name]) => name !== namespace.name)
      .sort(([a, countA], [b, countB]) => countB - countA || (a < b ? -1 : 1));
    const [first] = others;
    if (!first) return { message: none, elsewhere: new Map() };
    const listed = others.map(([name, count]) => `${name} (${count} object${count === 1 ? "" : "s"})`).join(", ");
    const chosen = others.length === 1 ? first[0] : readsAll ? "NAME or --all-namespaces" : "NAME";
    return {
      message: `${none}; found pools in namespace${
        others.length === 1 ? "" : "s"
      } ${listed}: add --namespace ${chosen}`,
      elsewhere: new Map(others),
    };
  } catch (error) {
    if (!(error instanceof RefusedError)) throw error;
    return {
      message: `${none}; cannot search other namespaces: ${error.message}; select the right one with --namespace`,
      elsewhere: undefined,
    };
  }
}

/** Whether pools are, or may be, in another namespace. */
export function isSuspicious({ elsewhere }: Empty): boolean {
  return elsewhere === undefined || elsewhere.size > 0;
}
