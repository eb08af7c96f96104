import assert from "node:assert/strict";
import type { PodsSource } from "../../src/controllers/pods_source.ts";
import { RefusedError } from "../../src/storage/driver.ts";
import { Reader } from "../../src/ui/reader.ts";
import { openStore } from "../controllers/lab.ts";
import { never } from "../ipam/lab.ts";

/** Networks are read again after a minute. */
const MINUTE = 60_000;

function podsOf(names: readonly string[], closed: () => void = () => {}): PodsSource {
  const pods = names.map((name) => ({ podRef: `default/${name}`, finished: false, running: true }));
  return {
    list: () => Promise.resolve(pods),
    find: (podRef) => Promise.resolve(pods.find((pod) => pod.podRef === podRef)),
    [Symbol.asyncDispose]: () => Promise.resolve(closed()),
  };
}

async function makeLab(
  openSource: () => Promise<PodsSource | undefined>,
  watch: (source: PodsSource, signal: AbortSignal) => void = () => {},
) {
  const store = await openStore();
  await store.add("web");
  const clock = { time: 0 };
  const world = { now: () => 1, monotonic: () => clock.time };
  const reader = new Reader(world, {
    ipam: store.ipam,
    where: "here",
    empty: "",
    openSource,
    watch,
    commandFor: () => "",
  });
  const close = async () => {
    await reader[Symbol.asyncDispose]();
    await store[Symbol.asyncDispose]();
  };
  return { store, clock, reader, [Symbol.asyncDispose]: close };
}

Deno.test("each read has what the store and the pods have by then", async () => {
  await using lab = await makeLab(() => Promise.resolve(podsOf(["web"])));
  const first = await lab.reader.read(never());
  assert.deepEqual([first.summary.pools[0]?.used, first.summary.findings.length], [1, 0]);
  await lab.store.add("gone");
  const { summary } = await lab.reader.read(never());
  assert.deepEqual([summary.pools[0]?.used, summary.findings.map(({ kind }) => kind)], [2, ["orphan"]]);
});

Deno.test("the networks are read again after a minute, and the former source is closed", async () => {
  const counts = { opened: 0, closed: 0 };
  const open = () => Promise.resolve(podsOf(["web"], () => void counts.closed++)).finally(() => void counts.opened++);
  await using lab = await makeLab(open);
  await lab.reader.read(never());
  lab.clock.time = MINUTE - 1;
  await lab.reader.read(never());
  assert.deepEqual(counts, { opened: 1, closed: 0 });
  lab.clock.time = MINUTE;
  await lab.reader.read(never());
  assert.deepEqual(counts, { opened: 2, closed: 1 });
});

Deno.test("each source is watched until the next one is opened, or the reader closed", async () => {
  const watches: AbortSignal[] = [];
  const lab = await makeLab(() => Promise.resolve(podsOf(["web"])), (_, signal) => void watches.push(signal));
  await lab.reader.read(never());
  await lab.reader.read(never());
  assert.deepEqual(watches.map(({ aborted }) => aborted), [false]);
  lab.clock.time = MINUTE;
  await lab.reader.read(never());
  assert.deepEqual(watches.map(({ aborted }) => aborted), [true, false]);
  await lab[Symbol.asyncDispose]();
  assert.deepEqual(watches.map(({ aborted }) => aborted), [true, true]);
});

Deno.test("pods or networks that may not be read are reported, and the pools are shown without them", async () => {
  const refuse = () => Promise.reject(new RefusedError("Cannot list pods: forbidden (403)"));
  for (const open of [refuse, () => Promise.resolve({ ...podsOf([]), list: refuse })]) {
    await using lab = await makeLab(open);
    const { summary } = await lab.reader.read(never());
    assert.deepEqual(summary.notices, ["Pods, nodes and networks are unknown: Cannot list pods: forbidden (403)"]);
    assert.deepEqual([summary.pools.length, summary.findings], [1, []]);
  }
});

Deno.test("a store or a cluster that fails otherwise fails the read", async () => {
  await using lab = await makeLab(() =>
    Promise.resolve({ ...podsOf([]), list: () => Promise.reject(new Error("late")) })
  );
  await assert.rejects(lab.reader.read(never()), /late/);
});
