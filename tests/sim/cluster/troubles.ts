/**
 * Faults of the nodes of a simulated cluster.
 *
 * @module
 */
import type { SimNode } from "../node.ts";
import type { Process } from "../scheduler.ts";
import type { SimCluster } from "./cluster.ts";
import type { Kubelet } from "./kubelet.ts";

/** Max seconds for which a node is cut off, or its container runtime does not answer. */
const MAX_CUT = 150;
/** The same, so short that the node controller does not notice. */
const MAX_UNNOTICED = 50;
/** Seconds without another fault after that, so that controllers see that the node works. */
const QUIET = 60;
/** Max seconds for which the object of a working node is missing: after 30, its absence is evidence. */
const MAX_UNREGISTERED = 25;
/** Max seconds for which controllers stay suspended after a runtime answers again: pods that it ends take longer. */
const MAX_AWAKE = 30;
/** Max seconds between the deletion of a node's pods and that of its object. */
const MAX_DRAIN = 60;
/** The process of operations that take time. */
const OPERATOR: Process = { name: "operator", alive: true };

/** Starts and ends faults of nodes. */
export class Troubles {
  readonly #cluster: SimCluster;
  /** Nodes with a fault, or within {@linkcode QUIET} after one. */
  readonly #troubled = new Set<SimNode>();
  #over = false;

  /** Starts without faults. */
  constructor(cluster: SimCluster) {
    this.#cluster = cluster;
  }

  /** Ends all faults. */
  end(): void {
    const { kubelets, control, agents } = this.#cluster;
    this.#over = true;
    for (const kubelet of kubelets) {
      kubelet.node.cut = false;
      kubelet.resume();
      if (kubelet.dead) this.#powerOn(kubelet);
      control.addNode(kubelet.node);
    }
    agents.revive();
    for (const process of this.#cluster.controllers) process.suspendedUntil = 0;
  }

  /**
   * Cuts a node off, for less than the default of `--dead-node-grace` with the time that containers take to end: a shorter grace period is a
   * risk. An operator may delete its pods by force.
   */
  cut(): void {
    const { scheduler } = this.#cluster;
    this.#trouble(scheduler.pick([MAX_UNNOTICED, MAX_CUT]), (kubelet, seconds) => {
      const { node } = kubelet;
      node.cut = true;
      scheduler.note(`${node.name} is cut off for ${seconds} s`);
      if (scheduler.chance(0.5)) this.#deletePods(kubelet);
      return () => {
        node.cut = false;
        scheduler.note(`${node.name} is reachable again`);
      };
    });
  }

  /** Stalls the container runtime of a node. The kubelet reports that, and ends deleted pods once the runtime answers again. */
  stall(): void {
    this.#trouble(MAX_CUT, (kubelet, seconds) => {
      kubelet.stalled = true;
      this.#cluster.scheduler.note(`the runtime of ${kubelet.node.name} does not answer for ${seconds} s`);
      return () => {
        kubelet.resume();
        this.#cluster.scheduler.note(`the runtime of ${kubelet.node.name} answers again`);
      };
    });
  }

  /** Stalls the container runtime of a node, and suspends the controllers until soon after it answers again. */
  suspend(): void {
    const { scheduler } = this.#cluster;
    this.#trouble(MAX_CUT, (kubelet, seconds) => {
      kubelet.stalled = true;
      scheduler.note(`the runtime of ${kubelet.node.name} does not answer for ${seconds} s`);
      const after = scheduler.below(MAX_AWAKE);
      for (const process of this.#cluster.controllers) scheduler.suspend(process, (seconds + after) * 1000);
      return () => {
        kubelet.resume();
        scheduler.note(`the runtime of ${kubelet.node.name} answers again`);
      };
    });
  }

  /** Begins a fault, for at most `max` seconds, of a node without another fault. */
  #trouble(max: number, begin: (kubelet: Kubelet, seconds: number) => () => void): void {
    const { scheduler, kubelets, control } = this.#cluster;
    const calm = kubelets.filter(({ dead, node }) => !dead && control.hasNode(node) && !this.#troubled.has(node));
    if (calm.length === 0) return;
    const kubelet = scheduler.pick(calm);
    this.#troubled.add(kubelet.node);
    const seconds = scheduler.below(max + 1);
    const end = begin(kubelet, seconds);
    void scheduler.sleep(OPERATOR, seconds * 1000).then(async () => {
      end();
      await scheduler.sleep(OPERATOR, QUIET * 1000);
      this.#troubled.delete(kubelet.node);
    });
  }

  /** Powers a machine off or on again, or removes its node from the cluster while it is off. */
  power(): void {
    const { scheduler, kubelets, control } = this.#cluster;
    const kubelet = scheduler.pick(kubelets);
    if (!kubelet.dead) {
      scheduler.note(`${kubelet.node.name} is off`);
      this.#cluster.powerOff(kubelet);
    } else if (control.hasNode(kubelet.node) && scheduler.chance(0.5)) {
      control.removeNode(kubelet.node);
      for (const pod of kubelet.pods) if (kubelet.objectOf(pod)) control.forceDelete(pod.podRef); // as the pod collector does
    } else this.#powerOn(kubelet);
  }

  #powerOn(kubelet: Kubelet): void {
    const { scheduler, control, agents, world: { reinstalls } } = this.#cluster;
    const isEmpty = reinstalls !== undefined && !control.hasNode(kubelet.node) && scheduler.chance(reinstalls);
    scheduler.note(`${kubelet.node.name} is on again${isEmpty ? " with an empty disk" : ""}`);
    kubelet.powerOn();
    if (isEmpty) kubelet.reinstall();
    control.addNode(kubelet.node);
    agents.revive(kubelet.node);
  }

  /** Sets a node's clock forward or back. */
  setClock(): void {
    const { scheduler, kubelets } = this.#cluster;
    const { node } = scheduler.pick(kubelets);
    const step = scheduler.pick([-86_400_000, -3_600_000, -5_000, 5_000, 3_600_000, 86_400_000]);
    node.clockError += step;
    scheduler.note(`the clock of ${node.name} is set by ${step / 1000} s`);
  }

  /** Deletes the object of a working node, then recreates it or powers the machine off. */
  unregister(): void {
    const { scheduler, kubelets, control } = this.#cluster;
    const present = kubelets.filter(({ dead, node }) => !dead && control.hasNode(node));
    if (present.length > 0) this.#remove(scheduler.pick(present), scheduler.chance(0.5));
  }

  /** Deletes the pods of a node by force, then its object, which is recreated. */
  drain(): void {
    this.#trouble(MAX_DRAIN, (kubelet) => {
      this.#deletePods(kubelet);
      return () => this.#remove(kubelet, false);
    });
  }

  /** Deletes the object of a working node, and recreates it before its absence is evidence. */
  #remove(kubelet: Kubelet, off: boolean): void {
    const { scheduler, control } = this.#cluster;
    if (kubelet.dead || this.#over) return;
    control.removeNode(kubelet.node);
    void scheduler.sleep(OPERATOR, scheduler.below(MAX_UNREGISTERED) * 1000).then(() => {
      if (kubelet.dead) return;
      if (off && !this.#over) this.#cluster.powerOff(kubelet);
      else control.addNode(kubelet.node);
    });
  }

  /** Deletes the pods of a node by force. */
  #deletePods(kubelet: Kubelet): void {
    for (const pod of kubelet.pods) {
      if (!pod.done && kubelet.objectOf(pod)) this.#cluster.control.forceDelete(pod.podRef);
    }
  }
}
