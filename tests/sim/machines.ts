/**
 * One seeded history of a few machines with one store: nodes, networks that overlap, pods that are created, deleted and recreated, plugins and
 * controllers that are killed, a store that fails, and watches that are delayed or stale. The promises of the design are checked after every
 * step.
 *
 * @module
 */
import assert from "node:assert/strict";
import { MIN_GRACE } from "../../src/ipam/graces.ts";
import type { StorageDriver } from "../../src/storage/driver.ts";
import { SimAgents } from "./agent.ts";
import { checkEmpty, checkFull, checkLive, checkWhole, contentsOf } from "./checks.ts";
import { type FindPods, quietCluster, type SimController, startController } from "./control.ts";
import type { MoveHost, Moves } from "./moves.ts";
import { SimNode } from "./node.ts";
import { moveHost } from "./operator.ts";
import { PodObjects } from "./pods.ts";
import {
  addressesOf,
  callPlugin,
  collectGarbage,
  type Network,
  type Outcome,
  type Reach,
  type Sandbox,
} from "./runtime.ts";
import { type Process, type Scheduler, standstill } from "./scheduler.ts";
import { networked, reachOf } from "./store.ts";
import { sweepAll } from "./sweep_all.ts";

/** Steps with faults; then the faults end, all pods are deleted, and the store must become empty. */
const STEPS = 120;
/** Max steps until all calls have ended. */
const MAX_STEPS = 20_000;
/** Max runs of a command until it counts as one that waits for a sweep. */
const MAX_ATTEMPTS = 10;
const PODS = 6;
const NODES = 2;
/** Max steps until an undisturbed controller has swept twice. */
const MAX_SWEEP_STEPS = 2_000;

/** Chance per step that a runtime collects garbage. */
const COLLECTING = 0.02;

/** The settings of a history. */
export interface Machines {
  /** Time and order. */
  readonly scheduler: Scheduler;
  /** The store as processes reach it. */
  readonly store: StorageDriver;
  /** The store as it is. */
  readonly truth: StorageDriver;
  /** Networks that do not change. */
  readonly networks: readonly Network[];
  /** The networks whose entries are moved. Default none. */
  readonly moves?: (host: MoveHost) => readonly Moves[];
  /** Chance per step that entries begin to move, or that this is completed; a run is killed at a fifth of it. Default 0. */
  readonly moving?: number;
}

/** A few machines with one store. */
export class SimMachines {
  readonly #scheduler: Scheduler;
  readonly #store: StorageDriver;
  readonly #reach: Reach;
  readonly #truth: StorageDriver;
  readonly #nodes: readonly SimNode[];
  readonly #agents: SimAgents;
  readonly #sandboxes: Sandbox[] = [];
  readonly #processes = new Set<Process>();
  /** Nodes on which GC is in progress. */
  readonly #collecting = new Set<SimNode>();
  #next = 0;
  readonly #failedTakeovers = new Set<string>();
  readonly #networks: readonly Network[];
  readonly #moves: readonly Moves[];
  readonly #moving: number;
  /** Pods whose sandboxes were released while entries moved. */
  readonly #releasedBeside = new Set<string>();
  readonly #pods: PodObjects;
  readonly #controlled: FindPods | undefined;
  #controllers: SimController[] = [];
  #failure: Error | undefined;
  #ends = 0;
  /** Networks that calls found full since the last check, each with the calls that ended meanwhile. */
  #full: { readonly network: Network; readonly ended: number }[] = [];

  /** @param controlled how controllers read a pod. Absent: none runs */
  constructor({ scheduler, store, truth, networks, moves = () => [], moving = 0 }: Machines, controlled?: FindPods) {
    this.#scheduler = scheduler;
    this.#networks = networks;
    this.#controlled = controlled;
    this.#pods = new PodObjects(scheduler);
    this.#store = store;
    this.#reach = reachOf(store, scheduler);
    this.#truth = truth;
    this.#nodes = Array.from({ length: NODES }, (_, i) => new SimNode(`node${i}`, scheduler));
    this.#agents = new SimAgents(scheduler, this.#reach, this.#nodes);
    this.#moving = moving;
    this.#moves = moves(moveHost(scheduler, store, truth, (moved) => this.#moveEnded(moved)));
  }

  /** Entries that were released beside a run that did not end well may have copies. */
  #moveEnded(moved: boolean): void {
    if (!moved) { for (const podRef of this.#releasedBeside) this.#failedTakeovers.add(podRef); }
    if (this.#moves.every(({ processes }) => processes.length === 0)) this.#releasedBeside.clear();
  }

  /** Runs the history. */
  async run(): Promise<void> {
    for (let step = 0; step < STEPS; step++) {
      if (this.#scheduler.chance(0.02)) this.#toggleOutage();
      if (this.#controlled) this.#control(this.#controlled);
      this.#agents.disturb();
      if (this.#scheduler.chance(COLLECTING)) this.#collect();
      if (this.#moving > 0) await this.#move();
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
    await sweepAll(this.#truth);
    await this.#completeMoves();
    checkEmpty(await contentsOf(this.#truth), { reservations: 0, entriesOf: new Set() });
  }

  /** Perhaps an operator runs a command, or a run is killed. */
  async #move(): Promise<void> {
    if (this.#scheduler.chance(this.#moving)) await this.#scheduler.pick(this.#moves).act();
    if (this.#scheduler.chance(this.#moving / 5)) this.#scheduler.pick(this.#moves).kill();
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

  /** Without leftovers, the commands succeed. */
  async #completeMoves(): Promise<void> {
    for (let step = 0; step < MAX_STEPS; step++) {
      for (const moves of this.#moves) await moves.finish();
      if (this.#moves.every(({ isOver }) => isOver)) return;
      await standstill();
      await this.#scheduler.step();
    }
    throw new Error(`Entries are still being moved after ${MAX_STEPS} steps`);
  }

  /** Lets all calls in progress end, and commands, unless they wait for a sweep: it frees leftovers, for which a way back from blocks waits. */
  async #rest(): Promise<void> {
    for (let step = 0; step < MAX_STEPS; step++) {
      for (const sandbox of this.#sandboxes) {
        if (sandbox.state === "dying" && sandbox.running === 0) this.#start(sandbox, "DEL");
      }
      const trying = this.#scheduler.faults ? [] : this.#moves.filter(({ attempts }) => attempts < MAX_ATTEMPTS);
      for (const moves of trying) await moves.finish();
      if (this.#processes.size === 0 && trying.every(({ isOver }) => isOver)) return;
      await standstill();
      const moved = await this.#scheduler.step();
      const waiting = [...this.#processes].map(({ name }) => name);
      assert(moved || waiting.length === 0, `Nothing continues, and these wait: ${waiting.join(", ")}`);
      await this.#check();
    }
    throw new Error(`Calls are still in progress after ${MAX_STEPS} steps`);
  }

  /** The runtime of a node collects garbage. It starts neither ADD nor DEL meanwhile. */
  #collect(): void {
    const [node, network] = [this.#scheduler.pick(this.#nodes), this.#networkOf(undefined)];
    if (this.#collecting.has(node)) return;
    const hasEnded = ({ state }: Sandbox) => state === "dying";
    const work = { scheduler: this.#scheduler, reach: this.#reach, agents: this.#agents, sandboxes: this.#sandboxes };
    const collection = collectGarbage({ ...work, hasEnded }, node, network);
    if (!collection) return;
    const { process, ended } = collection;
    this.#processes.add(process);
    this.#collecting.add(node);
    void ended.then(() => {
      this.#processes.delete(process);
      this.#collecting.delete(node);
    });
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
    const network = this.#networkOf(former.at(-1)?.network);
    for (const one of former) if (one.state !== "dying") one.state = "dying";
    const containerId = `c${++this.#next}`;
    const node = this.#scheduler.pick(this.#nodes);
    const sandbox: Sandbox = { podRef, containerId, node, network, state: "new", addresses: [], running: 0 };
    this.#sandboxes.push(sandbox);
    this.#pods.create(podRef);
    this.#start(sandbox, "ADD");
  }

  /** The network of a pod's next sandbox. A meta-plugin may still read a former definition of it. */
  #networkOf(former: Network | undefined): Network {
    const moved = () => this.#moves.flatMap((one) => one.networks.map((network) => one.attaching(network)));
    if (!former) return this.#scheduler.pick([...this.#networks, ...moved()]);
    const moves = this.#moves.find((one) => one.defines(former));
    return moves && this.#scheduler.chance(0.5) ? moves.attaching(former) : former;
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
    if (verb !== "CHECK" && this.#collecting.has(sandbox.node)) return;
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
      if (isFull) this.#full.push({ network, ended: this.#ends - ends - 1 + this.#processes.size });
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
      if (this.#moves.some(({ processes }) => processes.length > 0)) this.#releasedBeside.add(sandbox.podRef);
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
