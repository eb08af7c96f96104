/**
 * Decides which addresses a release or revert frees.
 *
 * @module
 */
import type { Draft } from "./draft.ts";
import type { ReleaseRequest, RevertRequest } from "./requests.ts";
import { type Allocation, sameOwner } from "./types.ts";

/** Whether a release of this sandbox's interface frees the allocation. Records without an interface name are older than v0.8. */
export function isReleasedBy(
  { containerId, ifName }: Allocation,
  sandbox: Omit<ReleaseRequest, "kind">,
): boolean {
  return containerId === sandbox.containerId && (ifName === sandbox.ifName || ifName === "");
}

/** Frees every address of the sandbox's interface, lowest first. */
export function free(draft: Draft, request: ReleaseRequest): Allocation[] {
  const released = [...draft.all()].filter((allocation) => isReleasedBy(allocation, request))
    .sort((a, b) => (a.address < b.address ? -1 : 1));
  for (const { address } of released) draft.set(address, undefined);
  return released;
}

/** Undoes changes, last one first, where the address still has the allocation that the change wrote. */
export function revert(draft: Draft, { changes }: RevertRequest): Allocation[] {
  const freed: Allocation[] = [];
  for (const { address, before, after } of changes.toReversed()) {
    const present = draft.get(address);
    if (!present || !after || !sameOwner(present, after)) continue;
    draft.set(address, before);
    if (!before) freed.push(present);
  }
  return freed;
}
