import assert from "node:assert/strict";
import { PodReleases } from "../../src/controllers/pods.ts";
import type { PodFacts } from "../../src/pool/pod_facts.ts";
import { NEVER, openStore, pod, type Store } from "./lab.ts";

function lab(store: Store, find: (podRef: string) => Promise<PodFacts | undefined> = () => Promise.resolve(undefined)) {
  let pokes = 0;
  const freed: string[] = [];
  const failed: string[] = [];
  const releases = new PodReleases(() => pokes++);
  return {
    releases,
    freed,
    failed,
    pokes: () => pokes,
    work: () =>
      releases.work(store.ipam, find, {
        looked: () => {},
        freed: (orphans) => freed.push(...orphans.map(({ allocation, reason }) => `${allocation.podRef} ${reason}`)),
        failed: (podRefs) => failed.push(...podRefs),
      }, NEVER),
  };
}

Deno.test("PodReleases frees what a deleted pod held, and only that", async () => {
  await using store = await openStore();
  await store.add("a");
  await store.add("b");
  const it = lab(store);
  it.releases.listener.gone?.(pod("a"));
  await it.work();
  assert.deepEqual([it.pokes(), it.freed, await store.held()], [1, ["default/a pod is gone"], ["default/b"]]);
  await it.work();
  assert.equal(it.freed.length, 1);
});

Deno.test("PodReleases frees what a finished pod held, and looks at each pod once", async () => {
  await using store = await openStore();
  await store.add("job");
  const done = pod("job", { finished: true, running: false });
  const it = lab(store, () => Promise.resolve(done));
  it.releases.listener.put?.(pod("job"), undefined);
  it.releases.listener.put?.(done, pod("job"));
  it.releases.listener.put?.(done, done);
  await it.work();
  assert.deepEqual([it.pokes(), it.freed, await store.held()], [1, ["default/job pod has finished"], []]);
});

Deno.test("PodReleases never takes the address of a pod that came back under the same name", async () => {
  await using store = await openStore();
  await store.add("db-0", "new");
  for (
    const back of [pod("db-0", { running: false }), pod("db-0"), pod("db-0", { addresses: new Set(["10.0.0.1"]) })]
  ) {
    const it = lab(store, () => Promise.resolve(back));
    it.releases.listener.gone?.(pod("db-0"));
    await it.work();
    assert.deepEqual([it.freed, await store.held()], [[], ["default/db-0"]]);
  }
});

Deno.test("PodReleases frees what the pod that came back does not have", async () => {
  await using store = await openStore();
  await store.add("db-0", "old");
  const it = lab(store, () => Promise.resolve(pod("db-0", { addresses: new Set(["10.0.0.77"]) })));
  it.releases.listener.gone?.(pod("db-0"));
  await it.work();
  assert.deepEqual([it.freed, await store.held()], [["default/db-0 pod does not have the address"], []]);
});

Deno.test("PodReleases looks again when the pod that came back says what it has", async () => {
  await using store = await openStore();
  await store.add("db-0", "old");
  const pending = pod("db-0", { running: false, uid: "2" });
  const runs = pod("db-0", { addresses: new Set(["10.0.0.77"]), uid: "2" });
  let back = pending;
  const it = lab(store, () => Promise.resolve(back));
  it.releases.listener.put?.(pending, pod("db-0", { uid: "1" }));
  await it.work();
  assert.deepEqual([it.pokes(), it.freed], [1, []]);
  it.releases.listener.put?.(back = runs, pending);
  await it.work();
  it.releases.listener.put?.(runs, runs);
  assert.deepEqual([it.pokes(), it.freed, await store.held()], [2, ["default/db-0 pod does not have the address"], []]);
});

Deno.test("PodReleases frees what it can beside a pod that cannot be asked for", async () => {
  await using store = await openStore();
  await store.add("bad");
  await store.add("good");
  const it = lab(
    store,
    (podRef) => podRef.endsWith("bad") ? Promise.reject(new Error("no")) : Promise.resolve(undefined),
  );
  it.releases.listener.gone?.(pod("bad"));
  it.releases.listener.gone?.(pod("good"));
  await assert.rejects(it.work(), /no/);
  assert.deepEqual([it.freed, await store.held()], [["default/good pod is gone"], ["default/bad"]]);
});

Deno.test("PodReleases tries again what failed, a few times, and then tells", async () => {
  await using store = await openStore();
  await store.add("a");
  const it = lab(store, () => Promise.reject(new Error("forbidden")));
  it.releases.listener.gone?.(pod("a"));
  for (let i = 0; i < 4; i++) await assert.rejects(it.work(), /forbidden/);
  assert.deepEqual(it.failed, []);
  await it.work();
  assert.deepEqual([it.failed, await store.held()], [["default/a"], ["default/a"]]);
});
