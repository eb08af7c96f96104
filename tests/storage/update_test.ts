import assert from "node:assert/strict";
import { openEmbedded } from "../../drivers/embedded/driver.ts";
import type { Decision } from "../../src/pool/decide.ts";
import { allocateRequest, drop, type PoolRequest } from "../../src/pool/requests.ts";
import type { PoolKey } from "../../src/pool/types.ts";
import { ConflictError, RefusedError, type StorageDriver, UnavailableError } from "../../src/storage/driver.ts";
import { ATTEMPT_TIMEOUT, CONFLICT_ATTEMPTS, UNAVAILABLE_ATTEMPTS } from "../../src/storage/retry.ts";
import { update, type UpdateOptions } from "../../src/storage/update.ts";
import { CIDR, entries, entry, owner, range } from "../pool/pools.ts";
import { failFrom, failOnce, faulty, type Operation, type Plan } from "../support/faulty.ts";
import { hurriedClock } from "../support/hurried_clock.ts";

const KEY: PoolKey = { network: "", cidr: CIDR };
const never = () => new AbortController().signal;

function memory(): Promise<StorageDriver> {
  return openEmbedded({ kind: "embedded", path: ":memory:" });
}

/** A store with planned faults, and the operations that it got. */
function watched(driver: StorageDriver, plan: Plan = () => undefined): { store: StorageDriver; asked: string[] } {
  const asked: string[] = [];
  const store = faulty(driver, (operation: Operation) => {
    asked.push(operation.method);
    return plan(operation);
  });
  return { store, asked };
}

function run(
  driver: StorageDriver,
  requests: readonly PoolRequest[] | (() => readonly PoolRequest[]),
  options: Partial<UpdateOptions> = {},
) {
  return update(driver, KEY, typeof requests === "function" ? requests : () => requests, {
    signal: never(),
    clock: hurriedClock(),
    ...options,
  });
}

async function stored(driver: StorageDriver): Promise<Record<number, string>> {
  return entries((await driver.read(KEY, never())).allocations);
}

const A = allocateRequest(owner("a/net1/x"), range());
const B = allocateRequest(owner("b/net1/y"), range());

Deno.test("update reads and commits once for any number of requests", async () => {
  await using driver = await memory();
  const { store, asked } = watched(driver);
  const { outcomes, snapshot } = await run(store, [A, B]);
  assert.deepEqual(outcomes.map((outcome) => outcome.kind), ["allocated", "allocated"]);
  assert.deepEqual(asked, ["read", "commit"]);
  assert.deepEqual(await stored(driver), { 1: "a/net1/x", 2: "b/net1/y" });
  assert.deepEqual(entries(snapshot.allocations), await stored(driver));
});

Deno.test("update does not write if nothing changes", async () => {
  await using driver = await memory();
  await run(driver, [A]);
  const { store, asked } = watched(driver);
  const attempts: Decision[] = [];
  const { outcomes } = await run(store, [A, { kind: "release", containerId: "none", ifName: "net1" }], {
    onAttempt: (decision) => attempts.push(decision),
  });
  assert.deepEqual(outcomes, [{ kind: "kept", allocation: entry(1, "a/net1/x") }, {
    kind: "released",
    allocations: [],
  }]);
  assert.deepEqual(asked, ["read"]);
  assert.deepEqual(attempts, []);
});

Deno.test("update starts from a snapshot without reading, and reads at once if it is stale", async () => {
  await using driver = await memory();
  const empty = await driver.read(KEY, never());
  const fresh = watched(driver);
  const { snapshot } = await run(fresh.store, [A], { from: empty });
  assert.deepEqual(fresh.asked, ["commit"]);
  const again = watched(driver);
  await run(again.store, [B], { from: snapshot });
  assert.deepEqual(again.asked, ["commit"]);
  const stale = watched(driver);
  const clock = hurriedClock();
  const { outcomes } = await run(stale.store, [allocateRequest(owner("c/net1/z"), range())], { from: empty, clock });
  assert.deepEqual(stale.asked, ["commit", "read", "commit"]);
  assert.deepEqual(clock.asked, [ATTEMPT_TIMEOUT], "it backed off from nobody");
  assert.deepEqual(outcomes, [{ kind: "allocated", allocation: entry(3, "c/net1/z") }]);
});

Deno.test("update decides again after a conflict: the lowest free address in the order of commits", async () => {
  await using driver = await memory();
  let first = true;
  const { store, asked } = watched(driver, async ({ method }) => {
    if (method !== "commit" || !first) return undefined;
    first = false;
    await run(driver, [B]); // somebody else is faster: the real driver refuses the stale snapshot
    return undefined;
  });
  const attempts: Decision[] = [];
  const { outcomes } = await run(store, [A], { onAttempt: (decision) => attempts.push(decision) });
  assert.deepEqual(outcomes, [{ kind: "allocated", allocation: entry(2, "a/net1/x") }]);
  assert.deepEqual(asked, ["read", "commit", "read", "commit"]);
  assert.deepEqual(attempts.map(({ changes }) => changes), [[{
    address: entry(1, "").address,
    after: entry(1, "a/net1/x"),
  }], [{
    address: entry(2, "").address,
    after: entry(2, "a/net1/x"),
  }]]);
});

Deno.test("update finds its own write after a lost response", async () => {
  await using driver = await memory();
  const { store, asked } = watched(driver, failOnce(1, { done: true, then: "unavailable" }));
  const { outcomes } = await run(store, [A, B]);
  assert.deepEqual(outcomes.map(({ kind }) => kind), ["kept", "kept"]);
  assert.deepEqual(asked, ["read", "commit", "read"]);
  assert.deepEqual(await stored(driver), { 1: "a/net1/x", 2: "b/net1/y" });
});

Deno.test("update survives one failure of any kind at any point", async () => {
  for (const index of [0, 1]) {
    for (const done of [false, true]) {
      for (const then of ["conflict", "unavailable", "silent"] as const) {
        await using driver = await memory();
        const { store } = watched(driver, failOnce(index, { done, then }));
        await run(store, [A, B]);
        assert.deepEqual(await stored(driver), { 1: "a/net1/x", 2: "b/net1/y" }, `${then} at ${index}, done: ${done}`);
      }
    }
  }
});

Deno.test("update ends if the store stays unavailable, refuses, or every attempt conflicts", async () => {
  await using driver = await memory();
  const silent = watched(driver, failFrom(0, { done: false, then: "silent" }));
  await assert.rejects(run(silent.store, [A]), UnavailableError);
  assert.equal(silent.asked.length, UNAVAILABLE_ATTEMPTS);
  const away = watched(driver, failFrom(1, { done: false, then: "unavailable" }));
  await assert.rejects(run(away.store, [A]), UnavailableError);
  assert.equal(away.asked.length, UNAVAILABLE_ATTEMPTS + 1);
  const refused = watched(driver, failFrom(1, { done: false, then: "refused" }));
  await assert.rejects(run(refused.store, [A]), RefusedError);
  assert.deepEqual(refused.asked, ["read", "commit"]);
  const busy = watched(driver, ({ method }) => method === "commit" ? { done: false, then: "conflict" } : undefined);
  await assert.rejects(run(busy.store, [A]), ConflictError);
  assert.equal(busy.asked.length, 2 * CONFLICT_ATTEMPTS);
  assert.deepEqual(await stored(driver), {});
});

Deno.test("update reports each write before it happens", async () => {
  await using driver = await memory();
  const attempts: Decision[] = [];
  const { store } = watched(driver, failFrom(1, { done: true, then: "silent" }));
  await assert.rejects(run(store, [A], { onAttempt: (decision) => attempts.push(decision) }), UnavailableError);
  assert.deepEqual(attempts.map(({ changes }) => changes), [[{
    address: entry(1, "").address,
    after: entry(1, "a/net1/x"),
  }]]);
  assert.deepEqual(await stored(driver), { 1: "a/net1/x" });
  await run(driver, attempts.map(({ changes }) => ({ kind: "revert", changes })));
  assert.deepEqual(await stored(driver), {});
});

Deno.test("update writes nothing after its signal aborted", async () => {
  await using driver = await memory();
  const reason = new Error("Enough");
  await assert.rejects(run(driver, [A], { signal: AbortSignal.abort(reason) }), reason);
  const controller = new AbortController();
  const { store, asked } = watched(driver, ({ method }) => {
    if (method === "read") controller.abort(reason);
    return undefined;
  });
  await assert.rejects(run(store, [A], { signal: controller.signal }), reason);
  assert.deepEqual(asked, ["read"]);
  assert.deepEqual(await stored(driver), {});
});

Deno.test("update waits between decision and write if configured", async () => {
  await using driver = await memory();
  const clock = hurriedClock();
  await run(driver, [A], { clock, pause: 1_234 });
  assert.equal(clock.monotonic(), 1_234);
});

Deno.test("update removes exactly the listed allocations, even on a stale snapshot", async () => {
  await using driver = await memory();
  const { snapshot } = await run(driver, [A, B]);
  await run(driver, [allocateRequest(owner("a/net1/new"), range())]);
  const { outcomes } = await run(driver, [drop([...snapshot.allocations.values()])], { from: snapshot });
  assert.deepEqual(outcomes, [{ kind: "released", allocations: [entry(2, "b/net1/y")] }]);
  assert.deepEqual(await stored(driver), { 1: "a/net1/new" });
});

Deno.test("update gets the requests before each decision: some may join, and some may become empty", async () => {
  await using driver = await memory();
  const { store } = watched(driver, failOnce(1, { done: false, then: "conflict" }));
  const nothing: PoolRequest = { kind: "revert", changes: [] };
  const asked: PoolRequest[][] = [[A, B], [nothing, B, A]];
  const attempts: number[] = [];
  const { outcomes } = await run(store, () => asked.shift() ?? [], {
    onAttempt: ({ changes }) => attempts.push(changes.length),
  });
  assert.deepEqual(outcomes.map(({ kind }) => kind), ["released", "allocated", "allocated"]);
  assert.deepEqual(attempts, [2, 2]);
  assert.deepEqual(await stored(driver), { 1: "b/net1/y", 2: "a/net1/x" });
});
