import assert from "node:assert/strict";
import { Batcher } from "../../src/agent/batcher.ts";
import { type AllocateOutcome, allocateRequest, drop } from "../../src/pool/requests.ts";
import type { Change, Keeper, Owner } from "../../src/pool/types.ts";
import { ConflictError, RefusedError, type StorageDriver, UnavailableError } from "../../src/storage/driver.ts";
import { type HurriedClock, hurriedClock } from "../support/hurried_clock.ts";
import { memory, never, range } from "../ipam/lab.ts";

const RANGE = range("10.0.0.0/28");
const KEY = { network: "", cidr: RANGE.cidr };
const owner = (pod: string): Owner => ({ podRef: `default/${pod}`, ifName: "net1", containerId: `c-${pod}` });

interface Bench extends AsyncDisposable {
  readonly driver: StorageDriver;
  readonly batcher: Batcher;
  readonly batches: number[];
  readonly clock: HurriedClock;
  readonly store: { outages: number };
  readonly reads: { count: number };
  readonly commits: { count: number; fail: Error | undefined; failed: () => void };
  allocate(pod: string, onAttempt?: (changes: readonly Change[]) => void): Promise<AllocateOutcome>;
}

/** A pool after a commit. */
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
  const observer = { onBatch: (requests: number) => void batches.push(requests) };
  const batcher = new Batcher({ driver, clock, observer, outages: () => outage.outages });
  return {
    driver,
    batcher,
    batches,
    clock,
    store: outage,
    reads,
    commits,
    allocate: (pod, onAttempt) =>
      batcher.commit(KEY, allocateRequest(owner(pod), RANGE), { signal: never(), ...(onAttempt && { onAttempt }) }),
    [Symbol.asyncDispose]: () => store[Symbol.asyncDispose](),
  };
}

/** Runs the event loop until the check holds. */
async function until(check: () => boolean): Promise<void> {
  for (let i = 0; i < 1_000 && !check(); i++) await new Promise((resolve) => setTimeout(resolve, 0));
  assert(check());
}

const octet = (outcome: AllocateOutcome) =>
  "allocation" in outcome ? Number(outcome.allocation.address & 0xffn) : outcome.kind;

Deno.test("Batcher serves concurrent requests in one commit, and assigns the lowest addresses in order of arrival", async () => {
  await using b = await bench();
  const outcomes = await Promise.all(Array.from({ length: 10 }, (_, i) => b.allocate(`p${i}`)));
  assert.deepEqual(outcomes.map(octet), [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  assert.deepEqual([b.commits.count, b.batches], [1, [10]]);
});

Deno.test("Batcher writes requests that arrive during a commit in the next commit", async () => {
  await using b = await bench();
  const first = b.allocate("first");
  await until(() => b.commits.count === 1);
  const others = Array.from({ length: 5 }, (_, i) => b.allocate(`p${i}`));
  assert.deepEqual((await Promise.all([first, ...others])).map(octet), [1, 2, 3, 4, 5, 6]);
  assert.deepEqual(b.batches, [1, 5]);
});

Deno.test("Batcher delays no other request for a request with a pause", async () => {
  await using b = await bench();
  const slow = b.batcher.commit(KEY, allocateRequest(owner("slow"), RANGE), { signal: never(), pause: 60_000 });
  assert.deepEqual([octet(await b.allocate("victim")), b.clock.monotonic()], [1, 0]);
  assert.deepEqual([octet(await slow), b.clock.monotonic()], [2, 60_000]);
  const stop = new AbortController();
  const aborted = b.batcher.commit(KEY, allocateRequest(owner("aborted"), RANGE), {
    signal: stop.signal,
    pause: 60_000,
  });
  stop.abort(new Error("disconnected"));
  await assert.rejects(aborted, /disconnected/);
  assert.equal(octet(await b.allocate("next")), 3);
});

Deno.test("Batcher fails only the requests of a batch that find no free address", async () => {
  await using b = await bench();
  const outcomes = await Promise.all(Array.from({ length: 16 }, (_, i) => b.allocate(`p${i}`)));
  assert.deepEqual(outcomes.map(octet).slice(12), [13, 14, "exhausted", "exhausted"]);
});

Deno.test("Batcher fails a batch after a bounded number of commits if the store refuses every request, and serves the next batch", async () => {
  await using b = await bench();
  await b.allocate("a");
  b.commits.fail = new RefusedError("forbidden");
  const before = b.commits.count;
  const failed = await Promise.allSettled(Array.from({ length: 500 }, (_, i) => b.allocate(`p${i}`)));
  assert(failed.every(({ status }) => status === "rejected"));
  assert(b.commits.count - before <= 40, `${b.commits.count - before} commits for 500 refusals`);
  b.commits.fail = undefined;
  assert.equal(octet(await b.allocate("d")), 2);
});

Deno.test("Batcher writes the releases of a batch to a full pool although its allocations do not fit", async () => {
  await using b = await bench(({ size }) => size > 10);
  const wide = range("10.0.0.0/24");
  const key = { network: "", cidr: wide.cidr };
  const allocateMany = (count: number, name: string) =>
    Array.from({ length: count }, (_, i) => {
      const request = allocateRequest(owner(`${name}${i}`), wide);
      return b.batcher.commit(key, request, { signal: never() }).then(() => 1, () => 0);
    });
  const sum = async (all: Promise<number>[]) => (await Promise.all(all)).reduce((total, one) => total + one, 0);
  assert.equal(await sum(allocateMany(10, "p")), 10);
  const fresh = allocateMany(13, "new");
  const released = await Promise.all(Array.from({ length: 5 }, (_, i) => {
    const { containerId, ifName } = owner(`p${i}`);
    return b.batcher.commit(key, { kind: "release", containerId, ifName }, { signal: never() });
  }));
  assert.deepEqual(released.map(({ allocations }) => allocations.length), [1, 1, 1, 1, 1]);
  assert.equal(await sum(fresh), 5, "as many as fit");
});

Deno.test("Batcher fails the one request of a batch that the store refuses, and serves all others", async () => {
  await using b = await bench(({ pods }) => pods.includes("default/evil"));
  const pods = ["a", "b", "c", "evil", "d", "e", "f", "g", "h", "i"];
  const outcomes = await Promise.all(pods.map((pod) => b.allocate(pod).then(octet, (error) => error.name)));
  assert.deepEqual(outcomes, [1, 2, 3, "RefusedError", 4, 5, 6, 7, 8, 9]);
});

Deno.test("Batcher never answers from its memory alone", async () => {
  await using b = await bench();
  assert.equal(octet(await b.allocate("a")), 1);
  const snapshot = await b.driver.read(KEY, never());
  const [stored] = snapshot.allocations.values();
  assert(stored);
  await b.driver.commit(snapshot, [{ address: stored.address, before: stored }], never()); // another process releases it
  assert.equal((await b.allocate("a")).kind, "allocated");
  assert.equal((await b.driver.read(KEY, never())).allocations.size, 1);
  const released = await b.batcher.commit(KEY, { kind: "release", containerId: "nobody", ifName: "net1" }, {
    signal: never(),
  });
  assert.deepEqual(released.allocations, []);
});

Deno.test("Batcher decides again after a conflict with another process, and then reads the pool before the next write", async () => {
  await using b = await bench();
  const another = async (octet: bigint) => {
    const foreign = { ...owner("foreign"), address: RANGE.cidr.base + octet };
    await b.driver.commit(await b.driver.read(KEY, never()), [{ address: foreign.address, after: foreign }], never());
    await b.clock.sleep(1_000);
  };
  await b.allocate("a");
  await another(2n);
  assert.deepEqual([octet(await b.allocate("b")), b.commits.count], [3, 4], "the store refused one commit");
  await another(4n);
  assert.deepEqual([octet(await b.allocate("c")), b.commits.count], [5, 6], "it had forgotten the pool");
  assert.deepEqual([octet(await b.allocate("d")), b.reads.count], [6, 5], "and remembers it again");
});

Deno.test("Batcher re-reads a pool after an outage of the store, and after a minute", async () => {
  await using b = await bench();
  await b.allocate("a");
  const reads = b.reads.count;
  await b.allocate("b");
  assert.equal(b.reads.count, reads, "the pool is remembered");
  b.store.outages++;
  await b.allocate("c");
  assert.equal(b.reads.count, reads + 1);
  await b.clock.sleep(61_000);
  await b.allocate("d");
  assert.equal(b.reads.count, reads + 2);
});

Deno.test("Batcher adds requests that arrive during a conflict to the batch", async () => {
  await using b = await bench();
  let second: Promise<AllocateOutcome> | undefined;
  b.commits.fail = new ConflictError("others");
  b.commits.failed = () => {
    second = b.allocate("b");
    b.commits.fail = undefined;
  };
  const first = b.allocate("a");
  assert.deepEqual([octet(await first), octet(await (second ?? first))], [1, 2]);
  assert.deepEqual(b.batches, [2]);
});

Deno.test("Batcher rejects a waiting request whose signal aborts, and allocates nothing for it", async () => {
  await using b = await bench();
  const first = b.allocate("a");
  const stop = new AbortController();
  const request = allocateRequest(owner("b"), RANGE);
  const waiting = assert.rejects(b.batcher.commit(KEY, request, { signal: stop.signal }), /disconnected/);
  stop.abort(new Error("disconnected"));
  await first;
  await waiting;
  assert.equal(octet(await b.allocate("c")), 2);
});

Deno.test("Batcher reports to each allocation its own changes, whose revert undoes nothing else", async () => {
  await using b = await bench();
  const reported: Change[][] = [[], [], []];
  await Promise.all(["a", "b", "c"].map((pod, i) => b.allocate(pod, (changes) => reported[i]?.push(...changes))));
  assert.deepEqual(reported.map((changes) => changes.map(({ after }) => after?.podRef)), [
    ["default/a"],
    ["default/b"],
    [
      "default/c",
    ],
  ]);
  await b.batcher.commit(KEY, { kind: "revert", changes: reported[1] ?? [] }, { signal: never() });
  assert.deepEqual([...(await b.driver.read(KEY, never())).allocations.values()].map(({ podRef }) => podRef), [
    "default/a",
    "default/c",
  ]);
});

Deno.test("Batcher reports to an allocation that its address was free although the release is in the same batch", async () => {
  await using b = await bench();
  const former = owner("former");
  const reported: Change[] = [];
  await b.allocate("former");
  const { containerId, ifName } = former;
  const released = b.batcher.commit(KEY, { kind: "release", containerId, ifName }, { signal: never() });
  const allocated = b.allocate("next", (changes) => reported.push(...changes));
  assert.equal(octet(await allocated), 1);
  assert.equal((await released).allocations[0]?.podRef, "default/former");
  assert.deepEqual([b.batches, reported.map(({ before }) => before)], [[1, 2], [undefined]]);
  await b.batcher.commit(KEY, { kind: "revert", changes: reported }, { signal: never() });
  assert.equal((await b.driver.read(KEY, never())).allocations.size, 0);
});

Deno.test("Batcher gives up after a bounded number of conflicts, and drops only allocations that match exactly", async () => {
  await using b = await bench();
  b.commits.fail = new ConflictError("always");
  await assert.rejects(b.allocate("a"), (error) => error instanceof ConflictError || error instanceof UnavailableError);
  b.commits.fail = undefined;
  const outcome = await b.allocate("a");
  assert("allocation" in outcome);
  const freed = await b.batcher.commit(KEY, drop([{ ...outcome.allocation, containerId: "other" }]), {
    signal: never(),
  });
  assert.deepEqual(freed.allocations, []);
});

const CLAIM: Keeper = { kind: "IPAMClaim", name: "vm", uid: "u1" };

/** ADD of a pod whose address the claim keeps. */
function allocateKept({ batcher }: Bench, pod: string, onAttempt?: (changes: readonly Change[]) => void) {
  const request = allocateRequest({ ...owner(pod), keeper: CLAIM }, RANGE);
  return batcher.commit(KEY, request, { signal: never(), ...(onAttempt && { onAttempt }) });
}

function release({ batcher }: Bench, pod: string, onAttempt?: (changes: readonly Change[]) => void) {
  const { containerId, ifName } = owner(pod);
  const request = { kind: "release", containerId, ifName } as const;
  return batcher.commit(KEY, request, { signal: never(), ...(onAttempt && { onAttempt }) });
}

/** `pod container` of each stored entry, lowest address first. */
async function users({ driver }: Bench): Promise<string[]> {
  const { allocations } = await driver.read(KEY, never());
  return [...allocations.values()].toSorted((a, b) => a.address < b.address ? -1 : 1)
    .map(({ podRef, containerId }) => `${podRef.split("/")[1]} ${containerId}`);
}

Deno.test("Batcher detaches a kept address on release, reports what stays, and allocates it to no other pod of the batch", async () => {
  await using b = await bench();
  const reported: Change[] = [];
  assert.equal(octet(await allocateKept(b, "vm-a")), 1);
  await b.allocate("plain");
  const released = release(b, "vm-a", (changes) => reported.push(...changes));
  const [other, plain] = [b.allocate("other"), release(b, "plain")];
  assert.deepEqual([octet(await other), (await plain).allocations.length], [3, 1]);
  const { allocations, detached = [] } = await released;
  assert.deepEqual([allocations, detached.map(({ before, after }) => [before?.containerId, after?.containerId])], [
    [],
    [["c-vm-a", ""]],
  ]);
  assert.deepEqual(reported, detached);
  assert.deepEqual(b.batches, [1, 1, 3]);
  assert.deepEqual(await users(b), ["vm-a ", "other c-other"]);
  assert.deepEqual((await release(b, "vm-a")).allocations, [], "a repeated DEL");
  assert.equal((await b.driver.read(KEY, never())).allocations.get(RANGE.cidr.base + 1n)?.keeper?.uid, "u1");
});

Deno.test("Batcher reverts a takeover of a kept address to what the release in the same batch left", async () => {
  await using b = await bench();
  const reported: Change[] = [];
  await allocateKept(b, "vm-a");
  const released = release(b, "vm-a");
  const taken = allocateKept(b, "vm-b", (changes) => reported.push(...changes));
  assert.deepEqual([(await taken).kind, octet(await taken), (await released).allocations], ["kept", 1, []]);
  assert.deepEqual([b.batches, await users(b)], [[1, 2], ["vm-b c-vm-b"]]);
  await b.batcher.commit(KEY, { kind: "revert", changes: reported }, { signal: never() });
  assert.deepEqual(await users(b), ["vm-a "], "its DEL has succeeded: no sandbox uses it");
});

Deno.test("Batcher leaves the address of a migration to the sandbox that remains, whichever ends first", async () => {
  for (const first of ["source", "target"]) {
    await using b = await bench();
    await allocateKept(b, "source");
    const sandboxes = [{ podRef: "default/source", containerId: "c-source", state: "moving" }] as const;
    const request = allocateRequest({ ...owner("target"), keeper: CLAIM }, RANGE, { sandboxes });
    await b.batcher.commit(KEY, request, { signal: never() });
    assert.deepEqual(await users(b), ["target c-target"]);
    const second = first === "source" ? "target" : "source";
    await release(b, first);
    assert.deepEqual(await users(b), [`${second} c-${second}`]);
    await release(b, second);
    assert.deepEqual((await users(b)).map((user) => user.endsWith(" ")), [true]);
    await Promise.all([release(b, first), release(b, second)]);
    assert.equal((await users(b)).length, 1, "late DELs of both free nothing");
  }
});
