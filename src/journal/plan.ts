/**
 * What a release works with: what ADD recorded, where there is a record, and today's configuration only for what the record does not say.
 *
 * A configuration may be refused today that an ADD was served by. So nothing here fails for good because of that: a release works with the
 * recorded pools and store, answers "try again" while the file that names the store is missing, or leaves the entries to the sweep.
 *
 * @module
 */
import { type ConfigHost, configure, type Configured } from "../config/configure.ts";
import { ConfigError, type Datastore, ForbiddenError, type IpamConfig } from "../config/types.ts";
import type { World } from "../world/world.ts";
import { type RecordedStore, sameStore } from "./facts.ts";
import type { JournalRecord } from "./record.ts";

/** The store of a release is not known now, and will be once the file that names it is restored. CNI code 11. */
export class UnknownStoreError extends Error {
  /** The class, for logs. */
  override name = "UnknownStoreError";
}

/**
 * Plans the release of an attachment.
 *
 * @param conf the network configuration that a runtime names today; undefined: none is at hand
 * @param record what the node recorded of it
 * @returns undefined where this node can release nothing: it gave nothing, or may no longer open the store that the network names
 * @throws {UnknownStoreError} the store is not known now
 */
export async function planRelease(
  host: ConfigHost,
  conf: unknown,
  record: JournalRecord | undefined,
): Promise<Configured | undefined> {
  const own = conf === undefined ? undefined : await usable(host, conf);
  if (!record) return own === "forbidden" ? undefined : await planWithoutRecord(host, own);
  const plan = await planByRecord(host, own, record);
  return plan && record.held.length > 0 ? { ...plan, config: byRecordAlone(plan.config) } : plan;
}

/** @param own what the runtime's configuration comes to today */
async function planByRecord(
  host: ConfigHost,
  own: Configured | "forbidden" | undefined,
  record: JournalRecord,
): Promise<Configured | undefined> {
  const { store } = record;
  if (store && own && own !== "forbidden" && sameStore(store, own.config.datastore)) return own; // with its password
  const recorded = await usable(host, JSON.parse(record.conf));
  if (recorded === "forbidden") return undefined;
  const all = [own, recorded].filter((one) => one !== undefined && one !== "forbidden");
  return store ? await byStore(host, record, store, all) : await byConfiguration(host, all);
}

/** What is recorded is all that ADD took: nobody has to find out the node's slices, nor what the ranges are today. */
function byRecordAlone({ nodeSliceSize: _, ...config }: IpamConfig): IpamConfig {
  return { ...config, ranges: [] };
}

async function usable(host: ConfigHost, conf: unknown): Promise<Configured | "forbidden" | undefined> {
  try {
    return await configure(host, { conf, purpose: "release" });
  } catch (error) {
    if (error instanceof ForbiddenError) return "forbidden";
    if (error instanceof ConfigError) return undefined;
    throw error;
  }
}

/** Without a record the node gave nothing: a configuration that cannot be used, or that names no store, never passed an ADD. */
async function planWithoutRecord(
  { world }: ConfigHost,
  own: Configured | undefined,
): Promise<Configured | undefined> {
  if (!own?.defaultStore) return own;
  return await exists(world, own.config.datastore) ? own : undefined;
}

/**
 * The store is known: that of today's settings where they name the same one, or lead to it by other means; else as it was recorded.
 *
 * @returns undefined where its kubeconfig is gone and today's settings name a store of another kind
 */
async function byStore(
  { world }: ConfigHost,
  record: JournalRecord,
  store: RecordedStore,
  all: readonly Configured[],
): Promise<Configured | undefined> {
  const same = all.find(({ config }) => sameStore(store, config.datastore));
  if (same) return same;
  const [first] = all;
  if (!first || (first.defaultStore && store.kind !== "embedded")) throw later(record, store.kind);
  const { datastore } = first.config;
  if (store.kind === "etcd" && datastore.kind === "etcd" && datastore.prefix === store.prefix) return first;
  if (store.kind === "kubernetes" && store.kubeconfig && !await world.exists(store.kubeconfig)) {
    return datastore.kind === "kubernetes" ? first : undefined;
  }
  return { ...first, config: { ...first.config, datastore: store } };
}

/** A record of an older release: its store is the one that its configuration leads to. */
async function byConfiguration({ world }: ConfigHost, all: readonly Configured[]): Promise<Configured> {
  const named = all.find(({ defaultStore }) => !defaultStore);
  if (named) return named;
  for (const one of all) if (await exists(world, one.config.datastore)) return one;
  throw later(undefined, "configured");
}

async function exists(world: World, datastore: Datastore): Promise<boolean> {
  return datastore.kind === "embedded" && await world.exists(datastore.path);
}

function later(record: JournalRecord | undefined, store: string): UnknownStoreError {
  const what = record ? `${record.containerId} (${record.ifName}) of network ${record.network}` : "the attachment";
  return new UnknownStoreError(
    `Cannot release ${what}: the configuration file that names its ${store} store is missing or cannot be used; ` +
      "restore the flat file whereabouts.conf (the DaemonSet writes it), and the release is retried",
  );
}
