/**
 * StatefulSets with their controller: a pod of each ordinal in range exists, under the same name on any node.
 *
 * @module
 */
import type { SimCluster } from "./cluster.ts";
import { NAMESPACE, RESOURCE } from "./kept.ts";
import { mayReuse, readyNodes } from "./names.ts";
import type { ApiObject } from "./objects.ts";
import { namesOf, type SimPod } from "./pod.ts";

/** Max number of replicas. */
const MAX_REPLICAS = 3;
/** Max first ordinal. */
const MAX_START = 1;
/** Termination grace periods of the pods, in seconds. */
const GRACES = [1, 30] as const;

/** The finalizer of another program, and the share of deleted sets that it holds. */
const OTHER = "example.com/other";
const HELD = 0.4;

/** StatefulSets in the first network. */
export class StatefulSets {
  readonly #cluster: SimCluster;
  readonly #names: readonly string[];

  /** Sets that do not exist yet. */
  constructor(cluster: SimCluster, count: number) {
    this.#cluster = cluster;
    this.#names = Array.from({ length: count }, (_, i) => `set${i}`);
  }

  /** One set is created, scaled or deleted; or the pods of a machine that is off are deleted by force. */
  act(): void {
    const { scheduler } = this.#cluster;
    const name = scheduler.pick(this.#names);
    const set = this.#find(name);
    if (!set) return this.#create(name);
    const action = scheduler.random();
    if (action < 0.35) this.#scale(set);
    else if (action < 0.75) this.#evacuate();
    else if (action < 0.85) this.#delete(set);
    else if (action < 0.95) this.#remove(set);
    else {
      this.#remove(set);
      this.#create(name); // the same name with another uid
    }
  }

  /** The controller: starts missing pods, and deletes those of no set, of no ordinal in range, and those that have finished. */
  tick(): void {
    const { control } = this.#cluster;
    for (const name of this.#names) {
      const set = this.#find(name);
      const pods = this.#podsOf(name);
      const isHeld = set?.metadata.finalizers?.includes(OTHER) ?? false;
      if (set?.metadata.deletionTimestamp && pods.length === 0 && !isHeld) this.#remove(set);
      for (const pod of pods) {
        const isOver = pod.phase === "Succeeded" || pod.phase === "Failed";
        if (isOver || !set || !this.#isWanted(set, pod)) control.delete(pod);
      }
      if (set && !set.metadata.deletionTimestamp) this.#startMissing(set);
    }
  }

  /** Deletes all sets. */
  remove(): void {
    for (const name of this.#names) {
      const set = this.#find(name);
      if (set) this.#remove(set);
    }
  }

  #find(name: string): ApiObject | undefined {
    return this.#cluster.objects.get(RESOURCE.StatefulSet, NAMESPACE, name);
  }

  #podsOf(name: string): SimPod[] {
    return this.#cluster.pods.filter(({ kept }) => kept?.kind === "StatefulSet" && kept.name === name);
  }

  #isWanted(set: ApiObject, { podRef, kept }: SimPod): boolean {
    const [owner] = kept?.metadata.ownerReferences ?? [];
    return owner?.uid === set.metadata.uid && !set.metadata.deletionTimestamp && podRefsOf(set).includes(podRef);
  }

  #startMissing(set: ApiObject): void {
    const { scheduler, control, world: { networks: [network] } } = this.#cluster;
    const { name, uid } = set.metadata;
    for (const podRef of podRefsOf(set)) {
      const nodes = readyNodes(this.#cluster);
      if (!network || nodes.length === 0 || control.exists(podRef) || !mayReuse(this.#cluster, podRef, true)) continue;
      const owner = { apiVersion: "apps/v1", kind: "StatefulSet", name, uid, controller: true };
      control.create({
        ...{ podRef, network, node: scheduler.pick(nodes), grace: scheduler.pick(GRACES) },
        ...{ kind: "plain", claims: false, statusKind: "whole", terse: false, oddUid: false },
        kept: { kind: "StatefulSet", name, metadata: { ownerReferences: [owner] } },
      });
    }
  }

  #create(name: string): void {
    const { objects, scheduler } = this.#cluster;
    const start = scheduler.below(MAX_START + 1);
    const replicas = 1 + scheduler.below(MAX_REPLICAS);
    const metadata = { namespace: NAMESPACE, name };
    const { metadata: { uid } } = objects.create(RESOURCE.StatefulSet, {
      metadata,
      spec: { replicas, ...(start > 0 && { ordinals: { start } }) },
    });
    scheduler.note(`StatefulSet ${name} ${uid} is created with ${replicas} replicas from ${start}`);
  }

  #scale(set: ApiObject): void {
    const { objects, scheduler } = this.#cluster;
    const replicas = scheduler.below(MAX_REPLICAS + 1);
    scheduler.note(`StatefulSet ${set.metadata.name} is scaled to ${replicas}`);
    objects.update(RESOURCE.StatefulSet, { ...set, spec: { ...set.spec, replicas } });
  }

  /** Deletes a set in the foreground: it exists until its pods have ended, and another program may hold it longer. */
  #delete(set: ApiObject): void {
    const { objects, scheduler } = this.#cluster;
    if (set.metadata.deletionTimestamp) return;
    scheduler.note(`StatefulSet ${set.metadata.name} is deleted`);
    const finalizers = scheduler.chance(HELD) ? [OTHER] : [];
    const metadata = { ...set.metadata, deletionTimestamp: objects.timestamp(), finalizers };
    objects.update(RESOURCE.StatefulSet, { ...set, metadata });
  }

  /** Removes a set at once: the garbage collector deletes its pods. */
  #remove({ metadata: { name } }: ApiObject): void {
    const { objects, scheduler } = this.#cluster;
    scheduler.note(`StatefulSet ${name} is gone`);
    objects.remove(RESOURCE.StatefulSet, NAMESPACE, name);
  }

  /** An operator deletes the pods of a machine that is off, so that they start elsewhere. */
  #evacuate(): void {
    const { kubelets, control, objects } = this.#cluster;
    for (const { pods } of kubelets.filter(({ dead }) => dead)) {
      for (const { podRef, uid, kept } of pods) {
        const { namespace, name } = namesOf(podRef);
        const isOwn = objects.get("pods", namespace, name)?.metadata.uid === uid;
        if (kept?.kind === "StatefulSet" && isOwn) control.forceDelete(podRef);
      }
    }
  }
}

/** The names of a set's pods, by its range of ordinals. */
function podRefsOf({ metadata: { name }, spec = {} }: ApiObject): string[] {
  const { replicas = 0, ordinals } = spec as { replicas?: number; ordinals?: { start: number } };
  return Array.from({ length: replicas }, (_, i) => `${NAMESPACE}/${name}-${(ordinals?.start ?? 0) + i}`);
}
