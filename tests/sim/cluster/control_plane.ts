/**
 * The control plane of a simulated cluster, and its operators: they create pods and delete them, gracefully or by force, renew the leases of
 * nodes, mark nodes without a renewed lease or with a stalled runtime as NotReady, and remove nodes whose machine is off.
 *
 * @module
 */
import type { SimNode } from "../node.ts";
import type { Network } from "../runtime.ts";
import type { Scheduler } from "../scheduler.ts";
import type { Kubelet } from "./kubelet.ts";
import type { ApiObjects } from "./objects.ts";
import { type Kept, namesOf, newObject, type SimPod, type StatusKind } from "./pod.ts";

/** Milliseconds without a renewed lease after which a node counts as not ready: the node controller's default since Kubernetes 1.32. */
const MONITOR_GRACE = 50_000;
/** Namespace of the leases of nodes. */
const LEASES = "kube-node-lease";

/** A pod to create. */
export interface PodTemplate {
  /** `namespace/name`. */
  readonly podRef: string;
  /** Its node. */
  readonly node: SimNode;
  /** The network that it attaches to. */
  readonly network: Network;
  /** See {@linkcode SimPod}. */
  readonly kind: SimPod["kind"];
  /** See {@linkcode SimPod}. */
  readonly claims: boolean;
  /** See {@linkcode SimPod}. */
  readonly kept?: Kept;
  /** Termination grace period in seconds. */
  readonly grace: number;
  /** What its network-status will hold. */
  readonly statusKind: StatusKind;
  /** Whether its kubelet is an older one. */
  readonly terse: boolean;
  /** Whether the runtime passes a text as its uid that no API server generates. */
  readonly oddUid: boolean;
}

/** The control plane. */
export class ControlPlane {
  readonly #objects: ApiObjects;
  readonly #scheduler: Scheduler;
  readonly #kubelets: readonly Kubelet[];
  #hashes = 0;

  /** Creates the objects of the nodes. */
  constructor(objects: ApiObjects, scheduler: Scheduler, kubelets: readonly Kubelet[]) {
    this.#objects = objects;
    this.#scheduler = scheduler;
    this.#kubelets = kubelets;
    for (const { node } of kubelets) this.addNode(node);
  }

  /** Creates the object and the lease of a node, if they are missing. */
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

  /** Removes the object and the lease of a node whose machine is off. */
  removeNode({ name }: SimNode): void {
    this.#scheduler.note(`node ${name} is removed from the cluster`);
    if (this.#objects.get("nodes", "", name)) this.#objects.remove("nodes", "", name);
    if (this.#objects.get("leases", LEASES, name)) this.#objects.remove("leases", LEASES, name);
  }

  /** Renews the leases of nodes that reach the API server, and updates conditions. */
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

  /** Creates a pod. Its kubelet starts it. */
  create({ oddUid, ...template }: PodTemplate): SimPod {
    const kubelet = this.#kubelets.find(({ node }) => node === template.node);
    const runtimeUid = template.kind === "static"
      ? `${++this.#hashes}`.padStart(32, "0")
      : oddUid
      ? `uid-${++this.#hashes}`
      : "";
    const draft = { ...template, runtimeUid, phase: "Pending" as const, sandboxes: [], ran: false, done: false };
    const uid = this.#objects.create("pods", newObject(draft)).metadata.uid ?? "";
    const pod: SimPod = { ...draft, uid, runtimeUid: runtimeUid || uid };
    this.#scheduler.note(`${template.kind} pod ${template.podRef} ${uid} is created on ${template.node.name}`);
    kubelet?.pods.push(pod);
    return pod;
  }

  /** Whether a pod's name is in use. */
  exists(podRef: string): boolean {
    const { namespace, name } = namesOf(podRef);
    return this.#objects.get("pods", namespace, name) !== undefined;
  }

  /** Deletes a pod gracefully: its kubelet confirms once its sandboxes are released. */
  delete({ podRef, uid, grace }: Pick<SimPod, "podRef" | "uid" | "grace">): void {
    const { namespace, name } = namesOf(podRef);
    const object = this.#objects.get("pods", namespace, name);
    if (object?.metadata.uid !== uid || object.metadata.deletionTimestamp) return;
    this.#scheduler.note(`${podRef} ${uid} is deleted`);
    const deletionTimestamp = new Date(this.#scheduler.now + grace * 1000).toISOString().replace(/\.\d+Z$/, "Z");
    const metadata = { ...object.metadata, deletionTimestamp, deletionGracePeriodSeconds: grace };
    this.#objects.update("pods", { ...object, metadata });
  }

  /** Removes the object immediately, whatever runs. */
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
