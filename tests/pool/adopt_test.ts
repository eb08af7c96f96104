import assert from "node:assert/strict";
import { adopt } from "../../src/pool/adopt.ts";
import type { Allocation } from "../../src/pool/types.ts";

function held(address: number, containerId: string): Allocation {
  return { address: BigInt(address), podRef: "", ifName: "", containerId };
}

Deno.test("adopt writes missing entries, keeps existing ones, and overwrites none", () => {
  const present = new Map([held(1, "a"), held(2, "b")].map((entry) => [entry.address, entry]));
  const adoption = adopt(present, [held(1, "a"), held(2, "x"), held(3, "c")]);
  assert.deepEqual(adoption.changes, [{ address: 3n, after: held(3, "c") }]);
  assert.deepEqual(adoption.kept, [held(1, "a")]);
  assert.deepEqual(adoption.conflicts, [{ allocation: held(2, "x"), holder: held(2, "b") }]);
});

Deno.test("adopt writes nothing when it is repeated", () => {
  const entries = [held(1, "a"), held(2, "b")];
  const { changes, kept, conflicts } = adopt(new Map(entries.map((entry) => [entry.address, entry])), entries);
  assert.deepEqual([changes, kept, conflicts], [[], entries, []]);
});
