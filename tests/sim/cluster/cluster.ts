/**
 * One seeded history of a simulated cluster: the product's plugins, agents and controllers with the product's Kubernetes driver, and a simulated
 * API server, kubelets and control plane. The promises are checked after every step.
 *
 * @module
 */
import { openCluster } from "../../../drivers/kubernetes/cluster.ts";
import { openKubernetes } from "../../../drivers/kubernetes/driver.ts";
import { SILENT } from "../../../src/world/log.ts";
import { SimAgents } from "../agent.ts";
import { type SimController, startController, UNUSED } from "../control.ts";
import { SimNode } from "../node.ts";
import { checkInRange, type Moves } from "../moves.ts";
import {
  addressesOf,
  callPlugin,
  collectGarbage,
  type Network,
  type Outcome,
  type Reach,
  type Sandbox,
} from "../runtime.ts";
import { type Process, type Scheduler, standstill } from "../scheduler.ts";
import { ControlPlane } from "./control_plane.ts";
import { Definitions } from "./definitions.ts";
import { Disturbances } from "./disturbances.ts";
import { isExposed } from "./exposure.ts";
import { Keepers } from "./keepers.ts";
import { KeptAddresses, unsettled } from "./kept.ts";
import { Kubelet } from "./kubelet.ts";
import { movesOf } from "./moved.ts";
import { ApiObjects } from "./objects.ts";
import { callOriginal } from "./original.ts";
import type { PodSandbox, SimPod } from "./pod.ts";
import { checkLive, checkSlices, differences, isLive, type Promised, yieldTaken } from "./promises.ts";
import { ReuseChecks } from "./reuse.ts";
import { admission } from "./schemas.ts";
import { ApiServer, connectTo } from "./server.ts";
import { KUBECONFIG, type World } from "./world.ts";

/** Milliseconds between two ticks of kubelets and control plane. */
const TICK = 5_000;
/** Simulated milliseconds within which the store must agree with the sandboxes after the faults have ended. */
const SETTLED = 20 * 60_000;
/** Simulated milliseconds within which agents must have compared their journals with the store: at most 45 minutes, and one round. */
const COMPARED = 50 * 60_000;
/** Max steps of both. */
const MAX_STEPS = 20_000;
/** Simulated milliseconds that a call may take without faults. */
const PROMPT = 10_000;
/** Milliseconds by which the clock of a node is ahead: longer than any history. */
const AHEAD = 86_400_000;
/** Share of sandboxes that are attached by a former definition. */
const STALE = 0.5;
/** The code of an ADD that found no free address. */
const EXHAUSTED = 100;

/** A cluster in a world. */
export class SimCluster {
  /** Time and order. */
  readonly scheduler: Scheduler;
  /** Its settings. */
  readonly world: World;
  /** Objects of the API server. */
  readonly objects: ApiObjects;
  /** The nodes. */
  readonly kubelets: readonly Kubelet[];
  /** The definitions of its networks. */
  readonly definitions: Definitions;
  /** The control plane. */
  readonly control: ControlPlane;
  /** The agents. */
  readonly agents: SimAgents;
  /** All sandboxes so far. */
  readonly sandboxes: PodSandbox[] = [];
  /** Calls in progress. */
  readonly processes = new Map<Process, { readonly sandbox: PodSandbox; readonly verb: string }>();
  /** GC in progress, each with its node. */
  readonly #collections = new Map<Process, SimNode>();
  /** The API server. */
  readonly server: ApiServer;
  /** The networks whose entries are moved. */
  readonly moves: readonly Moves[];
  /** The objects that keep addresses. */
  readonly keepers: Keepers;
  readonly #kept: KeptAddresses;
  readonly #reach: Reach;
  readonly #originals: ReadonlySet<SimNode>;
  readonly #controlled: boolean;
  #controllers: SimController[] = [];
  readonly #promised: Promised;
  readonly #reuse: ReuseChecks;
  #containers = 0;
  #failure: Error | undefined;

  /** A new cluster. */
  constructor(scheduler: Scheduler, world: World) {
    this.scheduler = scheduler;
    this.world = world;
    scheduler.faults = world.faults;
    const objects = this.objects = new ApiObjects(() => scheduler.now);
    this.server = new ApiServer(objects, scheduler);
    this.#controlled = scheduler.chance(world.controlled);
    const { lose, rewind, regress } = world.happenings;
    this.#promised = { entries: !lose && !rewind && !regress, reservations: !rewind };
    const nodes = Array.from({ length: world.nodes }, (_, i) => new SimNode(`node${i}`, scheduler));
    this.#originals = new Set(nodes.slice(0, world.originals ?? 0));
    const runtime = {
      call: (sandbox: PodSandbox, verb: "ADD" | "DEL" | "CHECK") => this.#call(sandbox, verb),
      containerId: () => `c${++this.#containers}`,
      networkOf: (pod: SimPod) => this.#networkOf(pod),
    };
    this.kubelets = nodes.map((node) => new Kubelet(node, objects, scheduler, runtime, world.habits));
    this.control = new ControlPlane(objects, scheduler, this.kubelets);
    this.#reach = {
      load: () => () => Promise.resolve(openKubernetes),
      world: (process, own) => {
        const kubeconfig = this.server.kubeconfig(process);
        return {
          ...own,
          readTextFile: (path) => path === KUBECONFIG ? Promise.resolve(kubeconfig) : own.readTextFile(path),
        };
      },
    };
    this.agents = new SimAgents(
      scheduler,
      this.#reach,
      nodes.filter((node) => !this.#originals.has(node)),
      world.agents,
    );
    objects.admit(admission({ room: world.room, prunes: scheduler.chance(world.pruned ?? 0) }));
    this.definitions = new Definitions(objects, world);
    this.moves = movesOf({ scheduler, objects, definitions: this.definitions, world, reach: this.#reach });
    this.keepers = new Keepers(this);
    this.#kept = new KeptAddresses(objects, () => scheduler.now, !lose);
    const ahead = world.ahead !== undefined && scheduler.chance(world.ahead) ? nodes.at(-1) : undefined;
    if (ahead) ahead.clockError = AHEAD;
    this.#reuse = new ReuseChecks(objects, world.networks, () => scheduler.now, ahead !== undefined);
  }

  /** Pods that exist, or that their kubelet has not finished with. */
  get pods(): SimPod[] {
    return this.kubelets.flatMap(({ pods }) => pods).filter(({ done }) => !done);
  }

  /** Runs the history. */
  async run(): Promise<void> {
    connectTo(this.server);
    void this.#passTime({ name: "time", alive: true });
    const disturbances = new Disturbances(this);
    for (let step = 0; step < this.world.steps; step++) {
      if (this.#controlled) this.#control();
      if (this.scheduler.chance(this.world.pace ?? 0.35)) disturbances.act();
      else await this.scheduler.step();
      await standstill();
      this.check();
    }
    this.scheduler.note("no more faults");
    this.scheduler.faults = this.scheduler.outage = false;
    disturbances.end();
    if (this.world.restoredBy === "agent") await this.#restoreEntries();
    if (!this.world.starves) await this.#settle("the addresses of running pods");
    this.keepers.remove();
    for (const { podRef, uid, grace, kind } of this.pods) {
      if (kind === "static") this.control.forceDelete(podRef);
      else this.control.delete({ podRef, uid, grace });
    }
    for (const pod of this.pods) if (pod.kind === "static") pod.endsAt = this.scheduler.now;
    await this.#settle("no address");
    for (const { process } of this.#controllers) this.scheduler.kill(process);
    this.agents.end();
  }

  /** Checks the promises. */
  check(): void {
    if (this.#failure) throw this.#failure;
    this.#kept.check(this.sandboxes);
    yieldTaken(this.objects, this.sandboxes);
    checkLive(this.objects, this.sandboxes, this.#promised);
    checkSlices(this.objects, this.sandboxes);
    this.#reuse.check(this.sandboxes);
  }

  /** The processes of its controllers. */
  get controllers(): readonly Process[] {
    return this.#controllers.map(({ process }) => process).filter(({ alive }) => alive);
  }

  /** Whether a node has the original's plugin. */
  isOriginal(node: SimNode): boolean {
    return this.#originals.has(node);
  }

  /** Powers a node's machine off: its processes end. */
  powerOff(kubelet: Kubelet): void {
    kubelet.powerOff();
    this.agents.powerOff(kubelet.node);
    for (const [process, { sandbox }] of this.processes) {
      if (sandbox.node === kubelet.node) this.scheduler.kill(process);
    }
    for (const [process, node] of this.#collections) if (node === kubelet.node) this.scheduler.kill(process);
  }

  /** Waits until lost entries are restored without a controller. */
  async #restoreEntries(): Promise<void> {
    const missing = () => differences(this.objects, this.sandboxes).filter((one) => one.endsWith("missing"));
    await this.#until("the restored entries", missing, COMPARED);
  }

  /** Waits until all calls have ended and the store holds the addresses of live sandboxes only. */
  async #settle(what: string): Promise<void> {
    if (this.#controllers.every(({ process }) => !process.alive)) this.#control();
    // a late request may arrive after a release
    const kept = () => this.world.faults ? [] : [...unsettled(this.objects, this.sandboxes), ...this.#kept.missing()];
    const remaining = () => [...this.#unsettled(), ...differences(this.objects, this.sandboxes), ...kept()];
    for (const moves of this.moves) await moves.finish();
    await this.#until(what, remaining, this.world.restoredBy === "both" ? COMPARED : SETTLED);
  }

  async #until(what: string, remaining: () => readonly string[], within: number): Promise<void> {
    const until = this.scheduler.now + within;
    for (let step = 0; step < MAX_STEPS && this.scheduler.now < until; step++) {
      if (remaining().length === 0) return;
      if (step % 3 === 0) { for (const kubelet of this.kubelets) kubelet.step(true); }
      for (const moves of this.moves) await moves.finish();
      await this.scheduler.step();
      await standstill();
      this.check();
    }
    throw new Error(`Expected ${what} in the store: ${remaining().join("; ")}`);
  }

  #unsettled(): string[] {
    const calls = [...this.processes.keys(), ...this.#collections.keys()].map(({ name }) => `${name} is in progress`);
    const sandboxes = this.sandboxes.filter(({ state, containers }) =>
      state === "dying" || state === "new" || (state === "live" && containers === "none")
    ).map(({ containerId, state }) => `${containerId} is ${state}`);
    const moves = this.moves.filter(({ isOver }) => !isOver).flatMap(({ networks }) =>
      networks.map(({ name }) => `the entries of ${name} are being moved`)
    );
    return [...calls, ...sandboxes, ...moves, ...(this.agents.pending ? ["a release is pending"] : [])];
  }

  #control(): void {
    this.#controllers = this.#controllers.filter(({ process }) => process.alive);
    const { scheduler } = this;
    if (
      this.#controllers.length === 0 || (this.#controllers.length === 1 && scheduler.faults && scheduler.chance(0.01))
    ) {
      this.#controllers.push(startController(scheduler, async (process, own) => {
        const world = this.#reach.world(process, own);
        // sweeps find deleted claims by themselves; the watch on them only makes it earlier
        const { claimFeed: _, ...cluster } = await openCluster(world, { kubeconfig: KUBECONFIG });
        const driver = await openKubernetes({ kind: "kubernetes", kubeconfig: KUBECONFIG }, { world, log: SILENT });
        return { driver, cluster: { ...cluster, ...UNUSED } };
      }, this.world.sweeps === undefined ? {} : { defaultSchedule: this.world.sweeps }));
    } else if (scheduler.faults && scheduler.chance(this.#controllers.length > 1 ? 0.05 : 0.01)) {
      const [killed] = this.#controllers.splice(scheduler.below(this.#controllers.length), 1);
      if (killed) scheduler.kill(killed.process);
    }
  }

  async #passTime(process: Process): Promise<void> {
    for (;;) {
      await this.scheduler.sleep(process, TICK);
      this.control.tick();
      this.keepers.tick();
      for (const kubelet of this.kubelets) kubelet.tick();
    }
  }

  /** The definition of the pod's network; a meta-plugin may still read a former one. */
  #networkOf({ network, sandboxes }: SimPod): Network {
    const moves = this.moves.find((one) => one.defines(network));
    if (!moves) return network;
    const last = sandboxes.at(-1)?.network ?? network;
    if (!this.scheduler.faults) return moves.currentOf(network);
    return this.scheduler.chance(STALE) ? last : moves.attaching(network);
  }

  /** The runtime of a node collects the garbage of a network. */
  collect(): void {
    const { scheduler } = this;
    const kubelet = scheduler.pick(this.kubelets.filter(({ node }) => !this.#originals.has(node)));
    const { node } = kubelet;
    if (kubelet.dead || kubelet.stalled || kubelet.collecting) return;
    const network = scheduler.pick(this.definitions.usable());
    const hasEnded = (one: Sandbox) =>
      one.state === "dying" && !this.sandboxes.some((own) => own === one && own.claimed);
    const { agents, sandboxes } = this;
    const collection = collectGarbage({ scheduler, reach: this.#reach, agents, sandboxes, hasEnded }, node, network);
    if (!collection) return;
    kubelet.collecting = true;
    this.#collections.set(collection.process, node);
    void collection.ended.then(() => {
      this.#collections.delete(collection.process);
      kubelet.collecting = false;
    });
  }

  #call(sandbox: PodSandbox, verb: "ADD" | "DEL" | "CHECK"): void {
    if (!this.sandboxes.includes(sandbox)) this.sandboxes.push(sandbox);
    if (verb === "ADD") this.#supersede(sandbox);
    const { process, outcome } = this.#originals.has(sandbox.node)
      ? callOriginal(this.objects, this.scheduler, sandbox, verb)
      : callPlugin(this.#reach, this.agents, sandbox, verb);
    const start = this.scheduler.now;
    this.scheduler.note(`${process.name} starts`);
    this.processes.set(process, { sandbox, verb });
    sandbox.running++;
    void outcome.then((answer) => {
      this.processes.delete(process);
      sandbox.running--;
      const how = answer ? (answer.exitCode === 0 ? "success" : answer.stdout.replace(/\s+/g, " ")) : "killed";
      this.scheduler.note(`${process.name} ends: ${how}`);
      this.#ended(sandbox, verb, answer, this.scheduler.now - start);
    });
  }

  #try(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.#failure ??= error instanceof Error ? error : new Error(String(error));
    }
  }

  /** A new sandbox takes the pod's entry over, whatever runs in its former sandboxes, as in the original. */
  #supersede({ podRef, network }: PodSandbox): void {
    for (const former of this.sandboxes) {
      const same = former.podRef === podRef && former.network.name === network.name && former !== this.sandboxes.at(-1);
      if (same) former.superseded = true;
    }
  }

  #ended(sandbox: PodSandbox, verb: "ADD" | "DEL" | "CHECK", answer: Outcome, took: number): void {
    const ok = answer?.exitCode === 0;
    if (this.world.prompt && (took > PROMPT || (answer && !ok))) {
      this.#failure ??= new Error(`${verb} of ${sandbox.containerId} took ${took} ms and ended with ${answer?.stdout}`);
    }
    if (this.world.room !== undefined && verb === "DEL" && answer && !ok) {
      this.#failure ??= new Error(`DEL of ${sandbox.containerId} failed because the pool is full: ${answer.stdout}`);
    }
    if (verb === "ADD" && codeOf(answer) === EXHAUSTED) {
      this.#reuse.refused(sandbox, this.scheduler.now - took);
    }
    if (verb === "ADD" && ok && sandbox.state === "new") {
      sandbox.addresses = addressesOf(answer);
      if (this.moves.length > 0) this.#try(() => checkInRange(sandbox));
      sandbox.state = "live";
      const calls = [...this.processes.values()];
      const releasing = calls.filter((call) => call.verb === "DEL").map((call) => call.sandbox.podRef);
      sandbox.exposed = isExposed(sandbox, this.isOriginal(sandbox.node), this.sandboxes, releasing);
      this.#try(() => this.#kept.attached(sandbox));
      this.kubelets.find(({ node }) => node === sandbox.node)?.attached(sandbox);
    } else if (verb === "DEL" && ok && sandbox.running === 0) {
      sandbox.state = "released";
      sandbox.node.removeNetns(sandbox.containerId);
    } else if (verb === "CHECK" && this.#promised.entries && hasAll(sandbox) && isNotAllocated(answer)) {
      this.#failure ??= new Error(`CHECK of the live ${sandbox.containerId} failed: ${answer?.stdout}`);
    }
  }
}

/** Whether all addresses of a sandbox are still its own. */
function hasAll(sandbox: PodSandbox): boolean {
  return isLive(sandbox) && sandbox.yielded.size === 0;
}

/** Whether an answer is that of a CHECK that found other addresses than those allocated. */
function isNotAllocated(answer: Outcome): boolean {
  return codeOf(answer) === 104;
}

/** The code of an error. */
function codeOf(answer: Outcome): number | undefined {
  return answer !== undefined && answer.exitCode !== 0 ? JSON.parse(answer.stdout).code : undefined;
}
