/**
 * CHECK: verifies that the addresses of the previous result are still allocated.
 *
 * @module
 */
import type { Configured } from "../../config/configure.ts";
import { ForbiddenError } from "../../config/types.ts";
import type { Keeper } from "../../pool/types.ts";
import { rangesOf } from "../../ipam/recorded.ts";
import { verify } from "../../ipam/verify.ts";
import { planRelease } from "../../journal/plan.ts";
import { makeLogger, SILENT } from "../../world/log.ts";
import { configureRequest, ownerOf, type RequestContext, sliced } from "../context.ts";
import { parsePrevResult } from "../result.ts";

/**
 * Serves CHECK. What ADD recorded takes precedence over the configuration, which may have changed since. A store that the operator no longer
 * allows cannot be compared: that succeeds and is logged, since the attachment was accepted.
 */
export async function check(context: RequestContext): Promise<string> {
  const { request, host, signal } = context;
  const expected = parsePrevResult(request.conf);
  const plan = await planCheck(context);
  if (!plan) {
    makeLogger(host.world, { level: "error" }).error(
      "Nothing is verified: the operator no longer permits the store of this network",
      { if: request.ifName, network: request.network, container: request.containerId },
    );
    return "";
  }
  const { configured: { config, log }, isRecorded, keeper } = plan;
  await using ipam = await host.open(config, log, signal);
  const owner = { ...await ownerOf(context, config), ...(keeper && { keeper }) };
  await verify(ipam, isRecorded ? config : await sliced(context, ipam, config, expected), owner, expected, signal);
  return "";
}

interface CheckPlan {
  readonly configured: Configured;
  readonly isRecorded: boolean;
  /** The recorded keeper of the addresses. */
  readonly keeper?: Keeper;
}

/** The store and ranges to verify; undefined if the operator no longer allows the store. */
async function planCheck(
  context: RequestContext,
): Promise<CheckPlan | undefined> {
  const record = await context.host.journal(SILENT)?.find(context.request);
  if (record && record.entries.length > 0) {
    const plan = await planRelease(context.host, context.request.conf, record);
    const keeper = record.entries.find(({ allocation }) => allocation.keeper)?.allocation.keeper;
    const configured = plan && { ...plan, config: { ...plan.config, ...rangesOf(record.entries) } };
    return configured && { configured, isRecorded: true, ...(keeper && { keeper }) };
  }
  try {
    return { configured: await configureRequest(context), isRecorded: false };
  } catch (error) {
    if (error instanceof ForbiddenError) return undefined;
    throw error;
  }
}
