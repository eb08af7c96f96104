import assert from "node:assert/strict";
import { differenceOf, freeOf, NEARLY_FULL, statusOf } from "../../src/pool/pool_status.ts";

const counts = (allocations: number, capacity = 254n) => {
  const free = capacity - BigInt(allocations);
  return { allocations, capacity, free: free > 0n ? free : 0n };
};
const holding = (allocations: number, capacity?: bigint) =>
  statusOf(counts(allocations, capacity), undefined, 0).conditions.filter(({ status }) => status === "True")
    .map(({ type }) => type);

Deno.test("freeOf leaves nothing where entries exceed the capacity of a range that was narrowed", () => {
  assert.deepEqual([freeOf(254n, 4), freeOf(4n, 4n), freeOf(4n, 9)], [250n, 0n, 0n]);
});

Deno.test("statusOf has counts, and conditions at their thresholds", () => {
  const { capacity, used, free } = statusOf(counts(4), undefined, 0);
  assert.deepEqual({ capacity, used, free }, { capacity: 254, used: 4, free: 250 });
  assert.deepEqual([holding(0), holding(241), holding(242), holding(253), holding(254), holding(300)], [
    [],
    [],
    ["NearlyFull"],
    ["NearlyFull"],
    ["Full", "NearlyFull"],
    ["Full", "NearlyFull"],
  ]);
  assert.deepEqual(holding(0, 0n), [], "a pool without addresses is none that pods wait for");
});

Deno.test("statusOf writes counts that a number cannot hold as text", () => {
  const { capacity, used, free } = statusOf(counts(1, 2n ** 64n), undefined, 0);
  assert.deepEqual({ capacity, used, free }, {
    capacity: "18446744073709551616",
    used: 1,
    free: "18446744073709551615",
  });
  const largest = BigInt(Number.MAX_SAFE_INTEGER);
  assert.equal(statusOf(counts(0, largest), undefined, 0).capacity, Number.MAX_SAFE_INTEGER);
});

Deno.test("statusOf keeps the transition time of a condition until its value changes", () => {
  const first = statusOf(counts(4), undefined, 1_000);
  const later = statusOf(counts(242), first, 61_000);
  assert.deepEqual(
    later.conditions.map(({ type, lastTransitionTime, message }) => [type, lastTransitionTime, message]),
    [
      ["Full", "1970-01-01T00:00:01Z", "242 of 254 addresses are allocated"],
      ["NearlyFull", "1970-01-01T00:01:01Z", "242 of 254 addresses are allocated"],
    ],
  );
});

Deno.test("differenceOf distinguishes a crossed threshold from changed counts", () => {
  const stored = statusOf(counts(4), undefined, 0);
  const difference = (allocations: number) => differenceOf(statusOf(counts(allocations), stored, 9), stored);
  assert.deepEqual([difference(4), difference(5), difference(242), difference(254)], [
    undefined,
    "counts",
    "threshold",
    "threshold",
  ]);
  assert.equal(differenceOf(stored, undefined), "threshold");
  assert.equal(differenceOf(stored, { ...stored, conditions: stored.conditions.slice(1) }), "threshold");
});

Deno.test("the alert WhereaboutsPoolNearlyFull and the condition NearlyFull have one threshold", async () => {
  const rules = await Deno.readTextFile(new URL("../../install/chart/files/alerts.yaml", import.meta.url));
  const share = /whereabouts_ippool_free\) < ([\d.]+) \*/.exec(rules)?.[1];
  assert.equal(Number(share), 1 / Number(NEARLY_FULL));
});
