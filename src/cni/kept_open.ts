/**
 * Keeps stores open until the process of a call ends: pending releases need no second connection.
 *
 * @module
 */
import type { OpenIpam } from "../ipam/ipam.ts";
import { recordedStore, storeName } from "../journal/facts.ts";
import type { Host } from "./host.ts";

/** A host whose stores stay open until it is disposed. */
export interface KeptOpen extends AsyncDisposable {
  /** The host. */
  readonly host: Host;
  /** The stores that were opened, by the names that pending releases record. */
  readonly stores: ReadonlySet<string>;
}

/** Wraps a host that opens a store per call. */
export function keepOpen(host: Host): KeptOpen {
  const open = new Map<string, Promise<OpenIpam>>();
  const stores = new Set<string>();
  return {
    host: {
      ...host,
      open: async (config, log, signal) => {
        const name = JSON.stringify(config.datastore);
        const opening = open.get(name) ?? host.open(config, log, signal);
        open.set(name, opening);
        opening.catch(() => open.delete(name));
        const ipam = await opening;
        stores.add(storeName(recordedStore(config.datastore)));
        return { ...ipam, log, [Symbol.asyncDispose]: () => Promise.resolve() };
      },
    },
    stores,
    [Symbol.asyncDispose]: async () => {
      for (const opening of open.values()) await opening.then((ipam) => ipam[Symbol.asyncDispose](), () => {});
    },
  };
}
