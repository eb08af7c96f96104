/**
 * Every operation of an ADD and of a DEL fails, once and from then on, in every way. Nothing may be lost or left behind.
 *
 * @module
 */
import assert from "node:assert/strict";
import { setImmediate } from "node:timers";
import type { IpamConfig } from "../../src/config/types.ts";
import { rollBack, ROLLBACK_TIMEOUT, type Written } from "../../src/ipam/rollback.ts";
import { findStrays } from "../../src/pool/strays.ts";
import type { StorageDriver } from "../../src/storage/driver.ts";
import { failFrom, type Fault, type Operation, type Plan } from "../support/faulty.ts";
import { faulty } from "../support/faulty.ts";
import { hurriedClock } from "../support/hurried_clock.ts";
import {
  assertAgreement,
  callers,
  config,
  contents,
  ip,
  ipamOn,
  memory,
  never,
  range,
  type Records,
  withoutReservations,
} from "./lab.ts";

/** The store before the failing call, and the call. */
interface Scenario {
  readonly before: (driver: StorageDriver) => Promise<void>;
  /** `pod/ifName/containerId` of the ADD. */
  readonly who: string;
  readonly of: IpamConfig;
  /** The addresses of an ADD without faults. Empty: it fails. */
  readonly gives: readonly string[];
  /** Other sandboxes of the same interface, which need a DEL too before all records of the pod are removed. */
  readonly former?: readonly string[];
  /** Entries that even a failed ADD drops, because their address is reserved for another owner. */
  readonly drops?: readonly string[];
}

const DUAL = config(["10.0.0.0/24", "2001:db8::/64"]);
const NOTHING = () => Promise.resolve();

const SCENARIOS: Readonly<Record<string, Scenario>> = {
  "a first ADD": { before: NOTHING, who: "a/net1/x", of: DUAL, gives: ["10.0.0.1", "2001:db8::1"] },
  "an ADD without reservations": {
    before: NOTHING,
    who: "a/net1/x",
    of: { ...DUAL, overlapping: false },
    gives: ["10.0.0.1", "2001:db8::1"],
  },
  "an ADD beside others": {
    before: async (driver) => void await callers(driver).add("b/net1/y", DUAL),
    who: "a/net1/x",
    of: DUAL,
    gives: ["10.0.0.2", "2001:db8::2"],
  },
  "the ADD of a pod's next sandbox": {
    before: async (driver) => void await callers(driver).add("a/net1/old", DUAL),
    who: "a/net1/x",
    of: DUAL,
    gives: ["10.0.0.1", "2001:db8::1"],
    former: ["a/net1/old"],
  },
  "an ADD over overlapping pools": {
    before: async (driver) => void await callers(driver).add("b/net1/y", config(["10.0.0.0/25"])),
    who: "a/net1/x",
    of: config(["10.0.0.0/24", "10.0.0.0/26"]),
    gives: ["10.0.0.2", "10.0.0.3"],
  },
  "an ADD whose entry is reserved by somebody else": {
    before: async (driver) => {
      await callers(withoutReservations(driver)).add("a/net1/x", config(["10.0.0.0/24"]));
      await callers(driver).add("b/net1/y", config(["10.0.0.0/25"]));
    },
    who: "a/net1/x",
    of: config(["10.0.0.0/24", "10.9.0.0/24"]),
    gives: ["10.0.0.2", "10.9.0.1"],
    drops: ["10.0.0.0/24 10.0.0.1"],
  },
  "an ADD whose last range is full": {
    before: async (driver) => void await callers(driver).add("b/net1/y", config(["10.9.0.1-10.9.0.1/30"])),
    who: "a/net1/x",
    of: config(["10.0.0.0/24", "10.9.0.1-10.9.0.1/30"]),
    gives: [],
  },
  "an ADD of a requested address": {
    before: async (driver) => void await callers(driver).add("a/net1/old", config(["10.0.0.0/24"])),
    who: "a/net1/x",
    of: { ...config(["10.0.0.0/24", "10.9.0.0/24"]), requested: [ip("10.0.0.50")] },
    gives: ["10.0.0.50", "10.9.0.1"],
    former: ["a/net1/old"],
  },
};

const FAULTS: readonly Fault[] = [
  { done: false, then: "conflict" },
  { done: false, then: "refused" },
  ...[true, false].flatMap((done) =>
    (["unavailable", "silent", "dead"] as const).map((then): Fault => ({ done, then }))
  ),
];

/** The end of a call; `dead` if its process was killed. */
type Ending = { readonly given: string[] } | { readonly error: unknown } | "dead";

/** Runs a call with planned faults until it ends or dies. */
async function run(
  driver: StorageDriver,
  plan: Plan,
  { who, of }: Scenario,
  verb: "add" | "del",
  records?: Records,
): Promise<Ending> {
  const died = Promise.withResolvers<"dead">();
  const watched: Plan = async (operation) => {
    const fault = await plan(operation);
    if (fault?.then === "dead") setImmediate(() => died.resolve("dead")); // the operation is done by then
    return fault;
  };
  const ended = callers(driver, watched, undefined, records)[verb](who, of).then(
    (given) => ({ given }),
    (error) => ({ error }),
  );
  return await Promise.race([ended, died.promise]);
}

/** The number of operations of a call without faults. */
async function countOperations(scenario: Scenario, verb: "add" | "del", records: Records = new Map()): Promise<number> {
  await using driver = await memory();
  await scenario.before(driver);
  if (verb === "del") await run(driver, () => undefined, scenario, "add", records);
  let count = 0;
  await run(driver, () => void count++, scenario, verb, records);
  return count;
}

/** The contents of a store except the pod's. */
function others(stored: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(stored).filter(([, who]) => !who.startsWith("a/")));
}

/**
 * DEL of the sandbox, and of the former ones. Without a record a DEL cannot find everything: a call that died between its two writes leaves
 * a reservation without an entry, which the sweep frees.
 */
async function assertNothingOfPodStays(
  driver: StorageDriver,
  { who, of, former = [] }: Scenario,
  records: Records,
  died: boolean,
): Promise<void> {
  const { del } = callers(driver, undefined, undefined, records);
  for (const one of [who, ...former]) await del(one, of);
  if (died) await releaseStrays(driver);
  const stored = await contents(driver);
  assert.deepEqual(stored, others(stored), "something of the pod is left after DEL");
}

async function releaseStrays(driver: StorageDriver): Promise<void> {
  const reservations = await driver.reservations?.list(undefined, never()) ?? [];
  for (const { reservation } of findStrays(reservations, await driver.list(never()))) {
    await driver.reservations?.release(reservation, never());
  }
}

async function failAdd(scenario: Scenario, plan: Plan, fault: Fault, recovers: boolean): Promise<string> {
  await using driver = await memory();
  await scenario.before(driver);
  const before = await contents(driver);
  const records: Records = new Map();
  const ending = await run(driver, plan, scenario, "add", records);
  const after = await contents(driver);
  assert.deepEqual(others(after), others(before), "something of another pod changed");
  if (ending !== "dead" && "given" in ending) {
    assert.deepEqual(ending.given, scenario.gives);
    await callers(driver).check(scenario.who, scenario.of, ending.given);
  } else if (ending !== "dead" && recovers) {
    for (const what of scenario.drops ?? []) if (!(what in after)) delete before[what];
    const stuck = fault.then === "refused" && Object.keys(after).length > Object.keys(before).length;
    if (stuck) assert(records.has(scenario.who), "the rollback was refused, and no record has the leftovers");
    else assert.deepEqual(withoutSandboxes(after), withoutSandboxes(before), `after ${ending.error}`);
  }
  if (fault.then === "refused" && ending !== "dead") assert("error" in ending, "a refusal was taken for a success");
  if (scenario.gives.length > 0) {
    const again = await callers(driver, undefined, undefined, records).add(scenario.who, scenario.of);
    assert.deepEqual(again, scenario.gives, "the repeated ADD gave other addresses");
    if (scenario.of.overlapping) await assertAgreement(driver);
  }
  await assertNothingOfPodStays(driver, scenario, records, ending === "dead");
  return ending === "dead" ? "dead" : "given" in ending ? "given" : "failed";
}

/** The scenarios, and a DEL without a previous ADD. */
async function failAddThenDel(scenario: Scenario, plan: Plan): Promise<void> {
  await using driver = await memory();
  await scenario.before(driver);
  const records: Records = new Map();
  const ending = await run(driver, plan, scenario, "add", records);
  await assertNothingOfPodStays(driver, scenario, records, ending === "dead");
}

/** A reservation may name the sandbox that failed to take it over: the next ADD or DEL repairs that. */
function withoutSandboxes(stored: Record<string, string>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(stored).map(([what, who]) => [what, what.startsWith("reserved") ? who.replace(/[^/]*$/, "") : who]),
  );
}

function failOnceAt(index: number, fault: Fault): Plan {
  return (operation: Operation) => operation.index === index ? fault : undefined;
}

for (const [title, scenario] of Object.entries(SCENARIOS)) {
  Deno.test(`rollBack leaves nothing of ${title}, whichever operation fails once, in any way`, async () => {
    const operations = await countOperations(scenario, "add");
    assert(operations >= 4, `only ${operations} operations`);
    const endings = new Set<string>();
    for (let index = 0; index < operations; index++) {
      for (const fault of FAULTS) {
        await step(`${fault.then} at operation ${index}, done: ${fault.done}`, async () => {
          endings.add(await failAdd(scenario, failOnceAt(index, fault), fault, true));
          await failAddThenDel(scenario, failOnceAt(index, fault));
        });
      }
    }
    assert.deepEqual([...endings].sort(), scenario.gives.length > 0 ? ["dead", "failed", "given"] : ["dead", "failed"]);
  });

  Deno.test(`rollBack loses nothing of ${title} when the store becomes unavailable during the call`, async () => {
    const operations = await countOperations(scenario, "add");
    for (let index = 0; index < operations; index++) {
      for (const fault of FAULTS.filter(({ then }) => then !== "conflict")) {
        await step(`${fault.then} from operation ${index} on, done: ${fault.done}`, async () => {
          const ending = await failAdd(scenario, failFrom(index, fault), fault, false);
          assert.notEqual(ending, "given");
          await failAddThenDel(scenario, failFrom(index, fault));
        });
      }
    }
  });

  for (const remembers of [true, false]) {
    Deno.test(`release after ${title} loses nothing, whichever operation fails, in any way; with a record: ${remembers}`, async () => {
      if (scenario.gives.length === 0) return;
      const operations = await countOperations(scenario, "del", remembers ? new Map() : undefined);
      assert(operations >= 2, `only ${operations} operations`);
      for (const planOf of [failOnceAt, failFrom]) {
        for (let index = 0; index < operations; index++) {
          for (const fault of FAULTS) {
            await step(
              `${fault.then} at operation ${index}, done: ${fault.done}, ${planOf.name}`,
              () => failDel(scenario, planOf(index, fault), remembers ? new Map() : undefined),
            );
          }
        }
      }
    });
  }
}

async function failDel(scenario: Scenario, plan: Plan, records: Records | undefined): Promise<void> {
  await using driver = await memory();
  await scenario.before(driver);
  const { add, del } = callers(driver, undefined, undefined, records);
  await add(scenario.who, scenario.of);
  const before = await contents(driver);
  const ending = await run(driver, plan, scenario, "del", records);
  const own = Object.values(await contents(driver)).filter((who) => who === scenario.who);
  if (ending !== "dead" && "given" in ending) assert.deepEqual(own, [], "DEL said it succeeded");
  assert.deepEqual(others(await contents(driver)), others(before));
  await del(scenario.who, scenario.of);
  if (!records) await releaseStrays(driver); // a repeated DEL without a record finds only reservations with an entry
  await assertNothingOfPodStays(driver, scenario, records ?? new Map(), false);
}

/** Adds the case to an error. */
async function step(what: string, run: () => Promise<void>): Promise<void> {
  try {
    await run();
  } catch (error) {
    throw new Error(`With ${what}: ${error instanceof Error ? error.message : error}`, { cause: error });
  }
}

Deno.test("rollBack ends within its timeout, and logs what it could not release", async () => {
  await using driver = await memory();
  const clock = hurriedClock();
  const logged: unknown[] = [];
  const log = {
    error: (message: string, fields?: unknown) => logged.push([message, fields]),
    warn() {},
    info() {},
    debug() {},
  };
  const ipam = { ...ipamOn(faulty(driver, () => ({ done: false, then: "silent" })), clock), log };
  const after = { podRef: "a", ifName: "net1", containerId: "x", address: ip("10.0.0.1").value };
  const changes = [{ address: after.address, after }];
  const key = { network: "", cidr: range("10.0.0.0/24").cidr };
  const written: Written = { key, changes, reserved: new Map([[after.address, "token"]]) };
  const unreleased = await rollBack(ipam, [written, { ...written, reserved: new Map() }]);
  assert(clock.monotonic() <= ROLLBACK_TIMEOUT, `${clock.monotonic()} ms`);
  assert.equal(logged.length, 2);
  assert.deepEqual((logged[0] as unknown[])[0], "Rollback of a failed ADD failed");
  assert.deepEqual(unreleased, [
    { key, allocation: after, reserved: false },
    { key, allocation: after, reserved: true, token: "token" },
  ]);
});
