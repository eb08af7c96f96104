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
