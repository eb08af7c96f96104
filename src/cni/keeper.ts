/**
 * The object that keeps the addresses of a pod, and what the pod prefers: read only if the network asks for it.
 *
 * @module
 */
import { formatIp, type Ip, parseIp } from "../address/ip.ts";
import { isDivided } from "../config/blocks.ts";
import { outlivesPods } from "../config/persistence.ts";
import type { IpamConfig } from "../config/types.ts";
import type { AllocateOptions } from "../ipam/allocate.ts";
import { blocksRefused, keepersRefused } from "../ipam/errors.ts";
import { type Ipam, poolOf } from "../ipam/ipam.ts";
import type { KnownSandbox } from "../pool/requests.ts";
import { formatPoolKey, type Keeper, type Owner, type PodSandbox } from "../pool/types.ts";
import { claimMismatch, claimOf, moves, type Workload } from "../pool/workload.ts";
import { RefusedError, type StorageDriver, type Workloads } from "../storage/driver.ts";
import { isObject } from "../values/json.ts";
import type { RequestContext } from "./context.ts";
import { CniError, CODES } from "./error.ts";

/** The owner with its keeper, and options for its allocation. */
interface Attended extends Pick<AllocateOptions, "preferred" | "examine"> {
  /** The owner. */
  readonly owner: Owner;
}

/**
 * Finds the keeper of an owner: the IPAMClaim that the call or the pod names for the interface, else the pod's StatefulSet.
 *
 * @throws {CniError} code 11: the pod or its claim is missing or being deleted; code 7: the claim is of another network or interface, or the
 *   pod's annotations are invalid
 * @throws {RefusedError} pods or claims may not be read, or the driver lacks `workloads`, which the network requires
 */
export async function attend(
  context: RequestContext,
  { driver: { name, workloads } }: Pick<Ipam, "driver">,
  config: IpamConfig,
  owner: Owner,
): Promise<Attended> {
  if (!readsPods(config) || context.request.args.podName === undefined) return { owner };
  if (!workloads) {
    refuseUnkept({ name }, config);
    return { owner };
  }
  const work: Work = { context, config, owner, workloads, pods: new Map() };
  const keeper = await keeperOf(work);
  if (keeper && config.requested.length > 0) throw requestRefused(config, owner, keeper);
  const preferred = config.preferredIp ? preferredOf(await ownPod(work)) : undefined;
  return {
    owner: { ...owner, ...(keeper && { keeper }) },
    ...(preferred && { preferred }),
    ...(keeper && { examine: (user: PodSandbox) => examine(work, keeper, user) }),
  };
}

/**
 * Refuses a network whose addresses outlive pods, in a store that knows no pods: without the address that it kept, a machine loses it.
 *
 * @throws {RefusedError} the driver lacks `workloads`
 */
export function refuseUnkept(
  { name, workloads }: Pick<StorageDriver, "name" | "workloads">,
  config: IpamConfig,
): void {
  if (workloads || !outlivesPods(config)) return;
  const setting = config.persistentIps ? "allow_persistent_ips" : "sticky";
  throw new RefusedError(
    `Cannot keep addresses of network ${config.network}: ${setting} requires pods and their claims, which the driver ` +
      `${JSON.stringify(name)} does not read (workloads); remove the setting, or use another datastore`,
  );
}

/**
 * Refuses a network whose addresses outlive pods, or live in blocks, while the original runs beside it, as one of its pools records. Reads the
 * pools of such networks only.
 *
 * @throws {RefusedError} a controller of the original would free the addresses
 */
export async function refuseBesideOriginal(
  { driver }: Pick<Ipam, "driver">,
  config: IpamConfig,
  signal: AbortSignal,
): Promise<void> {
  if (!driver.refuseKeepers || !(outlivesPods(config) || isDivided(config))) return;
  for (const range of config.ranges.filter(({ blocks }) => blocks || outlivesPods(config))) {
    const key = poolOf(config, range);
    const { refusesKeepers } = await driver.read(key, signal);
    const refused = range.blocks ? blocksRefused : keepersRefused;
    if (refusesKeepers !== undefined) throw new RefusedError(refused(formatPoolKey(key), refusesKeepers));
  }
}

/** Whether a network asks for the pods of its calls. */
function readsPods(config: IpamConfig): boolean {
  return outlivesPods(config) || Boolean(config.preferredIp);
}

interface Work {
  readonly context: RequestContext;
  readonly config: IpamConfig;
  readonly owner: Owner;
  readonly workloads: Workloads;
  /** The pods that the call has read. */
  readonly pods: Map<string, Promise<Workload | undefined>>;
  /** The podRef from which the owner's virtual machine moves, as far as pods were read. */
  source?: string;
}

function findPod({ workloads, pods, context: { signal } }: Work, podRef: string): Promise<Workload | undefined> {
  const reading = pods.get(podRef) ?? workloads.findPod(podRef, signal);
  pods.set(podRef, reading);
  return reading;
}

async function ownPod(work: Work): Promise<Workload> {
  const { podRef, uid } = work.owner;
  const pod = await findPod(work, podRef);
  if (pod && (uid === undefined || uid === pod.uid)) return pod;
  throw new CniError(
    CODES.tryAgain,
    `Pod ${podRef}${uid ? ` with uid ${uid}` : ""} does not exist; its addresses depend on it`,
  );
}

async function keeperOf(work: Work): Promise<Keeper | undefined> {
  const { config } = work;
  const name = config.persistentIps ? await claimName(work) : undefined;
  if (name !== undefined) return await claimNamed(work, name);
  return config.sticky === "statefulset" ? (await ownPod(work)).statefulSet : undefined;
}

/** The claim's name: from the call, else from the pod's annotation. */
async function claimName(work: Work): Promise<string | undefined> {
  const { args } = work.context.request.conf;
  const named = isObject(args) && isObject(args.cni) ? args.cni["ipam-claim-reference"] : undefined;
  if (named !== undefined) {
    if (typeof named === "string" && named !== "") return named;
    throw new CniError(CODES.config, "Cannot use args.cni.ipam-claim-reference: expected the name of an IPAMClaim");
  }
  const { podRef, networks = "" } = await ownPod(work);
  try {
    return claimOf(networks, work.owner.ifName);
  } catch {
    throw new CniError(
      CODES.config,
      `Cannot read the annotation k8s.v1.cni.cncf.io/networks of pod ${podRef}: expected JSON, or names of networks`,
    );
  }
}

async function claimNamed(
  { context: { signal }, config: { network }, owner, workloads }: Work,
  name: string,
): Promise<Keeper> {
  const [namespace = ""] = owner.podRef.split("/");
  const what = `IPAMClaim ${namespace}/${name}`;
  const claim = await workloads.findClaim(namespace, name, signal);
  if (!claim || claim.deleting) {
    const state = claim ? "is being deleted" : "does not exist";
    throw new CniError(CODES.tryAgain, `${what} ${state}; pod ${owner.podRef} names it for network ${network}`);
  }
  const mismatch = claimMismatch(claim, network, owner.ifName);
  if (mismatch === undefined) return { kind: "IPAMClaim", name, uid: claim.uid };
  throw new CniError(
    CODES.config,
    `Cannot use ${what} for interface ${owner.ifName} of pod ${owner.podRef} in network ${network}: ${mismatch}`,
  );
}

/** Whether the owner may use its kept address, which another sandbox used. @throws {CniError} it may not */
async function examine(work: Work, keeper: Keeper, user: PodSandbox): Promise<KnownSandbox["state"]> {
  const { owner } = work;
  const what = `the address of ${keeper.kind} ${keeper.name} to ${owner.podRef} (${owner.ifName})`;
  if (user.containerId === owner.containerId) {
    throw new CniError(
      CODES.config,
      `Cannot give ${what}: another interface of the pod has it; name another claim for this interface`,
    );
  }
  const pod = await findPod(work, user.podRef);
  // a pod of that name with another uid is a later one
  if (!pod || (user.uid !== undefined && pod.uid !== user.uid)) throw stillWaits(what, user);
  if (pod.ended) return "ended";
  const isSource = moves(pod, await ownPod(work));
  if (isSource && (work.source ??= user.podRef) === user.podRef) return "moving";
  const why = isSource
    ? `pods ${work.source} and ${user.podRef} use it; one of them must end before the virtual machine can move again`
    : `pod ${user.podRef} uses it, and has not ended`;
  throw new CniError(CODES.tryAgain, `Cannot give ${what} yet: ${why}`);
}

/** A pod that is missing proves nothing about its sandbox: it may have been deleted by force on a node without network. */
function stillWaits(what: string, { podRef, node }: PodSandbox): CniError {
  const where = node === undefined ? "whose node is unknown" : `of node ${node}`;
  return new CniError(
    CODES.tryAgain,
    `Cannot give ${what} yet: pod ${podRef} ${where} no longer exists, but its containers may still run. ADD waits until ` +
      "the controller detaches the pod, after evidence that the node has ended them, or is down: taint a node that is shut down " +
      "with node.kubernetes.io/out-of-service, or delete it",
  );
}

function requestRefused({ requested }: IpamConfig, { podRef }: Owner, { kind, name }: Keeper): CniError {
  return new CniError(
    CODES.config,
    `Cannot give ${
      requested.map(formatIp).join(", ")
    } to ${podRef}: ${kind} ${name} keeps the pod's address; request none, or name no claim`,
  );
}

function preferredOf({ podRef, preferredIp }: Workload): Ip | undefined {
  if (preferredIp === undefined || preferredIp === "") return undefined;
  const ip = parseIp(preferredIp);
  if (ip) return ip;
  throw new CniError(
    CODES.config,
    `Cannot read the annotation whereabouts.cni.cncf.io/preferred-ip of pod ${podRef}: found ${
      JSON.stringify(preferredIp.slice(0, 64))
    }, expected an address such as "10.0.0.5"`,
  );
}
