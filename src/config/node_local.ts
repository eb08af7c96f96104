/**
 * Marks embedded stores that allocate addresses to pods of Kubernetes. Such a store belongs to one node, and other nodes may allocate the same
 * addresses. That is right for a cluster of one machine; in any other cluster the operator must be warned.
 *
 * @module
 */
import { isObject, parseJson } from "../values/json.ts";
import { DATA_FOLDER } from "../paths.ts";
import type { World } from "../world/world.ts";

/** The folder of the marks, in the node's data folder. */
const FOLDER = "node-local";
/** How many characters of the database's path, from the end, are in the name of its mark: a file name has at most 255 bytes. */
const MAX_NAME_LENGTH = 150;

/** A marked store, and the first pod that got an address from it. */
interface NodeLocalStore {
  /** Path of the SQLite file. */
  readonly database: string;
  /** Name of the network. */
  readonly network: string;
  /** `namespace/name` of the pod. */
  readonly pod: string;
  /** When the pod got it: ISO 8601. */
  readonly since: string;
  /** Path of the mark. The operator removes it when no pod uses the store. */
  readonly mark: string;
}

/**
 * Marks a store, unless it is marked or in memory.
 *
 * @returns whether the mark is new
 */
export async function markNodeLocal(
  world: World,
  { database, network, pod }: Pick<NodeLocalStore, "database" | "network" | "pod">,
): Promise<boolean> {
  const path = `${folderOf(world)}/${encodeURIComponent(database).slice(-MAX_NAME_LENGTH)}.json`;
  if (database === ":memory:" || await world.exists(path)) return false;
  const mark = { database, network, pod, since: new Date(world.now()).toISOString() };
  await world.writeFile(path, `${JSON.stringify(mark)}\n`, { durable: false });
  return true;
}

/** The marked stores of this node. Invalid marks are skipped. */
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

/** The problem of a marked store, and its remedy. */
export function nodeLocalAdvice({ database, network, pod, since, mark }: NodeLocalStore): string {
  return `Pods of the cluster have addresses of this node's own database ${database} (first ${pod} of network ${network}, ${since}): ` +
    `other nodes may allocate the same addresses; configure the cluster's store, then remove ${database} and ${mark}`;
}

/** In the folder of the node's journal, unless the journal is off. */
function folderOf(world: World): string {
  const journal = world.env("WHEREABOUTS_JOURNAL");
  const data = journal && journal !== "off" ? journal : DATA_FOLDER;
  return `${data}/${FOLDER}`;
}
