/**
 * What the verbs have in common: the request, the process that serves it, and the configuration that the two lead to.
 *
 * @module
 */
import { configure, type Configured } from "../config/configure.ts";
import { configuredNodeName, isClusterNode, nodeName } from "../config/node.ts";
import type { IpamConfig } from "../config/types.ts";
import type { Ipam } from "../ipam/ipam.ts";
import { type SlicePurpose, sliceRanges } from "../ipam/slices.ts";
import type { Owner } from "../pool/types.ts";
import type { LogFields, Logger } from "../world/log.ts";
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
  /** What a failure is logged with, as far as the call comes. */
  readonly known: KnownOfCall;
}

/** What is known of a call when it fails. */
export interface KnownOfCall {
  /** The log that the configuration names. */
  log?: Logger;
  /** The call's pools and addresses: `pool`, and `ip` where the node has them recorded. */
  fields?: LogFields;
}

/** Loads the configuration of the request. */
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

/** The configuration with its ranges narrowed to this node's slices, where it asks for slices. */
export async function sliced(
  { host: { world }, signal }: RequestContext,
  ipam: Ipam,
  config: IpamConfig,
  purpose: SlicePurpose = "allocate",
): Promise<IpamConfig> {
  return await sliceRanges(ipam, config, () => nodeName(world, config), signal, purpose);
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
