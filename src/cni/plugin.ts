/**
 * The plugin: a request of a container runtime in, its answer out. One row a verb; all but ADD are loaded when they are asked for.
 *
 * @module
 */
import { UnavailableError } from "../storage/driver.ts";
import { startDeadline } from "../world/deadline.ts";
import { makeLogger, SILENT } from "../world/log.ts";
import type { World } from "../world/world.ts";
import { podRefOf } from "./args.ts";
import type { Call, Host, KnownOfCall } from "./call.ts";
import type { CniError } from "./error.ts";
import { keepOpen } from "./kept_open.ts";
import { type CniRequest, readRequest, type Verb } from "./request.ts";
import { add } from "./verbs/add.ts";

/** How a verb is served, and how long it may take in all (milliseconds; the original's for ADD and DEL). */
interface VerbRow {
  readonly deadline: number;
  readonly serve: (call: Call) => Promise<string>;
}

const VERBS: Readonly<Record<Verb, VerbRow>> = {
  ADD: { deadline: 120_000, serve: add },
  DEL: { deadline: 60_000, serve: async (call) => (await import("./verbs/del.ts")).del(call) },
  CHECK: { deadline: 60_000, serve: async (call) => (await import("./verbs/check.ts")).check(call) },
  GC: { deadline: 120_000, serve: async (call) => (await import("./verbs/gc.ts")).gc(call) },
  STATUS: { deadline: 10_000, serve: async (call) => (await import("./verbs/status.ts")).status(call) },
  VERSION: { deadline: 1_000, serve: async () => (await import("../config/version.ts")).versionAnswer() },
};

/** Verbs after which a process that serves one call delivers pending releases. */
const COMMITS: ReadonlySet<Verb> = new Set(["ADD", "DEL"]);

/** What the process prints and ends with. */
export interface PluginAnswer {
  /** For standard output. */
  readonly stdout: string;
  /** 0, or 1 with an error object on standard output. */
  readonly exitCode: number;
}

/** Serves one request. Never throws: every failure is an answer. */
export async function runPlugin(world: World, host: Host): Promise<PluginAnswer> {
  let request: CniRequest | undefined;
  const configured: KnownOfCall = {};
  const start = world.monotonic();
  try {
    request = await readRequest(world);
    const { verb } = request;
    const { serve } = VERBS[verb];
    const deadline = Math.min(VERBS[verb].deadline, host.patience ?? Number.POSITIVE_INFINITY);
    const late = () => new UnavailableError(`${verb} did not end within ${deadline / 1000} s`);
    using limit = startDeadline(world, deadline, late, host.gone);
    const signal = limit.signal;
    if (host.delivers || !COMMITS.has(verb)) {
      return { stdout: await serve({ request, world, host, signal, configured }), exitCode: 0 };
    }
    await using kept = keepOpen(host);
    const call: Call = { request, world, host: kept.host, signal, configured };
    const stdout = await serve(call);
    await deliverSome(call, kept.stores);
    return { stdout, exitCode: 0 };
  } catch (error) {
    const { renderError, toCniError } = await import("./failure.ts");
    const failure = toCniError(error);
    if (request) logFailure(world, configured, request, failure, Math.round(world.monotonic() - start));
    return { stdout: renderError(failure, request?.cniVersion), exitCode: 1 };
  }
}

/** One line a failed ADD or DEL; their success is logged where addresses are allocated and released. */
function logFailure(
  world: World,
  { log = makeLogger(world, { level: "error" }), fields }: KnownOfCall,
  { verb, args, ifName, containerId, network }: CniRequest,
  { code, message }: CniError,
  ms: number,
): void {
  if (verb !== "ADD" && verb !== "DEL") return;
  const pod = args.podName === undefined ? "" : podRefOf(args);
  const who = { pod, if: ifName, network, container: containerId };
  log.error(`${verb} failed`, { code, error: message, ...fields, ...who, ms });
}

/** The store answered, so releases that it missed are delivered now. Whether that works changes nothing for this call. */
async function deliverSome(call: Call, stores: ReadonlySet<string>): Promise<void> {
  const pending = await call.host.journal(call.world, SILENT)?.countPending().catch(() => 0) ?? 0;
  if (pending > 0) await (await import("./replay.ts")).deliverAfterCall(call, stores).catch(() => {});
}
