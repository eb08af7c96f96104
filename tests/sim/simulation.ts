/**
 * One seeded history of a few machines with one store: nodes, networks that overlap, pods that are created, deleted and recreated, plugins and
 * controllers that are killed, a store that fails, and watches that are delayed or stale. The promises of the design are checked after every
 * step.
 *
 * @module
 */
import assert from "node:assert/strict";
import { openEmbedded } from "../../drivers/embedded/driver.ts";
import { directIpam } from "../../src/ipam/ipam.ts";
import { MIN_GRACE } from "../../src/ipam/graces.ts";
import { sweep } from "../../src/ipam/sweep.ts";
import type { StorageDriver } from "../../src/storage/driver.ts";
import { ATTEMPT_TIMEOUT } from "../../src/storage/retry.ts";
import { SILENT } from "../../src/world/log.ts";
import { STANDING_CLOCK } from "../support/orders.ts";
import { memoryWorld } from "../support/world.ts";
import { SimAgents } from "./agent.ts";
import { checkEmpty, checkFull, checkLive, checkWhole, contentsOf } from "./checks.ts";
import { type FindPods, quietCluster, type SimController, startController } from "./control.ts";
import { orBroken } from "./broken.ts";
import { SimNode } from "./node.ts";
import { PodObjects } from "./pods.ts";
import { addressesOf, callPlugin, type Network, type Outcome, type Reach, type Sandbox } from "./runtime.ts";
import { type Process, Scheduler, standstill } from "./scheduler.ts";
import { networked, reachOf } from "./store.ts";

/** Steps with faults; then the faults end, all pods are deleted, and the store must become empty. */
const STEPS = 120;
/** Max steps until all calls have ended. */
const MAX_STEPS = 20_000;
const PODS = 6;
const NODES = 2;
/** One in this many seeds has a controller. */
const CONTROLLED = 2;
/** Max steps until an undisturbed controller has swept twice. */
const MAX_SWEEP_STEPS = 2_000;

const base = { type: "whereabouts", datastore: "embedded", log_level: "panic" };

/** Networks whose pools overlap, one with a second family, a small one, and one of another domain. */
export const NETWORKS: readonly Network[] = [
  { name: "wide", domain: "", ipam: { ...base, range: "10.0.0.0/28", ipRanges: [{ range: "fd00::/125" }] } },
  { name: "narrow", domain: "", ipam: { ...base, range: "10.0.0.0/29", exclude: ["10.0.0.2"] } },
  {
    name: "twice",
    domain: "",
    ipam: { ...base, range: "10.0.0.0/28", range_start: "10.0.0.4", ipRanges: [{ range: "10.0.0.8/29" }] },
  },
  { name: "blue", domain: "blue", ipam: { ...base, range: "10.0.0.0/29", network_name: "blue" } },
];

const grid = { ...base, range: "10.0.0.0/28", block_size: "/30" };

/** Networks on one grid whose ranges overlap, one that is exactly a block, one off the grid, and one of another domain with its own grid. */
export const GRIDS: readonly Network[] = [
  { name: "wide", domain: "", ipam: { ...grid, ipRanges: [{ range: "fd00::/124" }], block_size: "/30,/126" } },
  { name: "narrow", domain: "", ipam: { ...grid, range: "10.0.0.0/29", exclude: ["10.0.0.2"], block_order: "spread" } },
  { name: "block", domain: "", ipam: { ...grid, range: "10.0.0.4/30" } },
  { name: "apart", domain: "", ipam: { ...base, range: "10.0.0.8/29" } },
  { name: "blue", domain: "blue", ipam: { ...grid, block_size: "/29", network_name: "blue" } },
  {
    name: "tight",
    domain: "tight",
    ipam: { ...grid, range_start: "10.0.0.3", range_end: "10.0.0.4", network_name: "tight" },
    room: 2,
  },
];

/** Breaks a store, for the simulation's own test. */
export type Sabotage = (driver: StorageDriver) => StorageDriver;

/** How a history differs from the usual one. */
export interface StoreOptions {
  /** Its name. Default `store`. */
  readonly world?: "store" | "grids";
  /** The networks. Default {@linkcode NETWORKS}. */
  readonly networks?: readonly Network[];
  /** Breaks the store. Default: it is as it is. */
  readonly sabotage?: Sabotage;
  /** How the controller reads a pod. */
  readonly find?: FindPods;
}

/** Runs one history of a store without a cluster. */
export async function simulateStore(
  seed: number,
  { world = "store", networks = NETWORKS, sabotage = (driver) => driver, find = findPod }: StoreOptions = {},
): Promise<{ readonly trace: readonly string[] }> {
  await using driver = await openEmbedded({ kind: "embedded", path: ":memory:" });
  const scheduler = new Scheduler(seed);
  const controlled = seed % CONTROLLED === 0 ? find : undefined;
  return await orBroken(
    { seed, world },
    scheduler,
    () => new SimMachines(scheduler, sabotage(driver), driver, networks, controlled).run(),
  );
}

const findPod: FindPods = (pods, process) => (podRef, signal) => pods.find(process, podRef, signal);

class SimMachines {
  readonly #scheduler: Scheduler;
  readonly #store: StorageDriver;
  readonly #reach: Reach;
  readonly #truth: StorageDriver;
  readonly #networks: readonly Network[];
  readonly #nodes: readonly SimNode[];
  readonly #agents: SimAgents;
  readonly #sandboxes: Sandbox[] = [];
  readonly #processes = new Set<Process>();
  #next = 0;
  readonly #failedTakeovers = new Set<string>();
  readonly #pods: PodObjects;
  readonly #controlled: FindPods | undefined;
  #controllers: SimController[] = [];
  #failure: Error | undefined;
  #ends = 0;
  /** Networks that calls found full since the last check, each with the calls that ended meanwhile. */
  #full: { readonly network: Network; readonly ended: number }[] = [];

  constructor(
    scheduler: Scheduler,
    store: StorageDriver,
    truth: StorageDriver,
    networks: readonly Network[],
    controlled: FindPods | undefined,
  ) {
    this.#scheduler = scheduler;
    this.#networks = networks;
    this.#controlled = controlled;
    this.#pods = new PodObjects(scheduler);
    this.#store = store;
    this.#reach = reachOf(store, scheduler);
    this.#truth = truth;
    this.#nodes = Array.from({ length: NODES }, (_, i) => new SimNode(`node${i}`, scheduler));
    this.#agents = new SimAgents(scheduler, this.#reach, this.#nodes);
  }

  async run(): Promise<void> {
    for (let step = 0; step < STEPS; step++) {
      if (this.#scheduler.chance(0.02)) this.#toggleOutage();
      if (this.#controlled) this.#control(this.#controlled);
      this.#agents.disturb();
      if (this.#scheduler.chance(0.35)) this.#act();
      else if (this.#processes.size > 0 && this.#scheduler.chance(0.03)) {
        this.#scheduler.kill(this.#scheduler.pick([...this.#processes]));
      } else await this.#scheduler.step();
      await standstill();
      await this.#check();
    }
    this.#scheduler.faults = false;
    this.#scheduler.outage = false;
    this.#agents.revive();
    await this.#rest();
    if (this.#controlled) await this.#settle(this.#controlled);
    for (const sandbox of this.#sandboxes) if (sandbox.state === "new" || sandbox.state === "live") this.#die(sandbox);
    await this.#rest();
    await this.#finishReleases();
    for (const { process } of this.#controllers) this.#scheduler.kill(process);
    this.#agents.end();
    await this.#drain();
    const contents = await contentsOf(this.#truth);
    checkEmpty(contents, { reservations: this.#scheduler.leftToSweep, entriesOf: this.#failedTakeovers });
    await this.#sweep();
    checkEmpty(await contentsOf(this.#truth), { reservations: 0, entriesOf: new Set() });
  }

  /** Starts and kills controllers, sometimes two at the same time, and lets pods report their addresses. */
  #control(find: FindPods): void {
    this.#controllers = this.#controllers.filter(({ process }) => process.alive);
    if (this.#controllers.length === 0 || (this.#controllers.length === 1 && this.#scheduler.chance(0.01))) {
      this.#controllers.push(startController(this.#scheduler, (process) =>
        Promise.resolve({
          driver: networked(this.#store, this.#scheduler, process),
          cluster: quietCluster(process, this.#pods, this.#networks, find),
        }), { grace: MIN_GRACE }));
    } else if (this.#scheduler.chance(this.#controllers.length > 1 ? 0.05 : 0.01)) {
      const [killed] = this.#controllers.splice(this.#scheduler.below(this.#controllers.length), 1);
      if (killed) this.#scheduler.kill(killed.process);
    }
    if (this.#scheduler.chance(0.3)) this.#report();
  }

  /** The kubelets publish the statuses of their pods. */
  #report(): void {
    for (const { podRef, running, finished } of this.#pods.values()) {
      const sandbox = this.#sandboxes.findLast((one) => one.podRef === podRef);
      if (running || finished || sandbox?.state !== "live") continue;
      this.#pods.runs(podRef, sandbox.addresses.map((text) => text.split("/")[0] ?? ""));
    }
  }

  /** Without faults, and after runtimes have abandoned what they could not start, the controller sweeps, and everything must agree. */
  async #settle(find: FindPods): Promise<void> {
    for (const sandbox of this.#sandboxes) if (sandbox.state === "new") this.#die(sandbox);
    await this.#rest();
    await this.#finishReleases();
    this.#report();
    this.#controllers = this.#controllers.filter(({ process }) => process.alive);
    if (this.#controllers.length === 0) this.#control(find);
    const [controller] = this.#controllers;
    const before = controller?.sweeps() ?? 0;
    for (let step = 0; (controller?.sweeps() ?? 0) < before + 2; step++) {
      assert(step < MAX_SWEEP_STEPS, `expected ${before + 2} sweeps of the controller, got ${controller?.sweeps()}`);
      await this.#scheduler.step();
      await this.#check();
    }
    checkWhole(await contentsOf(this.#truth), this.#pods.values());
  }

  /** Waits until agents have finished pending releases. */
  async #finishReleases(): Promise<void> {
    for (let step = 0; this.#agents.pending; step++) {
      assert(step < MAX_STEPS, "Pending releases are not finished");
      await this.#scheduler.step();
      await this.#check();
    }
  }

  /** Lets abandoned requests arrive. */
  async #drain(): Promise<void> {
    while (this.#scheduler.waiting > 0) await this.#scheduler.step();
  }

  /** Promise 5: a sweep without pods leaves nothing. */
  async #sweep(): Promise<void> {
    let now = 0;
    const sleep: typeof STANDING_CLOCK.sleep = (milliseconds, signal) => {
      if (milliseconds < ATTEMPT_TIMEOUT) now += milliseconds;
      return STANDING_CLOCK.sleep(milliseconds, signal);
    };
    const world = { ...memoryWorld(), ...STANDING_CLOCK, monotonic: () => now, sleep };
    const ipam = directIpam(this.#truth, world, SILENT);
    const { signal } = new AbortController();
    const pods = { list: () => Promise.resolve([]), find: () => Promise.resolve(undefined) };
    await sweep(ipam, { pods, grace: MIN_GRACE, dryRun: false, signal });
  }

  #toggleOutage(): void {
    this.#scheduler.outage = !this.#scheduler.outage;
    this.#scheduler.note(this.#scheduler.outage ? "the store is out of reach" : "the store is back");
  }

  async #check(): Promise<void> {
    if (this.#failure) throw this.#failure;
    const contents = await contentsOf(this.#truth);
    checkLive(contents, this.#sandboxes);
    for (const { network, ended } of this.#full.splice(0)) checkFull(contents, network, ended);
  }

  /** Lets all calls in progress end. */
  async #rest(): Promise<void> {
    for (let step = 0; step < MAX_STEPS; step++) {
      for (const sandbox of this.#sandboxes) {
        if (sandbox.state === "dying" && sandbox.running === 0) this.#start(sandbox, "DEL");
      }
      if (this.#processes.size === 0) return;
      await standstill();
      const moved = await this.#scheduler.step();
      const waiting = [...this.#processes].map(({ name }) => name);
      assert(moved || waiting.length === 0, `Nothing continues, and these wait: ${waiting.join(", ")}`);
      await this.#check();
    }
    throw new Error(`Calls are still in progress after ${MAX_STEPS} steps`);
  }

  /** A runtime creates a pod, or does something with an existing sandbox. */
  #act(): void {
    const idle = this.#sandboxes.filter(({ running, state }) => running === 0 && state !== "released");
    const pods = new Set(this.#sandboxes.filter(({ state }) => state !== "released").map(({ podRef }) => podRef));
    if (idle.length === 0 || (pods.size < PODS && this.#scheduler.chance(0.4))) {
      this.#create(`default/pod-${this.#scheduler.below(PODS)}`);
    } else this.#touch(this.#scheduler.pick(idle));
  }

  #touch(sandbox: Sandbox): void {
    switch (sandbox.state) {
      case "new": // its ADD failed or was killed: runtimes abandon the sandbox, or repeat the ADD
        return this.#scheduler.chance(0.5) ? this.#die(sandbox) : this.#start(sandbox, "ADD");
      case "live":
        if (this.#scheduler.chance(0.2)) return this.#start(sandbox, "ADD");
        if (this.#scheduler.chance(0.2)) return this.#start(sandbox, "CHECK");
        if (this.#scheduler.chance(0.3)) return this.#create(sandbox.podRef); // the pod is recreated, perhaps on another node
        return this.#die(sandbox);
      case "dying":
        return this.#start(sandbox, "DEL");
    }
  }

  /** A pod gets a new sandbox. Its former sandboxes end now, whenever their DEL is called. */
  #create(podRef: string): void {
    const former = this.#sandboxes.filter((one) => one.podRef === podRef && one.state !== "released");
    if (former.some((one) => one.running > 0 && one.state !== "dying")) return; // no runtime adds two sandboxes of a pod at the same time
    const network = former[0]?.network ?? this.#scheduler.pick(this.#networks);
    for (const one of former) if (one.state !== "dying") one.state = "dying";
    const containerId = `c${++this.#next}`;
    const node = this.#scheduler.pick(this.#nodes);
    const sandbox: Sandbox = { podRef, containerId, node, network, state: "new", addresses: [], running: 0 };
    this.#sandboxes.push(sandbox);
    this.#pods.create(podRef);
    this.#start(sandbox, "ADD");
  }

  #die(sandbox: Sandbox): void {
    sandbox.state = "dying";
    if (this.#controlled) this.#end(sandbox.podRef);
    this.#start(sandbox, "DEL");
    if (this.#scheduler.faults && this.#scheduler.chance(0.1)) this.#start(sandbox, "DEL"); // some runtimes call twice
  }

  /** A pod is deleted by force, or finishes, or is deleted after its sandbox. */
  #end(podRef: string): void {
    const fate = this.#scheduler.pick(["removed", "removed", "finished", "waits"]);
    if (fate === "removed") this.#pods.remove(podRef);
    else if (fate === "finished") this.#pods.finish(podRef);
  }

  #start(sandbox: Sandbox, verb: "ADD" | "DEL" | "CHECK"): void {
    const { process, outcome } = callPlugin(this.#reach, this.#agents, sandbox, verb);
    this.#scheduler.note(`${process.name} starts`);
    this.#processes.add(process);
    sandbox.running++;
    const { network } = sandbox;
    const ends = this.#ends;
    void outcome.then((answer) => {
      this.#processes.delete(process);
      sandbox.running--;
      this.#scheduler.note(
        `${process.name} ends: ${
          answer ? (answer.exitCode === 0 ? "success" : answer.stdout.replace(/\s+/g, " ")) : "killed"
        }`,
      );
      this.#ends++;
      const isFull = verb === "ADD" && !this.#controlled && // a sweep may free addresses meanwhile
        answer?.exitCode === 1 && JSON.parse(answer.stdout).code === 100;
      if (isFull) this.#full.push({ network, ended: this.#ends - ends + this.#processes.size });
      this.#ended(sandbox, verb, answer);
    });
  }

  #ended(sandbox: Sandbox, verb: "ADD" | "DEL" | "CHECK", answer: Outcome): void {
    const ok = answer?.exitCode === 0;
    if (verb === "ADD" && ok && answer && (sandbox.state === "new" || sandbox.state === "live")) {
      const addresses = addressesOf(answer);
      if (sandbox.state === "live") {
        this.#expect(addresses, sandbox.addresses, `a repeated ADD of ${sandbox.containerId}`);
      }
      sandbox.addresses = addresses;
      sandbox.state = "live";
    } else if (
      verb === "ADD" && !ok && (answer || this.#agents.serves(sandbox.node)) &&
      this.#sandboxes.some((one) => one !== sandbox && one.podRef === sandbox.podRef)
    ) {
      this.#failedTakeovers.add(sandbox.podRef);
    } else if (verb === "DEL" && ok && sandbox.running === 0) {
      sandbox.state = "released";
      if (this.#sandboxes.findLast(({ podRef }) => podRef === sandbox.podRef) === sandbox) {
        this.#pods.remove(sandbox.podRef);
      }
    }
    if (verb === "CHECK" && answer && !ok && sandbox.state === "live") {
      const { code } = JSON.parse(answer.stdout);
      if (code === 104) {
        this.#failure ??= new Error(`CHECK of the live ${sandbox.containerId} failed: ${answer.stdout}`);
      }
    }
  }

  #expect(found: readonly string[], expected: readonly string[], what: string): void {
    if (found.join() !== expected.join()) {
      this.#failure ??= new Error(`${what}: expected ${expected.join()}, got ${found.join()}`);
    }
  }
}
