/**
 * What a release works with: what ADD recorded, where there is a record, and today's configuration only for what the record does not say.
 *
 * A configuration may be refused today that an ADD was served by. So nothing here fails for good because of that: a release works with the
 * recorded pools and store, answers "try again" while the file that names the store is missing, or leaves the entries to the sweep.
 *
 * @module
 */
import { ConfigError, type Datastore, ForbiddenError, type IpamConfig } from "../config/types.ts";
import { type RecordedStore, sameStore } from "../journal/facts.ts";
import type { JournalRecord } from "../journal/record.ts";
import type { World } from "../world/world.ts";
import { configure, type Configured, type RequestContext } from "./context.ts";
import { CniError, CODES } from "./error.ts";

/**
 * Plans the release of an attachment.
 *
 * @param record what the node recorded of it
 * @returns undefined where this node can release nothing: it gave nothing, or may no longer open the store that the network names
 * @throws {CniError} code 11: the store is not known now
 */
export async function planRelease(
  context: RequestContext,
  record: JournalRecord | undefined,
): Promise<Configured | undefined> {
  const own = await usable(context);
  if (!record) return own === "forbidden" ? undefined : await planWithoutRecord(context, own);
  const plan = await planByRecord(context, own, record);
  return plan && record.held.length > 0 ? { ...plan, config: byRecordAlone(plan.config) } : plan;
}

/** @param own what the runtime's configuration comes to today */
async function planByRecord(
  context: RequestContext,
  own: Configured | "forbidden" | undefined,
  record: JournalRecord,
): Promise<Configured | undefined> {
  const { store } = record;
  if (store && own && own !== "forbidden" && sameStore(store, own.config.datastore)) return own; // with its password
  const recorded = await usable(context, record.conf);
  if (recorded === "forbidden") return undefined;
  const all = [own, recorded].filter((one) => one !== undefined && one !== "forbidden");
  return store ? await byStore(context, record, store, all) : await byConfiguration(context, all);
}

/** What is recorded is all that ADD took: nobody has to find out the node's slices, nor what the ranges are today. */
function byRecordAlone({ nodeSliceSize: _, ...config }: IpamConfig): IpamConfig {
  return { ...config, ranges: [] };
}

async function usable(context: RequestContext, conf?: string): Promise<Configured | "forbidden" | undefined> {
  try {
    return await (conf === undefined ? configure(context) : configure(context, JSON.parse(conf)));
  } catch (error) {
    if (error instanceof ForbiddenError) return "forbidden";
    if (error instanceof ConfigError) return undefined;
    throw error;
  }
}

/** Without a record the node gave nothing: a configuration that cannot be used, or that names no store, never passed an ADD. */
async function planWithoutRecord(
  { host: { world } }: RequestContext,
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
  { host: { world } }: RequestContext,
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
async function byConfiguration({ host: { world } }: RequestContext, all: readonly Configured[]): Promise<Configured> {
  const named = all.find(({ defaultStore }) => !defaultStore);
  if (named) return named;
  for (const one of all) if (await exists(world, one.config.datastore)) return one;
  throw later(undefined, "configured");
}

async function exists(world: World, datastore: Datastore): Promise<boolean> {
  return datastore.kind === "embedded" && await world.exists(datastore.path);
}

function later(record: JournalRecord | undefined, store: string): CniError {
  const what = record ? `${record.containerId} (${record.ifName}) of network ${record.network}` : "the attachment";
  return new CniError(
    CODES.tryAgain,
    `Cannot release ${what}: the configuration file that names its ${store} store is missing or cannot be used; ` +
      "restore the flat file whereabouts.conf (the DaemonSet writes it), and the release is retried",
  );
}
