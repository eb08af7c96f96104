/**
 * Histories of kept addresses: claims and sets come and go, pods start and end, reads fail, and the sweep runs in between. Each address that
 * is freed must be free by the truth, and each that no longer has a keeper and a pod must be freed in the end.
 *
 * @module
 */
import assert from "node:assert/strict";
import { Sweeps } from "../../src/ipam/sweep.ts";
import type { Pods } from "../../src/ipam/sweep.ts";
import type { KeeperFacts, PodFacts } from "../../src/pool/pod_facts.ts";
import type { Allocation, Allocations, Keeper } from "../../src/pool/types.ts";
import { RefusedError, type StorageDriver } from "../../src/storage/driver.ts";
import { type MemoryWorld, memoryWorld } from "../support/world.ts";
import { ipamOn, memory, never, range } from "./lab.ts";

const { cidr } = range("10.0.0.0/24");
const KEY = { network: "", cidr };
const SEEDS = 150;
const STEPS = 30;
/** Milliseconds that all evidence of these histories needs, several times over. */
const SETTLED = 600_000;

/** A seeded random number below `limit` (mulberry32). */
function randomOf(seed: number): (limit: number) => number {
  let state = seed;
  return (limit) => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % limit;
  };
}

/** One owner: its keeper's name and kind, the pod's ordinal, and whether its pod lives. */
interface Subject {
  readonly kind: Keeper["kind"];
  readonly name: string;
  readonly podRef: string;
  readonly address: bigint;
  lives: boolean;
}

/** A fault that a sabotaged sweep has. */
type Sabotage = (pods: Pods) => Pods;

/** One history. */
class History implements AsyncDisposable {
  readonly #seed: number;
  readonly #random: (limit: number) => number;
  readonly #driver: StorageDriver;
  readonly #world: MemoryWorld;
  readonly #sweeps: Sweeps;
  readonly #objects = new Map<string, KeeperFacts>();
  readonly #subjects = [0, 1, 2, 3].map((i): Subject => ({
    kind: i < 2 ? "IPAMClaim" : "StatefulSet",
    name: i < 2 ? `vm${i}` : "web",
    podRef: i < 2 ? `default/launcher-${i}` : `default/web-${i - 2}`,
    address: cidr.base + BigInt(i + 1),
    lives: false,
  }));
  #uids = 0;
  #failing: boolean;

  constructor(seed: number, driver: StorageDriver, sabotage: Sabotage) {
    this.#seed = seed;
    this.#random = randomOf(seed);
    this.#driver = driver;
    this.#world = memoryWorld({ seed });
    this.#failing = this.#random(3) === 0;
    const pods = sabotage({
      list: () => Promise.resolve(this.#living()),
      find: (podRef) => Promise.resolve(this.#living().find((pod) => pod.podRef === podRef)),
      findKeeper: ({ kind, name }) =>
        this.#failing
          ? Promise.reject(new RefusedError("status 403"))
          : Promise.resolve(this.#objects.get(`${kind} ${name}`)),
    });
    this.#sweeps = new Sweeps(ipamOn(driver, this.#world), { pods, dryRun: false });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#driver[Symbol.asyncDispose]();
  }

  /** @throws {AssertionError} an address is freed too early, or never */
  async play(): Promise<void> {
    const pick = <T>(items: readonly T[]) => items[this.#random(items.length)] as T;
    for (let i = 0; i < STEPS; i++) await pick(this.#steps)(pick(this.#subjects));
    this.#failing = false;
    for (let i = 0; i < 4; i++) {
      await this.#world.advance(SETTLED);
      await this.#sweeps.scan(never());
    }
    for (const entry of (await this.#stored()).values()) {
      assert(
        this.#isUsed(entry) || this.#isKept(entry),
        `seed ${this.#seed}: never freed the address of ${entry.podRef}`,
      );
    }
  }

  readonly #steps: readonly ((subject: Subject) => Promise<void> | void)[] = [
    (subject) => this.#objects.has(keyOf(subject)) ? undefined : this.#make(subject),
    (subject) => this.#make(subject), // deleted and created again: another uid
    (subject) => void this.#objects.delete(keyOf(subject)),
    (subject) => this.#scale(subject),
    (subject) => this.#start(subject),
    (subject) => this.#start(subject),
    (subject) => this.#end(subject, true),
    (subject) => this.#end(subject, false),
    () => void (this.#failing = !this.#failing),
    () => this.#world.advance(this.#random(200_000)),
    () => this.#world.advance(this.#random(200_000)),
    () => this.#sweep(),
    () => this.#sweep(),
  ];

  #living(): PodFacts[] {
    return this.#subjects.filter(({ lives }) => lives)
      .map(({ podRef }): PodFacts => ({ podRef, finished: false, running: false }));
  }

  async #stored(): Promise<Allocations> {
    return (await this.#driver.read(KEY, never())).allocations;
  }

  #make(subject: Subject): void {
    const facts = { uid: `u${this.#uids++}`, deleting: false };
    const ordinals = { start: 0, replicas: 2 };
    this.#objects.set(keyOf(subject), subject.kind === "IPAMClaim" ? facts : { ...facts, ordinals });
  }

  #scale(subject: Subject): void {
    const object = this.#objects.get(keyOf(subject));
    if (!object?.ordinals) return;
    this.#objects.set(keyOf(subject), { ...object, ordinals: { start: 0, replicas: this.#random(3) } });
  }

  /** As ADD: takes over the entry of the same keeper, or allocates the address if it is free. */
  async #start(subject: Subject): Promise<void> {
    const object = this.#objects.get(keyOf(subject));
    if (!object || subject.lives) return;
    const entry = (await this.#stored()).get(subject.address);
    if (entry && entry.keeper?.uid !== object.uid) return;
    const keeper: Keeper = { kind: subject.kind, name: subject.name, uid: object.uid };
    await this.#write(subject, { keeper, containerId: `c${this.#uids++}` });
    subject.lives = true;
  }

  /** With DEL, or without: the node was lost. */
  async #end(subject: Subject, withDel: boolean): Promise<void> {
    if (subject.lives && withDel) await this.#write(subject, { containerId: "" });
    subject.lives = false;
  }

  async #write({ address, podRef }: Subject, change: Partial<Allocation>): Promise<void> {
    const snapshot = await this.#driver.read(KEY, never());
    const before = snapshot.allocations.get(address);
    const after: Allocation = { address, podRef, ifName: "net1", containerId: "", ...before, ...change };
    await this.#driver.commit(snapshot, [{ address, ...(before && { before }), after }], never());
  }

  #isUsed({ podRef }: Allocation): boolean {
    return this.#subjects.some((one) => one.podRef === podRef && one.lives);
  }

  #isKept({ podRef, keeper }: Allocation): boolean {
    const object = keeper && this.#objects.get(keyOf(keeper));
    if (!object || object.uid !== keeper.uid) return false;
    return !object.ordinals || Number(podRef.split("-").at(-1)) < object.ordinals.replicas;
  }

  async #sweep(): Promise<void> {
    const before = await this.#stored();
    await this.#sweeps.scan(never(), this.#random(2) === 0 ? undefined : this.#sweeps.due());
    const after = await this.#stored();
    for (const [address, entry] of before) {
      const isFree = !this.#isUsed(entry) && !this.#isKept(entry);
      assert(after.has(address) || isFree, `seed ${this.#seed}: freed the address of ${entry.podRef}`);
    }
  }
}

function keyOf({ kind, name }: Pick<Keeper, "kind" | "name">): string {
  return `${kind} ${name}`;
}

async function play(seed: number, sabotage: Sabotage = (pods) => pods): Promise<void> {
  await using history = new History(seed, await memory(), sabotage);
  await history.play();
}

Deno.test("no history frees an address that is kept or in use, and each frees the others in the end", async () => {
  for (let seed = 0; seed < SEEDS; seed++) await play(seed);
});

/** What the histories must notice. */
const SABOTAGES: Readonly<Record<string, Sabotage>> = {
  "a keeper that cannot be read counts as gone": (pods) => ({
    ...pods,
    findKeeper: (...args) => pods.findKeeper?.(...args).catch(() => undefined) ?? Promise.resolve(undefined),
  }),
  "an object of the same name counts as the keeper, whatever its uid": (pods) => ({
    ...pods,
    findKeeper: async (keeper, ...more) => {
      const facts = await pods.findKeeper?.(keeper, ...more);
      return facts && "uid" in keeper ? { ...facts, uid: String(keeper.uid) } : facts;
    },
  }),
  "ordinals are not compared": (pods) => ({
    ...pods,
    findKeeper: async (...args) => {
      const facts = await pods.findKeeper?.(...args);
      return facts?.ordinals ? { ...facts, ordinals: { start: 0, replicas: 9 } } : facts;
    },
  }),
  "keepers count as gone": (pods) => ({ ...pods, findKeeper: () => Promise.resolve(undefined) }),
  "a pod that is not in the list counts as missing": (pods) => ({
    ...pods,
    find: () => Promise.resolve(undefined),
    list: () => Promise.resolve([]),
  }),
};

for (const [name, sabotage] of Object.entries(SABOTAGES)) {
  Deno.test(`the histories notice when ${name}`, async () => {
    const failures: string[] = [];
    for (let seed = 0; seed < SEEDS && failures.length === 0; seed++) {
      await play(seed, sabotage).catch((error) => failures.push(String(error)));
    }
    assert.match(failures[0] ?? "no failure", /freed the address/);
  });
}
