/**
 * Plans a release: uses what ADD recorded, and the current configuration only for what the record lacks.
 *
 * The current configuration may be invalid although ADD accepted it. No release fails for good because of that: it uses the recorded pools
 * and store, answers "try again later" while the file that names the store is missing, or leaves the entries to the sweep.
 *
 * @module
 */
import type { IpRange } from "../address/range.ts";
import { type ConfigHost, configure, type Configured } from "../config/configure.ts";
import { ConfigError, type Datastore, ForbiddenError, type IpamConfig } from "../config/types.ts";
import type { World } from "../world/world.ts";
import { type RecordedStore, sameStore } from "./facts.ts";
import type { JournalRecord } from "./record.ts";

/** A configuration for a release. */
export interface ReleasePlan extends Configured {
  /** The ranges that are configured, if `config` has none because the record has all entries: they set how long released addresses rest. */
  readonly rests?: readonly IpRange[];
}

/** The store of a release is unknown until the file that names it is restored. CNI code 11. */
export class UnknownStoreError extends Error {
  /** The class, for logs. */
  override name = "UnknownStoreError";
}

/**
 * Plans the release of an attachment.
 *
 * @param conf the runtime's current network configuration; undefined: unknown
 * @param record the node's record of the attachment
 * @returns undefined if this node can release nothing: it allocated nothing, or may no longer open the store that the network names
 * @throws {UnknownStoreError} the store is unknown now
 */
export async function planRelease(
  host: ConfigHost,
  conf: unknown,
  record: JournalRecord | undefined,
): Promise<ReleasePlan | undefined> {
  const own = conf === undefined ? undefined : await usable(host, conf);
  if (!record) return own === "forbidden" ? undefined : await planWithoutRecord(host, own);
  const plan = await planByRecord(host, own, record);
  if (!plan || record.entries.length === 0) return plan;
  return { ...plan, config: byRecordAlone(plan.config), rests: plan.config.ranges };
}

/** @param own the runtime's configuration as it is usable now */
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

/** The record has every entry of ADD, so the release needs neither the node's slices nor the current ranges. */
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

/** Without a record the node allocated nothing if ADD cannot have accepted the configuration: it is invalid, or names no store. */
async function planWithoutRecord(
  { world }: ConfigHost,
  own: Configured | undefined,
): Promise<Configured | undefined> {
  if (!own?.defaultStore) return own;
  return await exists(world, own.config.datastore) ? own : undefined;
}

/**
 * For a recorded store: uses the current settings if they name the same store or another path to it, else the recorded settings.
 *
 * @returns undefined if its kubeconfig is missing and the current settings name a store of another kind
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
  if (!first || (first.defaultStore && store.kind !== "embedded")) throw unknownStore(record, store.kind);
  const { datastore } = first.config;
  if (store.kind === "etcd" && datastore.kind === "etcd" && datastore.prefix === store.prefix) return first;
  if (store.kind === "kubernetes" && store.kubeconfig && !await world.exists(store.kubeconfig)) {
    return datastore.kind === "kubernetes" ? first : undefined;
  }
  return { ...first, config: { ...first.config, datastore: store } };
}

/** For a record of an older release: uses the store that its configuration names. */
async function byConfiguration({ world }: ConfigHost, all: readonly Configured[]): Promise<Configured> {
  const named = all.find(({ defaultStore }) => !defaultStore);
  if (named) return named;
  for (const one of all) if (await exists(world, one.config.datastore)) return one;
  throw unknownStore(undefined, "configured");
}

async function exists(world: World, datastore: Datastore): Promise<boolean> {
  return datastore.kind === "embedded" && await world.exists(datastore.path);
}

function unknownStore(record: JournalRecord | undefined, store: string): UnknownStoreError {
  const what = record ? `${record.containerId} (${record.ifName}) of network ${record.network}` : "the attachment";
  return new UnknownStoreError(
    `Cannot release ${what}: the configuration file that names its ${store} store is missing or invalid; ` +
      "restore the flat file whereabouts.conf (the DaemonSet writes it), and the release is retried",
  );
}
