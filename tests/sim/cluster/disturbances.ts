/**
 * Events of a simulated cluster that are not the work of its processes.
 *
 * @module
 */
import type { SimNode } from "../node.ts";
import type { Network } from "../runtime.ts";
import type { SimCluster } from "./cluster.ts";
import type { Backup } from "./objects.ts";
import { hasEntry, isAdding, mayReuse, readyNodes } from "./names.ts";
import type { SimPod, StatusKind } from "./pod.ts";
import { contentsOf, isLive, isWhole, type StoredEntry } from "./promises.ts";
import { Troubles } from "./troubles.ts";
import type { Happening } from "./world.ts";

/** Default termination grace periods of pods, in seconds. */
const GRACES = [1, 30, 60] as const;
const ODD: readonly StatusKind[] = ["without", "null", "none", "lost"];
/** Namespace of the objects of pools and reservations. */
const NAMESPACE = "kube-system";
const RESERVATIONS = "overlappingrangeipreservations";
/** Milliseconds for which a release is suspended that is overtaken: the original's ADD takes less. */
const OVERTAKEN = 20_000;
/** Max number of backups. */
const MAX_BACKUPS = 3;

/** Chooses events by chance. */
export class Disturbances {
  readonly #cluster: SimCluster;
  readonly #weights: readonly (readonly [Happening, number])[];
  readonly #all: number;
  readonly #backups: Backup[] = [];
  readonly #troubles: Troubles;
  readonly #happenings: Readonly<Record<Happening, () => void>> = {
    kubelet: () => this.#cluster.scheduler.pick(this.#cluster.kubelets).step(),
    create: () => void this.#create(`default/pod-${this.#cluster.scheduler.below(this.#cluster.world.pods)}`),
    delete: () => this.#withPod((pod) => this.#cluster.control.delete(pod)),
    force: () => this.#withPod((pod) => this.#force(pod)),
    replace: () => this.#withPod((pod) => this.#replace(pod)),
    usurp: () => this.#usurp(),
    cut: () => this.#troubles.cut(),
    stall: () => this.#troubles.stall(),
    power: () => this.#troubles.power(),
    clock: () => this.#troubles.setClock(),
    backup: () => this.#backUp(),
    restore: () => this.#restore(),
    rewind: () => this.#rewind(),
    define: () => this.#define(),
    introduce: () => this.#introduce(),
    unregister: () => this.#troubles.unregister(),
    drain: () => this.#troubles.drain(),
    forbid: () => this.#forbid(),
    overtake: () => this.#overtake(),
    regress: () => this.#regress(),
    suspend: () => this.#troubles.suspend(),
    lose: () => this.#lose(),
    forget: () => this.#forget(),
    keeper: () => this.#cluster.keepers.act(),
    collect: () => this.#cluster.collect(),
    move: () => void this.#cluster.scheduler.pick(this.#cluster.moves).act(),
    interrupt: () => this.#cluster.scheduler.pick(this.#cluster.moves).kill(),
    agent: () => this.#cluster.agents.disturb(1),
    kill: () => this.#kill(),
    outage: () => this.#toggleOutage(),
  };

  /** Events of a cluster, with the weights of its world. */
  constructor(cluster: SimCluster) {
    this.#cluster = cluster;
    this.#troubles = new Troubles(cluster);
    this.#weights = Object.entries(cluster.world.happenings) as [Happening, number][];
    this.#all = this.#weights.reduce((sum, [, weight]) => sum + weight, 0);
  }

  /** Lets one event happen. */
  act(): void {
    const { restore, regress } = this.#cluster.world.happenings;
    if (restore || regress) this.#backUp();
    let value = this.#cluster.scheduler.random() * this.#all;
    for (const [happening, weight] of this.#weights) {
      value -= weight;
      if (value < 0) return this.#happenings[happening]();
    }
  }

  /** Ends all disturbances. */
  end(): void {
    this.#cluster.server.forbidden.clear();
    this.#cluster.server.unserved.clear();
    this.#cluster.keepers.end();
    this.#troubles.end();
  }

  #create(podRef: string, fits = (_: SimNode) => true): SimPod | undefined {
    const { scheduler, control, world, pods } = this.#cluster;
    const ready = readyNodes(this.#cluster).filter(fits);
    if (ready.length === 0 || !mayReuse(this.#cluster, podRef) || control.exists(podRef)) return undefined;
    const node = scheduler.pick(ready);
    const odd = world.originals === undefined || this.#cluster.isOriginal(node) ? world.oddStatus ?? 0 : 0;
    const host = scheduler.chance(world.kinds?.host ?? 0);
    const former = pods.find((pod) => pod.podRef === podRef && pod.kind !== "host");
    const asStatic = !former && scheduler.chance(world.kinds?.static ?? 0);
    const network = former && !scheduler.chance(world.moves ?? 0)
      ? former.network
      : scheduler.pick(this.#cluster.definitions.usable());
    return control.create({
      podRef,
      node,
      network,
      kind: host ? "host" : asStatic ? "static" : "plain",
      claims: !host && !asStatic && scheduler.chance(world.claims ?? 0),
      grace: scheduler.pick(world.graces ?? GRACES),
      statusKind: scheduler.chance(odd) ? scheduler.pick(oddKinds(network)) : "whole",
      terse: scheduler.chance(odd),
      oddUid: world.oddUids !== undefined && scheduler.chance(world.oddUids),
    });
  }

  #withPod(work: (pod: SimPod) => void): void {
    const { pods, scheduler } = this.#cluster;
    if (pods.length > 0) work(scheduler.pick(pods));
  }

  /** Deletes a pod by force, after its kubelet has published its last status. */
  #force(pod: SimPod): void {
    this.#cluster.kubelets.find(({ node }) => node === pod.node)?.publish(pod);
    this.#cluster.control.forceDelete(pod.podRef);
  }

  #usurp(): void {
    const { sandboxes, scheduler, control, kubelets } = this.#cluster;
    const midway = sandboxes.filter((one) =>
      one.state === "new" && isAdding(this.#cluster, one) && hasEntry(this.#cluster, one)
    );
    if (midway.length === 0) return;
    const { podRef } = scheduler.pick(midway);
    control.forceDelete(podRef);
    const next = this.#create(podRef);
    kubelets.find(({ node }) => node === next?.node)?.step(); // so that both ADDs are in progress
  }

  /**
   * While a process of ours is about to delete a reservation, somebody else deletes it, and a pod of the name gets the address on a node of the
   * original.
   */
  #overtake(): void {
    const { scheduler, objects, control, sandboxes } = this.#cluster;
    for (const { process, rest: name } of scheduler.awaiting(`DELETE ${RESERVATIONS}/`)) {
      const podRef = objects.get(RESERVATIONS, NAMESPACE, name)?.spec?.podref;
      if (typeof podRef !== "string" || (process.suspendedUntil ?? 0) > scheduler.now) continue;
      // by now the reservation may be that of a live sandbox, which nobody may delete
      if (sandboxes.some((one) => one.podRef === podRef && isLive(one))) continue;
      control.forceDelete(podRef);
      if (!this.#create(podRef, (node) => this.#cluster.isOriginal(node))) continue;
      objects.remove(RESERVATIONS, NAMESPACE, name);
      scheduler.suspend(process, OVERTAKEN);
      return;
    }
  }

  /** Creates another pod of the name while the former pod still runs. */
  #replace(pod: SimPod): void {
    this.#force(pod);
    this.#create(pod.podRef);
  }

  /** Takes a backup of the store, unless a call may be between two writes. */
  #backUp(): void {
    const { objects, processes } = this.#cluster;
    const backup = objects.backup();
    if (processes.size > 0 || backup.revision === this.#backups.at(-1)?.revision) return;
    this.#backups.push(backup);
    if (this.#backups.length > MAX_BACKUPS) this.#backups.shift();
  }

  /** Restores a backup that holds the addresses of all live sandboxes, unless a call may be between two writes: no plugin could repair that. */
  #restore(): void {
    const { scheduler, objects, processes, sandboxes } = this.#cluster;
    if (this.#backups.length === 0 || processes.size > 0) return;
    const now = objects.backup();
    objects.restore(scheduler.pick(this.#backups.filter(({ revision }) => revision < now.revision)) ?? now);
    if (isWhole(objects, sandboxes, true)) {
      scheduler.note(`a backup of the store is restored`);
      this.#backups.length = 0;
    } else objects.restore(now);
  }

  /**
   * Restores a backup in which each live sandbox has its addresses, but perhaps under the id of a former sandbox of its pod's name, which has
   * been released.
   */
  #regress(): void {
    const { scheduler, objects, processes, agents, sandboxes } = this.#cluster;
    if (this.#backups.length === 0 || processes.size > 0 || agents.pending) return;
    if (sandboxes.some(({ state, superseded }) => state === "dying" || (superseded && state !== "released"))) return;
    const now = objects.backup();
    objects.restore(scheduler.pick(this.#backups));
    if (isWhole(objects, sandboxes, false)) {
      scheduler.note("a backup of the store is restored, perhaps with ids of former sandboxes");
      this.#backups.length = 0;
    } else objects.restore(now);
  }

  /** Restores any backup, whatever it lacks. */
  #rewind(): void {
    const { scheduler, objects, processes } = this.#cluster;
    if (this.#backups.length === 0 || processes.size > 0) return;
    objects.restore(scheduler.pick(this.#backups));
    scheduler.note("an old backup of the store is restored");
    this.#backups.length = 0;
  }

  /** Forbids controllers to read single objects of a kind, or allows it again. */
  #forbid(): void {
    const { scheduler, server: { forbidden }, world: { forbids = [] } } = this.#cluster;
    const kind = scheduler.pick(forbids);
    if (!forbidden.delete(kind)) forbidden.add(kind);
    scheduler.note(`${kind} ${forbidden.has(kind) ? "may not be read" : "may be read again"}`);
  }

  /** Creates or deletes a definition of another namespace with the CNI name of a network. */
  #define(): void {
    const { scheduler, objects, world } = this.#cluster;
    const { name, ipam } = scheduler.pick(world.networks);
    const resource = "network-attachment-definitions";
    if (objects.get(resource, "another", name)) {
      scheduler.note(`the definition another/${name} is deleted`);
      objects.remove(resource, "another", name);
      return;
    }
    scheduler.note(`the definition another/${name} is created`);
    const other = { cniVersion: "1.0.0", name, type: "macvlan", ipam: { ...ipam, range: "192.168.0.0/28" } };
    objects.create(resource, { metadata: { namespace: "another", name }, spec: { config: JSON.stringify(other) } });
  }

  #introduce(): void {
    const { scheduler, definitions } = this.#cluster;
    const name = definitions.introduce();
    if (name !== undefined) scheduler.note(`network ${name} is defined`);
  }

  /** Deletes a pool, but not that of a virtual machine that runs: another pod of its claim would get another address meanwhile. */
  #lose(): void {
    const { scheduler, objects, sandboxes } = this.#cluster;
    const pools = objects.list("ippools");
    if (pools.length === 0 || sandboxes.some((one) => one.pod.kept && one.state !== "released")) return;
    const { entries, reservations } = contentsOf(objects);
    const lags = ({ address, value: { keeper } }: StoredEntry) =>
      keeper && reservations.get(address)?.keeper !== keeper;
    if (entries.some(lags)) return; // nothing would show that the address is kept
    const { metadata: { name, namespace = "" } } = scheduler.pick(pools);
    scheduler.note(`IPPool ${name} is deleted`);
    objects.remove("ippools", namespace, name);
  }

  #forget(): void {
    const { scheduler, objects, processes } = this.#cluster;
    const { entries } = contentsOf(objects);
    const kept = objects.list(RESERVATIONS).filter(({ metadata: { name }, spec = {} }) =>
      spec.keeper && !spec.containerid &&
      entries.some(({ address, value }) => address === name && value.keeper === spec.keeper)
    );
    if (kept.length === 0 || processes.size > 0) return;
    const { spec: { keeper: _, ...spec } = {}, ...object } = scheduler.pick(kept);
    scheduler.note(`the reservation ${object.metadata.name} loses its keeper`);
    objects.update(RESERVATIONS, { ...object, spec });
  }

  #kill(): void {
    const { scheduler, processes } = this.#cluster;
    const ours = [...processes].filter(([{ name }]) => !name.startsWith("original"));
    const late = ours.filter(([, { sandbox, verb }]) => sandbox.superseded && verb === "ADD");
    const candidates = late.length > 0 && scheduler.chance(0.5) ? late : ours;
    const [process] = candidates.length > 0 ? scheduler.pick(candidates) : [];
    if (process) scheduler.kill(process);
  }

  #toggleOutage(): void {
    const { scheduler } = this.#cluster;
    scheduler.outage = !scheduler.outage;
    scheduler.note(scheduler.outage ? "the API server is unreachable" : "the API server is reachable again");
  }
}

/** What the network-status of a pod of the network may lack or have, if it is odd. */
function oddKinds({ ipam }: Network): readonly StatusKind[] {
  return [
    ...ODD,
    ...ipam.ipRanges === undefined ? [] : ["last"] as const,
    ...ipam.verify_network_status === false ? ["other"] as const : [],
  ];
}
