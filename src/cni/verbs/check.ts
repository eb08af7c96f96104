/**
 * CHECK: what the previous result says is still true.
 *
 * @module
 */
import { rangesOf } from "../../ipam/held.ts";
import { verify } from "../../ipam/verify.ts";
import { SILENT } from "../../world/log.ts";
import { type Call, configure, type Configured, ownerOf, sliced } from "../call.ts";
import { parsePrevResult } from "../prev_result.ts";
import { planRelease } from "../release_plan.ts";

/** Serves CHECK: by what ADD recorded, where it did, whatever the configuration says now. */
export async function check(call: Call): Promise<string> {
  const { request, host, world, signal } = call;
  const given = parsePrevResult(request.conf);
  const recorded = await planRecorded(call);
  const { config, log } = recorded ?? await configure(call);
  await using ipam = await host.open(config, world, log, signal);
  const owner = await ownerOf(call, config);
  await verify(ipam, recorded ? config : await sliced(call, ipam, config, "recorded"), owner, given, signal);
  return "";
}

async function planRecorded(call: Call): Promise<Configured | undefined> {
  const record = await call.host.journal(call.world, SILENT)?.find(call.request);
  if (!record || record.held.length === 0) return undefined;
  const plan = await planRelease(call, record);
  return plan && { ...plan, config: { ...plan.config, ...rangesOf(record.held) } };
}
