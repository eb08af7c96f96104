import assert from "node:assert/strict";
import { PodReleases } from "../../src/controllers/pod_releases.ts";
import { PodMemory } from "../../src/controllers/pod_memory.ts";
import { Sweeps } from "../../src/ipam/sweep.ts";
import type { PodFacts } from "../../src/pool/pod_facts.ts";
import { NEVER, openStore, pod, type Store } from "./lab.ts";

const MINUTE = 60_000;
/** The state in which a kubelet leaves a pod after stopping it. */
const ENDED = { deleting: true, running: false, containers: "ended" } as const;

function lab(store: Store, find: (podRef: string) => Promise<PodFacts | undefined> = () => Promise.resolve(undefined)) {
  let triggers = 0;
  const freed: string[] = [];
  const failed: string[] = [];
  const memory = new PodMemory(() => undefined);
  const list = () => Promise.resolve([]);
  const lastSeen = memory.lastSeen.bind(memory);
  const sweeps = new Sweeps(store.ipam, { pods: { list, find, lastSeen }, dryRun: false });
  const releases = new PodReleases(() => triggers++, (deleted) => memory.remember(deleted));
  const record = ({ orphans }: Awaited<ReturnType<Sweeps["scan"]>>) =>
    void freed.push(...orphans.map(({ allocation, reason }) => `${allocation.podRef} ${reason}`));
  return {
    releases,
    freed,
    failed,
    triggers: () => triggers,
    next: () => sweeps.next,
    work: () => releases.work(sweeps, { checked: record, failed: (podRefs) => failed.push(...podRefs) }, NEVER),
    /** What the sweeper does when suspects are due. */
    checkSuspects: async () => record(await sweeps.scan(NEVER, sweeps.due())),
  };
}

Deno.test("PodReleases frees the addresses of a deleted pod immediately if its containers had ended", async () => {
  await using store = await openStore();
  await store.add("a");
  await store.add("b");
  const it = lab(store);
  it.releases.listener.removed?.(pod("a", ENDED));
  await it.work();
  assert.deepEqual([it.triggers(), it.freed, await store.owners()], [1, ["default/a pod is gone"], ["default/b"]]);
  await it.work();
  assert.equal(it.freed.length, 1);
});

Deno.test("PodReleases keeps the addresses of a pod that was force-deleted while running until its grace period has passed", async () => {
  await using store = await openStore();
  await store.add("a");
  const it = lab(store);
  it.releases.listener.removed?.(pod("a", { containers: "running", terminationGrace: 3 * MINUTE }));
  await it.work();
  assert.deepEqual([it.freed, await store.owners()], [[], ["default/a"]]);
  await store.world.advance(3 * MINUTE);
  await it.checkSuspects();
  assert.deepEqual(it.freed, []);
  await store.world.advance(30_000);
  assert.equal(it.next(), 0);
  await it.checkSuspects();
  assert.deepEqual([it.freed, await store.owners()], [["default/a pod is gone"], []]);
});

Deno.test("PodReleases keeps the addresses of a static pod whose mirror pod was deleted", async () => {
  await using store = await openStore();
  await store.add("etcd-node1");
  const it = lab(store);
  it.releases.listener.removed?.(
    pod("etcd-node1", { ...ENDED, configHash: "0123456789abcdef0123456789abcdef", node: "node1" }),
  );
  await it.work();
  await store.world.advance(60 * MINUTE);
  await it.checkSuspects();
  assert.deepEqual([it.freed, await store.owners()], [[], ["default/etcd-node1"]]);
});

Deno.test("PodReleases frees the addresses of a finished pod when its containers have ended, not when its phase changes", async () => {
  await using store = await openStore();
  await store.add("job");
  const runs = pod("job", { finished: true, running: false, containers: "running" });
  const ended = { ...runs, containers: "ended" } as const;
  let now: PodFacts = runs;
  const it = lab(store, () => Promise.resolve(now));
  it.releases.listener.put?.(pod("job"), undefined);
  it.releases.listener.put?.(runs, pod("job"));
  assert.equal(it.triggers(), 0);
  it.releases.listener.put?.(now = ended, runs);
  it.releases.listener.put?.(ended, ended);
  await it.work();
  assert.deepEqual([it.triggers(), it.freed], [1, []]);
  const stopped = { ...ended, sandboxMissing: true };
  it.releases.listener.put?.(now = stopped, ended);
  await it.work();
  assert.deepEqual([it.triggers(), it.freed, await store.owners()], [2, ["default/job pod has finished"], []]);
});

Deno.test("PodReleases never frees the address of a pod that returned under the same name", async () => {
  await using store = await openStore();
  await store.add("db-0", "new");
  for (
    const back of [pod("db-0", { running: false }), pod("db-0"), pod("db-0", { addresses: ["10.0.0.1"] })]
  ) {
    const it = lab(store, () => Promise.resolve(back));
    it.releases.listener.removed?.(pod("db-0", ENDED));
    await it.work();
    await store.world.advance(60 * MINUTE);
    await it.checkSuspects();
    assert.deepEqual([it.freed, await store.owners()], [[], ["default/db-0"]]);
  }
});

/** A pod that reports another address than the allocated one. */
const elsewhere = (more: Partial<PodFacts> = {}) =>
  pod("db-0", { addresses: ["10.0.0.77"], interfaces: [{ ifName: "net1", ips: ["10.0.0.77"] }], ...more });

Deno.test("PodReleases frees an address that the returned pod does not have, when two checks agree", async () => {
  await using store = await openStore();
  await store.add("db-0", "old");
  const it = lab(store, () => Promise.resolve(elsewhere()));
  it.releases.listener.removed?.(pod("db-0", ENDED));
  await it.work();
  assert.deepEqual(it.freed, []);
  await store.world.advance(30_000);
  await it.checkSuspects();
  assert.deepEqual([it.freed, await store.owners()], [["default/db-0 pod does not have the address"], []]);
});

Deno.test("PodReleases checks again when the returned pod reports its addresses", async () => {
  await using store = await openStore();
  await store.add("db-0", "old");
  const pending = pod("db-0", { running: false, uid: "2" });
  const runs = elsewhere({ uid: "2" });
  let back = pending;
  const it = lab(store, () => Promise.resolve(back));
  it.releases.listener.put?.(pending, pod("db-0", { uid: "1" }));
  await it.work();
  assert.deepEqual([it.triggers(), it.next()], [1, undefined]);
  it.releases.listener.put?.(back = runs, pending);
  await it.work();
  it.releases.listener.put?.(runs, runs);
  assert.deepEqual([it.triggers(), it.next()], [2, 30_000]);
});

Deno.test("PodReleases frees the addresses of other pods if one cannot be read", async () => {
  await using store = await openStore();
  await store.add("bad");
  await store.add("good");
  const it = lab(
    store,
    (podRef) => podRef.endsWith("bad") ? Promise.reject(new Error("no")) : Promise.resolve(undefined),
  );
  it.releases.listener.removed?.(pod("bad", ENDED));
  it.releases.listener.removed?.(pod("good", ENDED));
  await assert.rejects(it.work(), /no/);
  assert.deepEqual([it.freed, await store.owners()], [["default/good pod is gone"], ["default/bad"]]);
});

Deno.test("PodReleases retries a failed release a few times, then reports it", async () => {
  await using store = await openStore();
  await store.add("a");
  const it = lab(store, () => Promise.reject(new Error("forbidden")));
  it.releases.listener.removed?.(pod("a"));
  for (let i = 0; i < 4; i++) await assert.rejects(it.work(), /forbidden/);
  assert.deepEqual(it.failed, []);
  await it.work();
  assert.deepEqual([it.failed, await store.owners()], [["default/a"], ["default/a"]]);
});
