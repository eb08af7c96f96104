/**
 * Virtual machines as KubeVirt and its IPAM extensions run them: each start and each migration has a pod of its own, and an IPAMClaim exists
 * until the machine is deleted.
 *
 * @module
 */
import type { ApiObject } from "./objects.ts";
import type { SimCluster } from "./cluster.ts";
import { INSTANCE, NAMESPACE, RESOURCE } from "./kept.ts";
import { readyNodes } from "./names.ts";
import type { SimPod } from "./pod.ts";

/** Termination grace periods of the pods, in seconds. */
const GRACES = [1, 30] as const;
/** Share of the events of a machine that wait until its newest pod runs. */
const WAITING = 0.8;
/** Share of the ticks after the last pod in which the finalizer of a deleted machine's claim goes. */
const FINALIZED = 0.05;
/** Waits until the pods of the machine have ended. */
const FINALIZER = "kubevirt.io/persistent-ipam";

/** One virtual machine. */
interface Machine {
  /** Its name. */
  readonly name: string;
  /** The name of its claim. */
  readonly claim: string;
  /** The uid of its instance: it changes with each start, not with a migration. */
  instance: number;
}

/** Virtual machines in the first network. */
export class Machines {
  readonly #cluster: SimCluster;
  readonly #machines: readonly Machine[];
  /** Whether no events follow. */
  over = false;
  #pods = 0;

  /** Machines that do not exist yet. */
  constructor(cluster: SimCluster, count: number) {
    this.#cluster = cluster;
    this.#machines = Array.from({ length: count }, (_, i) => ({ name: `vm${i}`, claim: `vm${i}.net1`, instance: 0 }));
  }

  /** One machine is started, stopped, migrated or deleted, or its migration ends. */
  act(): void {
    const { scheduler } = this.#cluster;
    const machine = scheduler.pick(this.#machines);
    const [first, second] = this.#active(machine);
    if (!first) return scheduler.chance(0.5) ? undefined : this.#start(machine);
    // without waiting few pods would get as far as running
    if (!isRunning(second ?? first) && scheduler.chance(WAITING)) return;
    if (second) return scheduler.chance(0.1) ? this.#removeClaim(machine) : this.#endMigration(first, second);
    const action = scheduler.random();
    if (action < 0.45) this.#migrate(machine, first);
    else if (action < 0.65) this.#delete(first); // stop
    else if (action < 0.75) this.#launch(machine); // a second pod that may not have the address
    else if (action < 0.85) this.#destroy(machine);
    else if (action < 0.9) this.#removeClaim(machine);
    else this.#force(first);
  }

  /** Claims of deleted machines without pods go. After the events, pods that can never get an address are deleted. */
  tick(): void {
    for (const machine of this.#machines) {
      const claim = this.#claimOf(machine);
      const ends = claim?.metadata.deletionTimestamp && this.#active(machine).length === 0;
      if (ends && (this.over || this.#cluster.scheduler.chance(FINALIZED))) this.#removeClaim(machine);
      if (!this.over) continue;
      const pods = this.#active(machine);
      const isLive = (pod: SimPod) => pod.sandboxes.at(-1)?.state === "live";
      const holder = pods.findLast(isLive) ?? pods[0];
      for (const pod of pods) {
        const mayStart = claim !== undefined && !claim.metadata.deletionTimestamp && pod === holder;
        if (!isLive(pod) && !mayStart) this.#delete(pod);
      }
    }
  }

  /** Deletes all machines. */
  remove(): void {
    for (const machine of this.#machines) this.#destroy(machine);
  }

  /** The pods of a machine that are neither finished nor deleted, oldest first. */
  #active({ claim }: Machine): SimPod[] {
    const { pods } = this.#cluster;
    return pods.filter((pod) => {
      const { phase } = pod;
      if (pod.kept?.kind !== "IPAMClaim" || pod.kept.name !== claim || phase === "Succeeded" || phase === "Failed") {
        return false;
      }
      const object = this.#objectOf(pod);
      return object !== undefined && !object.metadata.deletionTimestamp;
    }).toSorted(byStart);
  }

  #objectOf(pod: SimPod): ApiObject | undefined {
    return this.#cluster.kubelets.find(({ node }) => node === pod.node)?.objectOf(pod);
  }

  #claimOf({ claim }: Machine): ApiObject | undefined {
    return this.#cluster.objects.get(RESOURCE.IPAMClaim, NAMESPACE, claim);
  }

  #start(machine: Machine): void {
    const { objects, scheduler } = this.#cluster;
    const claim = this.#claimOf(machine);
    if (claim?.metadata.deletionTimestamp) return; // the extensions wait until it is gone
    if (!claim) {
      const { metadata: { uid } } = objects.create(RESOURCE.IPAMClaim, {
        metadata: { namespace: NAMESPACE, name: machine.claim },
        spec: { network: this.#network.name, interface: "" },
      });
      scheduler.note(`IPAMClaim ${machine.claim} ${uid} is created`);
    }
    machine.instance++;
    this.#launch(machine);
  }

  #migrate(machine: Machine, source: SimPod): void {
    if (isRunning(source)) this.#launch(machine, source.podRef);
  }

  /** A migration succeeds: the containers of the source end; or it fails. Of two pods without a migration either is deleted. */
  #endMigration(first: SimPod, second: SimPod): void {
    const { scheduler, kubelets } = this.#cluster;
    const moved = second.kept?.movesFrom === first.podRef && isRunning(second);
    const ends = moved && scheduler.chance(0.6) ? first : scheduler.chance(0.7) ? second : first;
    if (scheduler.chance(0.5)) return this.#delete(ends);
    const kubelet = kubelets.find(({ node }) => node === ends.node);
    if (kubelet?.connected && !kubelet.stalled) kubelet.complete(ends);
  }

  get #network() {
    const [network] = this.#cluster.world.networks;
    if (!network) throw new Error("a world has a network");
    return network;
  }

  #launch({ name, claim, instance }: Machine, movesFrom?: string): void {
    const { scheduler, control } = this.#cluster;
    const nodes = readyNodes(this.#cluster);
    if (nodes.length === 0) return;
    const networks = [{ name: this.#network.name, interface: "net1", "ipam-claim-reference": claim }];
    control.create({
      podRef: `${NAMESPACE}/virt-launcher-${name}-${++this.#pods}`,
      node: scheduler.pick(nodes),
      network: this.#network,
      ...{ kind: "plain", claims: false, statusKind: "whole", terse: false, oddUid: false },
      grace: scheduler.pick(GRACES),
      kept: {
        kind: "IPAMClaim",
        name: claim,
        metadata: {
          labels: {
            "kubevirt.io": "virt-launcher",
            [INSTANCE]: `${name}-${instance}`,
            ...(movesFrom !== undefined && { "kubevirt.io/migrationJobUID": `${this.#pods}` }),
          },
          annotations: { "kubevirt.io/domain": name, "k8s.v1.cni.cncf.io/networks": JSON.stringify(networks) },
        },
        ...(movesFrom !== undefined && { movesFrom }),
      },
    });
  }

  #delete(pod: SimPod): void {
    this.#cluster.control.delete(pod);
  }

  #force(pod: SimPod): void {
    this.#cluster.kubelets.find(({ node }) => node === pod.node)?.publish(pod);
    this.#cluster.control.forceDelete(pod.podRef);
  }

  /** Deletes a machine: its pods, and its claim once they have ended. */
  #destroy(machine: Machine): void {
    const { objects, scheduler } = this.#cluster;
    for (const pod of this.#active(machine)) this.#delete(pod);
    const claim = this.#claimOf(machine);
    if (!claim || claim.metadata.deletionTimestamp) return;
    scheduler.note(`IPAMClaim ${machine.claim} is deleted`);
    const metadata = { ...claim.metadata, deletionTimestamp: objects.timestamp(), finalizers: [FINALIZER] };
    objects.update(RESOURCE.IPAMClaim, { ...claim, metadata });
  }

  /** Removes a claim, whatever pods run. */
  #removeClaim(machine: Machine): void {
    const { objects, scheduler } = this.#cluster;
    if (!this.#claimOf(machine)) return;
    scheduler.note(`IPAMClaim ${machine.claim} is gone`);
    objects.remove(RESOURCE.IPAMClaim, NAMESPACE, machine.claim);
  }
}

/** Whether the containers of a pod run. */
function isRunning({ sandboxes }: SimPod): boolean {
  return sandboxes.at(-1)?.containers === "running";
}

/** Oldest first. */
function byStart(a: SimPod, b: SimPod): number {
  const numberOf = ({ podRef }: SimPod) => Number(podRef.slice(podRef.lastIndexOf("-") + 1));
  return numberOf(a) - numberOf(b);
}
