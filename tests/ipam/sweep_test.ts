import assert from "node:assert/strict";
import { openEmbedded } from "../../drivers/embedded/driver.ts";
import { parseIp } from "../../src/address/ip.ts";
import { loadConfig } from "../../src/config/load.ts";
import { allocate } from "../../src/ipam/allocate.ts";
import { directIpam, type Ipam } from "../../src/ipam/ipam.ts";
import { type NetworkRules, sweep, type SweepOptions, type Swept } from "../../src/ipam/sweep.ts";
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

/** The pods of each scan's list, those of direct reads (default: the same), and the configuration of networks. */
interface Wanted extends NetworkRules {
  readonly pods: () => Promise<readonly PodFacts[]>;
  readonly find?: (podRef: string) => Promise<PodFacts | undefined>;
}

/** One turn of the event loop. */
const turn = () => new Promise((resolve) => setTimeout(resolve, 0));

interface Fixture extends AsyncDisposable {
  readonly ipam: Ipam;
  add(pod: string, containerId?: string): Promise<void>;
  owners(): Promise<string[]>;
  reserved(): Promise<string[]>;
  /** A reservation without an entry. */
  reserve(pod: string, address: string): Promise<void>;
  /** Runs a sweep and advances the clock over its grace period; `between` runs in the middle. */
  run(
    options: Partial<Omit<SweepOptions, "pods" | "grace">> & { readonly grace?: number | undefined } & Wanted,
    between?: () => Promise<void>,
  ): Promise<Swept>;
}

async function fixture(): Promise<Fixture> {
  const world = memoryWorld({});
  const conf = {
    name: "net",
    ipam: { type: "whereabouts", datastore: "embedded", database: ":memory:", range: "10.0.0.0/24" },
  };
  const { config } = await loadConfig(world, { conf, author: "operator" });
  const driver = await openEmbedded(config.datastore);
  const ipam = directIpam(driver, world, SILENT);
  return {
    ipam,
    add: async (name, containerId) => void await allocate(ipam, config, owner(name, containerId), signal),
    owners: async () =>
      (await driver.list(signal)).flatMap(({ allocations }) => [...allocations.values()].map(({ podRef }) => podRef))
        .sort(),
    reserved: async () => (await driver.reservations?.list(undefined, signal) ?? []).map(({ podRef }) => podRef).sort(),
    reserve: async (name, address) => {
      const ip = parseIp(address);
      assert(ip);
      await driver.reservations?.reserve({ ...owner(name), network: "", ip }, signal);
    },
    run: async ({ pods: list, find, reserves, verifiesStatus, poolsInUse, ...options }, between) => {
      const { grace, ...others } = options;
      const rest = { ...others, ...(grace !== undefined && { grace }) };
      const pods = {
        list,
        find: find ?? (async (podRef: string) => (await list()).find((pod) => pod.podRef === podRef)),
        ...(reserves && { reserves }),
        ...(verifiesStatus && { verifiesStatus }),
        ...(poolsInUse && { poolsInUse }),
      };
      let [done, waits] = [false, false];
      const running = sweep(ipam, {
        ...(!("grace" in options) && { grace: 30_000 }),
        dryRun: false,
        signal,
        ...rest,
        pods,
        waiting: (...args) => {
          waits = true;
          options.waiting?.(...args);
        },
      });
      running.then(() => done = true, () => done = true);
      while (!done && !waits) await turn();
      await between?.();
      for (let i = 0; i < 1_000 && !done; i++) await world.advance(1_000);
      return await running;
    },
    [Symbol.asyncDispose]: () => driver[Symbol.asyncDispose](),
  };
}

Deno.test("sweep frees the entry and the reservation of a deleted pod, and nothing else", async () => {
  await using store = await fixture();
  await store.add("gone");
  await store.add("lives");
  const { orphans, failures } = await store.run({ pods: () => Promise.resolve([pod("lives")]) });
  assert.deepEqual(orphans.map(({ allocation, reason }) => [allocation.podRef, reason]), [[
    "default/gone",
    "pod is gone",
  ]]);
  assert.deepEqual([failures, await store.owners(), await store.reserved()], [[], ["default/lives"], [
    "default/lives",
  ]]);
});

Deno.test("sweep frees nothing in a dry run, and reports what it would free", async () => {
  await using store = await fixture();
  await store.add("gone");
  const { orphans } = await store.run({ pods: () => Promise.resolve([]), dryRun: true });
  assert.equal(orphans.length, 1);
  assert.deepEqual([await store.owners(), await store.reserved()], [["default/gone"], ["default/gone"]]);
});

Deno.test("sweep calls back after each list of the store", async () => {
  await using store = await fixture();
  let lists = 0;
  await store.run({ pods: () => Promise.resolve([]), onListed: () => lists++ });
  assert.equal(lists, 2, "reservations and pools");
});

Deno.test("sweep keeps an entry that only one scan found unused", async () => {
  await using store = await fixture();
  await store.add("late");
  let looks = 0;
  const find = () => Promise.resolve(looks++ === 0 ? undefined : pod("late"));
  const { orphans, unconfirmed } = await store.run({ pods: () => Promise.resolve([]), find });
  assert.deepEqual([looks, orphans, unconfirmed.length, await store.owners()], [2, [], 1, ["default/late"]]);
});

Deno.test("sweep treats a failed scan as no evidence", async () => {
  await using store = await fixture();
  await store.add("web");
  await assert.rejects(store.run({ pods: () => Promise.reject(new Error("forbidden")) }), /forbidden/);
  let looks = 0;
  const down = () => looks++ === 0 ? Promise.resolve(undefined) : Promise.reject(new UnavailableError("down"));
  const { orphans, failures, unconfirmed } = await store.run({ pods: () => Promise.resolve([]), find: down });
  assert.deepEqual([orphans, failures.length > 0, unconfirmed.length], [[], true, 1]);
  assert.deepEqual([await store.owners(), await store.reserved()], [["default/web"], ["default/web"]]);
});

Deno.test("sweep waits as long as each evidence requires, and frees the others earlier", async () => {
  await using store = await fixture();
  const world = store.ipam.clock;
  for (const name of ["gone", "finished"]) await store.add(name);
  const finished: PodFacts = { ...pod("finished"), finished: true, running: false, containers: "ended" };
  const waits: number[] = [];
  const begun = world.monotonic();
  const { orphans } = await store.run({
    pods: () => Promise.resolve([finished]),
    grace: undefined,
    waiting: (milliseconds) => waits.push(Math.round(milliseconds / 1_000)),
  });
  assert.deepEqual(orphans.map(({ allocation }) => allocation.podRef), ["default/finished", "default/gone"]);
  assert.deepEqual(waits, [30, 90]);
  assert(world.monotonic() - begun >= 120_000);
});

Deno.test("sweep frees nothing after only one direct read, whatever the list contains", async () => {
  await using store = await fixture();
  await store.add("web");
  const { orphans, failures } = await store.run({
    pods: () => Promise.resolve([]),
    find: () => Promise.resolve(pod("web")),
  });
  assert.deepEqual([orphans, failures, await store.owners()], [[], [], ["default/web"]]);
});

Deno.test("sweep leaves the entry of a pod that was recreated with a new sandbox", async () => {
  await using store = await fixture();
  await store.add("db-0", "old");
  const { orphans } = await store.run({ pods: () => Promise.resolve([]) }, () => store.add("db-0", "new"));
  assert.deepEqual([orphans, await store.owners(), await store.reserved()], [[], ["default/db-0"], ["default/db-0"]]);
});

Deno.test("sweep continues with the other pods if one cannot be read", async () => {
  await using store = await fixture();
  await store.add("web");
  await store.reserve("gone", "10.0.0.99");
  const find = (podRef: string) =>
    podRef === "default/web" ? Promise.reject(new Error("forbidden")) : Promise.resolve(undefined);
  const { orphans, reservations, failures } = await store.run({ pods: () => Promise.resolve([]), find });
  assert.deepEqual([orphans.length, reservations.length, failures.map(String)], [0, 1, ["Error: forbidden"]]);
  assert.deepEqual([await store.owners(), await store.reserved()], [["default/web"], ["default/web"]]);
});

Deno.test("sweep lists entries that it keeps for lack of evidence", async () => {
  await using store = await fixture();
  for (const name of ["silent", "lives"]) await store.add(name);
  const lives = { ...pod("lives"), addresses: ["10.0.0.2"] };
  const { orphans, unconfirmed } = await store.run({ pods: () => Promise.resolve([pod("silent"), lives]) });
  assert.deepEqual([orphans, unconfirmed.map(({ allocation }) => allocation.podRef)], [[], ["default/silent"]]);
  assert.match(unconfirmed[0]?.why ?? "", /network-status of the pod has no addresses of net1/);
});

Deno.test("sweep respects verify_network_status of the network of a pool", async () => {
  for (const verifies of [true, false]) {
    await using store = await fixture();
    await store.add("web");
    const other = {
      ...pod("web"),
      interfaces: [{ ifName: "net1", ips: ["10.0.0.77"] }],
      addresses: ["10.0.0.77"],
    };
    const { orphans } = await store.run({ pods: () => Promise.resolve([other]), verifiesStatus: () => verifies });
    assert.deepEqual(orphans.map(({ reason }) => reason), verifies ? ["pod does not have the address"] : []);
  }
});

Deno.test("sweep refuses a grace period that is shorter than an ADD or DEL may take", async () => {
  await using store = await fixture();
  await assert.rejects(store.run({ pods: () => Promise.resolve([]), grace: 0 }), /grace period of 0 ms.*at least 5000/);
});
