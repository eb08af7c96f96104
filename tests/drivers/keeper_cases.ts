/**
 * The cases of the contract suite that concern addresses that an object keeps beyond the life of a pod.
 *
 * @module
 */
import assert from "node:assert/strict";
import { parseCidr } from "../../src/address/cidr.ts";
import type { Ip } from "../../src/address/ip.ts";
import type { Allocation, Keeper, PoolKey } from "../../src/pool/types.ts";
import { ConflictError, type Reservation, type StorageDriver } from "../../src/storage/driver.ts";
import type { Store } from "./contract.ts";

/** The cases by their exact names. */
export const keeperCases: Readonly<Record<string, (store: Store) => Promise<void>>> = {
  "keeps the keeper of an entry and its former sandbox, and replaces them": async (store) => {
    await using driver = await store.open();
    const moved = { podRef: "default/target", containerId: "container-of-target" };
    const former = { podRef: ENTRY.podRef, containerId: ENTRY.containerId };
    const sequence: Allocation[] = [
      ENTRY,
      { ...ENTRY, keeper: CLAIM },
      { ...ENTRY, keeper: CLAIM, containerId: "next", node: "node1", uid: "u2" },
      { ...ENTRY, ...moved, keeper: CLAIM, former },
      { ...ENTRY, ...moved, keeper: CLAIM },
      { ...ENTRY, keeper: CLAIM, containerId: "" },
      { ...ENTRY, keeper: SET },
      ENTRY,
    ];
    for (const [i, after] of sequence.entries()) {
      const before = sequence[i - 1];
      await commit(driver, before, after);
      assert.deepEqual([...(await driver.read(KEY, never())).allocations.values()], [after]);
      const listed = await driver.list(never());
      assert.deepEqual(listed.flatMap(({ allocations }) => [...allocations.values()]), [after]);
    }
  },
  "lets commits on earlier snapshots conflict once a pool refuses keepers": async (store) => {
    await using driver = await store.open();
    assert(driver.refuseKeepers, "the driver lets no pool refuse keepers: skip this case with a reason");
    const absent = await driver.read(KEY, never());
    const by = "DaemonSet kube-system/whereabouts";
    const refusing = await driver.refuseKeepers(absent, by, never());
    await assert.rejects(driver.commit(absent, [{ address: ENTRY.address, after: ENTRY }], never()), ConflictError);
    const used = await driver.commit(refusing, [{ address: ENTRY.address, after: ENTRY }], never());
    const [listed] = await driver.list(never());
    for (const pool of [refusing, used, await driver.read(KEY, never()), listed]) {
      assert.equal(pool?.refusesKeepers, by);
    }
    const accepting = await driver.refuseKeepers(used, undefined, never());
    assert.deepEqual([accepting.refusesKeepers, accepting.allocations.size], [undefined, 1]);
    assert.equal((await driver.read(KEY, never())).refusesKeepers, undefined);
    const again = await driver.refuseKeepers(accepting, by, never());
    const release = [{ address: ENTRY.address, before: ENTRY }];
    await assert.rejects(driver.commit(accepting, release, never()), ConflictError);
    assert.equal((await driver.commit(again, release, never())).allocations.size, 0);
  },
  "keeps an entry with a keeper whose recorded entry has none": async (store) => {
    await using driver = await store.open();
    const kept = { ...ENTRY, keeper: CLAIM };
    await commit(driver, undefined, kept);
    if (driver.snapshotFromRecord) {
      const recorded = driver.snapshotFromRecord(KEY, new Map([[ENTRY.address, ENTRY]]));
      const release = [{ address: ENTRY.address, before: ENTRY }];
      await assert.rejects(driver.commit(recorded, release, never()), ConflictError);
    }
    assert.deepEqual([...(await driver.read(KEY, never())).allocations.values()], [kept]);
    await commit(driver, kept, undefined);
    assert.equal((await driver.read(KEY, never())).allocations.size, 0);
  },
  "keeps the keeper of a reservation, whichever pod of it reserves": async (store) => {
    await using driver = await store.open();
    const { reservations } = driver;
    assert(reservations, "the driver has no reservations: skip this case with a reason");
    const first = reservation("a", CLAIM);
    assert.equal((await reservations.reserve(first, never())).kind, "created");
    assert.deepEqual((await reservations.find("", IP, never()))?.keeper, CLAIM);
    for (const other of [reservation("a"), reservation("b"), reservation("a", SET), reservation("b", OTHER)]) {
      assert.equal((await reservations.reserve(other, never())).kind, "foreign", JSON.stringify(other.keeper));
      assert.equal(await reservations.release(other, never()), false);
    }
    const next = reservation("b", CLAIM);
    const found = await reservations.reserve(next, never());
    assert(found.kind === "own");
    assert.equal((await reservations.takeOver(found.reservation, next, never()))?.podRef, "default/b");
    const detached = { ...next, containerId: "" };
    const taken = await reservations.find("", IP, never());
    assert(taken);
    assert.deepEqual({ ...taken, token: undefined }, { ...next, token: undefined });
    assert(await reservations.takeOver(taken, detached, never()));
    assert.equal(await reservations.release(reservation("b"), never()), false, "its keeper still has it");
    assert.equal(await reservations.release(detached, never()), true);
  },
  "gives a reservation a keeper": async (store) => {
    await using driver = await store.open();
    const { reservations } = driver;
    assert(reservations, "the driver has no reservations: skip this case with a reason");
    await reservations.reserve(reservation("a"), never());
    const kept = reservation("a", SET);
    const found = await reservations.reserve(kept, never());
    assert(found.kind === "own");
    assert(await reservations.takeOver(found.reservation, kept, never()));
    assert.equal((await reservations.reserve(kept, never())).kind, "kept");
    assert.deepEqual((await reservations.list("", never())).map(({ keeper }) => keeper), [SET]);
  },
};

const CLAIM: Keeper = { kind: "IPAMClaim", name: "vm1.net1", uid: "4d1a7f5e-0c0e-4a3c-9d8c-6a0d7a1f2b3c" };
const OTHER: Keeper = { ...CLAIM, uid: "5e2b8a6f-0c0e-4a3c-9d8c-6a0d7a1f2b3c" };
const SET: Keeper = { kind: "StatefulSet", name: "web", uid: CLAIM.uid };
const KEY: PoolKey = keyOf("10.9.0.0/24");
const ENTRY: Allocation = {
  podRef: "default/source",
  ifName: "net1",
  containerId: "container-of-source",
  address: KEY.cidr.base + 1n,
};
const IP: Ip = { family: 4, value: ENTRY.address };

function keyOf(text: string): PoolKey {
  const parsed = parseCidr(text);
  assert(parsed);
  return { network: "", cidr: parsed.cidr };
}

function never(): AbortSignal {
  return new AbortController().signal;
}

async function commit(driver: StorageDriver, before: Allocation | undefined, after: Allocation | undefined) {
  const change = { address: ENTRY.address, ...(before && { before }), ...(after && { after }) };
  await driver.commit(await driver.read(KEY, never()), [change], never());
}

function reservation(pod: string, keeper?: Keeper): Reservation {
  return {
    podRef: `default/${pod}`,
    ifName: "net1",
    containerId: `container-${pod}`,
    network: "",
    ip: IP,
    ...(keeper && { keeper }),
  };
}
