import assert from "node:assert/strict";
import { Batcher } from "../../src/agent/batcher.ts";
import { completeAfterCall, completePending, GIVEN_UP_AFTER, groupByStore } from "../../src/journal/pending.ts";
import { directIpam } from "../../src/ipam/ipam.ts";
import { storeName } from "../../src/journal/facts.ts";
import { SILENT } from "../../src/world/log.ts";
import { hurriedClock } from "../support/hurried_clock.ts";
import { never } from "../ipam/lab.ts";
import { memoryWorld } from "../support/world.ts";
import { confOf, pendingNode } from "./pending_lab.ts";

function hurried() {
  return { ...memoryWorld(), ...hurriedClock() };
}

Deno.test("completePending completes the other releases if one is invalid", async () => {
  const world = hurried();
  await using n = await pendingNode(world);
  for (let i = 0; i < 5; i++) await n.addPending(`c${i}`, "/here");
  await n.addPending("bad", "/here", { conf: confOf("/here", "nonsense"), store: { kind: "kubernetes" } });
  const records = await n.journal.pending();
  const { completed, givenUp, error } = await completePending(n.host, records, 100, never());
  assert.deepEqual([completed, givenUp.length], [5, 0]);
  assert(error instanceof Error);
  assert.deepEqual(await n.pending(), ["bad"]);
});

Deno.test("completePending drops and logs a release whose store the operator no longer allows", async () => {
  const world = { ...hurried(), env: () => undefined };
  await using n = await pendingNode(world);
  await n.addPending("c1", "/here");
  const { completed, error } = await completePending(n.host, await n.journal.pending(), 100, never());
  assert.deepEqual([completed, error, n.opened.size, await n.pending()], [1, undefined, 0, []]);
  assert.match(world.lines.join("\n"), /level=error msg="Nothing is released: .*" if=net1 network=net container=c1/);
});

Deno.test("completePending tries a store that does not answer once per round, each time with a random release", async () => {
  const world = hurried();
  await using n = await pendingNode(world);
  const tried = new Set<string>();
  const journal = {
    ...n.journal,
    isPending: (one: { readonly containerId: string }) => (tried.add(one.containerId), Promise.resolve(true)),
  };
  for (let i = 0; i < 5; i++) await n.addPending(`c${i}`, "/away");
  const records = await n.journal.pending();
  const host = { ...n.host, journal: () => journal };
  for (let round = 1; round <= 40; round++) {
    assert.equal((await completePending(host, records, 100, never())).completed, 0);
    assert.equal(n.opened.get("/away"), round);
  }
  assert.equal(tried.size, 5, "no release blocks the others");
});

Deno.test("completePending completes up to max releases", async () => {
  const world = hurried();
  await using n = await pendingNode(world, { retriesPending: false });
  for (let i = 0; i < 3; i++) await n.addPending(`c${i}`, "/here");
  assert.equal((await completePending(n.host, await n.journal.pending(), 2, never())).completed, 2);
  assert.equal((await n.pending()).length, 1);
});

Deno.test("completePending reads a pool only a few times for a hundred concurrent releases", async () => {
  const world = hurried();
  let reads = 0;
  await using n = await pendingNode(world, {
    plan: ({ method }) => {
      if (method === "read") reads++;
      return undefined;
    },
    ipamOf: (driver) => {
      const batcher = new Batcher({ driver, clock: world, observer: { onBatch: () => {} }, outages: () => 0 });
      return {
        ...directIpam(driver, world, SILENT),
        lockPool: () => Promise.resolve(undefined),
        parallelPools: true,
        commit: (key, request, options) => batcher.commit(key, request, options),
      };
    },
  });
  for (let i = 0; i < 100; i++) await n.addPending(`c${i}`, "/here");
  assert.equal((await completePending(n.host, await n.journal.pending(), 100, never())).completed, 100);
  assert(reads <= 5, `${reads} reads`);
});

Deno.test("completePending gives up a failing release after a day if a sweep covers its store, and no others", async () => {
  const world = { ...hurried(), now: () => 2 * GIVEN_UP_AFTER };
  await using n = await pendingNode(world);
  const kubernetes = { kind: "kubernetes", kubeconfig: "/k" } as const;
  const bad = confOf("/x", "nonsense");
  await n.addPending("old", "/k", { conf: bad, store: kubernetes, pendingSince: GIVEN_UP_AFTER - 1 });
  await n.addPending("young", "/k", { conf: bad, store: kubernetes, pendingSince: GIVEN_UP_AFTER + 1 });
  await n.addPending("local", "/away", { pendingSince: 0 });
  const givenUp: string[] = [];
  for (const records of groupByStore(await n.journal.pending()).values()) {
    const outcome = await completePending(n.host, records, 100, never());
    givenUp.push(...outcome.givenUp.map(({ containerId }) => containerId));
  }
  assert.deepEqual([givenUp, await n.pending()], [["old"], ["local", "young"]]);
});

Deno.test("completeAfterCall completes to the store of the call only, and takes about as long as the call", async () => {
  const clock = hurriedClock();
  const world = { ...memoryWorld(), ...clock };
  await using n = await pendingNode(world, { retriesPending: false });
  for (let i = 0; i < 3; i++) await n.addPending(`here${i}`, "/here");
  for (let i = 0; i < 3; i++) await n.addPending(`away${i}`, "/away");
  const here = storeName({ kind: "embedded", path: "/here" });
  const away = storeName({ kind: "embedded", path: "/away" });
  await completeAfterCall(n.host, new Set([here]), 0, never());
  assert.deepEqual([await n.pending(), [...n.opened.keys()]], [["away0", "away1", "away2"], ["/here"]]);
  for (const [took, allowed] of [[0, 50], [300, 300], [60_000, 2_000]] as const) {
    const start = clock.monotonic();
    await completeAfterCall(n.host, new Set([away]), took, never());
    const used = clock.monotonic() - start;
    assert(used <= allowed, `${used} ms after a call of ${took} ms`);
  }
});

Deno.test("completeAfterCall completes to a slow store, too, because it takes as long as the call", async () => {
  const clock = hurriedClock();
  const world = { ...memoryWorld(), ...clock };
  const plan = async () => {
    await clock.sleep(60);
    return undefined;
  };
  await using n = await pendingNode(world, { retriesPending: false, plan });
  await n.addPending("c", "/here");
  const here = new Set([storeName({ kind: "embedded", path: "/here" })]);
  await completeAfterCall(n.host, here, 0, never());
  assert.deepEqual(await n.pending(), ["c"]);
  await completeAfterCall(n.host, here, 500, never());
  assert.deepEqual(await n.pending(), []);
});

Deno.test("completeAfterCall logs what it gives up after a day", async () => {
  const world = { ...hurried(), now: () => 2 * GIVEN_UP_AFTER };
  await using n = await pendingNode(world, { retriesPending: false });
  const store = { kind: "kubernetes", kubeconfig: "/k" } as const;
  await n.addPending("old", "/k", { conf: confOf("/x", "nonsense"), store, pendingSince: 1 });
  await completeAfterCall(n.host, new Set([storeName(store)]), 0, never());
  assert.deepEqual(await n.pending(), []);
  assert.match(
    world.lines.join("\n"),
    /level=warning msg="Gave up a pending release .*" if=net1 network=net container=old/,
  );
});

Deno.test("completePending gives up no release whose attachment was added again meanwhile", async () => {
  const world = { ...hurried(), now: () => 2 * GIVEN_UP_AFTER };
  const plan = async () => {
    const [record] = await n.journal.pending();
    if (record) await n.journal.create(record);
    return { done: false, then: "unavailable" } as const;
  };
  await using n = await pendingNode(world, { plan });
  await n.addPending("again", "/here", { store: { kind: "kubernetes" }, pendingSince: 1 });
  const { givenUp } = await completePending(n.host, await n.journal.pending(), 100, never());
  assert.deepEqual([givenUp.length, (await n.journal.inUse()).length], [0, 1]);
});
