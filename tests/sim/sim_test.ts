import assert from "node:assert/strict";
import { ConflictError, type Reservations, type StorageDriver } from "../../src/storage/driver.ts";
import { BrokenPromiseError } from "./broken.ts";
import { settingOf, SETTINGS, simulate } from "./seeds.ts";
import { type Sabotage, simulateStore } from "./simulation.ts";

/** Seeds of a run: with those of the reverts, at most 3,000. `WHEREABOUTS_SIM_FROM` sets the first. */
const SEEDS = 1_200;
const PARTS = 6;
/** Seeds of a world in which an ADD and a DEL must succeed: a node of `slices` may be without a slice for a whole history. */
const ROUNDS = 20;
const FROM = Number(Deno.env.get("WHEREABOUTS_SIM_FROM") ?? 1);

for (let part = 0; part < PARTS; part++) {
  const first = FROM + part * (SEEDS / PARTS);
  const last = first + SEEDS / PARTS - 1;
  Deno.test(`simulate keeps every promise over seeds ${first} to ${last}`, async () => {
    for (let seed = first; seed <= last; seed++) await simulate(seed);
  });
}

Deno.test("simulate repeats the history of a seed, and gives other seeds other histories", async () => {
  // the numbers of calls and the random name of a dry run differ
  const history = async (seed: number) =>
    (await simulate(seed)).trace.map((line) => line.replace(/#\d+/, "").replace(/\bprobe-[\da-f-]{36}$/, "probe"));
  for (let seed = 1; seed <= SETTINGS.length; seed++) {
    const first = await history(seed);
    assert.deepEqual(await history(seed), first, settingOf(seed));
    assert.notDeepEqual(await history(seed + SETTINGS.length), first, settingOf(seed));
  }
});

Deno.test("simulate has successful ADDs and DELs in every world", async () => {
  for (let seed = 1; seed <= SETTINGS.length; seed++) {
    const missing = new Set(["ADD", "DEL"]);
    for (let round = 0; round < ROUNDS && missing.size > 0; round++) {
      for (const line of (await simulate(seed + round * SETTINGS.length)).trace) {
        if (line.endsWith("ends: success")) missing.delete(line.slice(0, 3));
      }
    }
    assert.equal(missing.size, 0, `${settingOf(seed)}: no ${[...missing]} succeeds in ${ROUNDS} seeds`);
  }
});

/** Stores that break their contract. The simulation must detect each: a check that cannot fail proves nothing. */
const SABOTAGE: Readonly<Record<string, Sabotage>> = {
  "does not compare the entries with those of the snapshot": (driver) =>
    changed(driver, {
      commit: async (snapshot, changes, signal) => {
        const fresh = await driver.read(snapshot.key, signal);
        const overwriting = changes.map(({ address, after }) => {
          const before = fresh.allocations.get(address);
          return { address, ...(before && { before }), ...(after && { after }) };
        });
        return await driver.commit(fresh, overwriting, signal);
      },
    }),
  "reports success without writing": (driver) => {
    let commits = 0;
    return changed(driver, {
      commit: (snapshot, changes, signal) =>
        ++commits % 10 === 0 ? Promise.resolve(snapshot) : driver.commit(snapshot, changes, signal),
    });
  },
  "reports a conflict after writing": (driver) => {
    let commits = 0;
    return changed(driver, {
      commit: async (snapshot, changes, signal) => {
        const committed = await driver.commit(snapshot, changes, signal);
        if (++commits % 10 === 0 && changes.every(({ after }) => !after)) throw new ConflictError("not true");
        if (commits % 7 === 0) {
          await driver.commit(
            committed,
            changes.map(({ address, after }) => ({ address, ...(after && { before: after }) })),
            signal,
          );
        }
        return committed;
      },
    });
  },
  "lets everyone reserve a reserved address": (driver) =>
    withReservations(driver, (reservations) => ({
      reserve: async (requested, signal) => {
        const result = await reservations.reserve(requested, signal);
        return result.kind === "foreign" ? { kind: "kept", reservation: requested } : result;
      },
    })),
  "deletes reservations of other sandboxes": (driver) =>
    withReservations(driver, (reservations) => ({
      release: async (owned, signal) => {
        const stored = await reservations.find(owned.network, owned.ip, signal);
        return stored ? await reservations.release(stored, signal) : false;
      },
    })),
};

/** Asserts that a seed detects something broken. */
async function assertDetected(run: (seed: number) => Promise<unknown>): Promise<void> {
  let detected: unknown;
  for (let seed = 1; seed <= 200 && !detected; seed++) {
    await run(seed).catch((error) => {
      detected = error;
    });
  }
  assert(detected instanceof BrokenPromiseError, "200 seeds detected nothing");
  assert.match(detected.message, /seed \d+[^]*Replay: deno run -A tests\/sim\/run\.ts --seed \d+ --world store/);
}

for (const [what, sabotage] of Object.entries(SABOTAGE)) {
  Deno.test(`simulate detects a store that ${what}`, () => assertDetected((seed) => simulateStore(seed, { sabotage })));
}

Deno.test("simulate detects a controller that does not re-read a pod before it frees its address", async () => {
  await assertDetected((seed) => simulateStore(seed, { find: () => () => Promise.resolve(undefined) }));
});

function changed(driver: StorageDriver, methods: Partial<StorageDriver>): StorageDriver {
  return {
    name: driver.name,
    read: (key, signal) => driver.read(key, signal),
    commit: (snapshot, changes, signal) => driver.commit(snapshot, changes, signal),
    list: (signal) => driver.list(signal),
    status: (signal) => driver.status(signal),
    ...(driver.reservations && { reservations: driver.reservations }),
    ...methods,
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

function withReservations(
  driver: StorageDriver,
  change: (reservations: Reservations) => Partial<Reservations>,
): StorageDriver {
  const { reservations } = driver;
  assert(reservations);
  return changed(driver, { reservations: { ...reservations, ...change(reservations) } });
}
