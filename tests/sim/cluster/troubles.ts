/**
 * What goes wrong with the nodes of a simulated cluster.
 *
 * @module
 */
import type { SimNode } from "../node.ts";
import type { Process } from "../scheduler.ts";
import type { SimCluster } from "./cluster.ts";
import type { Kubelet } from "./kubelet.ts";

/** Seconds that a node is cut off, or its container runtime is silent, at most. */
const CUT = 150;
/** The same where the node controller does not notice. */
const UNNOTICED = 50;
/** Seconds that a node is left alone after that, so that controllers see that it works. */
const QUIET = 60;
/** Seconds that the object of a node that works is missing, at most: after 30, its absence is evidence. */
const UNREGISTERED = 25;
/** Seconds between the deletion of a node's pods and that of its object, at most. */
const DRAINED = 60;
/** Whoever does what takes time. */
const OPERATOR: Process = { name: "operator", alive: true };

/** Lets it go wrong. */
export class Troubles {
  readonly #cluster: SimCluster;
  /** Nodes that something is wrong with, or was a moment ago. */
  readonly #troubled = new Set<SimNode>();
  #over = false;

  /** Nothing is wrong yet. */
  constructor(cluster: SimCluster) {
    this.#cluster = cluster;
  }

  /** Every node works again. */
  end(): void {
    const { kubelets, control, agents } = this.#cluster;
    this.#over = true;
    for (const kubelet of kubelets) {
      kubelet.node.cut = false;
      kubelet.stalled = false;
      if (kubelet.dead) this.#powerOn(kubelet);
      control.addNode(kubelet.node);
    }
    agents.revive();
  }

  /**
   * Shorter than the default of `--dead-node-grace`, with the time that containers take to end: whoever waits less takes a risk. Somebody may
   * delete by force what hangs.
   */
  cut(): void {
    const { scheduler } = this.#cluster;
    this.#trouble(scheduler.pick([UNNOTICED, CUT]), (kubelet, seconds) => {
      const { node } = kubelet;
      node.cut = true;
      scheduler.note(`${node.name} is cut off for ${seconds} s`);
      if (scheduler.chance(0.5)) this.#deletePods(kubelet);
      return () => {
        node.cut = false;
        scheduler.note(`${node.name} is reached again`);
      };
    });
  }

  /** Its kubelet reports it, and has it end what was deleted meanwhile once it answers again. */
  stall(): void {
    this.#trouble(CUT, (kubelet, seconds) => {
      kubelet.stalled = true;
      this.#cluster.scheduler.note(`the runtime of ${kubelet.node.name} does not answer for ${seconds} s`);
      return () => {
        kubelet.stalled = false;
        this.#cluster.scheduler.note(`the runtime of ${kubelet.node.name} answers again`);
      };
    });
  }

  /** Something is wrong, for so many seconds at most, with a node that nothing else is wrong with. */
  #trouble(most: number, begin: (kubelet: Kubelet, seconds: number) => () => void): void {
    const { scheduler, kubelets, control } = this.#cluster;
    const calm = kubelets.filter(({ dead, node }) => !dead && control.hasNode(node) && !this.#troubled.has(node));
    if (calm.length === 0) return;
    const kubelet = scheduler.pick(calm);
    this.#troubled.add(kubelet.node);
    const seconds = scheduler.below(most + 1);
    const end = begin(kubelet, seconds);
    void scheduler.sleep(OPERATOR, seconds * 1000).then(async () => {
      end();
      await scheduler.sleep(OPERATOR, QUIET * 1000);
      this.#troubled.delete(kubelet.node);
    });
  }

  /** A machine goes off, or on again, or is removed from the cluster while it is off. */
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
    const { scheduler, control, agents } = this.#cluster;
    scheduler.note(`${kubelet.node.name} is on again`);
    kubelet.powerOn();
    control.addNode(kubelet.node);
    agents.revive(kubelet.node);
  }

  /** A node's clock is set forward or back. */
  setClock(): void {
    const { scheduler, kubelets } = this.#cluster;
    const { node } = scheduler.pick(kubelets);
    const step = scheduler.pick([-86_400_000, -3_600_000, -5_000, 5_000, 3_600_000, 86_400_000]);
    node.clockError += step;
    scheduler.note(`the clock of ${node.name} is set by ${step / 1000} s`);
  }

  /** The object of a node that works is deleted, and made again, or the machine goes off. */
  unregister(): void {
    const { scheduler, kubelets, control } = this.#cluster;
    const present = kubelets.filter(({ dead, node }) => !dead && control.hasNode(node));
    if (present.length > 0) this.#remove(scheduler.pick(present), scheduler.chance(0.5));
  }

  /** What runs on a node is deleted by force, then the object of the node, which is made again. */
  drain(): void {
    this.#trouble(DRAINED, (kubelet) => {
      this.#deletePods(kubelet);
      return () => this.#remove(kubelet, false);
    });
  }

  /** Whoever deletes the object of a node that works ends that in time. */
  #remove(kubelet: Kubelet, off: boolean): void {
    const { scheduler, control } = this.#cluster;
    if (kubelet.dead || this.#over) return;
    control.removeNode(kubelet.node);
    void scheduler.sleep(OPERATOR, scheduler.below(UNREGISTERED) * 1000).then(() => {
      if (kubelet.dead) return;
      if (off && !this.#over) this.#cluster.powerOff(kubelet);
      else control.addNode(kubelet.node);
    });
  }

  /** What runs on a node is deleted by force. */
  #deletePods(kubelet: Kubelet): void {
    for (const pod of kubelet.pods) {
      if (!pod.done && kubelet.objectOf(pod)) this.#cluster.control.forceDelete(pod.podRef);
    }
  }
}
