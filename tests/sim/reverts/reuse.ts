/**
 * When released addresses are allocated again.
 *
 * @module
 */
import { editsOf } from "../../support/edited.ts";
import type { Revert } from "./revert.ts";

const FIND_LONGEST = " ?? reuse.resting().find(isOpen)";

/** All reverts of rests and rotation. */
export const REUSE: readonly Revert[] = ([
  [
    "a released address does not rest",
    editsOf("src/pool/reuse.ts", ["rest !== undefined && this.#isYoung(rest)", "false"]),
  ],
  [
    "an address that DEL releases by the node's record does not rest",
    editsOf("src/journal/release.ts", ["withRests(record.entries, rests)", "record.entries"]),
  ],
  [
    "an address that is released by its record, or by a sweep, does not rest",
    editsOf("src/pool/free.ts", [
      "for (const allocation of present) draft.release(allocation, reuseAfter);",
      "for (const { address } of present) draft.set(address, undefined);",
    ]),
  ],
  [
    "an address does not return to its pod",
    editsOf("src/pool/assign.ts", ["reuse.formerOf(owner).find(isFree) ?? ", ""]),
  ],
  ["no pod starts while all free addresses rest", editsOf("src/pool/assign.ts", [FIND_LONGEST, ""])],
  [
    "not the longest rested address is allocated",
    editsOf("src/pool/assign.ts", [FIND_LONGEST, " ?? reuse.resting().toReversed().find(isOpen)"]),
  ],
  [
    "a release by a clock that is ahead counts as one in the future",
    editsOf("src/pool/reuse.ts", ["rest.since > this.#now ? { ...rest, since: this.#now } : rest", "rest"]),
  ],
  [
    "a change of a pool forgets its rests",
    editsOf("src/pool/reuse.ts", ["for (const [address, rest] of stored?.rests ?? []) this.#set(address, rest);", ""]),
  ],
  [
    "an agent forgets the rests of a pool that it has written",
    editsOf("drivers/kubernetes/pools.ts", ["fence, reuse ?? present);", "fence, reuse);"]),
  ],
  [
    "a rotation does not continue after the last address",
    editsOf("src/pool/draft.ts", ["if (found !== undefined) this.reuse.last = found;", ""]),
  ],
] as const).map(([name, edits]) => ({ name, edits, world: "reuse" }));
