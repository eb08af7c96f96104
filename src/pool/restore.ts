/**
 * Entries that the store lost and whose owners still live.
 *
 * @module
 */
import type { Draft } from "./draft.ts";
import type { RestoreOutcome, RestoreRequest } from "./requests.ts";
import type { Allocation, Allocations } from "./types.ts";

/** What a pool says about the entries that an owner remembers. */
export interface Remembered {
  /** Their address is free: the entry was lost. */
  readonly lost: readonly Allocation[];
  /** Their address is somebody else's by now: two owners use it. */
  readonly duplicates: readonly { readonly allocation: Allocation; readonly holder: Allocation }[];
}

/** Compares remembered entries with a pool. An entry of the same interface is right, whichever sandbox it names: a newer one took it over. */
export function compareRemembered(present: Allocations, remembered: Iterable<Allocation>): Remembered {
  const lost: Allocation[] = [];
  const duplicates: { allocation: Allocation; holder: Allocation }[] = [];
  for (const allocation of remembered) {
    const holder = present.get(allocation.address);
    if (!holder) lost.push(allocation);
    else if (!isOwn(holder, allocation)) duplicates.push({ allocation, holder });
  }
  return { lost, duplicates };
}

/** Puts an entry back where its address is free. What is there is never overwritten. */
export function restore(draft: Draft, { allocation }: RestoreRequest): RestoreOutcome {
  const holder = draft.get(allocation.address);
  if (!holder) {
    draft.set(allocation.address, allocation);
    return { kind: "restored" };
  }
  return isOwn(holder, allocation) ? { kind: "present" } : { kind: "duplicate", holder };
}

/** Records of old releases name no interface. */
function isOwn(holder: Allocation, { podRef, ifName }: Allocation): boolean {
  return holder.podRef === podRef && (holder.ifName === ifName || holder.ifName === "");
}
