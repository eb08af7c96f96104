import assert from "node:assert/strict";
import { decide } from "../../src/pool/decide.ts";
import { compareRemembered } from "../../src/pool/restore.ts";
import type { Allocation, Allocations } from "../../src/pool/types.ts";

function entry(address: bigint, who: string): Allocation {
  const [podRef = "", ifName = "", containerId = ""] = who.split("/");
  return { address, podRef, ifName, containerId };
}

const OURS = entry(1n, "a/net1/x");
const CASES: Readonly<Record<string, readonly [present: string | undefined, kind: string]>> = {
  "a free address": [undefined, "restored"],
  "its own entry": ["a/net1/x", "present"],
  "a newer sandbox's entry": ["a/net1/y", "present"],
  "an old entry without an interface": ["a//x", "present"],
  "another interface's entry": ["a/net2/x", "duplicate"],
  "another pod's entry": ["b/net1/x", "duplicate"],
};

for (const [title, [present, kind]] of Object.entries(CASES)) {
  Deno.test(`restore at ${title} returns ${kind} and overwrites nothing`, () => {
    const stored: Allocations = new Map(present === undefined ? [] : [[1n, entry(1n, present)]]);
    const { changes, outcomes } = decide(stored, [{ kind: "restore", allocation: OURS }]);
    assert.equal(outcomes[0]?.kind, kind);
    assert.deepEqual(changes, kind === "restored" ? [{ address: 1n, after: OURS }] : []);
    const { lost, duplicates } = compareRemembered(stored, [OURS]);
    assert.deepEqual([lost.length, duplicates.length], [Number(kind === "restored"), Number(kind === "duplicate")]);
  });
}

Deno.test("restore adds no entry to a closed pool", () => {
  const { changes, outcomes } = decide(
    new Map(),
    [{ kind: "restore", allocation: OURS }],
    { fence: { closed: 2, opened: 1 } },
  );
  assert.deepEqual([changes, outcomes[0]?.kind], [[], "closed"]);
});
