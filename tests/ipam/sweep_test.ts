import assert from "node:assert/strict";
import { openEmbedded } from "../../drivers/embedded/driver.ts";
import { loadConfig } from "../../src/config/load.ts";
import { allocate } from "../../src/ipam/allocate.ts";
import { directIpam, type Ipam } from "../../src/ipam/ipam.ts";
import { sweep, type SweepOptions, type Swept } from "../../src/ipam/sweep.ts";
import type { PodFacts } from "../../src/pool/pod_facts.ts";
import type { Owner } from "../../src/pool/types.ts";
import { UnavailableError } from "../../src/storage/driver.ts";
import { SILENT } from "../../src/world/log.ts";
import { memoryWorld } from "../support/world.ts";

const { signal } = new AbortController();
const owner = (pod: string, containerId = `c-${pod}`): Owner => ({
  podRef: `default/${pod}`,
  ifName: "net1",
  containerId,
});
const pod = (name: string): PodFacts => ({ podRef: `default/${name}`, finished: false, running: true });

/** Which pods the looks see, and which each one is found when it is asked for alone: by default the same. */
interface Wanted {
  readonly pods: () => Promise<readonly PodFacts[]>;
  readonly find?: (podRef: string) => Promise<PodFacts | undefined>;
}

interface Fixture extends AsyncDisposable {
  readonly ipam: Ipam;
  add(pod: string, containerId?: string): Promise<void>;
  held(): Promise<string[]>;
  reserved(): Promise<string[]>;
  /** Runs a sweep, moving the clock over its grace period; `between` happens in the middle of it. */
  run(options: Partial<Omit<SweepOptions, "pods">> & Wanted, between?: () => Promise<void>): Promise<Swept>;
}

async function fixture(): Promise<Fixture> {
  const world = memoryWorld({});
  const conf = {
    name: "net",
    ipam: { type: "whereabouts", datastore: "embedded", database: ":memory:", range: "10.0.0.0/24" },
  };
  const { config } = await loadConfig(world, { conf });
  const driver = await openEmbedded(config.datastore);
  const ipam = directIpam(driver, world, SILENT);
  return {
    ipam,
    add: async (name, containerId) => void await allocate(ipam, config, owner(name, containerId), signal),
    held: async () =>
      (await driver.list(signal)).flatMap(({ allocations }) => [...allocations.values()].map(({ podRef }) => podRef))
        .sort(),
    reserved: async () => (await driver.overlaps?.list(undefined, signal) ?? []).map(({ podRef }) => podRef).sort(),
    run: async ({ pods: list, find, ...options }, between) => {
      const before = world.sleepers();
      const pods = { list, find: find ?? (async (podRef) => (await list()).find((pod) => pod.podRef === podRef)) };
      const running = sweep(ipam, { grace: 30_000, dryRun: false, signal, ...options, pods });
      const settled = running.then(() => true, () => true);
      for (let i = 0; i < 100 && world.sleepers() <= before; i++) await Promise.race([settled, Promise.resolve()]);
      await between?.();
      let done = false;
      settled.then(() => done = true);
      for (let i = 0; i < 1_000 && !done; i++) await world.advance(1_000);
      return await running;
    },
    [Symbol.asyncDispose]: () => driver[Symbol.asyncDispose](),
  };
}

Deno.test("sweep frees the entry and the reservation of a pod that is gone, and nothing else", async () => {
  await using store = await fixture();
  await store.add("gone");
  await store.add("lives");
  const { orphans, failures } = await store.run({ pods: () => Promise.resolve([pod("lives")]) });
  assert.deepEqual(orphans.map(({ allocation, reason }) => [allocation.podRef, reason]), [[
    "default/gone",
    "pod is gone",
  ]]);
  assert.deepEqual([failures, await store.held(), await store.reserved()], [[], ["default/lives"], ["default/lives"]]);
});

Deno.test("sweep frees nothing on a dry run, and says what it would", async () => {
  await using store = await fixture();
  await store.add("gone");
  const { orphans } = await store.run({ pods: () => Promise.resolve([]), dryRun: true });
  assert.equal(orphans.length, 1);
  assert.deepEqual([await store.held(), await store.reserved()], [["default/gone"], ["default/gone"]]);
});

Deno.test("sweep keeps what only one of its looks took for an orphan", async () => {
  await using store = await fixture();
  await store.add("late");
  let looks = 0;
  const { orphans } = await store.run({ pods: () => Promise.resolve(looks++ === 0 ? [] : [pod("late")]) });
  assert.deepEqual([looks, orphans, await store.held()], [2, [], ["default/late"]]);
});

Deno.test("sweep takes a failed look for no evidence", async () => {
  await using store = await fixture();
  await store.add("web");
  await assert.rejects(store.run({ pods: () => Promise.reject(new Error("forbidden")) }), /forbidden/);
  let looks = 0;
  const down = () => looks++ === 0 ? Promise.resolve([]) : Promise.reject(new UnavailableError("down"));
  await assert.rejects(store.run({ pods: down }), /down/);
  assert.deepEqual([await store.held(), await store.reserved()], [["default/web"], ["default/web"]]);
});

Deno.test("sweep leaves a pod alone that came back under its name with a new sandbox", async () => {
  await using store = await fixture();
  await store.add("db-0", "old");
  const { orphans } = await store.run({ pods: () => Promise.resolve([]) }, () => store.add("db-0", "new"));
  assert.deepEqual([orphans, await store.held(), await store.reserved()], [[], ["default/db-0"], ["default/db-0"]]);
});

Deno.test("sweep frees a reservation that no pool entry stands for", async () => {
  await using store = await fixture();
  await store.add("lives");
  const ip = { family: 4, value: 0x0a000063n } as const;
  await store.ipam.driver.overlaps?.claim({ ...owner("gone"), network: "", ip }, signal);
  const { reservations } = await store.run({ pods: () => Promise.resolve([pod("lives")]) });
  assert.deepEqual(reservations.map(({ reason }) => reason), ["pod is gone"]);
  assert.deepEqual(await store.reserved(), ["default/lives"]);
});

Deno.test("sweep asks for the pod once more before it frees, and keeps what a pod made meanwhile may hold", async () => {
  await using store = await fixture();
  await store.add("db-0");
  const pods = () => Promise.resolve([]);
  const asked: string[] = [];
  const find = (podRef: string) =>
    Promise.resolve({ podRef: (asked.push(podRef), podRef), finished: false, running: false });
  const { orphans, failures } = await store.run({ pods, find });
  assert.deepEqual([orphans, failures, asked], [[], [], ["default/db-0"]]);
  assert.deepEqual([await store.held(), await store.reserved()], [["default/db-0"], ["default/db-0"]]);
});

Deno.test("sweep takes a pod that cannot be asked for no evidence, and goes on with the rest", async () => {
  await using store = await fixture();
  await store.add("web");
  const ip = { family: 4, value: 0x0a000063n } as const;
  await store.ipam.driver.overlaps?.claim({ ...owner("gone"), network: "", ip }, signal);
  const find = (podRef: string) =>
    podRef === "default/web" ? Promise.reject(new Error("forbidden")) : Promise.resolve(undefined);
  const { orphans, reservations, failures } = await store.run({ pods: () => Promise.resolve([]), find });
  assert.deepEqual([orphans.length, reservations.length, failures.map(String)], [0, 1, ["Error: forbidden"]]);
  assert.deepEqual([await store.held(), await store.reserved()], [["default/web"], ["default/web"]]);
});

Deno.test("sweep keeps the reservation of a pod that neither look saw, and that has the address", async () => {
  await using store = await fixture();
  const ip = { family: 4, value: 0x0a000063n } as const;
  await store.ipam.driver.overlaps?.claim({ ...owner("new"), network: "", ip }, signal);
  const find = (podRef: string) => Promise.resolve({ ...pod("new"), podRef, addresses: new Set(["10.0.0.99"]) });
  const { reservations, failures } = await store.run({ pods: () => Promise.resolve([]), find });
  assert.deepEqual([reservations, failures, await store.reserved()], [[], [], ["default/new"]]);
});

Deno.test("sweep tells a left reservation by network and interface too, and keeps that of a pod that has the address", async () => {
  await using store = await fixture();
  await store.add("web");
  const { overlaps } = store.ipam.driver;
  const [entry] = (await store.ipam.driver.list(signal)).flatMap(({ allocations }) => [...allocations.values()]);
  const ip = { family: 4, value: entry?.address ?? 0n } as const;
  await overlaps?.claim({ ...owner("web"), network: "blue", ip }, signal);
  const other = { family: 4, value: 0x0a000063n } as const;
  await overlaps?.claim({ ...owner("lonely"), network: "", ip: other }, signal);
  const lonely = { ...pod("lonely"), addresses: new Set(["10.0.0.99"]) };
  const { reservations } = await store.run({ pods: () => Promise.resolve([pod("web"), lonely]) });
  assert.deepEqual(reservations.map(({ reservation, reason }) => [reservation.network, reason]), [[
    "blue",
    "no pool entry",
  ]]);
  assert.deepEqual(await store.reserved(), ["default/lonely", "default/web"]);
});

Deno.test("sweep makes the reservation that a live pod's entry lacks, where its network reserves", async () => {
  for (const reserves of [true, false]) {
    await using store = await fixture();
    await store.add("web");
    for (const one of await store.ipam.driver.overlaps?.list(undefined, signal) ?? []) {
      await store.ipam.driver.overlaps?.release(one, signal);
    }
    const pods = () => Promise.resolve([pod("web")]);
    const { reserved, failures } = await store.run({ pods, reserves: () => reserves });
    assert.deepEqual([reserved.length, failures], [reserves ? 1 : 0, []]);
    assert.deepEqual(await store.reserved(), reserves ? ["default/web"] : []);
  }
});

Deno.test("sweep refuses a grace period in which nothing could come to rest", async () => {
  await using store = await fixture();
  await assert.rejects(store.run({ pods: () => Promise.resolve([]), grace: 0 }), /grace period of 0 ms.*at least 5000/);
});
