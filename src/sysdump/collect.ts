/**
 * Collects the parts of a report from a cluster and from a node.
 *
 * @module
 */
import { FLAT_FILES } from "../config/files.ts";
import { configuredNodeName } from "../config/node.ts";
import type { Cluster } from "../controllers/cluster.ts";
import { type PodContainer, RAW_KINDS, type RawObjects } from "../controllers/raw_objects.ts";
import { DATA_FOLDER } from "../paths.ts";
import { isObject, parseJson } from "../values/json.ts";
import type { World } from "../world/world.ts";
import type { Archive } from "./archive.ts";
import { scrub, scrubValue } from "./scrub.ts";
import { isOurEvent, select } from "./select.ts";
import { shownIpam } from "./shown_config.ts";

/** Max bytes of one log, or of a node's history. */
const MAX_LOG = 1024 * 1024;
/** Max pods whose logs are read. Those that are not ready or have restarted come first. */
const MAX_PODS = 40;

/** Reports what is read now. */
type Progress = (what: string) => void;

/** Adds the objects of a cluster, and the logs of our pods. */
export async function collectCluster(
  archive: Archive,
  { rawObjects, installation }: Cluster,
  namespace: string | undefined,
  progress: Progress,
  signal: AbortSignal,
): Promise<void> {
  if (!rawObjects || !installation) return;
  progress("workloads");
  const components = await archive.attempt("workloads", () => installation.components(signal), signal) ?? [];
  const namespaces = [
    ...new Set([...components.map((one) => one.namespace), ...(namespace === undefined ? [] : [namespace])]),
  ];
  const leases = [];
  for (const one of components.filter(({ role }) => role === "controller")) {
    leases.push(await archive.attempt(`Lease of ${one.name}`, () => installation.leader(one, signal), signal));
  }
  archive.addJson("objects/leases.json", leases.filter((one) => one !== undefined));
  const pods = await collectPods(archive, rawObjects, namespaces, progress, signal);
  const names = new Set(pods.map(({ name }) => name));
  for (const kind of RAW_KINDS) {
    progress(kind);
    const found = await archive.attempt(kind, () => rawObjects.list(kind, namespaces, signal), signal);
    const kept = kind === "events" ? found?.filter((event) => isOurEvent(event, names)) : found;
    if (kept) archive.addJson(`objects/${kind}.json`, kept.map((one) => scrubValue(select(kind, one))));
  }
}

/** A pod of ours. */
interface OurPod {
  /** `namespace/name`. */
  readonly name: string;
  /** Its containers. */
  readonly containers: readonly PodContainer[];
}

async function collectPods(
  archive: Archive,
  raw: RawObjects,
  namespaces: readonly string[],
  progress: Progress,
  signal: AbortSignal,
): Promise<readonly OurPod[]> {
  const objects: unknown[] = [];
  for (const namespace of namespaces) {
    progress(`pods of namespace ${namespace}`);
    objects.push(...await archive.attempt(`pods of ${namespace}`, () => raw.pods(namespace, signal), signal) ?? []);
  }
  archive.addJson("objects/pods.json", objects.map((one) => scrubValue(select("pods", one))));
  const pods = objects.map(toPod).toSorted((a, b) => Number(b.isTroubled) - Number(a.isTroubled));
  if (pods.length > MAX_PODS) {
    archive.miss(
      `logs of ${pods.length - MAX_PODS} pods`,
      `Only those of ${MAX_PODS} pods are read, troubled ones first`,
    );
  }
  for (const { name, containers } of pods.slice(0, MAX_PODS)) {
    progress(`log of ${name}`);
    for (const one of containers) {
      const path = `logs/${name}/${one.container}${one.previous ? "-previous" : ""}.log`;
      const text = await archive.attempt(path, () => raw.log(one, MAX_LOG, signal), signal);
      if (text !== undefined) archive.add(path, scrub(text));
    }
  }
  return pods;
}

function toPod(object: unknown): OurPod & { readonly isTroubled: boolean } {
  const { metadata, status } = object as {
    readonly metadata?: { readonly namespace?: string; readonly name?: string };
    readonly status?: {
      readonly containerStatuses?: readonly {
        readonly name?: string;
        readonly ready?: boolean;
        readonly restartCount?: number;
      }[];
    };
  };
  const { namespace = "", name: pod = "" } = metadata ?? {};
  const statuses = status?.containerStatuses ?? [];
  return {
    name: `${namespace}/${pod}`,
    containers: statuses.flatMap(({ name: container = "", restartCount = 0 }) => {
      const one = { namespace, pod, container };
      return [{ ...one, previous: false }, ...(restartCount > 0 ? [{ ...one, previous: true }] : [])];
    }),
    isTroubled: statuses.some(({ ready, restartCount = 0 }) => !ready || restartCount > 0),
  };
}

/** Adds the flat file and the history of this node. Does nothing on a machine that is no node. */
export async function collectNode(archive: Archive, world: World, journal: string, signal: AbortSignal): Promise<void> {
  const name = await archive.attempt("node name", () => configuredNodeName(world, {}), signal);
  if (name) archive.add("node/nodename", `${name}\n`);
  for (const path of FLAT_FILES) {
    if (!await world.exists(path)) continue;
    const text = await archive.attempt(path, () => world.readTextFile(path, "configuration"), signal);
    if (text !== undefined) archive.addJson(`node${path}.json`, shownFlatFile(text));
  }
  for (const file of ["history.jsonl.1", "history.jsonl"]) {
    const path = `${journal || DATA_FOLDER}/${file}`;
    if (!await world.exists(path)) continue;
    const text = await archive.attempt(path, () => world.readTextFile(path), signal);
    if (text !== undefined) archive.add(`node/${file}`, scrub(text.slice(-MAX_LOG)));
  }
}

function shownFlatFile(text: string): unknown {
  try {
    const value = parseJson(text);
    return shownIpam(isObject(value) ? value : undefined);
  } catch {
    return "[omitted: text that is not JSON]";
  }
}
