import assert from "node:assert/strict";
import { formatIp, parseIp } from "../../src/address/ip.ts";
import { allocate } from "../../src/ipam/allocate.ts";
import { restoreEntries } from "../../src/ipam/reclaim.ts";
import { release } from "../../src/ipam/release.ts";
import { resize } from "../../src/ipam/resize.ts";
import { Sweeps, type Swept } from "../../src/ipam/sweep.ts";
import type { Pods } from "../../src/ipam/sweep.ts";
import type { PodFacts } from "../../src/pool/pod_facts.ts";
import { formatPoolKey } from "../../src/pool/types.ts";
import { cidr, NEVER, openStore, pod, type Store } from "../controllers/lab.ts";

/** The reservations, as `address pod`. */
async function reserved({ ipam }: Store): Promise<string[]> {
  const all = await ipam.driver.reservations?.list(undefined, NEVER) ?? [];
  return all.map(({ ip, podRef }) => `${formatIp(ip)} ${podRef}`).sort();
}

/** A reservation without an entry. */
async function reserve({ ipam }: Store, name: string, address: string, network = ""): Promise<void> {
  const ip = parseIp(address);
  assert(ip);
  await ipam.driver.reservations?.reserve({
    network,
    ip,
    podRef: `default/${name}`,
    ifName: "net1",
    containerId: `c-${name}`,
  }, NEVER);
}

/** Deletes entries without their reservations, as deleting or restoring an IPPool does. */
async function loseEntries({ ipam: { driver } }: Store): Promise<void> {
  for (const snapshot of await driver.list(NEVER)) {
    const changes = [...snapshot.allocations.values()].map((before) => ({ address: before.address, before }));
    await driver.commit(snapshot, changes, NEVER);
  }
}

/** A scan, and half a minute later one of the records that are due. */
async function twice(
  store: Store,
  pods: readonly PodFacts[],
  more: Partial<Pods> = {},
  dryRun = false,
): Promise<Swept> {
  const find = (podRef: string) => Promise.resolve(pods.find((one) => one.podRef === podRef));
  const sweeps = new Sweeps(store.ipam, {
    pods: { list: () => Promise.resolve(pods), find, ...more },
    dryRun,
    grace: 30_000,
  });
  await sweeps.scan(NEVER);
  await store.world.advance(30_000);
  return await sweeps.scan(NEVER, sweeps.due());
}

/** A pod whose network-status lists these addresses of net1. */
function reports(name: string, ...ips: string[]): PodFacts {
  return pod(name, { addresses: ips, interfaces: [{ ifName: "net1", network: "default/net", ips }] });
}

Deno.test("sweep frees the reservation of a deleted pod, and keeps those of running pods", async () => {
  await using store = await openStore();
  await store.add("lives");
  await reserve(store, "gone", "10.0.0.99");
  await reserve(store, "starts", "10.0.0.98");
  const { reservations, failures } = await twice(store, [pod("lives"), pod("starts", { running: false })]);
  assert.deepEqual(reservations.map(({ reservation, reason }) => [reservation.podRef, reason]), [[
    "default/gone",
    "pod is gone",
  ]]);
  assert.deepEqual([failures, await reserved(store)], [[], ["10.0.0.1 default/lives", "10.0.0.98 default/starts"]]);
});

Deno.test("sweep frees a reservation that the network-status of its pod contradicts", async () => {
  await using store = await openStore();
  await store.add("web");
  await reserve(store, "web", "10.0.0.99");
  const { reservations, restored } = await twice(store, [reports("web", "10.0.0.1")]);
  assert.deepEqual([reservations.map(({ reason }) => reason), restored], [["pod does not have the address"], []]);
  assert.deepEqual(await reserved(store), ["10.0.0.1 default/web"]);
});

Deno.test("sweep recreates the lost entry of a reservation whose pod runs, even without a network-status", async () => {
  for (const lives of [pod("web"), reports("web", "10.0.0.1")]) {
    await using store = await openStore();
    await store.add("web");
    await loseEntries(store);
    const { restored, duplicates, failures } = await twice(store, [lives]);
    assert.deepEqual([restored.length, duplicates, failures, await store.owners()], [1, [], [], ["default/web"]]);
    assert.deepEqual(await reserved(store), ["10.0.0.1 default/web"]);
  }
});

Deno.test("sweep recreates no entry in a dry run, at a first scan, or for a pod that does not run", async () => {
  await using store = await openStore();
  await store.add("web");
  await loseEntries(store);
  assert.deepEqual([(await twice(store, [pod("web")], {}, true)).restored.length, await store.owners()], [1, []]);
  assert.deepEqual([(await twice(store, [pod("web", { running: false })])).restored, await store.owners()], [[], []]);
  assert.deepEqual(await reserved(store), ["10.0.0.1 default/web"]);
});

Deno.test("sweep recreates no entry if the interface has one, or the pool is unknown", async () => {
  await using store = await openStore();
  await store.add("web");
  await reserve(store, "web", "10.0.0.99");
  await reserve(store, "other", "192.168.0.1");
  const { restored, reservations } = await twice(store, [pod("web"), pod("other")]);
  assert.deepEqual([restored, reservations, await store.owners()], [[], [], ["default/web"]]);
});

Deno.test("sweep recreates no entry from a network-status alone", async () => {
  await using store = await openStore();
  await store.add("db");
  const { restored } = await twice(store, [reports("web", "10.0.0.77"), reports("db", "10.0.0.1")]);
  assert.deepEqual([restored, await store.owners()], [[], ["default/db"]]);
});

Deno.test("sweep reports an address that a pod reserved or reports, and that is allocated to another, when it observes it twice", async () => {
  for (const [title, lives] of [["reserved", pod("web")], ["reported", reports("web", "10.0.0.1")]] as const) {
    await using store = await openStore();
    await store.add("web");
    await loseEntries(store);
    if (title === "reported") await dropReservations(store);
    const { driver } = store.ipam;
    const [snapshot] = await driver.list(NEVER);
    assert(snapshot);
    const after = { address: snapshot.key.cidr.base + 1n, podRef: "default/db", ifName: "net1", containerId: "c-db" };
    await driver.commit(snapshot, [{ address: after.address, after }], NEVER);
    const pods = [lives, pod("db", { running: false })];
    const once = await new Sweeps(store.ipam, {
      pods: { list: () => Promise.resolve(pods), find: () => Promise.resolve(lives) },
      dryRun: false,
    }).scan(NEVER);
    assert.deepEqual(once.duplicates, []);
    const { duplicates, restored, reservations } = await twice(store, pods);
    assert.deepEqual(duplicates.map(({ address, podRef, holder }) => [address, podRef, holder.podRef]), [
      ["10.0.0.1", "default/web", "default/db"],
    ], title);
    assert.deepEqual([restored, reservations], [[], []]);
  }
});

async function dropReservations({ ipam: { driver: { reservations } } }: Store): Promise<void> {
  for (const one of await reservations?.list(undefined, NEVER) ?? []) await reservations?.release(one, NEVER);
}

Deno.test("sweep creates the missing reservation of a running pod's entry, if its network reserves", async () => {
  for (const reserves of [true, false]) {
    await using store = await openStore();
    await store.add("web");
    await dropReservations(store);
    const { reserved: made, failures } = await twice(store, [pod("web")], { reserves: () => reserves });
    assert.deepEqual([made.length, failures], [reserves ? 1 : 0, []]);
    assert.deepEqual(await reserved(store), reserves ? ["10.0.0.1 default/web"] : []);
  }
});

Deno.test("sweep keeps the reservation of an owner without a pod, and reads no pod for it", async () => {
  await using store = await openStore();
  const ip = parseIp("10.0.0.9");
  assert(ip);
  await store.ipam.driver.reservations?.reserve(
    { network: "", ip, podRef: "9f1c", ifName: "eth0", containerId: "9f1c" },
    NEVER,
  );
  const { reservations, failures } = await twice(store, [], { find: () => Promise.reject(new Error("asked")) });
  assert.deepEqual([reservations, failures, await reserved(store)], [[], [], ["10.0.0.9 9f1c"]]);
});

const CLAIM = { kind: "IPAMClaim", name: "vm", uid: "u1" } as const;
const KEEPS: Partial<Pods> = {
  findKeeper: () => Promise.resolve({ uid: "u1", deleting: false }),
  reserves: () => true,
};

/** ADD for a claim. */
async function claim({ ipam, config }: Store, name: string): Promise<string> {
  const owner = { podRef: `default/${name}`, ifName: "net1", containerId: `c-${name}`, keeper: CLAIM };
  const [assigned] = await allocate(ipam, config, owner, NEVER, { examine: () => Promise.resolve("ended") });
  assert(assigned);
  return formatIp(assigned.ip);
}

Deno.test("sweep writes the keeper into a reservation whose ADD ended before, so that the next pod gets the address", async () => {
  await using store = await openStore();
  await store.add("a"); // before its network kept addresses
  const { driver } = store.ipam;
  const [snapshot] = await driver.list(NEVER);
  const [before] = snapshot?.allocations.values() ?? [];
  assert(snapshot && before);
  // its next ADD was killed between the two writes, and DEL detached it
  const after = { ...before, containerId: "", keeper: CLAIM };
  await driver.commit(snapshot, [{ address: before.address, before, after }], NEVER);
  await assert.rejects(claim(store, "b"), /10\.0\.0\.1, which IPAMClaim vm keeps/);
  const dry = await twice(store, [], KEEPS, true);
  assert.equal(dry.reserved.length, 1);
  await assert.rejects(claim(store, "b"));
  const { reserved: repaired, reservations, failures } = await twice(store, [], KEEPS);
  assert.deepEqual([repaired.length, reservations, failures], [1, [], []]);
  const [written] = await driver.reservations?.list(undefined, NEVER) ?? [];
  assert.deepEqual([written?.keeper, written?.containerId], [CLAIM, ""]);
  assert.equal(await claim(store, "b"), "10.0.0.1");
  assert.deepEqual((await twice(store, [pod("b")], KEEPS)).reserved, []);
});

Deno.test("sweep frees a reservation of a claim that has another address since its pool was lost, and no other one", async () => {
  await using store = await openStore();
  await store.add("x");
  assert.equal(await claim(store, "a"), "10.0.0.2");
  await release(store.ipam, store.config, { containerId: "c-a", ifName: "net1" }, NEVER);
  await release(store.ipam, store.config, { containerId: "c-x", ifName: "net1" }, NEVER);
  await loseEntries(store);
  assert.equal(await claim(store, "b"), "10.0.0.1", "the store has nothing at the former address");
  assert.deepEqual(await reserved(store), ["10.0.0.1 default/b", "10.0.0.2 default/a"]);
  const { reservations, restored } = await twice(store, [pod("b")], KEEPS);
  assert.deepEqual([reservations.map(({ reason }) => reason), restored], [["pod is gone"], []]);
  assert.deepEqual(await reserved(store), ["10.0.0.1 default/b"]);
});

Deno.test("sweep recreates the lost entry of a stopped machine from its reservation", async () => {
  await using store = await openStore();
  assert.equal(await claim(store, "a"), "10.0.0.1");
  await release(store.ipam, store.config, { containerId: "c-a", ifName: "net1" }, NEVER);
  await loseEntries(store);
  const { restored, reservations } = await twice(store, [], KEEPS);
  assert.deepEqual([restored.length, reservations, await store.owners()], [1, [], ["default/a"]]);
});

Deno.test("sweep detaches a reservation whose DEL ended between its two writes", async () => {
  await using store = await openStore();
  assert.equal(await claim(store, "a"), "10.0.0.1");
  const { driver } = store.ipam;
  const [snapshot] = await driver.list(NEVER);
  const [before] = snapshot?.allocations.values() ?? [];
  assert(snapshot && before);
  await driver.commit(snapshot, [{ address: before.address, before, after: { ...before, containerId: "" } }], NEVER);
  assert.equal((await twice(store, [], KEEPS)).reserved.length, 1);
  const [written] = await driver.reservations?.list(undefined, NEVER) ?? [];
  assert.deepEqual([written?.keeper, written?.containerId], [CLAIM, ""]);
});

Deno.test("ADD of another pod of a claim waits while the store lacks the entry of the one that runs, and deletes no reservation", async () => {
  await using store = await openStore();
  assert.equal(await claim(store, "a"), "10.0.0.1");
  await loseEntries(store);
  await assert.rejects(
    claim(store, "b"),
    /10\.0\.0\.1 of IPAMClaim vm is reserved for default\/a, whose entry the store lost/,
  );
  assert.deepEqual([await store.owners(), await reserved(store)], [[], ["10.0.0.1 default/a"]]);
  assert.equal((await twice(store, [pod("a")], KEEPS)).restored.length, 1);
  assert.equal(await claim(store, "b"), "10.0.0.1", "its sandbox has ended by then");
});

Deno.test("sweep recreates the lost entry of a resized range in the pool to which it has moved, never in the former one", async () => {
  await using store = await openStore();
  await store.add("web");
  const { driver } = store.ipam;
  const [former] = await driver.list(NEVER);
  assert(former);
  const to = { ...former.key, cidr: cidr("10.0.0.0/22") };
  await resize(store.ipam, former.key, to, { dryRun: false, signal: NEVER });
  await loseEntries(store);
  const { restored } = await twice(store, [pod("web")]);
  assert.deepEqual(restored.map(({ key }) => formatPoolKey(key)), ["10.0.0.0/22"]);
  const { allocations } = await driver.read(to, NEVER);
  const entries = [...allocations.values()].map((allocation) => ({ key: former.key, allocation }));
  await loseEntries(store);
  assert.deepEqual((await restoreEntries(store.ipam, entries, NEVER)).done, []);
});
