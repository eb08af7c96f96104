/**
 * What a node does with its pods: sandboxes, containers, and the statuses that it publishes of them, in the order in which kubelets do.
 *
 * @module
 */
import type { SimNode } from "../node.ts";
import type { Scheduler } from "../scheduler.ts";
import type { ApiObject, ApiObjects } from "./objects.ts";
import { attached, claimOf, namesOf, newObject, type PodSandbox, published, type SimPod } from "./pod.ts";

/** What kubelets are asked to do by the world they are in: shares of the occasions on which they do. */
export interface KubeletHabits {
  /** A sandbox that runs is made anew. */
  readonly restarts: number;
  /** A pod comes to its end by itself. */
  readonly completes: number;
  /** A pod is evicted. */
  readonly evicts: number;
  /** A sandbox is released late: the DEL of another plugin of its network fails for a while. Absent: never. */
  readonly tarries?: number;
}

/** Milliseconds until a sandbox that failed is tried again, where nothing else is wrong. */
const BACKOFF = 10_000;
/** Milliseconds by which a sandbox is released late, at most: longer than the longest evidence takes. */
const TARRYING = 300_000;
/** Milliseconds in which a mirror pod is refused, at most: longer than the evidence of a pod takes. */
const REFUSED = 300_000;

/** What a kubelet has its runtime do. */
export interface Runtime {
  /** Calls the plugin. */
  readonly call: (sandbox: PodSandbox, verb: "ADD" | "DEL" | "CHECK") => void;
  /** A container id that nobody had. */
  readonly containerId: () => string;
}

/** The kubelet of one node. */
export class Kubelet {
  /** The node. */
  readonly node: SimNode;
  /** Pods that it has something to do for. */
  readonly pods: SimPod[] = [];
  /** The machine is off. */
  dead = false;
  /** Its container runtime does not answer: what runs goes on, and nothing is started or ended. */
  stalled = false;
  readonly #objects: ApiObjects;
  readonly #scheduler: Scheduler;
  readonly #runtime: Runtime;
  readonly #habits: KubeletHabits;

  /** Starts with no pod. */
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

  /** The object of a pod, where there is one and it is of this pod. */
  objectOf({ podRef, uid }: SimPod): ApiObject | undefined {
    const { namespace, name } = namesOf(podRef);
    const object = this.#objects.get("pods", namespace, name);
    return object?.metadata.uid === uid ? object : undefined;
  }

  /** Does one thing that is to be done. */
  step(calm = false): void {
    if (this.dead) return;
    const choices = this.pods.filter(({ done }) => !done).flatMap((pod) => this.#choices(pod, calm));
    if (choices.length > 0) this.#scheduler.pick(choices)();
  }

  /** Whether it knows that a pod is to end, or learns it now. */
  knows(pod: SimPod): boolean {
    if (this.connected && !this.stalled) this.#see(pod);
    return pod.done || pod.endsAt !== undefined;
  }

  /** What time makes it do: it sees what became of its pods' objects, and ends containers whose time has come. */
  tick(): void {
    if (this.dead || this.stalled) return;
    for (const pod of this.pods) {
      if (pod.done) continue;
      if (this.connected) this.#see(pod);
      if (pod.endsAt !== undefined && pod.endsAt <= this.#scheduler.now) this.#end(pod);
      this.#finish(pod);
    }
  }

  /** The machine goes off: everything on it ends at once. */
  powerOff(): void {
    this.dead = true;
    this.stalled = false;
    for (const pod of this.pods) this.#end(pod);
  }

  /** The machine is on again: what ran on it is to be released, and runs anew. */
  powerOn(): void {
    this.dead = false;
  }

  /** Publishes what it knows of a pod now. */
  publish(pod: SimPod): void {
    const object = this.connected && this.objectOf(pod);
    if (object) this.#objects.update("pods", published(pod, object));
  }

  /** The meta-plugin has all answers for a sandbox. */
  attached(sandbox: PodSandbox): void {
    const { pod, addresses } = sandbox;
    if (pod.claims) {
      this.#objects.create("resourceclaims", claimOf(sandbox));
      sandbox.claimed = true;
    }
    const object = this.connected && this.objectOf(pod);
    if (object) this.#objects.update("pods", attached(pod, addresses, object));
  }

  #choices(pod: SimPod, calm: boolean): (() => void)[] {
    const publish = this.connected && this.objectOf(pod) ? [() => this.publish(pod)] : [];
    if (this.stalled) return publish;
    const choices: (() => void)[] = [];
    const current = pod.sandboxes.at(-1);
    if (this.connected) this.#see(pod); // it starts nothing that it knows is deleted
    for (const sandbox of pod.sandboxes) {
      if (sandbox.state === "dying" && sandbox.running === 0 && sandbox.releasedAfter <= this.#scheduler.now) {
        choices.push(() => this.#release(sandbox));
      }
    }
    if (pod.endsAt === undefined && pod.phase !== "Succeeded" && pod.phase !== "Failed") {
      choices.push(...this.#onward(pod, current, calm));
    }
    return [...choices, ...publish];
  }

  /** What brings a pod that shall run further. */
  #onward(pod: SimPod, current: PodSandbox | undefined, calm: boolean): (() => void)[] {
    if (pod.kind === "host") return this.#onwardAtHost(pod, calm);
    if (!current || current.state === "dying" || current.state === "gone") {
      return calm && this.#scheduler.now < (pod.retryAt ?? 0) ? [] : [() => this.#start(pod)];
    }
    if (current.running > 0) return [];
    if (current.state === "new") return [() => void (current.state = "dying")]; // the runtime gives up on it
    if (current.containers === "none") {
      return [() => {
        current.containers = "running";
        pod.phase = "Running";
      }];
    }
    if (calm) return [];
    const { restarts, completes, evicts } = this.#habits;
    if (this.#scheduler.chance(restarts)) return [() => this.#restart(pod, current)];
    if (this.#scheduler.chance(completes)) return [() => this.#complete(pod)];
    if (this.#scheduler.chance(evicts)) return [() => this.#evict(pod)];
    return this.#scheduler.chance(0.1) ? [() => this.#runtime.call(current, "CHECK")] : [];
  }

  #onwardAtHost(pod: SimPod, calm: boolean): (() => void)[] {
    if (pod.phase !== "Running") return [() => void (pod.phase = "Running")];
    return !calm && this.#scheduler.chance(this.#habits.completes) ? [() => this.#complete(pod)] : [];
  }

  #start(pod: SimPod): void {
    pod.retryAt = this.#scheduler.now + BACKOFF;
    const containerId = this.#runtime.containerId();
    this.node.makeNetns(containerId);
    const { podRef, node, network, runtimeUid: uid } = pod;
    const sandbox: PodSandbox = {
      ...{ pod, podRef, containerId, uid, node, network },
      ...{
        state: "new",
        addresses: [],
        running: 0,
        releasedAfter: 0,
        containers: "none",
        claimed: false,
        exposed: false,
        reserved: false,
        superseded: false,
      },
    };
    pod.sandboxes.push(sandbox);
    this.#runtime.call(sandbox, "ADD");
  }

  /** The device is given up, and its claim with it, before the sandbox is released. */
  #release(sandbox: PodSandbox): void {
    if (sandbox.claimed) {
      const { namespace = "", name } = claimOf(sandbox).metadata;
      this.#objects.remove("resourceclaims", namespace, name);
      sandbox.claimed = false;
    }
    this.#runtime.call(sandbox, "DEL");
  }

  #restart(pod: SimPod, sandbox: PodSandbox): void {
    this.#scheduler.note(`${pod.podRef} ${sandbox.containerId} is made anew`);
    sandbox.containers = "ended";
    sandbox.state = "dying";
    pod.ran = true;
  }

  #complete(pod: SimPod): void {
    this.#scheduler.note(`${pod.podRef} ${pod.uid} has ended by itself`);
    this.#end(pod);
    pod.phase = "Succeeded";
  }

  #evict(pod: SimPod): void {
    this.#scheduler.note(`${pod.podRef} ${pod.uid} is evicted`);
    pod.phase = "Failed";
    this.#terminate(pod);
  }

  /** Its containers are told to end, and may take their time. */
  #terminate(pod: SimPod): void {
    const grace = pod.grace * 1000;
    pod.endsAt ??= this.#scheduler.now + this.#scheduler.pick([grace, this.#scheduler.below(grace)]);
  }

  /** Nothing of the pod runs any more. */
  #end(pod: SimPod): void {
    for (const sandbox of pod.sandboxes) {
      if (sandbox.state === "live") {
        sandbox.containers = "ended";
        if (this.#scheduler.chance(this.#habits.tarries ?? 0)) {
          sandbox.releasedAfter = this.#scheduler.now + this.#scheduler.below(TARRYING);
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

  /** A mirror pod that somebody deleted is made again, late where a quota or a webhook refuses it for a while. */
  #mirror(pod: SimPod): void {
    const { namespace, name } = namesOf(pod.podRef);
    pod.mirrorAt ??= this.#scheduler.now + this.#scheduler.pick([0, this.#scheduler.below(REFUSED)]);
    if (pod.mirrorAt > this.#scheduler.now || this.#objects.get("pods", namespace, name)) return;
    delete pod.mirrorAt;
    pod.uid = this.#objects.create("pods", newObject(pod)).metadata.uid ?? "";
    this.#scheduler.note(`the mirror pod ${pod.podRef} is made again as ${pod.uid}`);
  }

  /** A pod of which nothing is left is confirmed as deleted, once its last status is published. */
  #finish(pod: SimPod): void {
    if (pod.sandboxes.some(({ state }) => state !== "gone") || pod.endsAt === undefined) return;
    if (pod.endsAt > this.#scheduler.now) return;
    const object = this.objectOf(pod);
    if (object && !(this.connected && (object.metadata.deletionTimestamp || pod.kind === "static"))) return;
    const { namespace, name } = namesOf(pod.podRef);
    this.publish(pod);
    if (object) this.#objects.remove("pods", namespace, name, object.metadata.uid ? { uid: object.metadata.uid } : {});
    pod.done = true;
  }
}
