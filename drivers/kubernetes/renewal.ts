/**
 * Waiting for credentials that the API server accepts. Loaded when it does not accept those there are.
 *
 * @module
 */
import type { World } from "../../src/world/world.ts";
import type { Access } from "./transport.ts";

/**
 * Milliseconds between two looks, and how long it is looked. Whoever keeps the credentials fresh may be starting itself: in an update of the
 * DaemonSet, the token of the pod that went is void before its successor has written its own.
 */
const EVERY = 250;
const MOST = 8_000;

/** Looks for other credentials: at once, and where a token was used, for some seconds. Rejects when the signal aborts. */
export async function isRenewed(
  look: () => Promise<boolean>,
  { token }: Access,
  sleep: World["sleep"],
  signal: AbortSignal,
): Promise<boolean> {
  for (let waited = 0;; waited += EVERY) {
    if (await look()) return true;
    if (token === undefined || waited >= MOST) return false;
    await sleep(EVERY, signal);
  }
}
