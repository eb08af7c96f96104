/**
 * A store without pools: it may be new, or its objects are in another namespace than the one that a command reads.
 *
 * @module
 */
import { RefusedError } from "../storage/driver.ts";
import type { CommandStore } from "./store.ts";

/** What is known of a store without pools. */
export interface Empty {
  /** One sentence: that it has none, and where they are. */
  readonly words: string;
  /** Objects by namespace, those of other namespaces alone. Undefined: they cannot be listed. */
  readonly elsewhere: ReadonlyMap<string, number> | undefined;
}

/** Searches the other namespaces of a store that has no pools. */
export async function describeEmpty({ ipam: { driver }, where }: CommandStore, signal: AbortSignal): Promise<Empty> {
  const { namespace } = driver;
  const none = `No pools in ${where}`;
  if (!namespace) return { words: none, elsewhere: new Map() };
  try {
    const others = [...await namespace.inUse(signal)].filter(([name]) => name !== namespace.name)
      .sort(([a, countA], [b, countB]) => countB - countA || (a < b ? -1 : 1));
    const [first] = others;
    if (!first) return { words: none, elsewhere: new Map() };
    const listed = others.map(([name, count]) => `${name} (${count} object${count === 1 ? "" : "s"})`).join(", ");
    const wanted = others.length === 1 ? first[0] : "NAME";
    return {
      words: `${none}: there are some in namespace${
        others.length === 1 ? "" : "s"
      } ${listed}; add --namespace ${wanted}`,
      elsewhere: new Map(others),
    };
  } catch (error) {
    if (!(error instanceof RefusedError)) throw error;
    return {
      words:
        `${none}; other namespaces may have some, which is not known: ${error.message}; name the right one with --namespace`,
      elsewhere: undefined,
    };
  }
}

/** Whether a store without pools is the wrong one, or may be. */
export function isSuspicious({ elsewhere }: Empty): boolean {
  return elsewhere === undefined || elsewhere.size > 0;
}
