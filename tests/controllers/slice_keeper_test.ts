import assert from "node:assert/strict";
import { network } from "./lab.ts";
import { SliceWorld } from "./slice_world.ts";

/** Number of runs, each with its own seed; `SLICE_SEED` selects one. */
const SEEDS = 60;

/** Too few slices and addresses for all nodes, so that slices move all the time; no reservations that would prevent duplicates. */
const ipam = { range: "10.0.0.0/28", node_slice_size: "/30", enable_overlapping_ranges: false };

Deno.test("SliceKeeper never lets two nodes allocate the same address, whatever is delayed and whichever process dies", async () => {
  const networks = [
    await network("net-a", ipam),
    await network("net-b", ipam),
    await network("net-c", { ...ipam, node_slice_size: undefined }),
  ];
  const total = { allocated: 0, moved: 0, refused: 0, closed: 0 };
  const only = Deno.env.get("SLICE_SEED");
  for (let seed = 1; seed <= SEEDS; seed++) {
    if (only !== undefined && seed !== Number(only)) continue;
    const world = new SliceWorld(networks, seed);
    await world.run(1_200).catch((cause) => {
      throw new Error(`Seed ${seed} fails: ${cause.message}`, { cause });
    });
    const { allocated, moved, refused } = world.seen;
    total.allocated += allocated;
    total.moved += moved;
    total.refused += refused;
    total.closed += world.closed;
  }
  if (only === undefined) {
    for (const [what, count] of Object.entries(total)) assert(count > SEEDS, `${what}: ${count}`);
  }
});

Deno.test("Elastic slices and others stay apart while leaders know a network by different names", async () => {
  const total = { allocated: 0, moved: 0, refused: 0 };
  for (const node_slice_elastic of [false, true]) {
    const define = (name: string) => network(name, { ...ipam, node_slice_elastic });
    const networks = [await define("former"), await define("renamed")];
    const only = Deno.env.get("SLICE_SEED");
    for (let seed = 1; seed <= SEEDS; seed++) {
      if (only !== undefined && seed !== Number(only)) continue;
      const world = new SliceWorld(networks, seed, networks.map((one) => [one]));
      await world.run(1_200).catch((cause) => {
        throw new Error(`Seed ${seed} fails: ${cause.message}`, { cause });
      });
      for (const what of ["allocated", "moved", "refused"] as const) total[what] += world.seen[what];
    }
    if (only === undefined) {
      for (const [what, count] of Object.entries(total)) assert(count > SEEDS, `${what}: ${count}`);
    }
  }
});

/** Three addresses a slice at most, and five nodes for four slices: they take, lose and borrow all the time. */
const elastic = { ...ipam, node_slice_elastic: true };

Deno.test("Elastic slices never let two nodes allocate the same address, and return once they are empty", async () => {
  const networks = [
    await network("net-a", elastic),
    await network("net-c", { ...ipam, node_slice_size: undefined }),
  ];
  const total = { allocated: 0, moved: 0, taken: 0, withdrawn: 0, borrowed: 0, closed: 0 };
  const only = Deno.env.get("SLICE_SEED");
  for (let seed = 1; seed <= SEEDS; seed++) {
    if (only !== undefined && seed !== Number(only)) continue;
    const world = new SliceWorld(networks, seed);
    const run = async () => {
      await world.run(1_200);
      const { closed } = world;
      await world.settle();
      assert.deepEqual([world.left.attached, world.left.entries], [0, 0], JSON.stringify(world.left));
      assert.deepEqual(world.left.slices.map((one) => one.endsWith(" 1")), [true, true, true, true]);
      const { refused: _, ...seen } = world.seen;
      for (const [what, count] of Object.entries({ ...seen, closed })) total[what as keyof typeof total] += count;
    };
    await run().catch((cause) => {
      throw new Error(`Seed ${seed} fails: ${cause.message}`, { cause });
    });
  }
  if (only === undefined) {
    for (const [what, count] of Object.entries(total)) assert(count > SEEDS, `${what}: ${count}`);
  }
});
