import assert from "node:assert/strict";
import { formatCidr, usable } from "../../src/address/cidr.ts";
import type { Fence } from "../../src/pool/fence.ts";
import type { SlicedRange, SliceGroup } from "../../src/pool/slice_networks.ts";
import { type GroupFacts, planGroup, type StoredPlan } from "../../src/pool/slice_plan.ts";
import { type SlicePoolFacts, SlicePools } from "../../src/pool/slice_pools.ts";
import type { Slice } from "../../src/pool/slice_assignment.ts";
import { formatPoolKey } from "../../src/pool/types.ts";
import { cidr } from "./pools.ts";

function group(range = "10.0.0.0/28", prefix = 30, reserves = true): SliceGroup {
  const whole = cidr(range);
  const member: SlicedRange = {
    by: "p/net",
    network: "",
    name: "net",
    size: `/${prefix}`,
    prefix,
    reserves,
    range: { cidr: whole, ...usable(whole), excludes: [] },
  };
  return { network: "", cidr: whole, prefix, reserves, members: [member] };
}

const slice = (text: string): Slice => {
  const [node = "", range = ""] = text.split(" ");
  return { node, cidr: cidr(range) };
};
const list = (epoch: number, ...slices: string[]): StoredPlan => ({ epoch, slices: slices.map(slice) });

function pool(text: string, count: number, fence?: Fence): SlicePoolFacts {
  const { node, cidr } = slice(text);
  const addresses = Array.from({ length: count }, (_, i) => cidr.base + BigInt(i));
  const owner = { podRef: "default/p", ifName: "net1", containerId: "c" };
  const allocations = new Map(addresses.map((address) => [address, { address, ...owner }]));
  return { key: { network: "", cidr, ...(node && { node }) }, allocations, ...(fence && { fence }) };
}

function plan(
  stored: readonly StoredPlan[],
  nodes: readonly string[],
  pools: readonly SlicePoolFacts[],
  more: Partial<GroupFacts> = {},
) {
  const names = new Set([...nodes, ...stored.flatMap(({ slices }) => slices.map(({ node }) => node)), "gone"]);
  const made = planGroup({
    group: group(),
    nodes,
    stored,
    pools: new SlicePools(pools, { nodes: names, networks: new Set([""]) }),
    closed: [],
    ...more,
  });
  return {
    epoch: made.epoch,
    without: made.without,
    given: made.slices.filter(({ node }) => node !== "").map(({ node, cidr }) => `${node} ${formatCidr(cidr)}`),
    close: made.close.map(({ key, closed }) => `${formatPoolKey(key)} ${closed}`),
    open: made.open.map(({ pool }) => formatPoolKey(pool.key)),
  };
}

Deno.test("planGroup closes the pool of a node that loses its slice, in a new epoch, even if the pool does not exist", () => {
  const stored = [list(4, "gone 10.0.0.0/30", "a 10.0.0.4/30")];
  const expected = {
    given: ["b 10.0.0.0/30", "a 10.0.0.4/30"],
    close: ["gone/10.0.0.0/30 5"],
    open: [],
    epoch: 5,
    without: [],
  };
  assert.deepEqual(plan(stored, ["a", "b"], []), expected);
  assert.deepEqual(plan(stored, ["a", "b"], [pool("gone 10.0.0.0/30", 0)]), expected);
});

Deno.test("planGroup keeps a slice whose pool has allocations, and does nothing if nothing changed", () => {
  const stored = [list(4, "gone 10.0.0.0/30", "a 10.0.0.4/30")];
  const { given, close, epoch } = plan(stored, ["a"], [pool("gone 10.0.0.0/30", 1)]);
  assert.deepEqual([given, close, epoch], [["gone 10.0.0.0/30", "a 10.0.0.4/30"], [], 4]);
});

Deno.test("planGroup keeps a slice in use that only an older list names", () => {
  const stored = [list(7, "a 192.168.0.0/30"), list(5, "a 10.0.0.0/30", "b 10.0.0.4/30")];
  const { given, close } = plan(stored, ["a", "b"], [pool("a 10.0.0.0/30", 1)]);
  assert.deepEqual(given, ["a 10.0.0.0/30", "b 10.0.0.4/30"]);
  assert(!close.some((one) => one.startsWith("a/10.0.0.0/30")), close.join());
});

Deno.test("planGroup closes a closed pool again, so that an earlier opening has no effect", () => {
  const stored = [list(4, "gone 10.0.0.0/30")];
  const closed = pool("gone 10.0.0.0/30", 0, { closed: 3, opened: 0 });
  assert.deepEqual(plan(stored, ["a"], [closed]).close, ["gone/10.0.0.0/30 5"]);
});

Deno.test("planGroup reopens the closed pool of a slice that is assigned again, in a later epoch", () => {
  const back = pool("a 10.0.0.0/30", 0, { closed: 9, opened: 2 });
  assert.deepEqual(plan([list(9)], ["a"], [back]), {
    given: ["a 10.0.0.0/30"],
    close: [],
    open: ["a/10.0.0.0/30"],
    epoch: 10,
    without: [],
  });
  // its writer crashed after it wrote the list and before it opened the pool
  const written = plan([list(10, "a 10.0.0.0/30")], ["a"], [back]);
  assert.deepEqual([written.open, written.epoch], [["a/10.0.0.0/30"], 10]);
  // its writer crashed before it wrote the list: the pool is closed in the next epoch
  const planned = plan([list(8, "a 10.0.0.0/30")], ["a"], [back]);
  assert.deepEqual([planned.open, planned.epoch], [["a/10.0.0.0/30"], 10]);
});

Deno.test("planGroup assigns no slice that overlaps a pool of the domain with allocations, listed or not", () => {
  const held = pool("gone 10.0.0.0/30", 1);
  assert.deepEqual(plan([list(1)], ["a"], [held]).given, ["a 10.0.0.4/30"]);
  const unclear = {
    ...held,
    key: {
      network: "vanished",
      cidr: cidr("10.0.0.0/30"),
      otherReadings: [{ network: "", node: "vanished", cidr: cidr("10.0.0.0/30") }],
    },
  };
  assert.deepEqual(plan([list(1)], ["a"], [unclear]).given, ["a 10.0.0.4/30"]);
  const wider = pool("gone 10.0.0.0/29", 1);
  assert.deepEqual(plan([list(1)], ["a"], [wider]).given, ["a 10.0.0.8/30"]);
  const whole = pool(" 10.0.0.0/28", 6); // to 10.0.0.5
  assert.deepEqual(plan([list(1)], ["a"], [whole], { group: group("10.0.0.0/28", 30, false) }).given, [
    "a 10.0.0.8/30",
  ]);
  assert.deepEqual(plan([list(1)], ["a"], [whole]).given, ["a 10.0.0.0/30"]); // reservations prevent duplicates
});

Deno.test("planGroup closes every open pool that overlaps an assigned slice", () => {
  const others = [pool("b 10.0.0.0/29", 0), pool("b 10.0.0.12/30", 0), pool("gone 10.0.0.8/30", 0)];
  const { close, given } = plan([list(1, "b 10.0.0.12/30")], ["a", "b"], others);
  assert.deepEqual(given, ["a 10.0.0.0/30", "b 10.0.0.12/30"]);
  assert.deepEqual(close.sort(), ["b/10.0.0.0/29 2", "gone/10.0.0.8/30 2"]);
});

Deno.test("planGroup closes the range's own pool before it assigns slices, unless reservations prevent duplicates", () => {
  const bare = { group: group("10.0.0.0/28", 30, false) };
  assert.deepEqual(plan([], ["a"], [], bare).close, ["10.0.0.0/28 1"]);
  const closed = pool(" 10.0.0.0/28", 0, { closed: 1, opened: 0 });
  assert.deepEqual(plan([list(1, "a 10.0.0.0/30")], ["a"], [closed], bare).close, []);
});

Deno.test("planGroup uses the list of the latest epoch, and closes pools that only other lists name", () => {
  const stored = [list(6, "a 10.0.0.0/30"), list(5, "b 10.0.0.0/30")];
  const { given, close } = plan(stored, ["a", "b"], []);
  assert.deepEqual([given, close], [["a 10.0.0.0/30", "b 10.0.0.4/30"], ["b/10.0.0.0/30 7"]]);
});

Deno.test("planGroup merges the lists of another controller: slices in use stay, the other pools are closed", () => {
  const stored = [list(0, "a 10.0.0.0/30", "b 10.0.0.4/30"), list(0, "b 10.0.0.0/30", "a 10.0.0.4/30")];
  const { given, close } = plan(stored, ["a", "b"], [pool("b 10.0.0.0/30", 1), pool("a 10.0.0.4/30", 1)]);
  assert.deepEqual(given, ["b 10.0.0.0/30", "a 10.0.0.4/30"]);
  assert.deepEqual(close.sort(), ["a/10.0.0.0/30 1", "b/10.0.0.4/30 1"]);
});

Deno.test("planGroup recovers a lost list from the pools, and continues their epochs", () => {
  const pools = [
    pool("b 10.0.0.4/30", 1, { closed: 7, opened: 8 }),
    pool("a 10.0.0.12/30", 0),
    pool("a 10.0.0.8/30", 0, { closed: 5, opened: 0 }),
  ];
  const { given, epoch, open } = plan([], ["a", "b"], pools);
  assert.deepEqual([given, epoch, open], [["b 10.0.0.4/30", "a 10.0.0.12/30"], 9, []]);
});

Deno.test("planGroup assigns and closes nothing if the pools were not read", () => {
  const { close, open, epoch } = plan([list(4, "a 10.0.0.0/30")], ["a"], [], { pools: undefined });
  assert.deepEqual([close, open, epoch], [[], [], 4]);
});

Deno.test("planGroup closes what overlaps a free slice before nodes may take it, and the pool of a slice that a node loses", () => {
  const stored = [list(3, "a 10.0.0.0/30", "a 10.0.0.4/30", " 10.0.0.8/30", " 10.0.0.12/30")];
  const pools = [pool("a 10.0.0.0/30", 1), pool("a 10.0.0.4/30", 0), pool("a 10.0.0.8/30", 0)];
  const idle = (one: Slice) => formatCidr(one.cidr) === "10.0.0.4/30";
  assert.deepEqual(plan(stored, ["a"], pools, { isIdle: idle }), {
    epoch: 4,
    without: [],
    given: ["a 10.0.0.0/30"],
    close: ["a/10.0.0.4/30 4", "a/10.0.0.8/30 4"],
    open: [],
  });
  assert.deepEqual(plan(stored, ["a"], pools.slice(0, 2), { isIdle: () => false }), {
    epoch: 3,
    without: [],
    given: ["a 10.0.0.0/30", "a 10.0.0.4/30"],
    close: [],
    open: [],
  });
});

Deno.test("planGroup opens a closed pool whose slice its node has taken, in a later epoch", () => {
  const stored = [list(5, "a 10.0.0.0/30", "a 10.0.0.4/30", " 10.0.0.8/30", " 10.0.0.12/30")];
  const pools = [pool("a 10.0.0.4/30", 0, { closed: 5, opened: 2 })];
  const { epoch, open } = plan(stored, ["a"], pools, { isIdle: () => false });
  assert.deepEqual([epoch, open], [6, ["a/10.0.0.4/30"]]);
});
