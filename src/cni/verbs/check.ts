/**
 * CHECK: verifies that the addresses of the previous result are still allocated.
 *
 * @module
 */
import type { Configured } from "../../config/configure.ts";
import { rangesOf } from "../../ipam/recorded.ts";
import { verify } from "../../ipam/verify.ts";
import { planRelease } from "../../journal/plan.ts";
import { SILENT } from "../../world/log.ts";
import { configureRequest, ownerOf, type RequestContext, sliced } from "../context.ts";
import { parsePrevResult } from "../prev_result.ts";

/** Serves CHECK. What ADD recorded takes precedence over the configuration, which may have changed since. */
export async function check(context: RequestContext): Promise<string> {
  const { request, host, signal } = context;
  const expected = parsePrevResult(request.conf);
  const recorded = await planRecorded(context);
  const { config, log } = recorded ?? await configureRequest(context);
  await using ipam = await host.open(config, log, signal);
  const owner = await ownerOf(context, config);
  await verify(ipam, recorded ? config : await sliced(context, ipam, config, "recorded"), owner, expected, signal);
  return "";
}

async function planRecorded(context: RequestContext): Promise<Configured | undefined> {
  const record = await context.host.journal(SILENT)?.find(context.request);
  if (!record || record.held.length === 0) return undefined;
  const plan = await planRelease(context.host, context.request.conf, record);
  return plan && { ...plan, config: { ...plan.config, ...rangesOf(record.held) } };
}
