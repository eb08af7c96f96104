/**
 * What the verbs share: the request, the process that serves it, and its configuration.
 *
 * @module
 */
import { isDivided } from "../config/blocks.ts";
import { configure, type Configured } from "../config/configure.ts";
import { configuredNodeName, isClusterNode, nodeName } from "../config/node.ts";
import type { IpamConfig } from "../config/types.ts";
import { ElasticSlices, type SliceUser } from "../ipam/elastic_slices.ts";
import type { Ipam } from "../ipam/ipam.ts";
import { type SlicePurpose, sliceRanges } from "../ipam/node_slice.ts";
import type { Owner } from "../pool/types.ts";
import { type LogFields, type Logger, SILENT } from "../world/log.ts";
import { podRefOf } from "./args.ts";
import { CniError, CODES } from "./error.ts";
import type { Host } from "./host.ts";
import type { CniRequest } from "./request.ts";

/** The context of one request. */
export interface RequestContext {
  /** The request. */
  readonly request: CniRequest;
  /** The process that serves it. */
  readonly host: Host;
  /** The call's deadline. */
  readonly signal: AbortSignal;
  /** How to log a failure; the verb fills it as it proceeds. */
  readonly callLog: CallLog;
}

/** The log and the fields with which the failure of a call is logged. */
export interface CallLog {
  /** The configuration's log. Absent until the configuration is loaded. */
  log?: Logger;
  /** `pool`, and `ip` if the node's journal records the addresses. */
  fields?: LogFields;
}

/** Loads the configuration of the request. @throws {ConfigError} it is invalid */
export async function configureRequest({ host, request }: RequestContext): Promise<Configured> {
  const { verb, conf, args: { ip, gateway, podName } } = request;
  return await configure(host, {
    conf,
    purpose: verb === "ADD" || verb === "STATUS" ? "allocate" : "release",
    pod: podName !== undefined || (verb === "STATUS" && await isClusterNode(host.world)),
    ...(ip !== undefined && { ip }),
    ...(gateway !== undefined && { gateway }),
  });
}

/** The configuration with its ranges narrowed to this node's slices, if it sets `node_slice_size`. */
export async function sliced(
  { host: { world }, signal }: RequestContext,
  ipam: Ipam,
  config: IpamConfig,
  purpose: SlicePurpose = "allocate",
): Promise<IpamConfig> {
  return await sliceRanges(ipam, config, () => nodeName(world, config), signal, purpose);
}

/** The slices of a call, if it sets `node_slice_elastic`. */
export async function elasticSlices(
  { host: { world }, signal }: RequestContext,
  ipam: Ipam,
  config: IpamConfig,
  journal: Omit<SliceUser, "node">,
): Promise<ElasticSlices> {
  return new ElasticSlices(ipam, config, { ...journal, node: await nodeName(world, config) }, signal);
}

/**
 * Refuses a network with blocks on a node without a journal: only the journal shows in which block an attachment has its entry.
 *
 * @throws {CniError} code 7
 */
export function refuseWithoutJournal({ host, callLog }: RequestContext, config: IpamConfig): void {
  if (!isDivided(config) || host.journal(callLog.log ?? SILENT)) return;
  throw new CniError(
    CODES.config,
    "Cannot use ipam.block_size: this node keeps no journal (WHEREABOUTS_JOURNAL is off), which records the block of each attachment; " +
      "set a folder, or remove block_size",
  );
}

/**
 * The owner of the addresses. Without Kubernetes no pod name is needed: the container id identifies the owner.
 *
 * @throws {CniError} code 4: no pod name, and the store is `kubernetes`
 */
export async function ownerOf({ request, host }: RequestContext, config: IpamConfig): Promise<Owner> {
  const { args, containerId, ifName } = request;
  if (args.podName) {
    const node = await configuredNodeName(host.world, config);
    const { podUid: uid } = args;
    return {
      podRef: podRefOf(args),
      ifName,
      containerId,
      ...(node !== undefined && { node }),
      ...(uid !== undefined && { uid }),
    };
  }
  if (config.datastore.kind !== "kubernetes") return { podRef: containerId, ifName, containerId };
  throw new CniError(CODES.environment, "Missing K8S_POD_NAME in CNI_ARGS: addresses are recorded by pod name");
}
