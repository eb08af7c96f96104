/**
 * The pods that a single sweep or check compares with: those of a cluster, or of a file for stores without one.
 *
 * @module
 */
import type { IpRange } from "../address/range.ts";
import { narrowed } from "../ipam/node_slice.ts";
import type { PodFacts } from "../pool/pod_facts.ts";
import type { PoolKey } from "../pool/types.ts";
import type { Pods } from "../ipam/sweep.ts";
import type { Witness } from "../ipam/witness.ts";
import { RefusedError } from "../storage/driver.ts";
import { SILENT } from "../world/log.ts";
import type { World } from "../world/world.ts";
import type { Attachment, ClaimObjects, Cluster, ClusterEvent } from "./cluster.ts";
import { type Fault, type Network, networkRules, readNetworks, usersOf } from "./networks.ts";
import { Mirror } from "./mirror.ts";
import { demandsOf } from "./slice_demands.ts";

/** Milliseconds for reading the networks. */
const NETWORKS_TIMEOUT = 60_000;

/** A warning about a network that works. */
export interface NetworkWarning {
  /** `namespace/name` of the NetworkAttachmentDefinition. */
  readonly network: string;
  /** One sentence. */
  readonly message: string;
}

/** Pods, and what else the same source knows. */
export interface PodsSource extends Pods, AsyncDisposable {
  /** The range from which the first network of a pool allocates; undefined when no network is known for it. */
  readonly rangeOf?: (key: PoolKey) => IpRange | undefined;
  /** The network definitions, as `namespace/name`, that use a pool. Absent when the networks are unknown. */
  readonly usersOf?: (key: PoolKey) => readonly string[];
  /** Ignored fields, and paths that nodes refuse unless their operator allows them. Absent when the networks are unknown. */
  readonly networkWarnings?: readonly NetworkWarning[];
  /** IPAMClaims. Absent without a cluster. */
  readonly ipamClaims?: ClaimObjects;
  /** Reports the changes of pools until the signal aborts. `watching`: from now on, all are reported. Absent without a cluster. */
  readonly watchPools?: (
    listener: { readonly watching: () => void; readonly changed: () => void },
    signal: AbortSignal,
  ) => Promise<void>;
  /** Records an event about an object. Absent without a cluster. */
  readonly recordEvent?: (event: ClusterEvent, signal: AbortSignal) => Promise<void>;
}

/**
 * The pods of a cluster, which is disposed with the source. Reads the networks immediately.
 *
 * @param config a file of fields over the flat file's
 */
export async function podsOfCluster(world: World, cluster: Cluster, config?: string): Promise<PodsSource> {
  try {
    const attachments = await cluster.attachments.list(AbortSignal.timeout(NETWORKS_TIMEOUT));
    const { networks, faults } = await readNetworks(world, attachments.items, config);
    const unsliced = demandsOf(networks).problems.map(({ attachment, message }): Fault => ({
      attachment,
      error: message,
    }));
    return {
      list: async (signal) => (await cluster.pods.list(signal)).items,
      ...witnessOf(cluster),
      ...(cluster.ipamClaims && { ipamClaims: tolerant(cluster.ipamClaims) }),
      recordEvent: cluster.recordEvent,
      ...(cluster.pools && { watchPools: watcherOf(world, cluster.pools) }),
      ...networkRules(networks, [...faults, ...unsliced]),
      networkWarnings: networks.flatMap(({ attachment: { namespace, name }, warnings = [] }) =>
        warnings.map((message) => ({ network: `${namespace}/${name}`, message }))
      ),
      domainsOf: domainsBy(attachments.items, networks, faults),
      rangeOf: (key) => {
        const [user] = usersOf(networks, key);
        return user && narrowed(user.range, key.node ?? "", key.cidr);
      },
      usersOf: (key) => {
        const users = usersOf(networks, key).map(({ network: { attachment: { namespace, name } } }) =>
          `${namespace}/${name}`
        );
        return [...new Set(users)].sort();
      },
      slices: async (signal) => {
        const { items: stored } = await cluster.slices.list(signal).catch((error) => {
          if (error instanceof RefusedError) return { items: [] }; // roles of older installations do not include them
          throw error;
        });
        // without slices, the right to list nodes is not needed
        return { stored, nodes: stored.length > 0 ? (await cluster.nodes.list(signal)).items : [] };
      },
      [Symbol.asyncDispose]: () => cluster[Symbol.asyncDispose](),
    };
  } catch (error) {
    await cluster[Symbol.asyncDispose]();
    throw error;
  }
}

/** The watch resumes by itself when it breaks. An account that may not watch never hears of a change. */
function watcherOf(world: World, pools: Required<Cluster>["pools"]): Required<PodsSource>["watchPools"] {
  return async ({ watching, changed }, signal) => {
    // a watch that fails counts as a change: the store may be unreachable, which its next read reports
    const log = { ...SILENT, debug: changed, warn: changed };
    const mirror = new Mirror(pools, world, log, { put: changed, removed: changed });
    mirror.synced.then(watching);
    await mirror.run(signal);
  };
}

/** Roles of older installations do not include IPAMClaims: then their status is not compared. */
function tolerant(claims: ClaimObjects): ClaimObjects {
  return {
    ...claims,
    list: (signal) =>
      claims.list(signal).catch((error) => {
        if (error instanceof RefusedError) return [];
        throw error;
      }),
  };
}

/** The members of a cluster that a sweep reads evidence from. */
export function witnessOf({ findPod, findNode, claims, findKeeper }: Cluster): Witness {
  return {
    find: findPod,
    ...(findNode && { findNode }),
    ...(claims && { claims }),
    ...(findKeeper && { findKeeper }),
  };
}

/** The network names of each definition, by its `namespace/name`. Unknown for a definition without configuration, or an invalid one. */
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
 * The pods of a file, which is read for each list: one `namespace/name` of an existing pod per line; lines that begin with `#` are ignored. An
 * empty file is refused, since it may be the output of a command that failed; the line `none` stands for no pods.
 *
 * @example
 * ```ts
 * import { denoWorld, podsOfFile } from "@whereabouts/whereabouts";
 * import assert from "node:assert/strict";
 *
 * const file = await Deno.makeTempFile();
 * await Deno.writeTextFile(file, "# from kubectl\ndefault/web-0\n");
 * await using pods = podsOfFile(denoWorld(), file);
 * assert.deepEqual((await pods.list(AbortSignal.timeout(10_000))).map(({ podRef }) => podRef), ["default/web-0"]);
 * ```
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
    const why = cause instanceof Error && cause.name !== "NotFound" ? cause.message : "file not found";
    throw new RangeError(`Cannot read pods from ${path}: ${why}`, { cause });
  }
}

function parsePods(text: string, path: string): PodFacts[] {
  const lines = text.split("\n").map((line) => line.trim());
  const pods = lines.flatMap((line, i) => {
    if (line === "" || line === "none" || line.startsWith("#")) return [];
    if (/^[^/\s]+\/[^/\s]+$/.test(line)) return [{ podRef: line, finished: false, running: false }];
    throw new RangeError(`Invalid line ${path}:${i + 1} ${JSON.stringify(line)}: expected NAMESPACE/NAME of a pod`);
  });
  if (pods.length > 0 || lines.includes("none")) return pods;
  throw new RangeError(`${path} lists no pods, so every address would be freed; if there are no pods, write "none"`);
}
