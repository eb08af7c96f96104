/**
 * CHECK: what the previous result says is still true.
 *
 * @module
 */
import { verify } from "../../ipam/verify.ts";
import { type Call, configure, ownerOf, sliced } from "../call.ts";
import { parsePrevResult } from "../prev_result.ts";

/** Serves CHECK. */
export async function check(call: Call): Promise<string> {
  const { config, log } = await configure(call);
  const given = parsePrevResult(call.request.conf);
  await using ipam = await call.host.open(config, call.world, log, call.signal);
  const owner = await ownerOf(call, config);
  await verify(ipam, await sliced(call, ipam, config, "recorded"), owner, given, call.signal);
  return "";
}
