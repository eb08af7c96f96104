import assert from "node:assert/strict";
import { lockAttachment } from "../../src/journal/lock.ts";
import { never } from "../ipam/lab.ts";
import { memoryWorld } from "../support/world.ts";

Deno.test("lockAttachment holds calls of the same attachment, and those of no other", async () => {
  const world = memoryWorld();
  const held = { network: "evil", containerId: "hung", ifName: "net1" };
  using _held = await lockAttachment(world, held, never());
  for (let i = 0; i < 1_000; i++) {
    for (
      const other of [{ network: "good", containerId: `v${i}` }, { containerId: `v${i}` }, { ifName: `net${i + 2}` }]
    ) {
      using _free = await lockAttachment(world, { ...held, ...other }, never());
    }
  }
  const stop = new AbortController();
  const same = lockAttachment(world, held, stop.signal);
  stop.abort(new Error("still held"));
  await assert.rejects(same, /still held/);
});
