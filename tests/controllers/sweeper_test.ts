import assert from "node:assert/strict";
import { Sweeper } from "../../src/controllers/sweeper.ts";
import { Sweeps } from "../../src/ipam/sweep.ts";
import type { PodFacts } from "../../src/pool/pod_facts.ts";
import { makeLogger } from "../../src/world/log.ts";
import { openStore, type Store } from "./lab.ts";

function lab(
  store: Store,
  defaultSchedule: string,
  list: () => Promise<readonly PodFacts[]> = () => Promise.resolve([]),
) {
  const { world, ipam } = store;
  let configured: string | undefined;
  const swept: number[] = [];
  const failed: string[] = [];
  let checks = 0;
  const stop = new AbortController();
  const sweeper = new Sweeper(
    {
      world,
      log: makeLogger(world, { level: "error" }),
      sweep: { defaultSchedule, schedule: () => Promise.resolve(configured) },
    },
    new Sweeps(ipam, { pods: { list, find: () => Promise.resolve(undefined) }, grace: 30_000, dryRun: false }),
    {
      swept: () => swept.push(world.now()),
      checked: () => checks++,
      failed: (error) => failed.push(String(error)),
    },
  );
  const running = sweeper.run(stop.signal);
  return {
    swept,
    failed,
    checks: () => checks,
    due: () => sweeper.due,
    request: () => sweeper.request(),
    write: (text: string | undefined) => configured = text,
    [Symbol.asyncDispose]: async () => {
      stop.abort();
      await world.advance(10_000);
      await running;
    },
  };
}

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

Deno.test("Sweeper sweeps at start, then at its interval", async () => {
  await using store = await openStore();
  await using it = lab(store, "5m");
  assert.equal(it.due(), 0);
  await store.world.advance(16 * MINUTE);
  assert.equal(it.swept.length, 4);
  assert.equal(it.swept[0], 0);
  assert.equal(it.due(), (it.swept[3] ?? 0) + 5 * MINUTE);
});

Deno.test("Sweeper frees a leak within an interval and the grace period", async () => {
  await using store = await openStore();
  await using it = lab(store, "5m");
  await store.world.advance(MINUTE);
  await store.add("gone");
  await store.world.advance(5 * MINUTE);
  assert.deepEqual([await store.owners(), it.failed, it.checks()], [[], [], 1]);
});

for (const schedule of ["5m", "*/5 * * * *"]) {
  Deno.test(`Sweeper keeps the schedule ${JSON.stringify(schedule)} when the clock is set back`, async () => {
    await using store = await openStore();
    await using it = lab(store, schedule);
    for (let i = 0; i < 5; i++) {
      await store.world.advance(6 * MINUTE);
      store.world.setClock(-HOUR);
    }
    await store.world.advance(6 * MINUTE);
    assert(it.swept.length >= 6, `${it.swept.length} sweeps in 36 minutes`);
  });
}

Deno.test("Sweeper follows a changed schedule, and ignores an invalid one", async () => {
  await using store = await openStore();
  await using it = lab(store, "1h");
  await store.world.advance(10 * MINUTE);
  it.write("*/10 * * * *");
  await store.world.advance(31 * MINUTE);
  assert.equal(it.swept.length, 1 + 4);
  it.write("every now and then");
  await store.world.advance(30 * MINUTE);
  assert.equal(it.swept.length, 1 + 4 + 3);
  assert(
    store.world.lines.some((line) => line.includes("every now and then") && line.includes("*/10")),
    "the invalid schedule is logged",
  );
  it.write(undefined);
  await store.world.advance(50 * MINUTE);
  assert.equal(it.swept.length, 1 + 4 + 3);
});

Deno.test("Sweeper retries a failed sweep after a minute, whatever its schedule", async () => {
  await using store = await openStore();
  let down = true;
  await store.add("web");
  await using it = lab(store, "@daily", () => down ? Promise.reject(new Error("down")) : Promise.resolve([]));
  await store.world.advance(3.5 * MINUTE);
  assert.deepEqual([it.swept.length, it.failed.length, await store.owners()], [0, 4, ["default/web"]]);
  down = false;
  await store.world.advance(30 * MINUTE);
  assert.deepEqual([it.swept.length, it.failed.length, await store.owners()], [1, 4, []]);
});

Deno.test("Sweeper sweeps soon after a request, once for many requests", async () => {
  await using store = await openStore();
  await using it = lab(store, "@daily");
  await store.world.advance(MINUTE);
  for (let i = 0; i < 3; i++) it.request();
  await store.world.advance(10_000);
  assert.equal(it.swept.length, 2);
  it.request();
  await store.world.advance(10_000);
  assert.equal(it.swept.length, 2);
  await store.world.advance(HOUR);
  assert.equal(it.swept.length, 3);
});
