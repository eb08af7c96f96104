/**
 * Marks of embedded stores that gave pods of Kubernetes addresses. Such a store is one node's own: other nodes may give the same addresses. Who
 * wrote `datastore: embedded` may want that, on a cluster of one machine; everybody else has to learn of it.
 *
 * @module
 */
import { isObject, parseJson } from "../values/json.ts";
import { DATA_FOLDER, type World } from "../world/world.ts";

/** Folder of the marks, in that of the node's data. */
const FOLDER = "node-local";
/** Characters of a database's path in the name of its mark, the last ones: file systems take 255. */
const LONGEST_NAME = 150;

/** An embedded store, and the first pod that it gave an address. */
export interface NodeLocalStore {
  /** Path of the SQLite file. */
  readonly database: string;
  /** Name of the network. */
  readonly network: string;
  /** `namespace/name` of the pod. */
  readonly pod: string;
  /** When: ISO 8601. */
  readonly since: string;
  /** Path of the mark: removed by hand when no pod uses the store any more. */
  readonly mark: string;
}

/**
 * Marks a store, unless it is marked already.
 *
 * @returns whether the mark is new
 */
export async function markNodeLocal(
  world: World,
  { database, network, pod }: Pick<NodeLocalStore, "database" | "network" | "pod">,
): Promise<boolean> {
  const path = `${folderOf(world)}/${encodeURIComponent(database).slice(-LONGEST_NAME)}.json`;
  if (database === ":memory:" || await world.exists(path)) return false;
  const mark = { database, network, pod, since: new Date(world.now()).toISOString() };
  await world.writeFile(path, `${JSON.stringify(mark)}\n`, { durable: false });
  return true;
}

/** The stores that are marked on this node. What is no mark is skipped. */
export async function nodeLocalStores(world: World): Promise<NodeLocalStore[]> {
  const folder = folderOf(world);
  const names = (await world.listFolder(folder).catch(() => [])).filter((name) => name.endsWith(".json"));
  const read = await Promise.all(names.map(async (name) => {
    const mark = `${folder}/${name}`;
    const value = await world.readTextFile(mark).then(parseJson).catch(() => undefined);
    if (!isObject(value) || typeof value.database !== "string") return undefined;
    const { database, network, pod, since } = value;
    return { database, network: String(network), pod: String(pod), since: String(since), mark };
  }));
  return read.filter((one) => one !== undefined);
}

/** What a marked store means, and what to do about it. */
export function nodeLocalAdvice({ database, network, pod, since, mark }: NodeLocalStore): string {
  return `Pods of the cluster have addresses of this node's own database ${database} (first ${pod} of network ${network}, ${since}): ` +
    `other nodes may give the same ones; configure the cluster's store, then remove ${database} and ${mark}`;
}

/** Beside the node's journal, where there is one. */
function folderOf(world: World): string {
  const journal = world.env("WHEREABOUTS_JOURNAL");
  const data = journal && journal !== "off" ? journal : DATA_FOLDER;
  return `${data}/${FOLDER}`;
}
