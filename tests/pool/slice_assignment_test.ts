import assert from "node:assert/strict";
import fc from "fast-check";
import { type Cidr, contains, formatCidr, overlap, parseCidr } from "../../src/address/cidr.ts";
import { type AssignmentFacts, assignSlices, type Slice, slicePrefix } from "../../src/pool/slice_assignment.ts";

function cidr(text: string): Cidr {
  const parsed = parseCidr(text);
  assert(parsed, text);
  return parsed.cidr;
}

function plan(
  facts: Partial<AssignmentFacts> & { readonly nodes: readonly string[] },
): { slices: string[]; without: readonly string[] } {
  const { slices, without } = assignSlices({
    range: cidr("10.0.0.0/24"),
    prefix: 26,
    current: [],
    inUse: () => false,
    ...facts,
  });
  return { slices: slices.map(({ node, cidr }) => `${node || "-"} ${formatCidr(cidr)}`), without };
}

const slice = (node: string, text: string): Slice => ({ node, cidr: cidr(text) });

Deno.test("slicePrefix reads both spellings and refuses invalid sizes", () => {
  const range = cidr("10.0.0.0/24");
  assert.deepEqual(["/26", "26", "24", "32"].map((size) => slicePrefix(size, range)), [26, 26, 24, 32]);
  assert.deepEqual(
    ["/22", "33", "x", "", "/-1", "2 6", "1000"].map((size) => slicePrefix(size, range)),
    new Array(7).fill(undefined),
  );
  assert.equal(slicePrefix("/72", cidr("fd00::/64")), 72);
});

Deno.test("assignSlices assigns the lowest slices to nodes by name, and lists the free ones", () => {
  assert.deepEqual(plan({ nodes: ["b", "a"] }), {
    slices: ["a 10.0.0.0/26", "b 10.0.0.64/26", "- 10.0.0.128/26", "- 10.0.0.192/26"],
    without: [],
  });
});

Deno.test("assignSlices lists the nodes that get no slice", () => {
  assert.deepEqual(plan({ nodes: ["a", "b", "c", "d", "e"] }).without, ["e"]);
});

Deno.test("assignSlices keeps assigned slices, and reassigns those of deleted nodes in the same pass", () => {
  const current = [
    slice("b", "10.0.0.0/26"),
    slice("gone", "10.0.0.64/26"),
    slice("c", "10.0.0.128/26"),
    slice("d", "10.0.0.192/26"),
  ];
  assert.deepEqual(plan({ nodes: ["a", "b", "c", "d"], current }).slices, [
    "b 10.0.0.0/26",
    "a 10.0.0.64/26",
    "c 10.0.0.128/26",
    "d 10.0.0.192/26",
  ]);
});

Deno.test("assignSlices does not reassign the slice of a deleted node while addresses of it are allocated", () => {
  const current = [slice("gone", "10.0.0.0/26")];
  const held = plan({ nodes: ["a"], current, inUse: ({ node }) => node === "gone" });
  assert.deepEqual(held.slices.slice(0, 2), ["gone 10.0.0.0/26", "a 10.0.0.64/26"]);
});

Deno.test("assignSlices divides the range again when the size changes, around slices in use", () => {
  const current = [slice("a", "10.0.0.0/26"), slice("b", "10.0.0.64/26")];
  const changed = plan({ nodes: ["a", "b"], prefix: 25, current, inUse: ({ node }) => node === "b" });
  assert.deepEqual(changed, { slices: ["b 10.0.0.64/26", "a 10.0.0.128/25"], without: [] });
});

Deno.test("assignSlices never drops a slice in use, whatever the range is, and assigns its node one inside the range", () => {
  const current = [slice("a", "192.168.0.0/26"), slice("b", "192.168.0.64/26"), slice("a", "fd00::/80")];
  const inUse = ({ node }: Slice) => node === "a";
  assert.deepEqual(plan({ nodes: ["a", "b"], current, inUse }).slices, [
    "a 10.0.0.0/26",
    "b 10.0.0.64/26",
    "- 10.0.0.128/26",
    "- 10.0.0.192/26",
    "a 192.168.0.0/26",
    "a fd00::/80",
  ]);
});

Deno.test("assignSlices skips occupied slices, and slices without an address to allocate", () => {
  const at = (text: string) => cidr(text).base;
  const occupied = [{ first: at("10.0.0.66/32"), last: at("10.0.0.66/32") }, {
    first: at("10.0.0.0/32"),
    last: at("10.0.0.3/32"),
  }];
  assert.deepEqual(plan({ nodes: ["a"], occupied }).slices[0], "a 10.0.0.128/26");
  const next = (from: bigint) => from <= at("10.0.0.200/32") ? at("10.0.0.200/32") : undefined;
  assert.deepEqual(plan({ nodes: ["a", "b"], next }), { slices: ["a 10.0.0.192/26"], without: ["b"] });
});

Deno.test("assignSlices divides IPv6, and a /8 into /27 without listing half a million slices", () => {
  assert.deepEqual(plan({ nodes: ["a"], range: cidr("fd00::/64"), prefix: 66 }).slices[0], "a fd00::/66");
  assert.deepEqual(plan({ nodes: ["a", "b"], range: cidr("10.0.0.0/8"), prefix: 27 }).slices, [
    "a 10.0.0.0/27",
    "b 10.0.0.32/27",
  ]);
});

Deno.test("assignSlices never assigns overlapping slices, keeps every slice inside the range, and is stable", () => {
  const nodes = fc.uniqueArray(fc.constantFrom<string[]>("a", "b", "c", "d", "e", "f", "g", "h"), { maxLength: 8 });
  const step = fc.record({ nodes, prefix: fc.integer({ min: 25, max: 29 }), busy: nodes });
  fc.assert(fc.property(fc.array(step, { maxLength: 6 }), (steps) => {
    const range = cidr("10.0.0.0/24");
    let current: readonly Slice[] = [];
    for (const { nodes, prefix, busy } of steps) {
      const facts = { range, prefix, nodes, current, inUse: ({ node }: Slice) => busy.includes(node) };
      const { slices, without } = assignSlices(facts);
      for (const [i, a] of slices.entries()) {
        assert(contains(range, { family: 4, value: a.cidr.base }));
        for (const b of slices.slice(i + 1)) {
          assert(!overlap(a.cidr, b.cidr), `${formatCidr(a.cidr)} and ${formatCidr(b.cidr)}`);
        }
      }
      for (const node of nodes) {
        assert.equal(slices.filter((one) => one.node === node).length, without.includes(node) ? 0 : 1);
      }
      for (const one of current) {
        if (one.node !== "" && busy.includes(one.node)) {
          assert(slices.some((now) => now.node === one.node && overlap(now.cidr, one.cidr)));
        }
      }
      assert.deepEqual(assignSlices({ ...facts, current: slices }).slices, slices);
      current = slices;
    }
  }));
});

Deno.test("assignSlices lets a node keep several elastic slices until they are idle, but never takes its last one", () => {
  const current = [
    slice("a", "10.0.0.0/26"),
    slice("a", "10.0.0.64/26"),
    slice("b", "10.0.0.128/26"),
    slice("b", "10.0.0.192/26"),
  ];
  const idle = (...texts: string[]) => (one: Slice) => texts.includes(formatCidr(one.cidr));
  const of = (isIdle: (one: Slice) => boolean, used: readonly string[] = []) =>
    plan({ nodes: ["a", "b"], current, isIdle, inUse: (one) => used.includes(formatCidr(one.cidr)) }).slices;
  const all = ["a 10.0.0.0/26", "a 10.0.0.64/26", "b 10.0.0.128/26", "b 10.0.0.192/26"];
  assert.deepEqual(of(idle()), all);
  assert.deepEqual(of(idle("10.0.0.0/26")), ["- 10.0.0.0/26", ...all.slice(1)]);
  assert.deepEqual(of(idle("10.0.0.0/26", "10.0.0.64/26")), [all[0], "- 10.0.0.64/26", ...all.slice(2)]);
  assert.deepEqual(of(idle("10.0.0.0/26", "10.0.0.64/26"), ["10.0.0.64/26"]), ["- 10.0.0.0/26", ...all.slice(1)]);
  assert.deepEqual(of(idle("10.0.0.0/26"), ["10.0.0.0/26"]), all, "a slice in use stays, whatever was found before");
  assert.deepEqual(plan({ nodes: ["a", "b"], current }).slices, [all[0], "- 10.0.0.64/26", all[2], "- 10.0.0.192/26"]);
  assert.deepEqual(plan({ nodes: ["a"], current, isIdle: idle() }).slices, [
    ...all.slice(0, 2),
    "- 10.0.0.128/26",
    "- 10.0.0.192/26",
  ]);
});

Deno.test("assignSlices lists 64 free elastic slices of a range that has too many to list", () => {
  const facts = { range: cidr("10.0.0.0/8"), prefix: 24, nodes: ["a"] };
  assert.equal(plan(facts).slices.length, 1);
  const { slices } = plan({ ...facts, isIdle: () => false });
  assert.deepEqual([slices.length, slices[1], slices.at(-1)], [65, "- 10.0.1.0/24", "- 10.0.64.0/24"]);
});
