/**
 * What is taken back from whom.
 *
 * @module
 */
import type { Draft } from "./draft.ts";
import type { ReleaseRequest, RevertRequest } from "./requests.ts";
import { type Allocation, sameOwner } from "./types.ts";

/** Whether a release of this sandbox's interface means the allocation. Records without an interface name are older than v0.8. */
export function isReleasedBy(held: Allocation, { containerId, ifName }: Omit<ReleaseRequest, "kind">): boolean {
  return held.containerId === containerId && (held.ifName === ifName || held.ifName === "");
}

/** Frees every address of the sandbox's interface, lowest first. Nothing there is nothing to free. */
export function free(draft: Draft, request: ReleaseRequest): Allocation[] {
  const held = [...draft.all()].filter((allocation) => isReleasedBy(allocation, request))
    .sort((a, b) => (a.address < b.address ? -1 : 1));
  for (const allocation of held) draft.set(allocation.address, undefined);
  return held;
}

/** Undoes changes, last one first, where the address still holds what the change put there. */
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
