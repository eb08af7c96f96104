/**
 * When the addresses of a pool are allocated again: rests of released addresses, and the position of a rotation.
 *
 * A pool records both, because they must survive restarts and hold for every node. Whoever releases an address writes the time of its own
 * clock. A time in the future counts as now and is corrected by the next change of the pool, so that a rest is shorter or longer than
 * configured by at most the difference between the clocks of two nodes.
 *
 * @module
 */
import type { IpRange } from "../address/range.ts";
import { type Owner, type Rest, sameInterface } from "./types.ts";

/** What a pool records about the reuse of its addresses. */
export interface Reuse {
  /** Milliseconds for which a released address rests (`reuse_after`). Absent: addresses do not rest. */
  readonly after?: number;
  /** The address that was allocated last in the order `rotate`. Absent: none was. */
  readonly last?: bigint;
  /** The rests, by address. Those that have ended, and those of allocated addresses, have no effect. */
  readonly rests: ReadonlyMap<bigint, Rest>;
}

/** The settings of the range from which an address is allocated. */
type ReuseSettings = Pick<IpRange, "order" | "reuseAfter">;

/**
 * Max rests that a pool records; those that started first are dropped. With the longest names of pods and interfaces they take 450 kB, usually
 * 120 kB, of the 1.5 MB that an object may have. A release replaces an entry by a rest, which is shorter, so only allocations let a pool
 * grow, and each of them applies this limit.
 */
export const MAX_RESTS = 1_000;

/** Whether pools must record something for these settings. */
export function isRecorded({ order = "lowest", reuseAfter }: ReuseSettings): boolean {
  return order === "rotate" || reuseAfter !== undefined;
}

/** Whether there is nothing to record. */
export function isEmpty({ after, last, rests }: Reuse): boolean {
  return after === undefined && last === undefined && rests.size === 0;
}

/** Whether two rests are equal. */
function sameRest(a: Rest | undefined, b: Rest | undefined): boolean {
  return a === b || (a !== undefined && b !== undefined && a.since === b.since && sameInterface(a, b));
}

/** The rests that differ, by address. Undefined: the rest is dropped. */
export function changedRests(before: Reuse | undefined, after: Reuse | undefined): Map<bigint, Rest | undefined> {
  const changed = new Map<bigint, Rest | undefined>();
  for (const address of before?.rests.keys() ?? []) if (!after?.rests.has(address)) changed.set(address, undefined);
  for (const [address, rest] of after?.rests ?? []) {
    if (!sameRest(before?.rests.get(address), rest)) changed.set(address, rest);
  }
  return changed;
}

/** The addresses that rest at a time: those that are released, and neither allocated since nor rested long enough. */
export function restingAt(
  reuse: Reuse | undefined,
  now: number,
  isAllocated: (address: bigint) => boolean,
): [bigint, Rest][] {
  const { after = 0, rests = new Map<bigint, Rest>() } = reuse ?? {};
  return [...rests].filter(([address, { since }]) => now - since < after && !isAllocated(address));
}

/** The reuse of a pool during a decision: the recorded one, with the changes made so far. */
export class ReuseDraft {
  readonly #stored: Reuse | undefined;
  readonly #now: number;
  readonly #rests = new Map<bigint, Rest>();
  readonly #ended = new Map<bigint, Rest>();
  #after: number | undefined;
  #last: bigint | undefined;

  /** Starts from the recorded one. `now`: milliseconds since 1970. */
  constructor(stored: Reuse | undefined, now: number) {
    this.#stored = stored;
    this.#now = now;
    this.#after = stored?.after;
    this.#last = stored?.last;
    for (const [address, rest] of stored?.rests ?? []) this.#set(address, rest);
  }

  /** Applies the settings of the network that allocates. Pools whose network has none record nothing. */
  configure({ order, reuseAfter }: ReuseSettings): void {
    this.#after = reuseAfter;
    if (order !== "rotate") this.#last = undefined;
    if (reuseAfter === undefined) this.#rests.clear();
  }

  /** Milliseconds for which a released address rests. */
  get after(): number | undefined {
    return this.#after;
  }

  /** The address that was allocated last in the order `rotate`. */
  get last(): bigint | undefined {
    return this.#last;
  }
  set last(address: bigint) {
    this.#last = address;
  }

  /** Whether the address rests. */
  isResting(address: bigint): boolean {
    const rest = this.#rests.get(address);
    return rest !== undefined && this.#isYoung(rest);
  }

  /** The resting addresses that the owner's interface had, the last released one first. */
  formerOf(owner: Pick<Owner, "podRef" | "ifName">): bigint[] {
    return this.#young().filter(([, rest]) => sameInterface(rest, owner)).map(([address]) => address).toReversed();
  }

  /** All resting addresses, the longest rested one first. */
  resting(): bigint[] {
    return this.#young().map(([address]) => address);
  }

  /** A released address starts to rest, if the pool's addresses do. `reuseAfter`: for a pool that was not read. */
  start(address: bigint, { podRef, ifName }: Owner, reuseAfter: number | undefined): void {
    this.#after ??= reuseAfter;
    this.#set(address, { podRef, ifName, since: this.#now });
  }

  /** Ends the rest of an address that is allocated. */
  end(address: bigint): void {
    const rest = this.#rests.get(address);
    if (!rest) return;
    this.#rests.delete(address);
    this.#ended.set(address, rest);
  }

  /** The rest that an allocation of this decision ended. */
  endedBy(address: bigint): Rest | undefined {
    return this.#ended.get(address);
  }

  /** Continues a rest whose allocation is undone. */
  resume(address: bigint, rest: Rest): void {
    this.#set(address, rest);
  }

  /** What the pool must record. @returns undefined if it records that already */
  change(isAllocated: (address: bigint) => boolean): Reuse | undefined {
    const [after, last] = [this.#after, this.#last];
    const rests = this.#young().filter(([address]) => !isAllocated(address)).slice(-MAX_RESTS);
    const wanted: Reuse = {
      ...(after !== undefined && { after }),
      ...(last !== undefined && { last }),
      rests: new Map(rests),
    };
    const stored = this.#stored;
    if (!stored && isEmpty(wanted)) return undefined;
    const same = stored?.after === after && stored?.last === last && changedRests(stored, wanted).size === 0;
    return same ? undefined : wanted;
  }

  #set(address: bigint, rest: Rest): void {
    if (this.#after === undefined) return;
    this.#rests.set(address, rest.since > this.#now ? { ...rest, since: this.#now } : rest);
  }

  #isYoung({ since }: Rest): boolean {
    return this.#after !== undefined && this.#now - since < this.#after;
  }

  /** The rests that have not ended, in the order in which they started. */
  #young(): [bigint, Rest][] {
    return [...this.#rests].filter(([, rest]) => this.#isYoung(rest))
      .sort(([a, { since }], [b, { since: other }]) => since - other || (a < b ? -1 : 1));
  }
}
