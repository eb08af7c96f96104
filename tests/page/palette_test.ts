import assert from "node:assert/strict";
import { legendOf } from "../../page/palette.ts";
import type { EntryRow } from "../../src/ui/types.ts";

function entry(pod: string, node = "", state = 0): EntryRow {
  return [1, state, pod, "net1", node, "c", ""];
}

Deno.test("a legend counts states, namespaces or nodes, the largest first", () => {
  const entries = [entry("b/x", "n1"), entry("a/y", "n1", 4), entry("a/z"), entry("")];
  const short = (by: "state" | "namespace" | "node") =>
    legendOf(entries, by).map(({ name, count }) => `${name} ${count}`);
  assert.deepEqual(short("state"), ["used 3", "leaked 1"]);
  assert.deepEqual(short("namespace"), ["a 2", "b 1", "without a pod 1"]);
  assert.deepEqual(short("node"), ["n1 2", "unknown node 2"]);
});

Deno.test("ten namespaces have a colour of their own, and the rest share one", () => {
  const entries = Array.from({ length: 25 }, (_, i) => entry(`ns${i}/x`));
  const colours = legendOf(entries, "namespace").map(({ colour }) => colour);
  assert.equal(new Set(colours.slice(0, 10)).size, 10);
  assert.deepEqual([...new Set(colours.slice(10))], ["--hue-rest"]);
});
