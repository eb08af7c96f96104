import assert from "node:assert/strict";
import { allocate } from "../../src/ipam/allocate.ts";
import { rangesOf, withRests } from "../../src/ipam/recorded.ts";
import { poolOf } from "../../src/ipam/ipam.ts";
import { formatPoolKey } from "../../src/pool/types.ts";
import { config, ipamOn, memory, never, owner } from "./lab.ts";

Deno.test("rangesOf selects the pools and reservations of ADD", async () => {
  for (const overlapping of [true, false]) {
    await using driver = await memory();
    const of = config(["10.0.0.0/24!10.0.0.1", "2001:db8::/64"], { overlapping, networkName: "blue" });
    const entries = (await allocate(ipamOn(driver), of, owner("a/net1/x"), never())).map((one) => one.entry);
    const ranges = rangesOf(entries);
    assert.deepEqual([ranges.networkName, ranges.overlapping], ["blue", overlapping]);
    assert.deepEqual(ranges.ranges.map((range) => poolOf(ranges, range)), entries.map(({ key }) => key));
  }
});

Deno.test("withRests takes the time that an address rests from the range that contains it", async () => {
  await using driver = await memory();
  const of = config(["10.0.0.0/24", "2001:db8::/64"]);
  const entries = (await allocate(ipamOn(driver), of, owner("a/net1/x"), never())).map((one) => one.entry);
  const [first, second] = of.ranges;
  assert(first && second);
  assert.deepEqual(withRests(entries, [second, { ...first, reuseAfter: 7 }]).map((one) => one.reuseAfter), [
    7,
    undefined,
  ]);
  assert.deepEqual(withRests(entries, []), entries);
});

Deno.test("rangesOf selects the pool of a node's slice, and reads a token in an older record as a reservation", async () => {
  await using driver = await memory();
  const [first] = await allocate(ipamOn(driver), config(["10.0.0.0/24"]), owner("a/net1/x"), never());
  assert(first);
  const { reserved: _, ...older } = first.entry;
  const slice = { ...older, key: { ...older.key, node: "n1" } };
  const ranges = rangesOf([slice]);
  assert.deepEqual(ranges.ranges.map((range) => formatPoolKey(poolOf(ranges, range))), ["n1/10.0.0.0/24"]);
  assert.deepEqual([rangesOf([older]).overlapping, rangesOf([{ ...older, token: "u/1" }]).overlapping], [false, true]);
});
