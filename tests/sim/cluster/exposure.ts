/**
 * A race with plugins of the original that our plugin cannot prevent.
 *
 * The original treats any reservation with its pod's name as its own and leaves it unchanged, so a DEL of ours that is between its two writes
 * deletes it. The address may then be allocated to another pod too, and the original's DEL deletes that pod's reservation unchecked.
 *
 * @module
 */
import type { PodSandbox } from "./pod.ts";
import { canonical } from "./promises.ts";

/**
 * Whether the reservation of a sandbox that has its addresses may be deleted while the sandbox is live.
 *
 * @param releasing the podRefs of the DELs in progress
 */
export function isExposed(
  sandbox: PodSandbox,
  isOriginal: boolean,
  sandboxes: readonly PodSandbox[],
  releasing: readonly string[],
): boolean {
  if (isOriginal && !sandbox.reserved && releasing.includes(sandbox.podRef)) return true;
  const { network: { domain } } = sandbox;
  const own = new Set(sandbox.addresses.map(canonical));
  return sandboxes.some((one) =>
    one !== sandbox && one.exposed && one.state !== "released" && one.network.domain === domain &&
    one.addresses.some((text) => own.has(canonical(text)))
  );
}
