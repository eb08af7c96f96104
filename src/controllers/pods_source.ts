/**
 * Where a sweep or a check that comes and goes learns of pods: a cluster, or a file for stores without one.
 *
 * @module
 */
import type { IpRange } from "../address/range.ts";
import { narrowed } from "../ipam/slices.ts";
import type { PodFacts } from "../pool/pod_facts.ts";
import type { PoolKey } from "../pool/types.ts";
import type { Pods } from "../ipam/sweep.ts";
import type { Witness } from "../ipam/witness.ts";
import { RefusedError } from "../storage/driver.ts";
import type { World } from "../world/world.ts";
import type { Attachment, Cluster } from "./cluster.ts";
import { type Fault, type Network, networkRules, readNetworks, usersOf } from "./networks.ts";
import { demandsOf } from "./slice_demands.ts";

/** Milliseconds to read the networks. */
const NETWORKS_TIMEOUT = 60_000;

/** Something of a network that is to be known, and that hinders nothing here. */
export interface NetworkWarning {
  /** `namespace/name` of its definition. */
  readonly network: string;
  /** One sentence. */
  readonly message: string;
}

/** Pods, and what else is known where they come from. */
export interface PodsSource extends Pods, AsyncDisposable {
  /** The range that the first network which uses a pool gives from; undefined where no network is known for it. */
  readonly rangeOf?: (key: PoolKey) => IpRange | undefined;
  /** What is ignored in networks, or refused by nodes whose operator does not allow it. Absent where networks are not known. */
  readonly networkWarnings?: readonly NetworkWarning[];
  /** Records an event beside an object. Absent where there is no cluster. */
  readonly tell?: Cluster["tell"];
}

/** The pods of a cluster, which is disposed with the source. Reads the networks at once, over the flat file and the file `config`. */
export async function podsOfCluster(world: World, cluster: Cluster, config?: string): Promise<PodsSource> {
  try {
    const attachments = await cluster.attachments.list(AbortSignal.timeout(NETWORKS_TIMEOUT));
    const { networks, faults } = await readNetworks(world, attachments.items, config);
    const uncut = demandsOf(networks).problems.map(({ attachment, message }): Fault => ({
      attachment,
      error: message,
    }));
    return {
      list: async (signal) => (await cluster.pods.list(signal)).items,
      ...witnessOf(cluster),
      tell: cluster.tell,
      ...networkRules(networks, [...faults, ...uncut]),
      networkWarnings: networks.flatMap(({ attachment: { namespace, name }, warnings = [] }) =>
        warnings.map((message) => ({ network: `${namespace}/${name}`, message }))
      ),
      domainsOf: domainsBy(attachments.items, networks, faults),
      rangeOf: (key) => {
        const [user] = usersOf(networks, key);
        return user && narrowed(user.range, key.node ?? "", key.cidr);
      },
      slices: async (signal) => {
        const { items: stored } = await cluster.slices.list(signal).catch((error) => {
          if (error instanceof RefusedError) return { items: [] }; // roles of older installations do not name them
          throw error;
        });
        // who has no slices need not be allowed to list nodes
        return { stored, nodes: stored.length > 0 ? (await cluster.nodes.list(signal)).items : [] };
      },
      [Symbol.asyncDispose]: () => cluster[Symbol.asyncDispose](),
    };
  } catch (error) {
    await cluster[Symbol.asyncDispose]();
    throw error;
  }
}

/** A cluster as a sweep asks it. */
export function witnessOf({ findPod, findNode, claims }: Cluster): Witness {
  return { find: findPod, ...(findNode && { findNode }), ...(claims && { claims }) };
}

/** What is not configured here (its definition is a name alone, or cannot be read) is not known. */
export function domainsBy(
  attachments: readonly Attachment[],
  networks: readonly Network[],
  faults: readonly Fault[],
): (attachment: string) => readonly string[] | undefined {
  const nameOf = ({ namespace, name }: Attachment) => `${namespace}/${name}`;
  const unknown = new Set(faults.map(({ attachment }) => nameOf(attachment)));
  const domains = new Map(
    attachments.filter((one) => one.config !== "" && !unknown.has(nameOf(one))).map((
      one,
    ) => [nameOf(one), [] as string[]]),
  );
  for (const { attachment, config } of networks) domains.get(nameOf(attachment))?.push(config.networkName);
  return (attachment) => domains.get(attachment);
}

/**
 * The pods of a file: one `namespace/name` a line, those that live, read anew at each look. Lines that begin with `#` say nothing; a line
 * `none` says that no pod lives, which an empty file does not: it may be the leftover of a command that failed.
 */
export function podsOfFile(world: World, path: string): PodsSource {
  const list = async () => parsePods(await readPods(world, path), path);
  return {
    list,
    find: async (podRef) => (await list()).find((pod) => pod.podRef === podRef),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

async function readPods(world: World, path: string): Promise<string> {
  try {
    return await world.readTextFile(path);
  } catch (cause) {
    const why = cause instanceof Error && cause.name !== "NotFound" ? cause.message : "there is no such file";
    throw new RangeError(`Cannot read the pods of ${path}: ${why}`, { cause });
  }
}

function parsePods(text: string, path: string): PodFacts[] {
  const lines = text.split("\n").map((line) => line.trim());
  const pods = lines.flatMap((line, i) => {
    if (line === "" || line === "none" || line.startsWith("#")) return [];
    if (/^[^/\s]+\/[^/\s]+$/.test(line)) return [{ podRef: line, finished: false, running: false }];
    throw new RangeError(`Cannot read ${path}:${i + 1} ${JSON.stringify(line)}: wanted namespace/name of a living pod`);
  });
  if (pods.length > 0 || lines.includes("none")) return pods;
  throw new RangeError(`${path} names no pod, so all addresses would be free: where no pod lives, write "none"`);
}
