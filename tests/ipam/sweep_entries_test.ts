import assert from "node:assert/strict";
import { Sweeps } from "../../src/ipam/sweep.ts";
import type { PodFacts } from "../../src/pool/pod_facts.ts";
import { NEVER, openStore, pod } from "../controllers/lab.ts";

Deno.test("sweep reads each pod that the list lacks once per scan, and none that the list shows alive", async () => {
  await using store = await openStore();
  for (let i = 0; i < 120; i++) await store.add(`p${i}`);
  const asked: string[] = [];
  const lives = pod("p7");
  const find = (podRef: string) => Promise.resolve((asked.push(podRef), undefined));
  const sweeps = new Sweeps(store.ipam, {
    pods: { list: () => Promise.resolve([lives]), find },
    dryRun: false,
    grace: 5_000,
  });
  assert.deepEqual([(await sweeps.scan(NEVER)).suspected.length, asked.length, new Set(asked).size], [119, 119, 119]);
  await store.world.advance(5_000);
  assert.equal((await sweeps.scan(NEVER, sweeps.due())).orphans.length, 119);
  assert.deepEqual([await store.owners(), sweeps.suspects], [["default/p7"], 0]);
});

Deno.test("sweep reads only the pods in its scope", async () => {
  await using store = await openStore();
  for (const name of ["a", "b"]) await store.add(name);
  const ended: PodFacts = pod("a", { running: false, deleting: true, containers: "ended" });
  const pods = {
    list: () => Promise.reject(new Error("not asked")),
    find: () => Promise.resolve(undefined),
    lastSeen: () => ended,
  };
  const sweeps = new Sweeps(store.ipam, { pods, dryRun: false });
  const { orphans } = await sweeps.scan(NEVER, { podRefs: new Set(["default/a"]), reservations: false });
  assert.deepEqual([orphans.length, await store.owners()], [1, ["default/b"]]);
});

Deno.test("sweep retries entries that it could not free", async () => {
  await using store = await openStore();
  await store.add("a");
  let broken = false;
  const { driver } = store.ipam;
  const commit: typeof store.ipam.commit = (...args) =>
    broken ? Promise.reject(new Error("no quorum")) : store.ipam.commit(...args);
  const ipam = { ...store.ipam, driver, commit };
  const sweeps = new Sweeps(ipam, {
    pods: { list: () => Promise.resolve([]), find: () => Promise.resolve(undefined) },
    dryRun: false,
    grace: 5_000,
  });
  await sweeps.scan(NEVER);
  await store.world.advance(5_000);
  broken = true;
  const { orphans, failed, failures } = await sweeps.scan(NEVER, sweeps.due());
  assert.deepEqual([orphans, failed.length, failures.map(String)], [[], 1, ["Error: no quorum"]]);
  broken = false;
  await store.world.advance(30_000);
  assert.deepEqual([(await sweeps.scan(NEVER, sweeps.due())).orphans.length, await store.owners()], [1, []]);
});

Deno.test("sweep detaches each sandbox of a kept address that has ended, and its reservation; the address stays", async () => {
  await using store = await openStore();
  await store.add("target");
  const { ipam } = store;
  const [pool] = await ipam.driver.list(NEVER);
  const [entry] = pool?.allocations.values() ?? [];
  assert(pool && entry);
  const keeper = { kind: "IPAMClaim", name: "vm", uid: "u1" } as const;
  const former = { podRef: "default/source", containerId: "c0", node: "n1" };
  const kept = { ...entry, keeper, former };
  await ipam.driver.commit(pool, [{ address: entry.address, before: entry, after: kept }], NEVER);
  const [reserved] = await ipam.driver.reservations?.list(undefined, NEVER) ?? [];
  assert(reserved);
  await ipam.driver.reservations?.takeOver(reserved, { ...reserved, keeper }, NEVER);
  let missing = ["default/target"];
  const sweeps = new Sweeps(ipam, {
    pods: {
      list: () => Promise.reject(new Error("not asked")),
      find: (podRef) =>
        Promise.resolve(missing.includes(podRef) ? undefined : { podRef, finished: false, running: true }),
      findKeeper: () => Promise.resolve({ uid: "u1", deleting: false }),
      findNode: () => Promise.resolve(undefined),
    },
    dryRun: false,
  });
  const stored = async () => {
    const { allocations } = await ipam.driver.read(pool.key, NEVER);
    const [reservation] = await ipam.driver.reservations?.list(undefined, NEVER) ?? [];
    const { podRef, containerId, former: other } = allocations.get(entry.address) ?? {};
    return [podRef, containerId, other?.podRef, reservation?.podRef, reservation?.containerId];
  };
  const scan = async (podRef: string) => {
    const { detached, kept, orphans } = await sweeps.scan(NEVER, { podRefs: new Set([podRef]), reservations: false });
    assert.deepEqual(orphans, []);
    return [detached.map(({ sandbox, reason }) => `${sandbox.podRef}: ${reason}`), kept.length];
  };
  assert.deepEqual(await scan("default/source"), [[], 1]);
  assert.deepEqual(await scan("default/target"), [[], 1]);
  assert.equal(sweeps.suspects, 1);
  await store.world.advance(120_000);
  assert.deepEqual(await scan("default/target"), [["default/target: pod is gone"], 0]);
  assert.deepEqual(await stored(), ["default/source", "c0", undefined, "default/source", "c0"]);
  missing = ["default/source"];
  assert.deepEqual(await scan("default/source"), [[], 1]);
  await store.world.advance(30_000); // its node is known, and does not exist
  assert.deepEqual(await scan("default/source"), [["default/source: pod is gone"], 0]);
  assert.deepEqual(await stored(), ["default/source", "", undefined, "default/source", ""]);
  assert.deepEqual(await scan("default/source"), [[], 1]);
  assert.equal(sweeps.suspects, 0);
});

Deno.test("sweep does not detach a sandbox from an entry that has another one by now, and retries what it could not write", async () => {
  await using store = await openStore();
  await store.add("a");
  const [pool] = await store.ipam.driver.list(NEVER);
  const [entry] = pool?.allocations.values() ?? [];
  assert(pool && entry);
  const keeper = { kind: "IPAMClaim", name: "vm", uid: "u1" } as const;
  await store.ipam.driver.commit(pool, [{ address: entry.address, before: entry, after: { ...entry, keeper } }], NEVER);
  let failing = true;
  let meanwhile = () => Promise.resolve();
  const commit: typeof store.ipam.commit = async (...args) => {
    if (failing) throw new Error("no quorum");
    await meanwhile();
    return await store.ipam.commit(...args);
  };
  const last = pod("a", { running: false, deleting: true, containers: "ended", uid: "u1" });
  const sweeps = new Sweeps({ ...store.ipam, commit }, {
    pods: {
      list: () => Promise.resolve([]),
      find: () => Promise.resolve(undefined),
      findKeeper: () => Promise.resolve({ uid: "u1", deleting: false }),
      lastSeen: () => last,
    },
    dryRun: false,
    grace: 5_000,
  });
  const first = await sweeps.scan(NEVER);
  await store.world.advance(5_000);
  const second = await sweeps.scan(NEVER, sweeps.due());
  assert.deepEqual([first.failures, second.failures.map(String), second.failed.length], [[], ["Error: no quorum"], 1]);
  failing = false;
  meanwhile = async () => {
    meanwhile = () => Promise.resolve();
    const current = await store.ipam.driver.read(pool.key, NEVER);
    const before = current.allocations.get(entry.address);
    assert(before);
    const after = { ...before, podRef: "default/b", containerId: "new" };
    await store.ipam.driver.commit(current, [{ address: entry.address, before, after }], NEVER);
  };
  await store.world.advance(30_000);
  assert.deepEqual((await sweeps.scan(NEVER, sweeps.due())).detached, []);
  assert.deepEqual(await store.owners(), ["default/b"]);
});
