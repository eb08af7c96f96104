/**
 * The plugin: a call of a container runtime in, its answer out. One row a verb.
 *
 * @module
 */
import type { Answer, Call } from "../call/call.ts";
import { versionAnswer } from "../config/version.ts";
import { UnavailableError } from "../storage/driver.ts";
import { poolsOf } from "../ipam/ipam.ts";
import { deliverAfterCall } from "../journal/pending.ts";
import { formatPoolKey } from "../pool/types.ts";
import type { LoadDriver } from "../storage/open.ts";
import { startDeadline } from "../async/deadline.ts";
import { makeLogger, SILENT } from "../world/log.ts";
import type { World } from "../world/world.ts";
import { podRefOf } from "./args.ts";
import type { KnownOfCall, RequestContext } from "./context.ts";
import { type CniError, renderError, toCniError } from "./error.ts";
import { directHost, type Host } from "./host.ts";
import { keepOpen, type KeptOpen } from "./kept_open.ts";
import { type CniRequest, readRequest, type Verb } from "./request.ts";
import { add } from "./verbs/add.ts";
import { check } from "./verbs/check.ts";
import { del } from "./verbs/del.ts";
import { gc } from "./verbs/gc.ts";
import { status } from "./verbs/status.ts";

/** How a verb is served, and how long it may take in all (milliseconds; the original's for ADD and DEL). */
interface VerbRow {
  readonly deadline: number;
  readonly serve: (context: RequestContext) => Promise<string> | string;
}

const VERBS: Readonly<Record<Verb, VerbRow>> = {
  ADD: { deadline: 120_000, serve: add },
  DEL: { deadline: 60_000, serve: del },
  CHECK: { deadline: 60_000, serve: check },
  GC: { deadline: 120_000, serve: gc },
  STATUS: { deadline: 10_000, serve: status },
  VERSION: { deadline: 1_000, serve: versionAnswer },
};

/** Verbs after which a process that serves one call delivers pending releases. */
const COMMITS: ReadonlySet<Verb> = new Set(["ADD", "DEL"]);

/** Serves the call of a process that ends with it. Never throws. */
export function serveDirectly(call: Call, world: World, loadDriver: LoadDriver): Promise<Answer> {
  return runPlugin(call, directHost(world, loadDriver));
}

/** Serves one call. Never throws: every failure is an answer. */
export async function runPlugin(call: Call, ownHost: Host): Promise<Answer> {
  const { world } = ownHost;
  let request: CniRequest | undefined;
  const known: KnownOfCall = {};
  const host: Host = {
    ...ownHost,
    configured: ({ config, log }) => {
      known.log = log;
      known.fields ??= { pool: poolsOf(config).map(formatPoolKey).join() };
    },
  };
  const start = world.monotonic();
  try {
    request = readRequest(call);
    const { verb } = request;
    const { serve } = VERBS[verb];
    const deadline = Math.min(VERBS[verb].deadline, host.timeout ?? Number.POSITIVE_INFINITY);
    const late = () => new UnavailableError(`${verb} did not end within ${deadline / 1000} s`);
    using limit = startDeadline(world, deadline, late, host.gone);
    const signal = limit.signal;
    if (host.delivers || !COMMITS.has(verb)) {
      return { stdout: await serve({ request, host, signal, known }), exitCode: 0 };
    }
    await using kept = keepOpen(host);
    const stdout = await serve({ request, host: kept.host, signal, known });
    await deliverSome(kept, world.monotonic() - start, signal);
    return { stdout, exitCode: 0 };
  } catch (error) {
    const failure = toCniError(error);
    if (request) logFailure(world, known, request, failure, Math.round(world.monotonic() - start));
    return failed(failure, request?.cniVersion);
  }
}

/** The answer to a call that failed. */
export function failed(error: unknown, cniVersion?: string): Answer {
  return { stdout: renderError(toCniError(error), cniVersion), exitCode: 1 };
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

/** The store answered, so releases that are pending for it are delivered now. Whether that works changes nothing for this call. */
async function deliverSome({ host, stores }: KeptOpen, took: number, signal: AbortSignal): Promise<void> {
  const pending = await host.journal(SILENT)?.countPending().catch(() => 0) ?? 0;
  if (pending > 0) await deliverAfterCall(host, stores, took, signal).catch(() => {});
}
