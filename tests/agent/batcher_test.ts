import assert from "node:assert/strict";
import { Batcher } from "../../src/agent/batcher.ts";
import { Traffic } from "../../src/agent/traffic.ts";
import { type AllocateOutcome, allocateRequest, drop } from "../../src/pool/requests.ts";
import type { Change, Owner } from "../../src/pool/types.ts";
import { ConflictError, RefusedError, type StorageDriver, UnavailableError } from "../../src/storage/driver.ts";
import { type HurriedClock, hurriedClock } from "../support/hurried_clock.ts";
import { memory, never, range } from "../ipam/lab.ts";

const RANGE = range("10.0.0.0/28");
const KEY = { network: "", cidr: RANGE.cidr };
const owner = (pod: string): Owner => ({ podRef: `default/${pod}`, ifName: "net1", containerId: `c-${pod}` });

interface Bench extends AsyncDisposable {
  readonly driver: StorageDriver;
  readonly batcher: Batcher;
  readonly traffic: Traffic;
  readonly batches: number[];
  readonly clock: HurriedClock;
  readonly store: { outages: number };
  readonly reads: { count: number };
  readonly commits: { count: number; fail: Error | undefined; failed: () => void };
  claim(pod: string, onAttempt?: (changes: readonly Change[]) => void): Promise<AllocateOutcome>;
}

/** A pool as a commit would leave it. */
interface After {
  readonly size: number;
  readonly pods: readonly string[];
}

async function bench(isRefused: (after: After) => boolean = () => false): Promise<Bench> {
  const store = await memory();
  const reads = { count: 0 };
  const commits: Bench["commits"] = { count: 0, fail: undefined, failed: () => {} };
  const driver: StorageDriver = {
    name: "counting",
    read: (key, signal) => {
      reads.count++;
      return store.read(key, signal);
    },
    commit: (snapshot, changes, signal) => {
      commits.count++;
      const after = new Map(snapshot.allocations);
      for (const change of changes) {
        if (change.after) after.set(change.address, { ...change.after, address: change.address });
        else after.delete(change.address);
      }
      if (isRefused({ size: after.size, pods: [...after.values()].map(({ podRef }) => podRef) })) {
        return Promise.reject(new RefusedError("not this object"));
      }
      if (!commits.fail) return store.commit(snapshot, changes, signal);
      const { fail } = commits;
      commits.failed();
      return Promise.reject(fail);
    },
    list: (signal) => store.list(signal),
    status: (signal) => store.status(signal),
    [Symbol.asyncDispose]: () => store[Symbol.asyncDispose](),
  };
  const batches: number[] = [];
  const clock = hurriedClock();
  const outage = { outages: 0 };
  const traffic = new Traffic(clock.monotonic);
  const observer = { onBatch: (requests: number) => void batches.push(requests) };
  const batcher = new Batcher({ driver, clock, observer, traffic, outages: () => outage.outages });
  return {
    driver,
    batcher,
    traffic,
    batches,
    clock,
    store: outage,
    reads,
    commits,
    claim: (pod, onAttempt) =>
      batcher.commit(KEY, allocateRequest(owner(pod), RANGE), { signal: never(), ...(onAttempt && { onAttempt }) }),
    [Symbol.asyncDispose]: () => store[Symbol.asyncDispose](),
  };
}

/** Turns of the event loop until the check holds. */
async function until(check: () => boolean): Promise<void> {
  for (let turn = 0; turn < 1_000 && !check(); turn++) await new Promise((resolve) => setTimeout(resolve, 0));
  assert(check());
}

const octet = (outcome: AllocateOutcome) =>
  "allocation" in outcome ? Number(outcome.allocation.address & 0xffn) : outcome.kind;

Deno.test("Batcher serves what arrives together in one commit, in order of arrival, lowest first", async () => {
  await using b = await bench();
  const outcomes = await Promise.all(Array.from({ length: 10 }, (_, i) => b.claim(`p${i}`)));
  assert.deepEqual(outcomes.map(octet), [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  assert.deepEqual([b.commits.count, b.batches], [1, [10]]);
});

Deno.test("Batcher puts what arrives during a commit into the next one", async () => {
  await using b = await bench();
  const first = b.claim("first");
  await until(() => b.commits.count === 1);
  const others = Array.from({ length: 5 }, (_, i) => b.claim(`p${i}`));
  assert.deepEqual((await Promise.all([first, ...others])).map(octet), [1, 2, 3, 4, 5, 6]);
  assert.deepEqual(b.batches, [1, 5]);
});

Deno.test("Batcher waits for calls on their way, and no longer than they are", async () => {
  await using b = await bench();
  const passages = [b.traffic.begin(), b.traffic.begin()];
  const first = b.claim("first");
  await Promise.resolve();
  const second = b.claim("second");
  for (const passage of passages) passage.arrived();
  await Promise.all([first, second]);
  assert.deepEqual(b.batches, [2]);
  b.traffic.begin(); // it never comes
  assert.equal(octet(await b.claim("third")), 3);
});

Deno.test("Batcher waits some milliseconds for a call that is held up, once, and then not at all", async () => {
  await using b = await bench();
  b.traffic.begin();
  await b.claim("first");
  await b.clock.sleep(200);
  const start = b.clock.monotonic();
  for (let i = 0; i < 5; i++) await b.claim(`p${i}`);
  assert.equal(b.clock.monotonic() - start, 0);
});

Deno.test("Batcher holds nobody else for a request that is to pause before it is written", async () => {
  await using b = await bench();
  const slow = b.batcher.commit(KEY, allocateRequest(owner("slow"), RANGE), { signal: never(), pause: 60_000 });
  assert.deepEqual([octet(await b.claim("victim")), b.clock.monotonic()], [1, 0]);
  assert.deepEqual([octet(await slow), b.clock.monotonic()], [2, 60_000]);
  const stop = new AbortController();
  const gone = b.batcher.commit(KEY, allocateRequest(owner("gone"), RANGE), { signal: stop.signal, pause: 60_000 });
  stop.abort(new Error("gone"));
  await assert.rejects(gone, /gone/);
  assert.equal(octet(await b.claim("next")), 3);
});

Deno.test("Batcher lets each request of a batch fail on its own", async () => {
  await using b = await bench();
  const outcomes = await Promise.all(Array.from({ length: 16 }, (_, i) => b.claim(`p${i}`)));
  assert.deepEqual(outcomes.map(octet).slice(12), [13, 14, "exhausted", "exhausted"]);
});

Deno.test("Batcher fails a whole batch after some tries where a store refuses everything, and starts afresh", async () => {
  await using b = await bench();
  await b.claim("a");
  b.commits.fail = new RefusedError("forbidden");
  const before = b.commits.count;
  const failed = await Promise.allSettled(Array.from({ length: 500 }, (_, i) => b.claim(`p${i}`)));
  assert(failed.every(({ status }) => status === "rejected"));
  assert(b.commits.count - before <= 40, `${b.commits.count - before} commits for 500 refusals`);
  b.commits.fail = undefined;
  assert.equal(octet(await b.claim("d")), 2);
});

Deno.test("Batcher drains a pool that is full: releases are written though claims of their batch do not fit", async () => {
  await using b = await bench(({ size }) => size > 10);
  const wide = range("10.0.0.0/24");
  const key = { network: "", cidr: wide.cidr };
  const claims = (count: number, name: string) =>
    Array.from({ length: count }, (_, i) => {
      const request = allocateRequest(owner(`${name}${i}`), wide);
      return b.batcher.commit(key, request, { signal: never() }).then(() => 1, () => 0);
    });
  const sum = async (all: Promise<number>[]) => (await Promise.all(all)).reduce((total, one) => total + one, 0);
  assert.equal(await sum(claims(10, "p")), 10);
  const fresh = claims(13, "new");
  const released = await Promise.all(Array.from({ length: 5 }, (_, i) => {
    const { containerId, ifName } = owner(`p${i}`);
    return b.batcher.commit(key, { kind: "release", containerId, ifName }, { signal: never() });
  }));
  assert.deepEqual(released.map(({ allocations }) => allocations.length), [1, 1, 1, 1, 1]);
  assert.equal(await sum(fresh), 5, "as many as fit");
});

Deno.test("Batcher refuses the one request of a batch that the store does not take, and serves all others", async () => {
  await using b = await bench(({ pods }) => pods.includes("default/evil"));
  const pods = ["a", "b", "c", "evil", "d", "e", "f", "g", "h", "i"];
  const outcomes = await Promise.all(pods.map((pod) => b.claim(pod).then(octet, (error) => error.name)));
  assert.deepEqual(outcomes, [1, 2, 3, "RefusedError", 4, 5, 6, 7, 8, 9]);
});

Deno.test("Batcher never answers from what it remembers alone", async () => {
  await using b = await bench();
  assert.equal(octet(await b.claim("a")), 1);
  const snapshot = await b.driver.read(KEY, never());
  const [held] = snapshot.allocations.values();
  assert(held);
  await b.driver.commit(snapshot, [{ address: held.address, before: held }], never()); // another process releases it
  assert.equal((await b.claim("a")).kind, "allocated");
  assert.equal((await b.driver.read(KEY, never())).allocations.size, 1);
  const released = await b.batcher.commit(KEY, { kind: "release", containerId: "nobody", ifName: "net1" }, {
    signal: never(),
  });
  assert.deepEqual(released.allocations, []);
});

Deno.test("Batcher decides anew when another process wrote meanwhile, and then looks before it writes again", async () => {
  await using b = await bench();
  const another = async (octet: bigint) => {
    const foreign = { ...owner("foreign"), address: RANGE.cidr.base + octet };
    await b.driver.commit(await b.driver.read(KEY, never()), [{ address: foreign.address, after: foreign }], never());
    await b.clock.sleep(1_000);
  };
  await b.claim("a");
  await another(2n);
  assert.deepEqual([octet(await b.claim("b")), b.commits.count], [3, 4], "one was refused");
  await another(4n);
  assert.deepEqual([octet(await b.claim("c")), b.commits.count], [5, 6]);
});

Deno.test("Batcher reads a pool again once the store did not answer, and after a minute", async () => {
  await using b = await bench();
  await b.claim("a");
  const reads = b.reads.count;
  await b.claim("b");
  assert.equal(b.reads.count, reads, "the pool is remembered");
  b.store.outages++;
  await b.claim("c");
  assert.equal(b.reads.count, reads + 1);
  await b.clock.sleep(61_000);
  await b.claim("d");
  assert.equal(b.reads.count, reads + 2);
});

Deno.test("Batcher takes those along who come while others are faster", async () => {
  await using b = await bench();
  let second: Promise<AllocateOutcome> | undefined;
  b.commits.fail = new ConflictError("others");
  b.commits.failed = () => {
    second = b.claim("b");
    b.commits.fail = undefined;
  };
  const first = b.claim("a");
  assert.deepEqual([octet(await first), octet(await (second ?? first))], [1, 2]);
  assert.deepEqual(b.batches, [2]);
});

Deno.test("Batcher lets a caller go whose signal aborted while it waited, and gives it nothing", async () => {
  await using b = await bench();
  const first = b.claim("a");
  const stop = new AbortController();
  const waiting = b.batcher.commit(KEY, allocateRequest(owner("b"), RANGE), { signal: stop.signal });
  stop.abort(new Error("gone"));
  await first;
  await assert.rejects(waiting, /gone/);
  assert.equal(octet(await b.claim("c")), 2);
});

Deno.test("Batcher tells each claim its own changes, which undo it and nothing else", async () => {
  await using b = await bench();
  const told: Change[][] = [[], [], []];
  await Promise.all(["a", "b", "c"].map((pod, i) => b.claim(pod, (changes) => told[i]?.push(...changes))));
  assert.deepEqual(told.map((changes) => changes.map(({ after }) => after?.podRef)), [["default/a"], ["default/b"], [
    "default/c",
  ]]);
  await b.batcher.commit(KEY, { kind: "revert", changes: told[1] ?? [] }, { signal: never() });
  assert.deepEqual([...(await b.driver.read(KEY, never())).allocations.values()].map(({ podRef }) => podRef), [
    "default/a",
    "default/c",
  ]);
});

Deno.test("Batcher tells a claim that its address was free, though its release is in the same batch", async () => {
  await using b = await bench();
  const former = owner("former");
  const told: Change[] = [];
  await b.claim("former");
  const { containerId, ifName } = former;
  const released = b.batcher.commit(KEY, { kind: "release", containerId, ifName }, { signal: never() });
  const claimed = b.claim("next", (changes) => told.push(...changes));
  assert.equal(octet(await claimed), 1);
  assert.equal((await released).allocations[0]?.podRef, "default/former");
  assert.deepEqual([b.batches, told.map(({ before }) => before)], [[1, 2], [undefined]]);
  await b.batcher.commit(KEY, { kind: "revert", changes: told }, { signal: never() });
  assert.equal((await b.driver.read(KEY, never())).allocations.size, 0);
});

Deno.test("Batcher gives up after so many conflicts, and takes back exactly what it is told to", async () => {
  await using b = await bench();
  b.commits.fail = new ConflictError("always");
  await assert.rejects(b.claim("a"), (error) => error instanceof ConflictError || error instanceof UnavailableError);
  b.commits.fail = undefined;
  const outcome = await b.claim("a");
  assert("allocation" in outcome);
  const freed = await b.batcher.commit(KEY, drop([{ ...outcome.allocation, containerId: "other" }]), {
    signal: never(),
  });
  assert.deepEqual(freed.allocations, []);
});
