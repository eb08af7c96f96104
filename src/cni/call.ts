/**
 * One call of the plugin, and what it stands on.
 *
 * @module
 */
import { loadConfig, type LoadInput } from "../config/load.ts";
import { configuredNodeName, isClusterNode, nodeName } from "../config/node.ts";
import type { IpamConfig } from "../config/types.ts";
import { type Ipam, type OpenIpam, openIpam, poolsOf } from "../ipam/ipam.ts";
import type { SlicePurpose } from "../ipam/slices.ts";
import { DEFAULT_JOURNAL, folderJournal, type Journal } from "../journal/journal.ts";
import { formatPoolKey, type Owner } from "../pool/types.ts";
import type { LoadDriver } from "../storage/open.ts";
import { type LogFields, type Logger, makeLogger } from "../world/log.ts";
import type { World } from "../world/world.ts";
import { podRefOf } from "./args.ts";
import { CniError, CODES } from "./error.ts";
import type { CniRequest } from "./request.ts";

/** What the plugin is given by the process it runs in. */
export interface Host {
  /** Opens the store of a configuration. Waits no longer than the signal allows. */
  open(config: IpamConfig, world: World, log: Logger, signal: AbortSignal): Promise<OpenIpam>;
  /** The node's journal; undefined: none is kept. */
  readonly journal: (world: World, log: Logger) => Journal | undefined;
  /** Told that this process cannot use the configuration of a call: it does not see a file, or nobody can use it. */
  unusable?(error: unknown): void;
  /** Told that the store lost the entry of an attachment that runs on this node. */
  entryLost?(): void;
  /** Milliseconds that a call may take here, at most. Absent: as long as its verb may. */
  readonly patience?: number;
  /** Aborts when nobody waits for the call any more. */
  readonly gone?: AbortSignal;
  /** Whether this process goes on delivering releases that could not be delivered, so that DEL may promise them. */
  readonly delivers: boolean;
}

/** A process that serves one call and ends. */
export function directHost(loadDriver: LoadDriver): Host {
  return {
    open: ({ datastore }, world, log) => openIpam(datastore, loadDriver, world, log),
    journal: nodeJournal,
    delivers: false,
  };
}

/** The journal in its usual folder, in that of `WHEREABOUTS_JOURNAL`, or none where that says `off`. */
export function nodeJournal(world: World, log: Logger): Journal | undefined {
  const folder = world.env("WHEREABOUTS_JOURNAL") || DEFAULT_JOURNAL;
  return folder === "off" ? undefined : folderJournal(folder, world, log);
}

/** A call under way. */
export interface Call {
  /** What is asked. */
  readonly request: CniRequest;
  /** The machine. */
  readonly world: World;
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
export async function configure({ world, host, request, configured }: Call, recorded?: unknown): Promise<Configured> {
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
  const log = makeLogger(world, config.log);
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
  { world, signal }: Call,
  ipam: Ipam,
  config: IpamConfig,
  purpose: SlicePurpose = "allocate",
): Promise<IpamConfig> {
  if (config.nodeSliceSize === undefined) return config;
  const { sliceRanges } = await import("../ipam/slices.ts");
  return await sliceRanges(ipam, config, () => nodeName(world, config), signal, purpose);
}

/** Whose an address is. Without Kubernetes a pod name is not needed: the sandbox stands for the pod. */
export async function ownerOf({ request, world }: Call, config: IpamConfig): Promise<Owner> {
  const { args, containerId, ifName } = request;
  if (args.podName) {
    const node = await configuredNodeName(world, config);
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
