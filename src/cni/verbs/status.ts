/**
 * STATUS: whether an ADD would be served now.
 *
 * @module
 */
import { type Call, configure } from "../call.ts";
import { CniError, CODES } from "../error.ts";
import { toCniError } from "../failure.ts";

/** Serves STATUS. */
export async function status(call: Call): Promise<string> {
  try {
    const { config, log } = await configure(call);
    await using ipam = await call.host.open(config, call.world, log, call.signal);
    await ipam.driver.status(call.signal);
    return "";
  } catch (error) {
    const { code, message, details } = toCniError(error);
    if (code === CODES.config) throw error;
    throw new CniError(CODES.notAvailable, `ADD cannot be served now: ${message}`, details);
  }
}
