/**
 * What nobody can keep apart beside plugins of the original.
 *
 * The original takes a reservation of its pod's name for its own and leaves it as it is, so a DEL that is between its two writes deletes it.
 * Its address may then be another pod's too, and the original's DEL deletes that one's reservation unchecked.
 *
 * @module
 */
import type { PodSandbox } from "./pod.ts";
import { canonical } from "./promises.ts";

/**
 * Whether the reservation of a sandbox that has its addresses now may be deleted while it lives.
 *
 * @param releasing the podRefs of the DELs that are under way
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
    one !== sandbox && one.exposed && one.state !== "gone" && one.network.domain === domain &&
    one.addresses.some((text) => own.has(canonical(text)))
  );
}
