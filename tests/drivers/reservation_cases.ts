/**
 * The cases of the contract suite that concern reservations.
 *
 * @module
 */
import assert from "node:assert/strict";
import { cidrOf, contains } from "../../src/address/cidr.ts";
import { type Ip, parseIp, sameIp } from "../../src/address/ip.ts";
import type { PoolKey } from "../../src/pool/types.ts";
import { ConflictError, type Reservation, type Reservations } from "../../src/storage/driver.ts";
import type { Store } from "./contract.ts";

/** The cases by their exact names. */
export const reservationCases: Readonly<Record<string, (store: Store) => Promise<void>>> = {
  "reserves an address for one owner": (store) =>
    withReservations(store, async (reservations) => {
      assert.equal((await reservations.reserve(reservation("a"), never())).kind, "created");
      assert.equal((await reservations.reserve(reservation("a"), never())).kind, "kept");
      const foreign = await reservations.reserve(reservation("b"), never());
      assert.equal(foreign.kind, "foreign");
      assert.equal(foreign.kind === "foreign" && foreign.holder.podRef, "default/a");
      assert.equal((await reservations.reserve({ ...reservation("a"), ifName: "net2" }, never())).kind, "foreign");
    }),
  "locates an address and its reservations as a list has them": async (store) => {
    await using driver = await store.open();
    assert(driver.locate && driver.reservations, "the driver only lists: skip this case with a reason");
    const blue = { ...POOL, network: "blue" };
    const wide = { network: "blue", cidr: cidrOf(IP, 16) };
    const other = { network: "", cidr: { ...POOL.cidr, base: POOL.cidr.base + (1n << 16n) } };
    for (const key of [POOL, blue, wide, other]) {
      const address = key === other ? key.cidr.base + 1n : IP.value;
      await driver.commit(await driver.read(key, never()), [{ address, after: { ...OWNER, address } }], never());
    }
    for (const network of ["", "blue"]) await driver.reservations.create({ ...reservation("a"), network }, never());
    await driver.reservations.create({ ...reservation("b"), ip: { ...IP, value: IP.value + 1n } }, never());
    const located = await driver.locate(IP, never());
    const listed = await driver.list(never());
    const byName = <T>(items: readonly T[] = []) =>
      items.toSorted((a, b) => (JSON.stringify(a, plain) < JSON.stringify(b, plain) ? -1 : 1));
    assert.deepEqual(byName(located?.pools), byName(listed.filter(({ key }) => contains(key.cidr, IP))));
    assert.equal(located?.pools.length, 3);
    const reserved = await driver.reservations.list(undefined, never());
    assert.deepEqual(byName(located?.reservations), byName(reserved.filter(({ ip }) => sameIp(ip, IP))));
    assert.equal(located?.reservations.length, 2);
  },
  "lets commits on earlier snapshots conflict once a pool must reserve": async (store) => {
    await using driver = await store.open();
    assert(driver.requireReservations, "the driver marks no pools: skip this case with a reason");
    const absent = await driver.read(POOL, never());
    assert.equal(absent.mustReserve, undefined);
    const after = { ...OWNER, address: IP.value };
    const marked = await driver.requireReservations(absent, true, never());
    await assert.rejects(driver.commit(absent, [{ address: IP.value, after }], never()), ConflictError);
    const used = await driver.commit(marked, [{ address: IP.value, after }], never());
    const [listed] = await driver.list(never());
    const all = [marked, used, await driver.read(POOL, never()), listed];
    assert.deepEqual(all.map((pool) => pool?.mustReserve), [true, true, true, true]);
    const unmarked = await driver.requireReservations(used, false, never());
    assert.deepEqual([unmarked.mustReserve, unmarked.allocations.size], [undefined, 1]);
    const again = await driver.requireReservations(unmarked, true, never());
    assert.equal(again.mustReserve, true);
    const released = { address: IP.value, before: after };
    await assert.rejects(driver.commit(unmarked, [released], never()), ConflictError);
    const recorded = driver.snapshotFromRecord?.(POOL, new Map([[IP.value, after]])) ?? again;
    assert.equal((await driver.commit(recorded, [released], never())).mustReserve, true);
  },
  "creates a reservation on behalf of its owner only if none exists": (store) =>
    withReservations(store, async (reservations) => {
      const made = await reservations.create(reservation("a"), never());
      assert.equal(made?.podRef, "default/a");
      const older = { ...reservation("a"), containerId: "older" };
      for (const late of [older, reservation("b")]) assert.equal(await reservations.create(late, never()), undefined);
      assert.equal((await reservations.find("", IP, never()))?.containerId, reservation("a").containerId);
      assert.equal(await reservations.release(made ?? older, never()), true);
    }),
  "releases a reservation only for its owner": (store) =>
    withReservations(store, async (reservations) => {
      await reservations.reserve(reservation("a"), never());
      assert.equal(await reservations.release(reservation("b"), never()), false);
      assert.equal(await reservations.release({ ...reservation("a"), ifName: "net2" }, never()), false);
      assert.equal(await reservations.release(reservation("a"), never()), true);
      assert.equal(await reservations.release(reservation("a"), never()), false);
      assert.equal((await reservations.reserve(reservation("b"), never())).kind, "created");
    }),
  "keeps a reservation that a newer sandbox of the owner took over": (store) =>
    withReservations(store, async (reservations) => {
      const first = await reservations.reserve(reservation("a"), never());
      assert.equal(first.kind, "created");
      const newer = { ...reservation("a"), containerId: "newer" };
      const found = await reservations.reserve(newer, never());
      assert(found.kind === "own");
      assert.equal(found.reservation.containerId, reservation("a").containerId);
      assert.equal(
        (await reservations.find("", IP, never()))?.containerId,
        reservation("a").containerId,
        "a claim wrote",
      );
      assert.equal((await reservations.takeOver(found.reservation, newer, never()))?.containerId, "newer");
      assert.equal((await reservations.reserve(newer, never())).kind, "kept");
      assert.equal(
        await reservations.release(first.kind === "created" ? first.reservation : reservation("a"), never()),
        false,
      );
      assert.equal((await reservations.find("", IP, never()))?.containerId, "newer");
      assert.equal(await reservations.release(newer, never()), true);
    }),
  "keeps node and pod uid of a reservation together with their sandbox": (store) =>
    withReservations(store, async (reservations) => {
      for (const [i, facts] of [FACTS, { node: "node2" }, {}, { uid: "u3" }, FACTS].entries()) {
        const wanted = { ...reservation("a"), containerId: `${i}-container-of-a`, ...facts };
        const claimed = await reservations.reserve(wanted, never());
        assert.equal(claimed.kind, i === 0 ? "created" : "own");
        if (claimed.kind === "own") await reservations.takeOver(claimed.reservation, wanted, never());
        for (const found of [await reservations.find("", IP, never()), ...await reservations.list("", never())]) {
          assert.deepEqual({ ...found, token: undefined }, { ...wanted, token: undefined });
        }
      }
      const last = { ...reservation("a"), containerId: "4-container-of-a" };
      assert.equal(await reservations.release(last, never()), true);
      assert.notEqual(await reservations.create({ ...reservation("b"), ...FACTS }, never()), undefined);
      assert.equal((await reservations.find("", IP, never()))?.uid, FACTS.uid);
      assert.equal(await reservations.release(reservation("b"), never()), true);
    }),
  "takes over a reservation only if it is unchanged": (store) =>
    withReservations(store, async (reservations) => {
      await reservations.reserve(reservation("a"), never());
      const found = await reservations.find("", IP, never());
      assert(found);
      const [second, third] = ["second", "third"].map((containerId) => ({ ...reservation("a"), containerId }));
      assert(second && third);
      const written = await reservations.takeOver(found, second, never());
      assert(written);
      assert.equal(await reservations.takeOver(found, third, never()), undefined, "it changed after it was found");
      assert.equal((await reservations.takeOver(written, third, never()))?.containerId, "third");
      const last = await reservations.find("", IP, never());
      assert(last);
      assert.equal(await reservations.release(last, never()), true);
      assert.equal(await reservations.takeOver(last, second, never()), undefined, "it was deleted");
      assert.equal(await reservations.find("", IP, never()), undefined);
    }),
  "takes over a reservation without an interface": (store) =>
    withReservations(store, async (reservations) => {
      await reservations.reserve({ ...reservation("a"), ifName: "" }, never());
      const found = await reservations.reserve(reservation("a"), never());
      assert(found.kind === "own");
      assert.equal(found.reservation.ifName, "");
      await reservations.takeOver(found.reservation, reservation("a"), never());
      assert.equal((await reservations.find("", IP, never()))?.ifName, reservation("a").ifName);
    }),
  "lets exactly one of many claims of an address succeed": (store) =>
    withReservations(store, async (reservations) => {
      const pods = ["a", "b", "c", "d", "e", "f", "g", "h"];
      const results = await Promise.all(pods.map((pod) => reservations.reserve(reservation(pod), never())));
      assert.equal(results.filter((result) => result.kind === "created").length, 1);
      assert.equal(results.filter((result) => result.kind === "foreign").length, pods.length - 1);
    }),
  "finds and lists reservations by network": (store) =>
    withReservations(store, async (reservations) => {
      const ips = ["10.9.0.5", "2001:db8::", "2001:db8::1", "2001:db8:0:1::"].map(ip);
      for (const at of ips) await reservations.reserve({ ...reservation("a"), ip: at }, never());
      await reservations.reserve({ ...reservation("b"), network: "blue" }, never());
      const unnamed = await reservations.list("", never());
      assert.deepEqual(unnamed.map((found) => found.ip).sort(byIp), ips.toSorted(byIp));
      assert.deepEqual((await reservations.list("blue", never())).map((found) => [found.network, found.ip]), [[
        "blue",
        IP,
      ]]);
      assert.equal((await reservations.list(undefined, never())).length, 5);
      if (reservations.listAddresses) {
        assert.deepEqual((await reservations.listAddresses("", never())).sort(byIp), ips.toSorted(byIp));
        assert.deepEqual(await reservations.listAddresses("blue", never()), [IP]);
        assert.deepEqual(await reservations.listAddresses("red", never()), []);
      }
      assert.equal((await reservations.find("blue", IP, never()))?.podRef, "default/b");
      assert.equal(await reservations.find("red", IP, never()), undefined);
    }),
};

const IP = ip("10.9.0.1");
const POOL: PoolKey = { network: "", cidr: { family: 4, base: ip("10.9.0.0").value, prefix: 24 } };
const OWNER = { podRef: "default/a", ifName: "net1", containerId: "container-a" };
const FACTS = { node: "node1.example.com", uid: "4d1a7f5e-0c0e-4a3c-9d8c-6a0d7a1f2b3c" };

function ip(text: string): Ip {
  const parsed = parseIp(text);
  assert(parsed, text);
  return parsed;
}

function never(): AbortSignal {
  return new AbortController().signal;
}

function reservation(pod: string): Reservation {
  return { podRef: `default/${pod}`, ifName: "net1", containerId: `container-${pod}`, network: "", ip: IP };
}

function byIp(a: Ip, b: Ip): number {
  return a.value < b.value ? -1 : 1;
}

async function withReservations(store: Store, run: (reservations: Reservations) => Promise<void>): Promise<void> {
  await using driver = await store.open();
  assert(driver.reservations, "the driver has no reservations: skip this case with a reason");
  await run(driver.reservations);
}

/** JSON has no numbers of any size. */
function plain(_name: string, value: unknown): unknown {
  return typeof value === "bigint" ? `${value}` : value;
}
