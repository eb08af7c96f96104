/**
 * The stores that a reading command reads: that of one namespace, or those of all.
 *
 * @module
 */
import type { Logger } from "../world/log.ts";
import { type Flags, UsageError } from "./define.ts";
import { describeEmpty, type Empty } from "./empty.ts";
import { type CommandStore, openStore, STORE_FLAGS, type StoreFlags } from "./store.ts";
import type { Terminal } from "./terminal.ts";

/**
 * Milliseconds for reading a store of any size. A store that does not answer is noticed much sooner: every request, and every part of a list,
 * has a deadline of its own.
 */
export const READ_TIMEOUT = 600_000;

/** Flags of reading commands. */
export const READ_FLAGS = {
  "all-namespaces": { type: "boolean", short: "A", help: "Read the pools of all namespaces" },
  ...STORE_FLAGS,
} as const satisfies Flags;

/** The values of the flags. */
interface ReadFlags extends StoreFlags {
  /** Whether to read every namespace. */
  readonly "all-namespaces": boolean;
}

/** What was read in one store. */
export interface Part<T> {
  /** The store. */
  readonly store: CommandStore;
  /** What was read. */
  readonly value: T;
  /** The namespace, where several were read. */
  readonly namespace: string | undefined;
}

/** What was read in all of them. */
export interface Parts<T> {
  /** By store; never empty. */
  readonly parts: readonly Part<T>[];
  /** Their description in messages. */
  readonly where: string;
  /** Where else pools are, if nothing was found. */
  readonly empty: Empty | undefined;
}

/** Open stores. */
export interface Reading extends AsyncDisposable {
  /**
   * Reads each store. If the namespace of the kubeconfig is empty, `--namespace` is absent and exactly one other namespace has pools, that
   * one is read instead, from then on.
   *
   * @param isEmpty whether nothing was found
   */
  read<T>(
    read: (store: CommandStore, signal: AbortSignal) => Promise<T>,
    isEmpty: (value: T) => boolean,
  ): Promise<Parts<T>>;
}

/**
 * Opens the stores that the flags select.
 *
 * @throws {UsageError} the store has no namespaces and all of them are requested
 */
export async function openReading(terminal: Terminal, flags: ReadFlags, log?: Logger): Promise<Reading> {
  const all = flags["all-namespaces"];
  if (all && flags.namespace !== undefined) {
    throw new UsageError("Cannot use --namespace with --all-namespaces: remove one of them");
  }
  const opened = new AsyncDisposableStack();
  const open = async (namespace?: string) =>
    opened.use(await openStore(terminal, { ...flags, ...(namespace !== undefined && { namespace }) }, log));
  try {
    let stores = [await open()];
    if (all) stores = await openAll(stores, open);
    const read: Reading["read"] = async (read, isEmpty) => {
      const readAll = async () => {
        const parts = [];
        for (const store of stores) {
          const namespace = all ? store.ipam.driver.namespace?.name : undefined;
          parts.push({ store, value: await read(store, AbortSignal.timeout(READ_TIMEOUT)), namespace });
        }
        return parts;
      };
      const where = () => all ? `all namespaces of ${stores[0]?.cluster}` : stores[0]?.where ?? "";
      const parts = await readAll();
      const [first] = parts;
      if (!first || !parts.every(({ value }) => isEmpty(value))) return { parts, where: where(), empty: undefined };
      const empty = await describeEmpty(first.store, AbortSignal.timeout(READ_TIMEOUT), true);
      const [other, ...more] = empty.elsewhere?.keys() ?? [];
      if (flags.namespace !== undefined || other === undefined || more.length > 0) {
        return { parts, where: where(), empty };
      }
      stores = [await open(other)];
      terminal.world.stderr(`No pools in ${first.store.where}; reading namespace ${other}, which has some`);
      return { parts: await readAll(), where: where(), empty: undefined };
    };
    return { read, [Symbol.asyncDispose]: () => opened.disposeAsync() };
  } catch (error) {
    await opened.disposeAsync();
    throw error;
  }
}

/** The store of each namespace with pools; without any, the given one. */
async function openAll(
  [first, ...others]: readonly CommandStore[],
  open: (namespace: string) => Promise<CommandStore>,
): Promise<CommandStore[]> {
  const namespace = first?.ipam.driver.namespace;
  if (!first || !namespace) throw new UsageError(`Cannot use --all-namespaces: ${first?.where} has no namespaces`);
  const names = [...(await namespace.inUse(AbortSignal.timeout(READ_TIMEOUT))).keys()].sort();
  const stores = [];
  for (const name of names) stores.push(name === namespace.name ? first : await open(name));
  return stores.length > 0 ? stores : [first, ...others];
}
