/**
 * Decides which addresses a release or revert frees, and which entries stay without the sandbox.
 *
 * @module
 */
import type { Draft } from "./draft.ts";
import { detach, isFormer, withoutFormer } from "./kept.ts";
import type { ReleaseOutcome, ReleaseRequest, RevertRequest } from "./requests.ts";
import { type Allocation, type Change, sameEntry } from "./types.ts";

/** Whether a release of this sandbox's interface concerns the allocation. Records without an interface name are older than v0.8. */
export function isReleasedBy(
  { containerId, ifName }: Allocation,
  sandbox: Omit<ReleaseRequest, "kind">,
): boolean {
  return containerId === sandbox.containerId && (ifName === sandbox.ifName || ifName === "");
}

/**
 * Frees every address of the sandbox's interface, lowest first. An entry with a keeper stays: it names its former sandbox again, or none. An
 * entry that names the sandbox as its former one forgets it.
 */
export function free(draft: Draft, request: ReleaseRequest): ReleaseOutcome {
  const allocations: Allocation[] = [];
  const detached: Change[] = [];
  const concerned = [...draft.all()].filter((entry) => isReleasedBy(entry, request) || isFormer(entry, request));
  for (const before of concerned.sort((a, b) => (a.address < b.address ? -1 : 1))) {
    const { address } = before;
    const after = isReleasedBy(before, request) ? detach(before) : withoutFormer(before);
    draft.set(address, after);
    if (after) detached.push({ address, before, after });
    else allocations.push(before);
  }
  return { kind: "released", allocations, ...(detached.length > 0 && { detached }) };
}

/** Undoes changes, last one first, where the address still has the allocation that the change wrote. */
export function revert(draft: Draft, { changes }: RevertRequest): Allocation[] {
  const freed: Allocation[] = [];
  for (const { address, before, after } of changes.toReversed()) {
    const present = draft.get(address);
    if (!present || !after || !sameEntry(present, after)) continue;
    draft.set(address, before);
    if (!before) freed.push(present);
  }
  return freed;
}
