/**
 * STATUS: reports whether the plugin can serve ADD.
 *
 * @module
 */
import { isRecorded } from "../../pool/reuse.ts";
import { refuseUnrecorded } from "../../ipam/errors.ts";
import { configureRequest, refuseWithoutJournal, type RequestContext, sliced } from "../context.ts";
import { CniError, CODES, toCniError } from "../error.ts";
import { refuseBesideOriginal, refuseUnkept } from "../keeper.ts";

/**
 * Serves STATUS.
 *
 * @throws {CniError} code 7: the configuration is invalid; code 50: the store is unavailable, outdated or lacks what the network requires, this
 *   node has no slice, or a controller of the original would free the addresses that the network keeps
 */
export async function status(context: RequestContext): Promise<string> {
  try {
    const { config, log } = await configureRequest(context);
    await using ipam = await context.host.open(config, log, context.signal);
    refuseWithoutJournal(context, config);
    refuseUnrecorded(ipam.driver, config);
    refuseUnkept(ipam.driver, config);
    await ipam.driver.status(context.signal, config.overlapping, config.ranges.some(isRecorded));
    await sliced(context, ipam, config);
    await refuseBesideOriginal(ipam, config, context.signal);
    return "";
  } catch (error) {
    const { code, message, details } = toCniError(error);
    if (code === CODES.config) throw error;
    throw new CniError(CODES.notAvailable, `ADD cannot be served now: ${message}`, details);
  }
}
