import assert from "node:assert/strict";
import { parseCidr } from "../../src/address/cidr.ts";
import { findSliceFaults } from "../../src/pool/slice_findings.ts";

/** Findings of slices `CIDR node` of a /24, with these nodes. */
function faults(slices: readonly string[], ...nodes: string[]): string[] {
  const parsed = slices.map((text) => {
    const [range = "", node = ""] = text.split(" ");
    const cidr = parseCidr(range)?.cidr;
    assert(cidr);
    return { node, cidr };
  });
  const stored = [{ name: "net", range: "10.0.0.0/24", slices: parsed }];
  return findSliceFaults({ stored, nodes: nodes.map((name) => ({ name })) }).map(({ kind, message }) =>
    `${kind}: ${message}`
  );
}

Deno.test("findSliceFaults finds nothing if every node has its own slice", () => {
  assert.deepEqual(faults(["10.0.0.0/26 a", "10.0.0.64/26 b", "10.0.0.128/26"], "a", "b"), []);
});

const CASES: readonly (readonly [string, readonly string[], readonly string[], readonly RegExp[]])[] = [
  ["slices that overlap", ["10.0.0.64/26 a", "10.0.0.0/25 b"], ["a", "b"], [
    /^slices-overlap: .*10\.0\.0\.0\/25 of node b and 10\.0\.0\.64\/26 of node a/,
  ]],
  ["every slice inside a wider one", ["10.0.0.0/24 a", "10.0.0.0/26 b", "10.0.0.192/26 c"], ["a", "b", "c"], [
    /^slices-overlap: .*node b/,
    /^slices-overlap: .*node c/,
  ]],
  ["two nodes with one slice", ["10.0.0.0/26 a", "10.0.0.0/26 b"], ["a", "b"], [/^slices-overlap/]],
  ["a slice outside its range", ["10.0.1.0/26 a"], ["a"], [/^slice-outside-range: .*10\.0\.1\.0\/26/]],
  ["a slice of a node that does not exist", ["10.0.0.0/26 a"], [], [/^slice-without-node: .*node a/]],
  ["a node without slice", ["10.0.0.0/26 a"], ["a", "b"], [/^node-without-slice: Node b/]],
];

Deno.test("findSliceFaults reports slices that are not used for allocation, and why", () => {
  const stored = [{ name: "net", range: "10.0.0.0/24", slices: [], refused: "It overlaps" }];
  const [{ kind, message } = { kind: "", message: "" }, ...more] = findSliceFaults({ stored, nodes: [] });
  assert.deepEqual([kind, message, more], [
    "slices-refused",
    "Nothing is allocated from the slices of net: It overlaps",
    [],
  ]);
});

Deno.test("findSliceFaults reports elastic slices that nodes may not take, and why", () => {
  const list = { name: "net", range: "10.0.0.0/24", slices: [] };
  const messages = ([undefined, true, "it is shared"] as const).map((elastic) =>
    findSliceFaults({ stored: [{ ...list, elastic }], nodes: [] }).map(({ kind, message }) => `${kind}: ${message}`)
  );
  assert.deepEqual(messages, [[], [], ["slices-not-elastic: Nodes take no slices of net: it is shared"]]);
});

for (const [what, slices, nodes, expected] of CASES) {
  Deno.test(`findSliceFaults reports ${what}`, () => {
    const found = faults(slices, ...nodes);
    assert.equal(found.length, expected.length, found.join("\n"));
    expected.forEach((pattern, i) => assert.match(found[i] ?? "", pattern));
  });
}
