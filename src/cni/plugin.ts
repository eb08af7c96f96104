/**
 * The plugin: a request of a container runtime in, its answer out. One row a verb.
 *
 * @module
 */
import type { StaticAddress } from "../config/types.ts";
import { loadConfig } from "../config/load.ts";
import { ConfigError, type IpamConfig } from "../config/types.ts";
import { directIpam, type Ipam } from "../ipam/ipam.ts";
import type { Owner } from "../pool/types.ts";
import { UnavailableError } from "../storage/driver.ts";
import type { LoadDriver } from "../storage/open.ts";
import { startDeadline } from "../world/deadline.ts";
import { type Logger, makeLogger } from "../world/log.ts";
import type { World } from "../world/world.ts";
import { podRefOf } from "./args.ts";
import { CniError, CODES, renderError, toCniError } from "./error.ts";
import { type CniRequest, readRequest, type Verb } from "./request.ts";
import { parsePrevResult, renderResult } from "./result.ts";
import { versionAnswer } from "./version.ts";

/** Milliseconds a verb may take in all, as the original has them. Giving back after a failure may add `GIVE_BACK_TIMEOUT`. */
const DEADLINES: Readonly<Record<Verb, number>> = {
  ADD: 120_000,
  DEL: 60_000,
  CHECK: 60_000,
  GC: 120_000,
  STATUS: 10_000,
  VERSION: 1_000,
};

/** What the process prints and ends with. */
export interface PluginAnswer {
  /** For standard output. */
  readonly stdout: string;
  /** 0, or 1 with an error object on standard output. */
  readonly exitCode: number;
}

interface Call {
  readonly request: CniRequest;
  readonly world: World;
  readonly loadDriver: LoadDriver;
  readonly signal: AbortSignal;
}

const VERBS: Readonly<Record<Verb, (call: Call) => Promise<string>>> = {
  ADD: (call) =>
    withStore(call, async (ipam, config) => {
      const { allocate } = await import("../ipam/allocate.ts");
      const assigned = await allocate(ipam, config, ownerOf(call.request, config), call.signal);
      const ips: StaticAddress[] = [...assigned, ...config.addresses];
      return renderResult({ ips, routes: config.routes, dns: config.dns }, call.request.cniVersion);
    }),
  DEL: (call) =>
    withStore(call, async (ipam, config) => {
      const { release } = await import("../ipam/release.ts");
      await release(ipam, config, call.request, call.signal);
      return "";
    }),
  CHECK: (call) =>
    withStore(call, async (ipam, config) => {
      const { verify } = await import("../ipam/verify.ts");
      const given = parsePrevResult(call.request.conf);
      await verify(ipam, config, ownerOf(call.request, config), given, call.signal);
      return "";
    }),
  STATUS: (call) =>
    withStore(call, async (ipam) => {
      await ipam.driver.status(call.signal);
      return "";
    }).catch((error) => {
      throw new CniError(CODES.notAvailable, `ADD cannot be served: ${toCniError(error).message}`);
    }),
  GC: () =>
    Promise.reject(
      new CniError(
        CODES.internal,
        "GC is not available: this release keeps no record of the attachments of this node; use the sweep",
      ),
    ),
  VERSION: () => Promise.resolve(versionAnswer()),
};

/** Serves one request. Never throws: every failure is an answer. */
export async function runPlugin(world: World, loadDriver: LoadDriver): Promise<PluginAnswer> {
  let request: CniRequest | undefined;
  try {
    request = await readRequest(world);
    const { verb } = request;
    const late = new UnavailableError(`${verb} did not end within ${DEADLINES[verb] / 1000} s`);
    using limit = startDeadline(world, DEADLINES[verb], late);
    return { stdout: await VERBS[verb]({ request, world, loadDriver, signal: limit.signal }), exitCode: 0 };
  } catch (error) {
    return { stdout: renderError(toCniError(error), request?.cniVersion), exitCode: 1 };
  }
}

async function withStore(call: Call, work: (ipam: Ipam, config: IpamConfig) => Promise<string>): Promise<string> {
  const { world, request, loadDriver } = call;
  const { args, conf } = request;
  const { config, warnings } = await loadConfig(world, {
    conf,
    ...(args.ip !== undefined && { ip: args.ip }),
    ...(args.gateway !== undefined && { gateway: args.gateway }),
  });
  refuseSlices(config);
  const log: Logger = makeLogger(world, config.log);
  for (const warning of warnings) log.warn(warning);
  const open = await loadDriver(config.datastore.kind);
  await using driver = await open(config.datastore, { world, log });
  return await work(directIpam(driver, world, log), config);
}

function refuseSlices({ nodeSliceSize }: IpamConfig): void {
  if (nodeSliceSize === undefined) return;
  throw new ConfigError(
    "ipam.node_slice_size",
    `Cannot use ipam.node_slice_size ${
      JSON.stringify(nodeSliceSize)
    }: this release has no node slices; remove the field`,
  );
}

/** Whose the address will be. Without Kubernetes a pod name is not needed: the sandbox stands for the pod. */
function ownerOf({ args, containerId, ifName }: CniRequest, { datastore }: IpamConfig): Owner {
  if (args.podName) return { podRef: podRefOf(args), ifName, containerId };
  if (datastore.kind !== "kubernetes") return { podRef: containerId, ifName, containerId };
  throw new CniError(CODES.environment, "Missing K8S_POD_NAME in CNI_ARGS: addresses are recorded by pod name");
}
