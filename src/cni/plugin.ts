/**
 * The plugin: takes the call of a container runtime and returns the answer. One row per verb.
 *
 * @module
 */
import type { Answer, Call } from "../call/call.ts";
import { versionAnswer } from "../config/version.ts";
import { UnavailableError } from "../storage/driver.ts";
import { poolsOf } from "../ipam/ipam.ts";
import { completeAfterCall } from "../journal/pending.ts";
import { formatPoolKey } from "../pool/types.ts";
import type { LoadDriver } from "../storage/open.ts";
import { startDeadline } from "../async/deadline.ts";
import { makeLogger, SILENT } from "../world/log.ts";
import type { World } from "../world/world.ts";
import { podRefOf } from "./args.ts";
import type { CallLog, RequestContext } from "./context.ts";
import { type CniError, renderError, toCniError } from "./error.ts";
import { directHost, type Host } from "./host.ts";
import { keepOpen, type KeptOpen } from "./kept_open.ts";
import { type CniRequest, readRequest, type Verb } from "./request.ts";
import { add } from "./verbs/add.ts";
import { check } from "./verbs/check.ts";
import { del } from "./verbs/del.ts";
import { gc } from "./verbs/gc.ts";
import { status } from "./verbs/status.ts";

/** The function that serves a verb, and its timeout in milliseconds (those of ADD and DEL are the original's). */
interface VerbRow {
  readonly timeout: number;
  readonly serve: (context: RequestContext) => Promise<string> | string;
}

const VERBS: Readonly<Record<Verb, VerbRow>> = {
  ADD: { timeout: 120_000, serve: add },
  DEL: { timeout: 60_000, serve: del },
  CHECK: { timeout: 60_000, serve: check },
  GC: { timeout: 120_000, serve: gc },
  STATUS: { timeout: 10_000, serve: status },
  VERSION: { timeout: 1_000, serve: versionAnswer },
};

/** Verbs after which a process that serves one call completes pending releases: they write to the store. */
const WRITING: ReadonlySet<Verb> = new Set(["ADD", "DEL"]);

/** Serves the only call of a process. Never throws. */
export function serveDirectly(call: Call, world: World, loadDriver: LoadDriver): Promise<Answer> {
  return runPlugin(call, directHost(world, loadDriver));
}

/** Serves one call. Never throws: a failure becomes an answer. */
export async function runPlugin(call: Call, ownHost: Host): Promise<Answer> {
  const { world } = ownHost;
  let request: CniRequest | undefined;
  const callLog: CallLog = {};
  const host: Host = {
    ...ownHost,
    configured: ({ config, log }) => {
      callLog.log = log;
      callLog.fields ??= { pool: poolsOf(config).map(formatPoolKey).join() };
    },
  };
  const start = world.monotonic();
  try {
    request = readRequest(call);
    host.read?.(request);
    const { verb } = request;
    const { serve } = VERBS[verb];
    const timeout = Math.min(VERBS[verb].timeout, host.timeout ?? Number.POSITIVE_INFINITY);
    const timedOut = () => new UnavailableError(`${verb} did not end within ${timeout / 1000} s`);
    using deadline = startDeadline(world, timeout, timedOut, host.gone);
    const signal = deadline.signal;
    if (host.retriesPending || !WRITING.has(verb)) {
      return { stdout: await serve({ request, host, signal, callLog }), exitCode: 0 };
    }
    await using kept = keepOpen(host);
    const stdout = await serve({ request, host: kept.host, signal, callLog });
    await completeForStores(kept, world.monotonic() - start, signal);
    return { stdout, exitCode: 0 };
  } catch (error) {
    const failure = toCniError(error);
    if (request) logFailure(host, callLog, request, failure, Math.round(world.monotonic() - start));
    return failed(failure, request?.cniVersion);
  }
}

/** The answer to a call that failed. */
export function failed(error: unknown, cniVersion?: string): Answer {
  return { stdout: renderError(toCniError(error), cniVersion), exitCode: 1 };
}

/** Logs one line per failed ADD or DEL, and notes a failed ADD in the history. Success is logged where addresses are allocated and released. */
function logFailure(
  { world, journal }: Host,
  { log = makeLogger(world, { level: "error" }), fields }: CallLog,
  { verb, args, ifName, containerId, network }: CniRequest,
  { code, message }: CniError,
  ms: number,
): void {
  if (verb !== "ADD" && verb !== "DEL") return;
  const pod = args.podName === undefined ? "" : podRefOf(args);
  const owner = { pod, if: ifName, network, container: containerId };
  log.error(`${verb} failed`, { code, error: message, ...fields, ...owner, ms });
  if (verb === "ADD") journal(SILENT)?.note("failed", { ...fields, ...owner, code, error: message });
}

/** Completes pending releases for the stores of this call, since they answer now. A failure does not change the answer. */
async function completeForStores({ host, stores }: KeptOpen, duration: number, signal: AbortSignal): Promise<void> {
  const pending = await host.journal(SILENT)?.countPending().catch(() => 0) ?? 0;
  if (pending > 0) await completeAfterCall(host, stores, duration, signal).catch(() => {});
}
