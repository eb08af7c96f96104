/**
 * What the control plane of a simulated cluster does, and its operators: pods are made and deleted, gracefully or by force, leases of nodes
 * are renewed, nodes that are silent, or whose runtime is, become NotReady, and nodes whose machine is off are removed.
 *
 * @module
 */
import type { SimNode } from "../node.ts";
import type { Network } from "../runtime.ts";
import type { Scheduler } from "../scheduler.ts";
import type { Kubelet } from "./kubelet.ts";
import type { ApiObjects } from "./objects.ts";
import { namesOf, newObject, type SimPod, type StatusKind } from "./pod.ts";

/** Milliseconds without a renewed lease after which a node counts as not ready: the node controller's default since Kubernetes 1.32. */
const MONITOR_GRACE = 50_000;
/** Where the leases of nodes are. */
const LEASES = "kube-node-lease";

/** A pod that somebody wants. */
export interface WantedPod {
  /** `namespace/name`. */
  readonly podRef: string;
  /** Where. */
  readonly node: SimNode;
  /** What it attaches to. */
  readonly network: Network;
  /** See {@linkcode SimPod}. */
  readonly kind: SimPod["kind"];
  /** See {@linkcode SimPod}. */
  readonly claims: boolean;
  /** Seconds that its containers may take to end. */
  readonly grace: number;
  /** What its network-status will tell. */
  readonly statusKind: StatusKind;
  /** Whether its kubelet is an older one. */
  readonly tersely: boolean;
}

/** The control plane. */
export class ControlPlane {
  readonly #objects: ApiObjects;
  readonly #scheduler: Scheduler;
  readonly #kubelets: readonly Kubelet[];
  #hashes = 0;

  /** Makes the objects of the nodes. */
  constructor(objects: ApiObjects, scheduler: Scheduler, kubelets: readonly Kubelet[]) {
    this.#objects = objects;
    this.#scheduler = scheduler;
    this.#kubelets = kubelets;
    for (const { node } of kubelets) this.addNode(node);
  }

  /** Makes the object and the lease of a node, where they are missing. */
  addNode({ name }: SimNode): void {
    if (!this.#objects.get("nodes", "", name)) {
      const conditions = [{ type: "Ready", status: "True" }];
      this.#objects.create("nodes", { metadata: { name }, status: { conditions } });
    }
    if (!this.#objects.get("leases", LEASES, name)) {
      const metadata = { name, namespace: LEASES };
      this.#objects.create("leases", { metadata, spec: { leaseDurationSeconds: 40, renewTime: this.#microTime() } });
    }
  }

  /** Whether a node's object exists. */
  hasNode({ name }: SimNode): boolean {
    return this.#objects.get("nodes", "", name) !== undefined;
  }

  /** The object of a node whose machine is off for good is removed, and its lease with it. */
  removeNode({ name }: SimNode): void {
    this.#scheduler.note(`node ${name} is removed from the cluster`);
    if (this.#objects.get("nodes", "", name)) this.#objects.remove("nodes", "", name);
    if (this.#objects.get("leases", LEASES, name)) this.#objects.remove("leases", LEASES, name);
  }

  /** Leases of nodes that reach the API server are renewed; the others' conditions change after a while. */
  tick(): void {
    for (const { node, connected, stalled } of this.#kubelets) {
      const lease = this.#objects.get("leases", LEASES, node.name);
      const object = this.#objects.get("nodes", "", node.name);
      if (!lease || !object) continue;
      if (connected) {
        this.#objects.update("leases", { ...lease, spec: { ...lease.spec, renewTime: this.#microTime() } });
      }
      const silence = this.#scheduler.now - Date.parse(String(lease.spec?.renewTime));
      const status = connected ? (stalled ? "False" : "True") : silence > MONITOR_GRACE ? "Unknown" : undefined;
      const [before] = object.status?.conditions as { status: string }[];
      if (status === undefined || before?.status === status) continue;
      this.#scheduler.note(`node ${node.name} is ${status === "True" ? "Ready" : "NotReady"}`);
      const conditions = [{ type: "Ready", status, lastTransitionTime: this.#objects.timestamp() }];
      this.#objects.update("nodes", { ...object, status: { conditions } });
    }
  }

  /** Makes a pod. Its node starts it. */
  create(wanted: WantedPod): SimPod {
    const kubelet = this.#kubelets.find(({ node }) => node === wanted.node);
    const runtimeUid = wanted.kind === "static" ? `${++this.#hashes}`.padStart(32, "0") : "";
    const draft = { ...wanted, runtimeUid, phase: "Pending" as const, sandboxes: [], ran: false, done: false };
    const uid = this.#objects.create("pods", newObject(draft)).metadata.uid ?? "";
    const pod: SimPod = { ...draft, uid, runtimeUid: runtimeUid || uid };
    this.#scheduler.note(`${wanted.kind} pod ${wanted.podRef} ${uid} is made on ${wanted.node.name}`);
    kubelet?.pods.push(pod);
    return pod;
  }

  /** Whether a pod's name is in use. */
  exists(podRef: string): boolean {
    const { namespace, name } = namesOf(podRef);
    return this.#objects.get("pods", namespace, name) !== undefined;
  }

  /** Wants a pod to go: its kubelet confirms once nothing of it is left. */
  delete({ podRef, uid, grace }: Pick<SimPod, "podRef" | "uid" | "grace">): void {
    const { namespace, name } = namesOf(podRef);
    const object = this.#objects.get("pods", namespace, name);
    if (object?.metadata.uid !== uid || object.metadata.deletionTimestamp) return;
    this.#scheduler.note(`${podRef} ${uid} is deleted`);
    const deletionTimestamp = new Date(this.#scheduler.now + grace * 1000).toISOString().replace(/\.\d+Z$/, "Z");
    const metadata = { ...object.metadata, deletionTimestamp, deletionGracePeriodSeconds: grace };
    this.#objects.update("pods", { ...object, metadata });
  }

  /** The object goes at once, whatever runs. */
  forceDelete(podRef: string): void {
    const { namespace, name } = namesOf(podRef);
    const object = this.#objects.get("pods", namespace, name);
    if (!object) return;
    this.#scheduler.note(`${podRef} ${object.metadata.uid} is deleted by force`);
    this.#objects.remove("pods", namespace, name);
  }

  #microTime(): string {
    return new Date(this.#scheduler.now).toISOString().replace("Z", "000Z");
  }
}
