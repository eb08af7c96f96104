/**
 * Decides which addresses a release or revert frees, and which entries stay without the sandbox.
 *
 * @module
 */
import type { Draft } from "./draft.ts";
import { detach, isFormer, withoutFormer } from "./kept.ts";
import type { DropRequest, ReleaseOutcome, ReleaseRequest, RevertRequest } from "./requests.ts";
import { type Allocation, type Change, sameEntry } from "./types.ts";

/** Whether a release of this sandbox's interface concerns the allocation. Records without an interface name are older than v0.8. */
export function isReleasedBy(
  { containerId, ifName }: Allocation,
  sandbox: Pick<ReleaseRequest, "containerId" | "ifName">,
): boolean {
  return containerId === sandbox.containerId && (ifName === sandbox.ifName || ifName === "");
}

/**
 * Frees every address of the sandbox's interface, lowest first; they start to rest. An entry with a keeper stays: it names its former sandbox
 * again, or none. An entry that names the sandbox as its former one forgets it.
 */
export function free(draft: Draft, request: ReleaseRequest): ReleaseOutcome {
  const allocations: Allocation[] = [];
  const detached: Change[] = [];
  const concerned = [...draft.all()].filter((entry) => isReleasedBy(entry, request) || isFormer(entry, request));
  for (const before of concerned.sort((a, b) => (a.address < b.address ? -1 : 1))) {
    const { address } = before;
    const after = isReleasedBy(before, request) ? detach(before) : withoutFormer(before);
    if (after) {
      draft.set(address, after);
      detached.push({ address, before, after });
    } else {
      draft.release(before, request.reuseAfter);
      allocations.push(before);
    }
  }
  return { kind: "released", allocations, ...(detached.length > 0 && { detached }) };
}

/** Frees exactly these allocations, where the address still has them. They start to rest. */
export function drop(draft: Draft, { allocations, reuseAfter }: DropRequest): Allocation[] {
  const present = allocations.map((allocation) => {
    const found = draft.get(allocation.address);
    return found && sameEntry(found, allocation) ? found : undefined;
  }).filter((found) => found !== undefined);
  for (const allocation of present) draft.release(allocation, reuseAfter);
  return present;
}

/**
 * Undoes changes, last one first, where the address still has the allocation that the change wrote. An address that becomes free does not
 * rest, because its owner never received it; a rest that the allocation ended continues.
 */
export function revert(draft: Draft, { changes }: RevertRequest): Allocation[] {
  const freed: Allocation[] = [];
  for (const { address, before, after, rested } of changes.toReversed()) {
    const present = draft.get(address);
    if (!present || !after || !sameEntry(present, after)) continue;
    draft.set(address, before);
    if (before) continue;
    freed.push(present);
    if (rested) draft.reuse.resume(address, rested);
  }
  return freed;
}
