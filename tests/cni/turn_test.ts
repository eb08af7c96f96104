import assert from "node:assert/strict";
import { attachmentTurn } from "../../src/cni/turn.ts";
import { never } from "../ipam/lab.ts";
import { memoryWorld } from "../support/world.ts";

Deno.test("attachmentTurn holds calls of the same attachment, and those of no other", async () => {
  const world = memoryWorld();
  const held = { network: "evil", containerId: "hung", ifName: "net1" };
  using _held = await attachmentTurn(world, held, never());
  for (let i = 0; i < 1_000; i++) {
    for (
      const other of [{ network: "good", containerId: `v${i}` }, { containerId: `v${i}` }, { ifName: `net${i + 2}` }]
    ) {
      using _free = await attachmentTurn(world, { ...held, ...other }, never());
    }
  }
  const stop = new AbortController();
  const same = attachmentTurn(world, held, stop.signal);
  stop.abort(new Error("still held"));
  await assert.rejects(same, /still held/);
});
