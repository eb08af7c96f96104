/**
 * What the verbs have in common: the request, the process that serves it, and the configuration that the two lead to.
 *
 * @module
 */
import { loadConfig, type LoadInput } from "../config/load.ts";
import { configuredNodeName, isClusterNode, nodeName } from "../config/node.ts";
import type { IpamConfig } from "../config/types.ts";
import { type Ipam, poolsOf } from "../ipam/ipam.ts";
import { type SlicePurpose, sliceRanges } from "../ipam/slices.ts";
import { formatPoolKey, type Owner } from "../pool/types.ts";
import { type LogFields, type Logger, makeLogger } from "../world/log.ts";
import { podRefOf } from "./args.ts";
import { CniError, CODES } from "./error.ts";
import type { Host } from "./host.ts";
import type { CniRequest } from "./request.ts";

/** A request that is being served. */
export interface RequestContext {
  /** The request. */
  readonly request: CniRequest;
  /** The process. */
  readonly host: Host;
  /** The call's deadline. */
  readonly signal: AbortSignal;
  /** Gets what a failure is logged with, as far as the call comes. */
  readonly configured?: KnownOfCall;
}

/** What is known of a call when it fails. */
export interface KnownOfCall {
  /** The log that the configuration names. */
  log?: Logger;
  /** The call's pools and addresses: `pool`, and `ip` where the node has them recorded. */
  fields?: LogFields;
}

/** A configuration with its log. */
export interface Configured {
  /** Checked. */
  readonly config: IpamConfig;
  /** As it says. */
  readonly log: Logger;
  /** No store is configured: the embedded default serves. Never so where a pod of Kubernetes wants an address. */
  readonly defaultStore: boolean;
}

/**
 * Loads the configuration of the call, or of a recorded one of the same network. Warnings go to its log.
 *
 * @param recorded the configuration of a record: it is released by, so that rules for new allocations do not apply
 */
export async function configure(
  { host, request, configured }: RequestContext,
  recorded?: unknown,
): Promise<Configured> {
  const { world } = host;
  const { ip, gateway, podName } = request.args;
  const allocates = recorded === undefined && (request.verb === "ADD" || request.verb === "STATUS");
  const input: LoadInput = {
    conf: recorded ?? request.conf,
    purpose: allocates ? "allocate" : "release",
    pod: podName !== undefined || (request.verb === "STATUS" && await isClusterNode(world)),
    ...(ip !== undefined && { ip }),
    ...(gateway !== undefined && { gateway }),
  };
  const { config, warnings, notes, defaultStore } = await loadConfig(world, input).catch((error) => {
    host.unusable?.(error);
    throw error;
  });
  const log = makeLogger(world, config.log, host.appendLog);
  if (configured) {
    configured.log = log;
    configured.fields ??= { pool: poolsOf(config).map(formatPoolKey).join() };
  }
  for (const warning of warnings) log.warn(warning);
  for (const note of notes) log.debug(note);
  return { config, log, defaultStore };
}

/** The configuration with its ranges narrowed to this node's slices, where it asks for slices. */
export async function sliced(
  { host, signal }: RequestContext,
  ipam: Ipam,
  config: IpamConfig,
  purpose: SlicePurpose = "allocate",
): Promise<IpamConfig> {
  if (config.nodeSliceSize === undefined) return config;
  return await sliceRanges(ipam, config, () => nodeName(host.world, config), signal, purpose);
}

/** Whose an address is. Without Kubernetes a pod name is not needed: the sandbox stands for the pod. */
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
