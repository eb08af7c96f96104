import assert from "node:assert/strict";
import { startDeadline } from "../../src/async/deadline.ts";
import { memoryWorld } from "../support/world.ts";

const LATE = new Error("Too late");

Deno.test("startDeadline aborts with its reason after the timeout, not before", async () => {
  const world = memoryWorld();
  using limit = startDeadline(world, 1_000, LATE);
  await world.advance(999);
  assert.equal(limit.signal.aborted, false);
  await world.advance(1);
  assert.equal(limit.signal.reason, LATE);
});

Deno.test("startDeadline aborts with its parent, with the parent's reason", () => {
  const parent = new AbortController();
  using limit = startDeadline(memoryWorld(), 1_000, LATE, parent.signal);
  const reason = new Error("Enough");
  parent.abort(reason);
  assert.equal(limit.signal.reason, reason);
  using after = startDeadline(memoryWorld(), 1_000, LATE, AbortSignal.abort(reason));
  assert.equal(after.signal.reason, reason);
});

Deno.test("startDeadline leaves no timer after it is disposed, and does not abort", async () => {
  const world = memoryWorld();
  const limit = startDeadline(world, 1_000, LATE, new AbortController().signal);
  assert.equal(world.sleepers(), 1);
  limit[Symbol.dispose]();
  await world.advance(5_000);
  assert.equal(world.sleepers(), 0);
  assert.equal(limit.signal.aborted, false);
});

Deno.test("startDeadline counts again from a restart, and leaves no timer", async () => {
  const world = memoryWorld();
  {
    using limit = startDeadline(world, 1_000, LATE);
    for (let i = 0; i < 3; i++) {
      await world.advance(900);
      limit.restart();
    }
    assert.equal(world.sleepers(), 1);
    await world.advance(999);
    assert.equal(limit.signal.aborted, false);
    await world.advance(1);
    assert.equal(limit.signal.reason, LATE);
  }
  assert.equal(world.sleepers(), 0);
});
