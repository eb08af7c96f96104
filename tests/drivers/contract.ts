/**
 * The suite that every storage driver must pass. A driver's own test file creates a store and runs the suite on it:
 *
 * ```ts ignore
 * driverContract({ name: "embedded", makeStore: () => Promise.resolve(new TemporaryFile()) });
 * ```
 *
 * A case may only be skipped by its exact name and with a written reason.
 *
 * @module
 */
import assert from "node:assert/strict";
import { type Cidr, parseCidr } from "../../src/address/cidr.ts";
import type { Allocation, Change, Owner, PoolKey } from "../../src/pool/types.ts";
import { ConflictError, type PoolSnapshot, type StorageDriver } from "../../src/storage/driver.ts";
import { blockCases } from "./block_cases.ts";
import { keeperCases } from "./keeper_cases.ts";
import { moveCases } from "./move_cases.ts";
import { reservationCases } from "./reservation_cases.ts";
import { reuseCases } from "./reuse_cases.ts";

/** An empty store for one case, which disposes it. */
export interface Store extends AsyncDisposable {
  /** Opens another connection to the store. The suite disposes it. */
  open(): Promise<StorageDriver>;
  /**
   * The old snapshot with the store's own counter (a revision, a `resourceVersion`) of the present one: a store that was restored from a
   * backup counts from there again, and reaches the same number with other content.
   */
  recount(old: PoolSnapshot, present: PoolSnapshot): PoolSnapshot;
}

/** The driver under test. */
export interface ContractOptions {
  /** Shown in test names. */
  readonly name: string;
  /** Creates an empty store. */
  readonly makeStore: () => Promise<Store>;
  /** Exact names of cases, each with the reason why it does not apply. */
  readonly skip?: Readonly<Record<string, string>>;
}

const cases: Record<string, (store: Store) => Promise<void>> = {
  "reads an absent pool as empty and creates nothing": async (store) => {
    await using driver = await store.open();
    assert.equal((await driver.read(V4, never())).allocations.size, 0);
    assert.deepEqual(await driver.list(never()), []);
  },
  "stores allocations for other clients to read": async (store) => {
    await using driver = await store.open();
    const committed = await driver.commit(await driver.read(V4, never()), [put(1n, "a"), put(300n, "b")], never());
    await using other = await store.open();
    const read = await other.read(V4, never());
    assert.deepEqual(sorted(read.allocations.values()), [allocation(V4, 1n, "a"), allocation(V4, 300n, "b")]);
    assert.deepEqual(sorted(committed.allocations.values()), sorted(read.allocations.values()));
  },
  "commits on the snapshot that a commit returned": async (store) => {
    await using driver = await store.open();
    let snapshot = await driver.read(V4, never());
    for (const index of [1n, 2n, 3n]) snapshot = await driver.commit(snapshot, [put(index, `pod${index}`)], never());
    assert.equal((await driver.read(V4, never())).allocations.size, 3);
  },
  "refreshes an owner in place": async (store) => {
    await using driver = await store.open();
    const before = allocation(V4, 1n, "a");
    const after = { ...before, containerId: "second" };
    const snapshot = await driver.commit(
      await driver.read(V4, never()),
      [{ address: before.address, after: before }],
      never(),
    );
    await driver.commit(snapshot, [{ address: before.address, before, after }], never());
    assert.deepEqual([...(await driver.read(V4, never())).allocations.values()], [after]);
  },
  "keeps node and pod uid, and their absence": async (store) => {
    await using driver = await store.open();
    const [both, nodeOnly, uidOnly, plain] = [1n, 2n, 3n, 4n].map((offset) => allocation(V4, offset, `pod${offset}`));
    assert(both && nodeOnly && uidOnly && plain);
    const all: Allocation[] = [{ ...both, ...FACTS }, { ...nodeOnly, node: "node1" }, { ...uidOnly, uid: "u1" }, plain];
    const made = await driver.commit(await driver.read(V4, never()), all.map(claimed), never());
    assert.deepEqual(sorted((await driver.read(V4, never())).allocations.values()), all);
    assert.deepEqual(sorted((await driver.list(never())).flatMap(({ allocations }) => [...allocations.values()])), all);
    await driver.commit(made, all.map((before) => ({ address: before.address, before })), never());
    assert.equal((await driver.read(V4, never())).allocations.size, 0);
  },
  "replaces node and pod uid together with their sandbox": async (store) => {
    await using driver = await store.open();
    let before: Allocation = allocation(V4, 1n, "a");
    await driver.commit(await driver.read(V4, never()), [claimed(before)], never());
    const facts = [FACTS, { node: "node2" }, {}, { uid: "u3" }, { ...FACTS, uid: "u4" }, {}, FACTS, FACTS];
    for (const [i, some] of facts.entries()) {
      const { node: _, uid: __, ...rest } = before;
      const after = { ...rest, containerId: `${i}-container-of-a`, ...some };
      await driver.commit(await driver.read(V4, never()), [{ address: after.address, before, after }], never());
      assert.deepEqual([...(await driver.read(V4, never())).allocations.values()], [after]);
      before = after;
    }
  },
  "replaces an owner by another in one change": async (store) => {
    await using driver = await store.open();
    const before = allocation(V4, 1n, "a");
    const after = allocation(V4, 1n, "b");
    const snapshot = await driver.commit(
      await driver.read(V4, never()),
      [{ address: before.address, after: before }],
      never(),
    );
    await driver.commit(snapshot, [{ address: before.address, before, after }], never());
    assert.deepEqual([...(await driver.read(V4, never())).allocations.values()], [after]);
  },
  "releases one address and leaves the others": async (store) => {
    await using driver = await store.open();
    const snapshot = await driver.commit(await driver.read(V4, never()), [put(1n, "a"), put(2n, "b")], never());
    await driver.commit(snapshot, [release(1n, "a")], never());
    assert.deepEqual([...(await driver.read(V4, never())).allocations.values()], [allocation(V4, 2n, "b")]);
  },
  "refuses a commit on a stale snapshot as a whole": async (store) => {
    await using one = await store.open();
    await using two = await store.open();
    const stale = await one.read(V4, never());
    await two.commit(await two.read(V4, never()), [put(1n, "winner")], never());
    await assert.rejects(one.commit(stale, [put(1n, "loser"), put(2n, "loser")], never()), ConflictError);
    assert.deepEqual([...(await one.read(V4, never())).allocations.values()], [allocation(V4, 1n, "winner")]);
  },
  "refuses a second commit on the same snapshot": async (store) => {
    await using driver = await store.open();
    const first = await driver.commit(await driver.read(V4, never()), [put(1n, "a")], never());
    await driver.commit(first, [put(2n, "b")], never());
    await assert.rejects(driver.commit(first, [put(3n, "c")], never()), ConflictError);
  },
  "refuses a snapshot with the current version but other content": async (store) => {
    await using driver = await store.open();
    const [a, other] = [allocation(V4, 1n, "a"), allocation(V4, 1n, "other")];
    const free = await driver.commit(await driver.read(V4, never()), [put(2n, "b")], never());
    const allocated = await driver.commit(free, [claimed(a)], never());
    const later = await driver.commit(allocated, [{ address: a.address, before: a, after: other }], never());
    const decided: (readonly [PoolSnapshot, Change])[] = [
      [free, put(1n, "late")],
      [allocated, { address: a.address, before: a, after: { ...a, containerId: "late" } }],
      [allocated, { address: a.address, before: a }],
    ];
    for (const [snapshot, change] of decided) {
      const recounted = store.recount(snapshot, later);
      await assert.rejects(driver.commit(recounted, [put(7n, "late"), change], never()), ConflictError);
    }
    assert.deepEqual(sorted((await driver.read(V4, never())).allocations.values()), [other, allocation(V4, 2n, "b")]);
  },
  "lets exactly one of many writers create a pool": async (store) => {
    await using driver = await store.open();
    const empty = await driver.read(V4, never());
    const tries = Array.from({ length: 8 }, (_, i) => driver.commit(empty, [put(BigInt(i + 1), `pod${i}`)], never()));
    const results = await Promise.allSettled(tries);
    assert.equal(results.filter((result) => result.status === "fulfilled").length, 1);
    for (const result of results) if (result.status === "rejected") assert(result.reason instanceof ConflictError);
    assert.equal((await driver.read(V4, never())).allocations.size, 1);
  },
  "separates networks, nodes, ranges and families": async (store) => {
    await using driver = await store.open();
    const keys: PoolKey[] = [V4, V6, { ...V4, network: "blue" }, { ...V4, node: "node1" }, {
      ...V4,
      network: "blue",
      node: "node1",
    }, {
      network: "",
      cidr: cidr("10.9.0.0/17"),
    }];
    for (const [i, key] of keys.entries()) {
      await driver.commit(await driver.read(key, never()), [put(1n, `pod${i}`, key)], never());
    }
    for (const [i, key] of keys.entries()) {
      assert.deepEqual([...(await driver.read(key, never())).allocations.values()], [allocation(key, 1n, `pod${i}`)]);
    }
    assert.equal((await driver.list(never())).length, keys.length);
  },
  "lists pools with their keys and allocations": async (store) => {
    await using driver = await store.open();
    for (const key of [V4, V6]) await driver.commit(await driver.read(key, never()), [put(7n, "pod", key)], never());
    const listed = (await driver.list(never())).sort((a, b) => a.key.cidr.family - b.key.cidr.family);
    assert.deepEqual(listed.map((pool) => pool.key), [V4, V6]);
    assert.deepEqual(listed.map((pool) => [...pool.allocations.values()]), [[allocation(V4, 7n, "pod")], [
      allocation(V6, 7n, "pod"),
    ]]);
  },
  "commits on a snapshot from the list": async (store) => {
    await using driver = await store.open();
    await driver.commit(await driver.read(V4, never()), [put(1n, "a")], never());
    const [listed] = await driver.list(never());
    assert(listed);
    await driver.commit(listed, [release(1n, "a")], never());
    assert.equal((await driver.read(V4, never())).allocations.size, 0);
  },
  "stores addresses with offsets of more than 64 bits": async (store) => {
    await using driver = await store.open();
    const key: PoolKey = { network: "", cidr: cidr("2001:db8::/32") };
    const offsets = [1n, (1n << 63n) - 1n, 1n << 63n, 1n << 64n, (1n << 95n) + 12345n];
    await driver.commit(await driver.read(key, never()), offsets.map((offset) => put(offset, "pod", key)), never());
    assert.deepEqual(
      sorted((await driver.read(key, never())).allocations.values()),
      offsets.map((offset) => allocation(key, offset, "pod")),
    );
  },
  "stores unusual names unchanged": async (store) => {
    await using driver = await store.open();
    const odd: Allocation = {
      address: V4.cidr.base + 1n,
      podRef: "ns/a.b-c~1/é\"'",
      ifName: "net1~0.5",
      containerId: "0/x%20",
    };
    await driver.commit(await driver.read(V4, never()), [{ address: odd.address, after: odd }], never());
    assert.deepEqual([...(await driver.read(V4, never())).allocations.values()], [odd]);
  },
  "commits many changes in one call": async (store) => {
    await using driver = await store.open();
    const changes = Array.from({ length: 500 }, (_, i) => put(BigInt(i + 1), `pod${i}`));
    const snapshot = await driver.commit(await driver.read(V4, never()), changes, never());
    assert.equal(snapshot.allocations.size, 500);
    await driver.commit(
      snapshot,
      changes.map(({ address, after }) => ({ address, before: after as Allocation })),
      never(),
    );
    assert.equal((await driver.read(V4, never())).allocations.size, 0);
  },
  "rejects with the reason of an aborted signal": async (store) => {
    await using driver = await store.open();
    const signal = AbortSignal.abort(new Error("enough"));
    await assert.rejects(driver.read(V4, signal), /enough/);
    const snapshot = await driver.read(V4, never());
    await assert.rejects(driver.commit(snapshot, [put(1n, "a")], signal), /enough/);
    assert.equal((await driver.read(V4, never())).allocations.size, 0);
  },
  "reports its status": async (store) => {
    await using driver = await store.open();
    await driver.status(never());
  },
  "commits on a recorded snapshot only if the entry matches exactly": async (store) => {
    await using driver = await store.open();
    assert(driver.snapshotFromRecord, "the driver makes no snapshot from a record: skip this case with a reason");
    const entry = allocation(V4, 1n, "a");
    await driver.commit(await driver.read(V4, never()), [put(1n, "a"), put(2n, "b")], never());
    const wrong = { ...entry, containerId: "other" };
    const recordedWrong = driver.snapshotFromRecord(V4, new Map([[entry.address, wrong]]));
    await assert.rejects(
      driver.commit(recordedWrong, [{ address: entry.address, before: wrong }], never()),
      ConflictError,
    );
    const recorded = driver.snapshotFromRecord(V4, new Map([[entry.address, entry]]));
    await driver.commit(recorded, [{ address: entry.address, before: entry }], never());
    await assert.rejects(driver.commit(recorded, [{ address: entry.address, before: entry }], never()), ConflictError);
    assert.deepEqual([...(await driver.read(V4, never())).allocations.values()], [allocation(V4, 2n, "b")]);
  },
  ...reservationCases,
  ...keeperCases,
  ...moveCases,
  ...blockCases,
  ...reuseCases,
};

/** Names of all cases, for `skip`. */
export const CONTRACT_CASES: readonly string[] = Object.keys(cases);

/** Declares the suite's tests. */
export function driverContract({ name, makeStore, skip = {} }: ContractOptions): void {
  for (const unknown of Object.keys(skip).filter((skipped) => !(skipped in cases))) {
    throw new RangeError(`Cannot skip "${unknown}": the contract has no such case`);
  }
  for (const [title, run] of Object.entries(cases)) {
    if (title in skip) continue;
    Deno.test(`${name} driver ${title}`, async () => {
      await using store = await makeStore();
      await run(store);
    });
  }
}

function cidr(text: string): Cidr {
  const parsed = parseCidr(text);
  assert(parsed, text);
  return parsed.cidr;
}

const V4: PoolKey = { network: "", cidr: cidr("10.9.0.0/16") };
const V6: PoolKey = { network: "", cidr: cidr("2001:db8:9::/64") };
const FACTS = { node: "node1.example.com", uid: "4d1a7f5e-0c0e-4a3c-9d8c-6a0d7a1f2b3c" };

function never(): AbortSignal {
  return new AbortController().signal;
}

function owner(pod: string): Owner {
  return { podRef: `default/${pod}`, ifName: "net1", containerId: `container-${pod}` };
}

function allocation(key: PoolKey, offset: bigint, pod: string): Allocation {
  return { ...owner(pod), address: key.cidr.base + offset };
}

function put(offset: bigint, pod: string, key = V4): Change {
  const after = allocation(key, offset, pod);
  return { address: after.address, after };
}

function claimed(after: Allocation): Change {
  return { address: after.address, after };
}

function release(offset: bigint, pod: string, key = V4): Change {
  const before = allocation(key, offset, pod);
  return { address: before.address, before };
}

function sorted(allocations: Iterable<Allocation>): Allocation[] {
  return [...allocations].sort((a, b) => (a.address < b.address ? -1 : 1));
}
