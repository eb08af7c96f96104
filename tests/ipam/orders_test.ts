/**
 * Uniqueness, exhaustively: a few calls on one store in every order of their operations. No address may have two live owners, and
 * every live owner must have its entry and reservation, after every single operation.
 *
 * @module
 */
import assert from "node:assert/strict";
import { formatIp } from "../../src/address/ip.ts";
import { PoolExhaustedError, SupersededError } from "../../src/ipam/errors.ts";
import type { IpamConfig } from "../../src/config/types.ts";
import type { StorageDriver } from "../../src/storage/driver.ts";
import { inEveryOrder, STANDING_CLOCK } from "../support/orders.ts";
import {
  assertAgreement,
  callers,
  config,
  contents,
  memory,
  never,
  owner,
  type Records,
  withoutReservations,
} from "./lab.ts";

const WIDE = config(["10.0.0.0/24"]);
const NARROW = config(["10.0.0.0/25"]);
const DUAL = config(["10.0.0.0/24", "2001:db8::/64"]);
const FULL = config(["10.9.0.1-10.9.0.1/30"]);
const WIDE_AND_FULL = config(["10.0.0.0/24", "10.9.0.1-10.9.0.1/30"]);

/** The live sandboxes and their addresses, as the runtimes know them. */
class Living {
  readonly #addresses = new Map<string, readonly string[]>();

  /** An ADD succeeded. Former sandboxes of the same interface are no longer alive. */
  born(who: string, addresses: readonly string[]): void {
    for (const other of this.#addresses.keys()) if (sameInterface(who, other)) this.#addresses.delete(other);
    this.#addresses.set(who, addresses);
  }

  /** A DEL starts. */
  dying(who: string): void {
    this.#addresses.delete(who);
  }

  /** All live sandboxes. */
  all(): [string, readonly string[]][] {
    return [...this.#addresses];
  }
}

function sameInterface(a: string, b: string): boolean {
  const [one, other] = [owner(a), owner(b)];
  return one.podRef === other.podRef && one.ifName === other.ifName;
}

async function assertPromise(driver: StorageDriver, living: Living, overlapping: boolean): Promise<void> {
  const stored = Object.entries(await contents(driver));
  const seen = new Map<string, string>();
  for (const [who, addresses] of living.all()) {
    for (const address of addresses) {
      assert.equal(seen.get(address), undefined, `${address} has two live owners: ${seen.get(address)} and ${who}`);
      seen.set(address, who);
      const at = (start: string) =>
        stored.some(([what, holder]) =>
          what.startsWith("reserved") === (start === "reserved") && what.endsWith(` ${address}`) &&
          sameInterface(holder, who)
        );
      assert(at("entry"), `${who} lives with ${address} and has no entry`);
      if (overlapping) assert(at("reserved"), `${who} lives with ${address} and has no reservation`);
    }
  }
}

/**
 * One call with a configuration. `late add`: when the others start, its entry is written and its reservation is not. The
 * runtime has abandoned the sandbox by then, so it is not alive, and its ADD may be refused.
 * `add without reservation`: it ends after its entry, and the runtime abandons the sandbox.
 * `original's add`: a plugin of the original takes over an entry; it changes its container id and leaves the reservation.
 */
type Step = readonly [
  verb:
    | "add"
    | "del"
    | "add that fails"
    | "late add"
    | "late add that fails"
    | "original's add"
    | "add without reservation",
  who: string,
  of: IpamConfig,
];

interface Scenario {
  /** Calls before, one after another. */
  readonly before?: readonly Step[];
  /** Concurrent calls; those of one list run one after another. */
  readonly calls: readonly (Step | readonly Step[])[];
  /** Whether nodes keep records, so that a repeated DEL finds a reservation without an entry. Default true. */
  readonly remembers?: boolean;
  /** The test fails with more orders than this. Default 5,000. */
  readonly most?: number;
  /** The expected contents at the end, in any order; receives the live addresses. */
  readonly end?: (living: readonly string[], stored: Record<string, string>) => void;
  /** Calls at the end, which must remove all records of these owners. Before, entry and reservation may name different sandboxes. */
  readonly cleanUp?: readonly Step[];
}

function stepsOf(call: Step | readonly Step[]): readonly Step[] {
  return typeof call[0] === "string" ? [call as Step] : call as readonly Step[];
}

async function tryEveryOrder(scenario: Scenario): Promise<number> {
  const { before = [], calls, end, cleanUp = [], remembers = true, most = 5_000 } = scenario;
  const overlapping = calls.flatMap(stepsOf).every(([, , of]) => of.overlapping);
  return await inEveryOrder(async () => {
    const driver = await memory();
    const living = new Living();
    const records: Records | undefined = remembers ? new Map() : undefined;
    const act = async (store: StorageDriver, [verb, who, of]: Step) => {
      const { add, del } = callers(store, undefined, STANDING_CLOCK, records);
      switch (verb) {
        case "add": {
          const addresses = await add(who, of);
          return living.born(who, addresses);
        }
        case "add without reservation":
          return void await callers(withoutReservations(store), undefined, STANDING_CLOCK).add(who, of);
        case "late add":
          return await callers(lateOn(driver, store), undefined, STANDING_CLOCK, records).add(who, of)
            .then(() => {}, (error) => assert(error instanceof SupersededError, String(error)));
        case "late add that fails":
          return await assert.rejects(
            callers(lateOn(driver, store), undefined, STANDING_CLOCK, records).add(who, of),
            (error) => error instanceof SupersededError || error instanceof PoolExhaustedError,
          );
        case "add that fails":
          return await assert.rejects(add(who, of), PoolExhaustedError);
        case "original's add":
          return living.born(who, [await takeOverAsOriginal(store, who, of)]);
        case "del":
          living.dying(who);
          return void await del(who, of);
      }
    };
    for (const step of before) await act(driver, step);
    return {
      driver,
      calls: calls.map((call) => async (store: StorageDriver) => {
        for (const step of stepsOf(call)) await act(store, step);
      }),
      afterEach: () => assertPromise(driver, living, overlapping),
      atEnd: async () => {
        for (const step of cleanUp) await act(driver, step);
        if (overlapping && cleanUp.length === 0) await assertAgreement(driver);
        end?.(living.all().flatMap(([, addresses]) => addresses).sort(), await contents(driver));
      },
    };
  }, most);
}

/** A store that answers at once until a reservation is claimed, and then waits for its turn before every operation. */
function lateOn(driver: StorageDriver, store: StorageDriver): StorageDriver {
  assert(store.reservations);
  const { reservations } = store;
  let late = false;
  const now = () => late ? store : driver;
  return {
    ...store,
    read: (key, signal) => now().read(key, signal),
    commit: (snapshot, changes, signal) => now().commit(snapshot, changes, signal),
    reservations: {
      ...reservations,
      reserve: (wanted, signal) => {
        late = true;
        return reservations.reserve(wanted, signal);
      },
    },
  };
}

/** A refresh by the original. The pod has an entry and a reservation. */
async function takeOverAsOriginal(driver: StorageDriver, who: string, { ranges }: IpamConfig): Promise<string> {
  const { podRef, ifName, containerId } = owner(who);
  const [first] = ranges;
  assert(first);
  const pool = await driver.read({ network: "", cidr: first.cidr }, never());
  const before = [...pool.allocations.values()].find((held) => held.podRef === podRef && held.ifName === ifName);
  assert(before);
  await driver.commit(pool, [{ address: before.address, before, after: { ...before, containerId } }], never());
  return formatIp({ family: first.cidr.family, value: before.address });
}

const SCENARIOS: Readonly<Record<string, Scenario>> = {
  "two pods over one pool get the lowest two addresses": {
    calls: [["add", "a/net1/x", WIDE], ["add", "b/net1/y", WIDE]],
    end: (living) => assert.deepEqual(living, ["10.0.0.1", "10.0.0.2"]),
  },
  "two pods over overlapping pools never meet": {
    calls: [["add", "a/net1/x", WIDE], ["add", "b/net1/y", NARROW]],
    end: (living) => assert.equal(new Set(living).size, 2),
  },
  "two interfaces of one pod over overlapping pools never meet": {
    calls: [["add", "a/net1/x", WIDE], ["add", "a/net2/x", NARROW]],
    end: (living) => assert.equal(new Set(living).size, 2),
  },
  "three pods over one pool without reservations get the lowest three": {
    calls: ["a/net1/x", "b/net1/y", "c/net1/z"].map((who): Step => ["add", who, { ...WIDE, overlapping: false }]),
    end: (living) => assert.deepEqual(living, ["10.0.0.1", "10.0.0.2", "10.0.0.3"]),
  },
  "a pod's next sandbox keeps its address while the former one goes": {
    before: [["add", "a/net1/old", WIDE]],
    calls: [["add", "a/net1/new", WIDE], ["del", "a/net1/old", WIDE]],
    end: (living) => assert.deepEqual(living, ["10.0.0.1"]),
  },
  "a pod's next sandbox and another pod over an overlapping pool never meet while the former sandbox goes": {
    before: [["add", "a/net1/old", WIDE]],
    calls: [["add", "a/net1/new", WIDE], ["del", "a/net1/old", WIDE], ["add", "b/net1/y", NARROW]],
    end: (living) => assert.equal(new Set(living).size, 2),
  },
  "a pod's next sandbox comes and goes while the former one goes": {
    before: [["add", "a/net1/old", WIDE], ["add", "a/net1/new", WIDE]],
    calls: [["del", "a/net1/new", WIDE], ["del", "a/net1/old", WIDE]],
    end: (_, stored) => assert.deepEqual(stored, {}),
  },
  "a freed address and two pods that want it": {
    before: [["add", "a/net1/x", WIDE]],
    calls: [["del", "a/net1/x", WIDE], ["add", "b/net1/y", WIDE], ["add", "c/net1/z", NARROW]],
    end: (living) => assert.equal(new Set(living).size, 2),
  },
  "the same DEL twice, and a pod that wants the address": {
    before: [["add", "a/net1/x", WIDE]],
    calls: [["del", "a/net1/x", WIDE], ["del", "a/net1/x", WIDE], ["add", "b/net1/y", WIDE]],
    remembers: false,
    end: (living, stored) => assert.equal(Object.keys(stored).length, 2 * living.length),
  },
  "the same DEL twice, by what the node remembers": {
    before: [["add", "a/net1/x", WIDE]],
    calls: [["del", "a/net1/x", WIDE], ["del", "a/net1/x", WIDE]],
    end: (_, stored) => assert.deepEqual(stored, {}),
  },
  "an ADD that rolls back, and a pod that needs its address": {
    before: [["add", "z/net1/w", FULL]],
    calls: [["add that fails", "a/net1/x", WIDE_AND_FULL], [
      "add",
      "b/net1/y",
      NARROW,
    ]],
    end: (living) => assert.equal(living.length, 2),
  },
  "a takeover that fails, while the former sandbox goes": {
    before: [["add", "a/net1/old", WIDE], ["add", "z/net1/w", FULL]],
    calls: [["add that fails", "a/net1/new", WIDE_AND_FULL], ["del", "a/net1/old", WIDE]],
    cleanUp: [["del", "a/net1/new", WIDE_AND_FULL], ["del", "a/net1/old", WIDE], ["del", "z/net1/w", FULL]],
    end: (_, stored) => assert.deepEqual(stored, {}),
  },
  "two next sandboxes of one pod, while the former one goes": {
    before: [["add", "a/net1/old", WIDE]],
    calls: [["late add", "a/net1/new", WIDE], ["add", "a/net1/newer", WIDE], ["del", "a/net1/old", WIDE]],
    cleanUp: [["del", "a/net1/new", WIDE], ["del", "a/net1/newer", WIDE]],
    end: (_, stored) => assert.deepEqual(stored, {}),
  },
  "a pod moves to an overlapping range, while its former sandbox goes and another pod comes": {
    before: [["add", "a/net1/old", WIDE]],
    calls: [["add", "a/net1/new", NARROW], ["del", "a/net1/old", WIDE], ["add", "b/net1/y", WIDE]],
  },
  "a pod whose address is reserved by another over an overlapping pool, while that one goes": {
    before: [["add without reservation", "a/net1/x", WIDE], ["add", "b/net1/y", NARROW]],
    calls: [["add", "a/net1/x", WIDE], ["del", "b/net1/y", NARROW], ["add", "c/net1/z", NARROW]],
  },
  "a pod without reservations and one with them over overlapping pools never meet": {
    calls: [["add", "a/net1/x", { ...WIDE, overlapping: false }], ["add", "b/net1/y", NARROW]],
    cleanUp: [["del", "a/net1/x", { ...WIDE, overlapping: false }], ["del", "b/net1/y", NARROW]],
    end: (_, stored) => assert.deepEqual(stored, {}),
  },
  "a pod without reservations goes, and one without and one with them come": {
    before: [["add", "a/net1/x", { ...WIDE, overlapping: false }]],
    calls: [
      ["del", "a/net1/x", { ...WIDE, overlapping: false }],
      ["add", "b/net1/y", { ...WIDE, overlapping: false }],
      ["add", "c/net1/z", NARROW],
    ],
    cleanUp: [["del", "b/net1/y", { ...WIDE, overlapping: false }], ["del", "c/net1/z", NARROW]],
    end: (_, stored) => assert.deepEqual(stored, {}),
  },
  "dual ranges of two pods, one of which goes": {
    before: [["add", "a/net1/x", DUAL]],
    calls: [["del", "a/net1/x", DUAL], ["add", "b/net1/y", DUAL]],
  },
  "a late ADD of a pod's old sandbox, and its DEL": {
    calls: [[["late add", "a/net1/old", WIDE], ["del", "a/net1/old", WIDE]], ["add", "a/net1/new", WIDE]],
    cleanUp: [["del", "a/net1/new", WIDE]],
    end: (_, stored) => assert.deepEqual(stored, {}),
  },
  "a late ADD of a pod's old sandbox, its DEL, and a pod of an overlapping range": {
    calls: [
      [["late add", "a/net1/old", WIDE], ["del", "a/net1/old", WIDE]],
      ["add", "a/net1/new", WIDE],
      ["add", "b/net1/y", NARROW],
    ],
    cleanUp: [["del", "a/net1/new", WIDE], ["del", "b/net1/y", NARROW]],
    end: (_, stored) => assert.deepEqual(stored, {}),
  },
  "a late ADD of a pod's old sandbox that rolls back, and a pod of an overlapping range": {
    before: [["add", "z/net1/w", FULL]],
    calls: [
      ["late add that fails", "a/net1/old", WIDE_AND_FULL],
      ["add", "a/net1/new", WIDE],
      ["add", "b/net1/y", NARROW],
    ],
    cleanUp: [["del", "a/net1/new", WIDE], ["del", "b/net1/y", NARROW], ["del", "z/net1/w", FULL]],
    end: (_, stored) => assert.deepEqual(stored, {}),
  },
  "a late ADD and DEL of a sandbox whose pod has moved to an overlapping range": {
    calls: [[["late add", "a/net1/old", WIDE], ["del", "a/net1/old", WIDE]], ["add", "a/net1/new", NARROW]],
    cleanUp: [["del", "a/net1/new", NARROW]],
    end: (_, stored) => assert.deepEqual(stored, {}),
  },
  "a late DEL after the original took the pod over, and a pod of an overlapping range": {
    before: [["add", "a/net1/old", WIDE], ["original's add", "a/net1/new", WIDE]],
    calls: [["del", "a/net1/old", WIDE], ["add", "b/net1/y", NARROW]],
    cleanUp: [["del", "a/net1/new", WIDE], ["del", "b/net1/y", NARROW]],
    end: (_, stored) => assert.deepEqual(stored, {}),
  },
  "a late DEL while the original takes the pod over": {
    before: [["add", "a/net1/old", WIDE], ["original's add", "a/net1/new", WIDE]],
    calls: [["del", "a/net1/old", WIDE], ["original's add", "a/net1/newer", WIDE]],
    cleanUp: [["del", "a/net1/newer", WIDE]],
    end: (_, stored) => assert.deepEqual(stored, {}),
  },
};

for (const [title, scenario] of Object.entries(SCENARIOS)) {
  Deno.test(`allocate and release in every order: ${title}`, async () => {
    const orders = await tryEveryOrder(scenario);
    assert(orders >= 2, `only ${orders} orders that differ`);
  });
}
