/**
 * The controller: what a cluster needs one of. Frees addresses when pods go, sweeps on a schedule, keeps node slices.
 *
 * @module
 */
import type { Ipam } from "../ipam/ipam.ts";
import { Sweeps, type Swept } from "../ipam/sweep.ts";
import type { Orphan } from "../pool/orphans.ts";
import type { PodFacts } from "../pool/pod_facts.ts";
import type { SliceRecords } from "../pool/slice_findings.ts";
import type { PoolSnapshot } from "../storage/driver.ts";
import { aborted } from "../async/abort.ts";
import type { Logger } from "../world/log.ts";
import type { World } from "../world/world.ts";
import type { Attachment, Cluster, NodeFacts } from "./cluster.ts";
import { ControllerMetrics } from "./metrics.ts";
import { Mirror, type MirrorListener } from "./mirror.ts";
import { type Network, networkRules, readNetworks } from "./networks.ts";
import { PodMemory } from "./pod_memory.ts";
import { PodReleases } from "./pods.ts";
import { domainsBy, witnessOf } from "./pods_source.ts";
import { countsOf, type PoolCount, usesOf, without } from "./pool_use.ts";
import { Worker } from "./queue.ts";
import { Reporter } from "./reporter.ts";
import { SliceKeeper } from "./slice_keeper.ts";
import type { SliceStates } from "./slices.ts";
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
  /** File of IPAM fields that networks leave out, over the flat file. */
  readonly config?: string;
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
  #counts: readonly PoolCount[] = [];
  #slices: readonly SliceStates[] = [];
  #lastSweep: number | undefined;
  #rules = networkRules([]);
  #domainsOf = domainsBy([], [], []);
  #doubts: Pick<Swept, "unconfirmed" | "findings"> = NO_DOUBTS;

  /** Does nothing yet. */
  constructor(context: ControllerContext) {
    this.#context = context;
    this.metrics = new ControllerMetrics({
      leading: () => this.#leading,
      pods: () => this.#pods?.size ?? 0,
      pools: () => usesOf(this.#counts, this.#networks),
      slices: () => this.#slices,
      lastSweep: () => this.#lastSweep,
      unconfirmed: () => this.#doubts.unconfirmed,
      findings: () => this.#doubts.findings,
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
    const memory = new PodMemory((podRef) => pods.get(podRef));
    const releases = new PodReleases(() => release.poke(), (pod) => memory.remember(pod));
    const pods = this.#pods = new Mirror(cluster.pods, world, log, releases.listener);
    const records = () => ({ stored: slices.values(), nodes: nodes.values() });
    const sweeps = this.#makeSweeps(pods, memory, records);
    const changed = { put: () => networks.poke(), gone: () => networks.poke() };
    const nodes = new Mirror(cluster.nodes, world, log, nodeListener(() => networks.poke(), () => sweeper.soon()));
    const attachments = new Mirror(cluster.attachments, world, log, changed);
    // Only what is gone: where a controller of the original's is left too, each would answer the other's writes for ever.
    const slices = new Mirror(cluster.slices, world, log, { gone: changed.gone });
    const release = new Worker(world, log, RELEASE, async (limit) => {
      await releases.work(sweeps, {
        looked,
        failed: (podRefs, error) => this.#reporter.notFreed(podRefs, error),
      }, limit);
    });
    const keeper = new SliceKeeper(this.#context, this.#reporter, (states) => {
      this.#slices = states;
    });
    const networks = new Worker(world, log, NETWORKS, async (limit) => {
      await keeper.keep(await this.#readNetworks(attachments.values()), nodes.values(), limit);
    });
    const looked = (swept: Swept) => {
      this.#look(swept.pools, swept.orphans);
      this.#reporter.changed(swept);
      if (swept.orphans.length > 0) networks.poke();
    };
    const sweeper = new Sweeper(this.#context, sweeps, {
      looked,
      swept: (swept, seconds) => {
        this.#lastSweep = world.now();
        this.#look(swept.pools, swept.orphans);
        this.#doubts = { unconfirmed: swept.unconfirmed, findings: swept.findings };
        this.#reporter.swept(swept, seconds, usesOf(this.#counts, this.#networks));
        keeper.doubt();
        networks.poke();
      },
      failed: (error) => this.#reporter.sweepFailed(error),
    });
    const known = (...mirrors: readonly { readonly synced: Promise<void> }[]) =>
      Promise.race([Promise.all(mirrors.map(({ synced }) => synced)), aborted(signal)]);
    const all = known(pods, nodes, attachments);
    this.#leading = true;
    this.#reporter.begin(signal);
    try {
      await Promise.all([
        ...[pods, nodes, attachments].map((mirror) => mirror.run(signal)),
        ipam.driver.slices && slices.run(signal),
        known(pods).then(() => release.run(signal)),
        all.then(() => networks.run(signal)),
        all.then(async () => {
          await this.#readNetworks(attachments.values()); // the first sweep knows already which pools reserve
          this.#synced = !signal.aborted;
          await sweeper.run(signal);
        }),
      ]);
      await this.#reporter.rest();
    } finally {
      this.#leaveOff();
    }
  }

  #makeSweeps(pods: Mirror<PodFacts>, memory: PodMemory, slices: () => SliceRecords): Sweeps {
    const { ipam, cluster, sweep: { grace, deadNodeGrace } } = this.#context;
    const rules = () => this.#rules;
    return new Sweeps(ipam, {
      dryRun: false,
      ...(grace !== undefined && { grace }),
      ...(deadNodeGrace !== undefined && { deadNodeGrace }),
      pods: {
        ...witnessOf(cluster),
        list: () => Promise.resolve(pods.values()),
        lastSeen: (owner) => memory.lastSeen(owner),
        reserves: (key) => this.#rules.reserves(key),
        verifiesStatus: (key) => this.#rules.verifiesStatus(key),
        wholeRange: (key) => this.#rules.wholeRange(key),
        poolsInUse: () => this.#rules.poolsInUse(),
        networkFindings: () => this.#rules.networkFindings(),
        get configured() {
          return rules().configured;
        },
        slices: () => Promise.resolve(slices()),
        domainsOf: (attachment) => this.#domainsOf(attachment),
      },
    });
  }

  /** What another leader knows better from now on is not told any more. */
  #leaveOff(): void {
    this.#leading = this.#synced = false;
    this.#pods = this.#lastSweep = undefined;
    this.#counts = [];
    this.#slices = [];
    this.#doubts = NO_DOUBTS;
  }

  #look(pools: readonly PoolSnapshot[], freed: readonly Orphan[] = []): void {
    this.#counts = without(countsOf(pools), freed);
  }

  async #readNetworks(attachments: readonly Attachment[]): Promise<readonly Network[]> {
    const { networks, faults } = await readNetworks(this.#context.world, attachments, this.#context.config);
    this.#rules = networkRules(networks, faults);
    this.#domainsOf = domainsBy(attachments, networks, faults);
    this.#reporter.found(this.#rules.networkFindings());
    return this.#networks = networks;
  }
}

/** A node that is gone for good, or fenced, lets go of addresses that were kept because of it. */
function nodeListener(changed: () => void, letsGo: () => void): MirrorListener<NodeFacts> {
  return {
    put: (node, before) => {
      if (!before) changed();
      if (node.outOfService && !before?.outOfService) letsGo();
    },
    gone: () => {
      changed();
      letsGo();
    },
  };
}

const NO_DOUBTS = { unconfirmed: [], findings: [] } as const;

/** A pod's own DEL comes before its deletion is seen, mostly: what is gathered meanwhile is looked for in one go. */
const RELEASE = { name: "free addresses of pods that went", gather: 500, retry: { first: 1_000, max: 30_000 } };
const NETWORKS = { name: "keep node slices", gather: 100, retry: { first: 200, max: 30_000 } };
