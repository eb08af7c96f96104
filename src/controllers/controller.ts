/**
 * The controller: what a cluster needs one of. Frees addresses when pods go, sweeps on a schedule, keeps node slices.
 *
 * @module
 */
import type { Ipam } from "../ipam/ipam.ts";
import type { Orphan, PodFacts } from "../pool/orphans.ts";
import type { PoolSnapshot } from "../storage/driver.ts";
import type { Logger } from "../world/log.ts";
import type { World } from "../world/world.ts";
import type { Attachment, Cluster, NodeFacts } from "./cluster.ts";
import { ControllerMetrics } from "./metrics.ts";
import { Mirror } from "./mirror.ts";
import { type Network, readNetworks } from "./networks.ts";
import { PodReleases } from "./pods.ts";
import { type PoolUse, usesOf, without } from "./pool_use.ts";
import { Worker } from "./queue.ts";
import { Reporter } from "./reporter.ts";
import { needsPools, planSliceWork, type SliceStates } from "./slices.ts";
import { Sweeper, type SweeperOptions } from "./sweeper.ts";

/** What a controller works on and with. */
export interface ControllerContext {
  /** The machine. */
  readonly world: World;
  /** Where to say what is done. */
  readonly log: Logger;
  /** The store. */
  readonly ipam: Ipam;
  /** The cluster. */
  readonly cluster: Cluster;
  /** When and how to sweep. */
  readonly sweep: SweeperOptions;
}

/** One controller. It may lead several times. */
export class Controller {
  /** What it counts. */
  readonly metrics: ControllerMetrics;
  readonly #context: ControllerContext;
  readonly #reporter: Reporter;
  #leading = false;
  #synced = false;
  #pods: Mirror<PodFacts> | undefined;
  #networks: readonly Network[] = [];
  #uses: readonly PoolUse[] = [];
  #slices: readonly SliceStates[] = [];
  #lastSweep: number | undefined;

  /** Does nothing yet. */
  constructor(context: ControllerContext) {
    this.#context = context;
    this.metrics = new ControllerMetrics({
      leading: () => this.#leading,
      pods: () => this.#pods?.size ?? 0,
      pools: () => this.#uses,
      slices: () => this.#slices,
      lastSweep: () => this.#lastSweep,
    });
    this.#reporter = new Reporter(context.cluster, context.world, context.log, this.metrics);
  }

  /** Whether it does its work: as a leader, once it knows the cluster; as a candidate, always. */
  get ready(): boolean {
    return !this.#leading || this.#synced;
  }

  /** Leads until the signal aborts. */
  async lead(signal: AbortSignal): Promise<void> {
    const { world, log, cluster, ipam } = this.#context;
    const releases = new PodReleases(() => release.poke());
    const pods = this.#pods = new Mirror(cluster.pods, world, log, releases.listener);
    const changed = { put: () => networks.poke(), gone: () => networks.poke() };
    const nodes = new Mirror(cluster.nodes, world, log, {
      put: (_, before) => before || networks.poke(),
      gone: changed.gone,
    });
    const attachments = new Mirror(cluster.attachments, world, log, changed);
    const known = Promise.all([pods.synced, nodes.synced, attachments.synced]);
    const release = new Worker(world, log, RELEASE, async (limit) => {
      await pods.synced;
      await releases.work(ipam, cluster.findPod, {
        looked: (pools) => this.#look(pools),
        freed: (orphans) => {
          this.#uses = without(this.#uses, orphans);
          this.#reporter.freed(orphans);
          if (orphans.length > 0) networks.poke();
        },
        failed: (podRefs, error) => this.#reporter.notFreed(podRefs, error),
      }, limit);
    });
    const networks = new Worker(world, log, NETWORKS, async (limit) => {
      await known;
      await this.#keepNetworks(nodes.values(), attachments.values(), limit);
    });
    const sweeper = new Sweeper(this.#context, {
      pods: { list: () => Promise.resolve(pods.values()), find: cluster.findPod },
      networks: () => this.#networks,
      swept: (swept, seconds) => {
        this.#lastSweep = world.now();
        this.#look(swept.pools, swept.orphans);
        this.#reporter.swept(swept, seconds, this.#uses);
        networks.poke();
      },
      failed: (error) => this.#reporter.sweepFailed(error),
    });
    this.#leading = true;
    this.#synced = false;
    void known.then(() => this.#synced = true);
    try {
      await Promise.all([
        ...[pods, nodes, attachments].map((mirror) => mirror.run(signal)),
        ...[release, networks].map((worker) => worker.run(signal)),
        Promise.race([known, aborted(signal)]).then(() => sweeper.run(signal)),
      ]);
    } finally {
      this.#leading = false;
    }
  }

  #look(pools: readonly PoolSnapshot[], freed: readonly Orphan[] = []): void {
    this.#uses = without(usesOf(pools, this.#networks), freed);
  }

  /** Reads the networks anew, and writes the node slices that they want. */
  async #keepNetworks(
    nodes: readonly NodeFacts[],
    attachments: readonly Attachment[],
    signal: AbortSignal,
  ): Promise<void> {
    const { world, ipam, cluster } = this.#context;
    const { networks, faults } = await readNetworks(world, attachments);
    this.#networks = networks;
    this.#reporter.unusable(faults);
    if (!ipam.driver.slices) return;
    const stored = await cluster.slices.list(signal);
    const facts = { networks, nodes, stored };
    const pools = needsPools(facts) ? await ipam.driver.list(signal) : undefined;
    const { save, remove, problems, states } = planSliceWork({ ...facts, pools });
    this.#slices = states;
    this.#reporter.problems(problems);
    for (const [wanted, last] of save) await cluster.slices.save(wanted, last, signal);
    for (const last of remove) await cluster.slices.remove(last, signal);
  }
}

/** A pod's own DEL comes before its deletion is seen, mostly: what is gathered meanwhile is looked for in one go. */
const RELEASE = { name: "free addresses of pods that went", gather: 500, retry: { first: 1_000, most: 30_000 } };
const NETWORKS = { name: "keep node slices", gather: 100, retry: { first: 200, most: 30_000 } };

function aborted(signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  if (signal.aborted) resolve();
  signal.addEventListener("abort", () => resolve(), { once: true });
  return promise;
}
