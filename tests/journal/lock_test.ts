import assert from "node:assert/strict";
import { lockAttachment } from "../../src/journal/lock.ts";
import { never } from "../ipam/lab.ts";
import { memoryWorld } from "../support/world.ts";

Deno.test("lockAttachment blocks calls of the same attachment only", async () => {
  const world = memoryWorld();
  const attachment = { network: "evil", containerId: "hung", ifName: "net1" };
  using _lock = await lockAttachment(world, attachment, never());
  for (let i = 0; i < 1_000; i++) {
    for (
      const other of [{ network: "good", containerId: `v${i}` }, { containerId: `v${i}` }, { ifName: `net${i + 2}` }]
    ) {
      using _free = await lockAttachment(world, { ...attachment, ...other }, never());
    }
  }
  const stop = new AbortController();
  const same = lockAttachment(world, attachment, stop.signal);
  stop.abort(new Error("still locked"));
  await assert.rejects(same, /still locked/);
});
