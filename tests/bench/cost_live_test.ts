import assert from "node:assert/strict";
import { textOf } from "../documents.ts";
import { makeKube, namespaceOf } from "../support/kube.ts";
import { COST_HEAD, costCells, costs } from "./cost.ts";

/** Columns that the document promises: the bytes depend on names and certificates. */
const HELD = 4;

/** A cell with its requests in alphabetical order: an agent sends those of two ranges at the same time. */
function ordered(cell: string): string {
  const [count = "", verbs = ""] = cell.split(": ");
  return `${count}: ${verbs.split(", ").toSorted().join(", ")}`;
}

Deno.test("docs/performance.md has the requests of ADD and DEL, which do not depend on the size of the pool", async () => {
  await using kube = await makeKube();
  const rows = textOf("docs/performance.md").split("\n").filter((line) => line.startsWith("|"))
    .map((line) => line.split("|").slice(1, -1).map((cell) => cell.trim()));
  const head = rows.findIndex(([first, second]) => first === COST_HEAD[0] && second === COST_HEAD[1]);
  assert(head >= 0, "the table of requests");
  for (const size of [0, 1_000]) {
    const measured = (await costs(() => namespaceOf(kube), size)).map(costCells);
    const promised = rows.slice(head + 2, head + 2 + measured.length);
    assert.deepEqual(
      promised.map((cells) => cells.slice(0, HELD).map(ordered)),
      measured.map((cells) => cells.slice(0, HELD).map(ordered)),
      `pools of ${size}`,
    );
  }
});
