import assert from "node:assert/strict";
import { PendingReleases } from "../../src/agent/pending_releases.ts";
import { makeLogger } from "../../src/world/log.ts";
import { pendingNode } from "../journal/pending_lab.ts";
import { memoryWorld } from "../support/world.ts";

Deno.test("PendingReleases serves each store at its own pace: one that does not answer delays no other", async () => {
  const world = memoryWorld();
  await using n = await pendingNode(world);
  for (let i = 0; i < 30; i++) await n.addPending(`here${i}`, "/here");
  await n.addPending("away", "/away");
  let completed = 0;
  const releases = new PendingReleases(n.host, makeLogger(world, { level: "error" }), {
    onCompleted: (count) => completed += count,
    onGivenUp: () => assert.fail("no release has expired"),
  });
  await world.advance(10_000);
  assert.deepEqual([completed, await n.pending()], [30, ["away"]]);
  await n.addPending("late", "/here");
  releases.wake();
  await world.advance(2_000);
  assert.deepEqual([completed, await n.pending()], [31, ["away"]]);
  const before = n.opened.get("/away") ?? 0;
  await world.advance(10 * 60_000);
  const tries = (n.opened.get("/away") ?? 0) - before;
  assert(tries >= 10 && tries <= 45, `${tries} tries in ten minutes`);
  assert.equal(releases.count, 1);
  assert(world.lines.some((line) => line.includes("Pending releases failed; retrying") && line.includes("pending=1")));
  const disposed = releases[Symbol.asyncDispose]();
  await world.advance(1_000);
  await disposed;
});
