import assert from "node:assert/strict";
import { Replayer } from "../../src/agent/replayer.ts";
import { makeLogger } from "../../src/world/log.ts";
import { pendingNode } from "../cni/pending_lab.ts";
import { memoryWorld } from "../support/world.ts";

Deno.test("Replayer delivers for each store at its own pace: one that does not answer holds no other", async () => {
  const world = memoryWorld();
  await using n = await pendingNode(world);
  for (let i = 0; i < 30; i++) await n.promise(`here${i}`, "/here");
  await n.promise("away", "/away");
  let delivered = 0;
  const replayer = new Replayer(n.context.host, makeLogger(world, { level: "error" }), {
    onDelivered: (count) => delivered += count,
    onGivenUp: () => assert.fail("nothing is old"),
  });
  await world.advance(10_000);
  assert.deepEqual([delivered, await n.pending()], [30, ["away"]]);
  await n.promise("late", "/here");
  replayer.wake();
  await world.advance(2_000);
  assert.deepEqual([delivered, await n.pending()], [31, ["away"]]);
  const before = n.opened.get("/away") ?? 0;
  await world.advance(10 * 60_000);
  const tries = (n.opened.get("/away") ?? 0) - before;
  assert(tries >= 10 && tries <= 45, `${tries} tries in ten minutes`);
  assert.equal(replayer.left, 1);
  assert(world.lines.some((line) => line.includes("Pending releases failed; retrying") && line.includes("pending=1")));
  const disposed = replayer[Symbol.asyncDispose]();
  await world.advance(1_000);
  await disposed;
});
