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
