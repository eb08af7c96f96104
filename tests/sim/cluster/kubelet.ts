/**
 * The kubelet of a simulated node: sandboxes, containers, and the statuses of its pods, published in the order of real kubelets.
 *
 * @module
 */
import type { SimNode } from "../node.ts";
import type { Network } from "../runtime.ts";
import type { Scheduler } from "../scheduler.ts";
import type { ApiObject, ApiObjects } from "./objects.ts";
import { attached, claimOf, namesOf, newObject, newSandbox, type PodSandbox, published, type SimPod } from "./pod.ts";

/** Optional events of a kubelet, each with its chance. */
export interface KubeletHabits {
  /** A running sandbox is recreated. */
  readonly restarts: number;
  /** A pod completes. */
  readonly completes: number;
  /** A pod is evicted. */
  readonly evicts: number;
  /** The release of a sandbox is delayed: the DEL of another plugin of its network fails for a while. Default 0. */
  readonly delays?: number;
  /** The other plugins of a sandbox take a while, so that its addresses are published late. Default 0. */
  readonly slow?: number;
}

/** Milliseconds until a failed sandbox is retried, without other faults. */
const BACKOFF = 10_000;
/** Max milliseconds by which the release of a sandbox is delayed: more than any evidence takes. */
const MAX_DELAY = 300_000;
/** Max milliseconds until the other plugins of a sandbox have ended: more than the evidence of a pod that exists takes. */
const MAX_SLOW = 120_000;
/** Max milliseconds for which a mirror pod is refused: more than the evidence of a pod takes. */
const MAX_REFUSED = 300_000;

/** The container runtime of a kubelet. */
export interface Runtime {
  /** Calls the plugin. */
  readonly call: (sandbox: PodSandbox, verb: "ADD" | "DEL" | "CHECK") => void;
  /** A new container id. */
  readonly containerId: () => string;
  /** The definition with which the meta-plugin attaches a new sandbox of a pod. */
  readonly networkOf: (pod: SimPod) => Network;
}

/** The kubelet of one node. */
export class Kubelet {
  /** The node. */
  readonly node: SimNode;
  /** Its pods. */
  readonly pods: SimPod[] = [];
  /** Whether the machine is off. */
  dead = false;
  /** Whether its container runtime does not answer: containers keep running, and nothing is started or ended. */
  stalled = false;
  /** Whether GC is in progress: its runtime starts neither ADD nor DEL meanwhile. */
  collecting = false;
  /** Whether the control plane has marked the node as not ready since its runtime stalled. */
  #marked = false;
  readonly #objects: ApiObjects;
  readonly #scheduler: Scheduler;
  readonly #runtime: Runtime;
  readonly #habits: KubeletHabits;

  /** A kubelet without pods. */
  constructor(node: SimNode, objects: ApiObjects, scheduler: Scheduler, runtime: Runtime, habits: KubeletHabits) {
    this.node = node;
    this.#objects = objects;
    this.#scheduler = scheduler;
    this.#runtime = runtime;
    this.#habits = habits;
  }

  /** Whether it reaches the API server. */
  get connected(): boolean {
    return !this.dead && !this.node.cut && !this.#scheduler.outage;
  }

  /** The object of a pod, if it exists and has the pod's uid. */
  objectOf({ podRef, uid }: SimPod): ApiObject | undefined {
    const { namespace, name } = namesOf(podRef);
    const object = this.#objects.get("pods", namespace, name);
    return object?.metadata.uid === uid ? object : undefined;
  }

  /** Does one of the next steps for its pods. */
  step(calm = false): void {
    if (this.dead) return;
    const choices = this.pods.filter(({ done }) => !done).flatMap((pod) => this.#choices(pod, calm));
    if (choices.length > 0) this.#scheduler.pick(choices)();
  }

  /** Whether it knows that a pod is to end; it reads the pod's object first if it can. */
  knows(pod: SimPod): boolean {
    if (this.connected && !this.stalled) this.#see(pod);
    return pod.done || pod.endsAt !== undefined;
  }

  /** Reads the objects of its pods, and ends containers whose grace period is over. */
  tick(): void {
    if (this.stalled) this.#marked = true;
    if (this.dead || this.stalled) return;
    for (const pod of this.pods) {
      if (pod.done) continue;
      for (const sandbox of pod.sandboxes) {
        if ((sandbox.attachedAt ?? Infinity) <= this.#scheduler.now) this.#publishAddresses(sandbox);
      }
      if (this.connected) this.#see(pod);
      if (pod.endsAt !== undefined && pod.endsAt <= this.#scheduler.now) this.#end(pod);
      this.#finish(pod);
    }
  }

  /** The runtime answers again. It gets requests that it did not answer a second time, so containers have their grace period again. */
  resume(): void {
    this.stalled = false;
    for (const pod of this.#marked ? this.pods : []) {
      if (pod.endsAt !== undefined && pod.sandboxes.some(({ state }) => state === "live")) {
        delete pod.endsAt;
        this.#terminate(pod);
      }
    }
    this.#marked = false;
  }

  /** Powers the machine off: everything on it ends. */
  powerOff(): void {
    this.dead = true;
    this.stalled = false;
    for (const pod of this.pods) this.#end(pod);
  }

  /** Powers the machine on again: its sandboxes are released, and its pods restart. */
  powerOn(): void {
    this.dead = false;
  }

  /** Empties the disk of a machine that was off. Nothing releases the sandboxes that were on it. */
  reinstall(): void {
    this.node.wipe();
    for (const pod of this.pods) {
      pod.done = true;
      for (const sandbox of pod.sandboxes) sandbox.state = "released";
    }
  }

  /** Publishes the status of a pod. */
  publish(pod: SimPod): void {
    const object = this.connected && this.objectOf(pod);
    if (object) this.#objects.update("pods", published(pod, object));
  }

  /** The meta-plugin publishes the addresses of a sandbox, once its other plugins have ended. */
  attached(sandbox: PodSandbox): void {
    const { pod } = sandbox;
    if (pod.claims) {
      this.#objects.create("resourceclaims", claimOf(sandbox));
      sandbox.claimed = true;
    }
    if (this.#habits.slow && this.#scheduler.chance(this.#habits.slow)) {
      sandbox.attachedAt = this.#scheduler.now + this.#scheduler.below(MAX_SLOW);
      this.publish(pod);
    } else this.#publishAddresses(sandbox);
  }

  #publishAddresses(sandbox: PodSandbox): void {
    const { pod, addresses } = sandbox;
    delete sandbox.attachedAt;
    const object = this.connected && this.objectOf(pod);
    if (object) this.#objects.update("pods", attached(pod, addresses, object));
  }

  #choices(pod: SimPod, calm: boolean): (() => void)[] {
    const publish = this.connected && this.objectOf(pod) ? [() => this.publish(pod)] : [];
    if (this.stalled || this.collecting) return publish;
    const choices: (() => void)[] = [];
    const current = pod.sandboxes.at(-1);
    if (this.connected) this.#see(pod); // it does not start a pod that it knows is deleted
    for (const sandbox of pod.sandboxes) {
      if (sandbox.state === "dying" && sandbox.running === 0 && sandbox.releasedAfter <= this.#scheduler.now) {
        choices.push(() => this.#release(sandbox));
      }
    }
    if (pod.endsAt === undefined && pod.phase !== "Succeeded" && pod.phase !== "Failed") {
      choices.push(...this.#advance(pod, current, calm));
    }
    return [...choices, ...publish];
  }

  /** Next steps of a pod that is to run. */
  #advance(pod: SimPod, current: PodSandbox | undefined, calm: boolean): (() => void)[] {
    if (pod.kind === "host") return this.#advanceHost(pod, calm);
    if (!current || current.state === "dying" || current.state === "released") {
      return calm && this.#scheduler.now < (pod.retryAt ?? 0) ? [] : [() => this.#start(pod)];
    }
    if (current.running > 0) return [];
    if (current.state === "new") return [() => void (current.state = "dying")]; // the runtime abandons it
    if (current.attachedAt !== undefined) return [];
    if (current.containers === "none") {
      return [() => {
        current.containers = "running";
        pod.phase = "Running";
      }];
    }
    if (calm) return [];
    const { restarts, completes, evicts } = this.#habits;
    if (this.#scheduler.chance(restarts)) return [() => this.#restart(pod, current)];
    if (this.#scheduler.chance(completes)) return [() => this.complete(pod)];
    if (this.#scheduler.chance(evicts)) return [() => this.#evict(pod)];
    return this.#scheduler.chance(0.1) ? [() => this.#runtime.call(current, "CHECK")] : [];
  }

  #advanceHost(pod: SimPod, calm: boolean): (() => void)[] {
    if (pod.phase !== "Running") return [() => void (pod.phase = "Running")];
    return !calm && this.#scheduler.chance(this.#habits.completes) ? [() => this.complete(pod)] : [];
  }

  #start(pod: SimPod): void {
    pod.retryAt = this.#scheduler.now + BACKOFF;
    const containerId = this.#runtime.containerId();
    this.node.makeNetns(containerId);
    const sandbox = newSandbox(pod, containerId, this.#runtime.networkOf(pod));
    pod.sandboxes.push(sandbox);
    this.#runtime.call(sandbox, "ADD");
  }

  /** Releases a sandbox, after the claim of its device. */
  #release(sandbox: PodSandbox): void {
    if (sandbox.claimed) {
      const { namespace = "", name } = claimOf(sandbox).metadata;
      this.#objects.remove("resourceclaims", namespace, name);
      sandbox.claimed = false;
    }
    this.#runtime.call(sandbox, "DEL");
  }

  #restart(pod: SimPod, sandbox: PodSandbox): void {
    this.#scheduler.note(`${pod.podRef} ${sandbox.containerId} is recreated`);
    sandbox.containers = "ended";
    sandbox.state = "dying";
    pod.ran = true;
  }

  /** The containers of a pod end by themselves. */
  complete(pod: SimPod): void {
    this.#scheduler.note(`${pod.podRef} ${pod.uid} has completed`);
    this.#end(pod);
    pod.phase = "Succeeded";
  }

  #evict(pod: SimPod): void {
    this.#scheduler.note(`${pod.podRef} ${pod.uid} is evicted`);
    pod.phase = "Failed";
    this.#terminate(pod);
  }

  /** Stops the containers of a pod, which may take its grace period. */
  #terminate(pod: SimPod): void {
    const grace = pod.grace * 1000;
    pod.endsAt ??= this.#scheduler.now + this.#scheduler.pick([grace, this.#scheduler.below(grace)]);
  }

  /** Ends the containers of a pod. */
  #end(pod: SimPod): void {
    for (const sandbox of pod.sandboxes) {
      if (sandbox.state === "live") {
        sandbox.containers = "ended";
        if (this.#scheduler.chance(this.#habits.delays ?? 0)) {
          sandbox.releasedAfter = this.#scheduler.now + this.#scheduler.below(MAX_DELAY);
        }
      }
      if (sandbox.state === "live" || sandbox.state === "new") sandbox.state = "dying";
    }
  }

  #see(pod: SimPod): void {
    const object = this.objectOf(pod);
    if (pod.kind === "static") {
      if (!object) this.#mirror(pod);
    } else if (!object || object.metadata.deletionTimestamp) this.#terminate(pod);
  }

  /** Recreates a deleted mirror pod, with a delay if a quota or a webhook refuses it for a while. */
  #mirror(pod: SimPod): void {
    const { namespace, name } = namesOf(pod.podRef);
    pod.mirrorAt ??= this.#scheduler.now + this.#scheduler.pick([0, this.#scheduler.below(MAX_REFUSED)]);
    if (pod.mirrorAt > this.#scheduler.now || this.#objects.get("pods", namespace, name)) return;
    delete pod.mirrorAt;
    pod.uid = this.#objects.create("pods", newObject(pod)).metadata.uid ?? "";
    this.#scheduler.note(`the mirror pod ${pod.podRef} is recreated as ${pod.uid}`);
  }

  /** Confirms the deletion of a pod whose sandboxes are released, after its last status is published. */
  #finish(pod: SimPod): void {
    if (pod.sandboxes.some(({ state }) => state !== "released") || pod.endsAt === undefined) return;
    if (pod.endsAt > this.#scheduler.now) return;
    const object = this.objectOf(pod);
    if (object && !(this.connected && (object.metadata.deletionTimestamp || pod.kind === "static"))) return;
    const { namespace, name } = namesOf(pod.podRef);
    this.publish(pod);
    if (object) this.#objects.remove("pods", namespace, name, object.metadata.uid ? { uid: object.metadata.uid } : {});
    pod.done = true;
  }
}
