import assert from "node:assert/strict";
import { type Cidr, parseCidr, usable } from "../../src/address/cidr.ts";
import type { IpRange } from "../../src/address/range.ts";
import {
  changeOf,
  DAY,
  fits,
  fullAt,
  highestRate,
  type PlannedNetwork,
  planRanges,
  RATE_DAYS,
} from "../../src/pool/capacity_plan.ts";
import type { Allocation, PoolKey } from "../../src/pool/types.ts";

function cidr(text: string): Cidr {
  const parsed = parseCidr(text);
  assert(parsed);
  return parsed.cidr;
}

function range(text: string): IpRange {
  return { cidr: cidr(text), ...usable(cidr(text)), excludes: [] };
}

function pool(text: string, offsets: readonly number[], key: Partial<PoolKey> = {}) {
  const own = { network: "", ...key, cidr: cidr(text) };
  const entries = offsets.map((offset): [bigint, Allocation] => {
    const address = own.cidr.base + BigInt(offset);
    return [address, { address, podRef: `default/p${offset}`, ifName: "net1", containerId: `c${offset}` }];
  });
  return { key: own, allocations: new Map(entries) };
}

function network(ranges: readonly string[], more: Partial<PlannedNetwork> = {}): PlannedNetwork {
  return { network: "", ranges: ranges.map(range), reserves: true, ...more };
}

const EMPTY = { pools: [], nodes: [], slices: [] };

Deno.test("planRanges counts what is used in the domain, and what is missing", () => {
  const pools = [pool("10.0.0.0/29", [1, 2]), pool("10.0.0.0/30", [2]), pool("10.0.0.0/29", [3], { network: "other" })];
  const [plan] = planRanges(network(["10.0.0.0/29"]), { pods: 8n, nodes: 0 }, { ...EMPTY, pools });
  assert.deepEqual(plan, { range: "10.0.0.0/29", capacity: 6n, used: 2n, needed: 8n, short: 2n });
  assert.equal(fits([plan]), false);
  assert.equal(fits(planRanges(network(["10.0.0.0/29"]), { pods: 6n, nodes: 0 }, EMPTY)), true);
});

Deno.test("planRanges: a pod needs an address of each range, or with firstAvailable of one of them", () => {
  const needed = (more: Partial<PlannedNetwork>, pods: bigint) =>
    planRanges(network(["10.0.0.0/29", "10.0.1.0/29"], more), { pods, nodes: 0 }, EMPTY).map((one) => [
      one.needed,
      one.short,
    ]);
  assert.deepEqual(needed({}, 8n), [[8n, 2n], [8n, 2n]]);
  assert.deepEqual(needed({ firstAvailable: true }, 8n), [[6n, 0n], [2n, 0n]]);
  assert.deepEqual(needed({ firstAvailable: true }, 14n), [[6n, 0n], [8n, 2n]]);
});

Deno.test("planRanges assigns slices to nodes as the controller would, and finds those that are too small", () => {
  const sliced = network(["10.0.0.0/22"], { slicePrefixes: [24] });
  const plan = (pods: bigint, nodes: number, facts = {}) =>
    planRanges(sliced, { pods, nodes }, { ...EMPTY, ...facts })[0]?.slices;
  assert.deepEqual(plan(400n, 4), { prefix: 24, withoutSlice: 0, perSlice: 254n, perNode: 100n });
  assert.equal(plan(400n, 6)?.withoutSlice, 2);
  assert.equal(
    fits(planRanges(sliced, { pods: 1_000n, nodes: 3 }, EMPTY)),
    false,
    "334 pods on slices of 255 addresses",
  );
  // a node that is gone keeps its slice while its pool has addresses
  const pools = [pool("10.0.0.0/24", [5], { node: "gone" })];
  const slices = [[{ node: "gone", cidr: cidr("10.0.0.0/24") }]];
  assert.equal(plan(10n, 4, { pools, slices, nodes: ["a"] })?.withoutSlice, 1);
});

Deno.test("changeOf names live addresses outside of the new range", () => {
  const pools = [pool("10.0.0.0/28", [1, 12])];
  const { outside, unprotected } = changeOf(network(["10.0.0.0/28"]), network(["10.0.0.0/29"]), { ...EMPTY, pools });
  assert.deepEqual(outside, [{ address: "10.0.0.12", podRef: "default/p12", pool: "10.0.0.0/28" }]);
  assert.deepEqual(unprotected, []);
});

Deno.test("changeOf names live addresses that the changed network could allocate again", () => {
  const facts = { ...EMPTY, pools: [pool("10.0.0.0/28", [1])] };
  const unreserved = (after: string) =>
    changeOf(network(["10.0.0.0/28"]), network([after], { reserves: false }), facts).unprotected.length;
  assert.equal(unreserved("10.0.0.0/24"), 1);
  assert.equal(unreserved("10.0.0.0/28"), 0, "the same pool");
});

Deno.test("changeOf names slices in use that keep their size", () => {
  const sliced = (prefix: number) => network(["10.0.0.0/22"], { slicePrefixes: [prefix] });
  const slices = [[{ node: "a", cidr: cidr("10.0.0.0/24") }, { node: "b", cidr: cidr("10.0.1.0/24") }]];
  const pools = [pool("10.0.0.0/24", [5], { node: "a" })];
  const { slices: kept } = changeOf(sliced(24), sliced(25), { nodes: ["a", "b"], slices, pools });
  assert.deepEqual(kept, [{ node: "a", slice: "10.0.0.0/24" }]);
});

Deno.test("fullAt divides the free addresses by the rate, up to a hundred years", () => {
  assert.equal(fullAt(20n, 10, 1_000), 1_000 + 2 * DAY);
  assert.equal(fullAt(20n, 0, 1_000), undefined);
  assert.equal(fullAt(1n << 64n, 1_000, 1_000), undefined);
  assert.equal(fullAt(0n, 1, 1_000), 1_000);
});

Deno.test("highestRate counts the pods that started in the last days", () => {
  const now = 100 * DAY;
  assert.equal(highestRate([now - DAY, now - 6 * DAY, now - 8 * DAY], now), 2 / RATE_DAYS);
});
