import assert from "node:assert/strict";
import { Batcher } from "../../src/agent/batcher.ts";
import { Contention } from "../../src/agent/contention.ts";
import { startDeadline } from "../../src/async/deadline.ts";
import { allocateRequest, drop, type PoolRequest } from "../../src/pool/requests.ts";
import { wrap } from "../../src/storage/wrap.ts";
import { memory, range } from "../ipam/lab.ts";
import { type HurriedClock, hurriedClock } from "../support/hurried_clock.ts";

const RANGE = range("10.0.0.0/16");
const KEY = { network: "", cidr: RANGE.cidr };
/** Milliseconds of a call, as in the agent, and of a request on its way and in a server that serves one after another. */
const TIMES = { call: 25_000, way: 1, service: 10 };

Deno.test("Contention waits only while others write, longer with each conflict up to four seconds, and shorter with each success", () => {
  const contention = new Contention(() => 1);
  assert.equal(contention.pause(0), 0);
  assert.equal(contention.conflicted(1), 8, "at least about a commit");
  assert.equal(contention.conflicted(20), 20, "at least as long as the attempt took");
  assert.equal(contention.conflicted(20), 30);
  assert.equal(contention.pause(0), 15);
  for (let i = 0; i < 50; i++) contention.conflicted(20);
  assert.equal(contention.conflicted(20), 4_000);
  assert.equal(contention.pause(1_000), 1_500, "time without a commit counts as waited");
  assert.equal(contention.pause(3_000), 0);
  contention.conflicted(100);
  for (let i = 0; i < 50; i++) contention.succeeded();
  assert.equal(contention.pause(0), 0);
});

/** A store behind a server that serves one request after another. */
async function busyStore(clock: HurriedClock) {
  const store = await memory();
  const seen = { requests: 0 };
  let free = 0;
  const driver = wrap(store, async (_operation, work, signal) => {
    seen.requests++;
    await clock.sleep(TIMES.way);
    free = Math.max(free, clock.monotonic()) + TIMES.service;
    await clock.sleep(free - clock.monotonic());
    return await work(signal);
  });
  return { driver, seen };
}

Deno.test("agents of forty nodes that write to one pool all get addresses, with few requests", async () => {
  const clock = hurriedClock();
  const { driver, seen } = await busyStore(clock);
  await using _store = driver;
  const [nodes, width, each] = [40, 3, 4];
  const addresses = new Set<bigint>();
  const node = (name: number) => {
    const batcher = new Batcher({ driver, clock, observer: { onBatch: () => {} }, outages: () => 0 });
    const call = async <R extends PoolRequest>(request: R) => {
      using deadline = startDeadline(clock, TIMES.call, new Error("A call took too long"));
      return await batcher.commit(KEY, request, { signal: deadline.signal });
    };
    return Array.from({ length: width }, async (_, place) => {
      for (let i = 0; i < each; i++) {
        const id = `${name}-${place}-${i}`;
        const outcome = await call(
          allocateRequest({ podRef: `default/${id}`, ifName: "net1", containerId: id }, RANGE),
        );
        assert(outcome.kind === "allocated", outcome.kind);
        const { address } = outcome.allocation;
        assert(!addresses.has(address), "a duplicate");
        addresses.add(address);
        await clock.sleep(500 * clock.random());
        addresses.delete(address);
        await call(drop([outcome.allocation]));
      }
    });
  };
  await Promise.all(Array.from({ length: nodes }, (_, name) => node(name)).flat());
  assert(seen.requests < 5 * nodes * width * each, `${seen.requests} requests`);
});
