/**
 * The controller, of which a cluster needs one: frees the addresses of deleted pods, sweeps on a schedule, assigns node slices.
 *
 * @module
 */
import type { Ipam } from "../ipam/ipam.ts";
import { Sweeps, type Swept } from "../ipam/sweep.ts";
import { hasClaims } from "../pool/claim_status.ts";
import type { Orphan } from "../pool/orphans.ts";
import type { PodFacts } from "../pool/pod_facts.ts";
import { isAttached } from "../pool/pod_owner.ts";
import type { SliceRecords } from "../pool/slice_findings.ts";
import { formatPoolKey, type PoolKey } from "../pool/types.ts";
import type { PoolSnapshot } from "../storage/driver.ts";
import { aborted } from "../async/abort.ts";
import type { Logger } from "../world/log.ts";
import type { World } from "../world/world.ts";
import { writeClaimStatuses } from "./claim_statuses.ts";
import type { Attachment, Cluster } from "./cluster.ts";
import { claimListener, nodeListener } from "./listeners.ts";
import { ControllerMetrics } from "./metrics.ts";
import { Mirror, type MirrorListener } from "./mirror.ts";
import { type Network, networkRules, readNetworks, usersOf } from "./networks.ts";
import { originalOf } from "../pool/original.ts";
import { OriginalGuard } from "./original_guard.ts";
import { OverlapKeeper } from "./overlap_keeper.ts";
import { PodMemory } from "./pod_memory.ts";
import { PodReleases } from "./pod_releases.ts";
import { PoolStatuses } from "./pool_statuses.ts";
import { domainsBy, witnessOf } from "./pods_source.ts";
import { countsOf, keptBy, type KeptCount, perRange, type PoolCount, usesOf, without } from "./pool_use.ts";
import { Reporter } from "./reporter.ts";
import { SliceKeeper } from "./slice_keeper.ts";
import type { SliceStates } from "./slice_work.ts";
import { Sweeper, type SweeperOptions } from "./sweeper.ts";
import { Worker } from "./worker.ts";

/** What a controller works with. */
interface ControllerContext {
  /** The machine. */
  readonly world: World;
  /** Receives log lines. */
  readonly log: Logger;
  /** The store. */
  readonly ipam: Ipam;
  /** The cluster. */
  readonly cluster: Cluster;
  /** When and how to sweep. */
  readonly sweep: SweeperOptions;
  /** Milliseconds for which an elastic node slice must be empty before it is unassigned. */
  readonly sliceGrace: number;
  /** Path of a file with IPAM fields over those of the flat file. */
  readonly config?: string;
}

/** A controller, which may lead several times. */
export class Controller {
  /** Its metrics. */
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
  #kept: readonly KeptCount[] = [];
  #sweeper: Sweeper | undefined;
  #claims: Worker | undefined;
  #statuses: Worker | undefined;
  #rules = networkRules([]);
  #marks: OverlapKeeper | undefined;
  #guard: OriginalGuard | undefined;
  #slicing: Worker | undefined;
  #domainsOf = domainsBy([], [], []);
  #lastResult: Pick<Swept, "unconfirmed" | "findings"> = NO_RESULT;

  /** Does nothing until {@linkcode lead}. */
  constructor(context: ControllerContext) {
    this.#context = context;
    this.metrics = new ControllerMetrics({
      leading: () => this.#leading,
      pods: () => this.#pods?.size ?? 0,
      pools: () => perRange(usesOf(this.#counts, this.#networks), this.#networks),
      slices: () => this.#slices,
      kept: () => this.#kept,
      users: () =>
        perRange(usesOf(this.#counts, this.#networks), this.#networks)
          .flatMap(({ key }) => usersOf(this.#networks, key).map(({ network }) => [key, network] as const)),
      nameOf: (key) => context.cluster.poolName?.(key) ?? formatPoolKey(key),
      lastSweep: () => this.#lastSweep,
      sweepDue: () => this.#sweeper?.due,
      unconfirmed: () => this.#lastResult.unconfirmed,
      findings: () => this.#lastResult.findings,
    });
    this.#reporter = new Reporter(context.cluster, context.world, context.log, this.metrics);
  }

  /** Whether it can work: a leader once it has read the cluster, a standby always. */
  get ready(): boolean {
    return !this.#leading || this.#synced;
  }

  /** Leads until the signal aborts. */
  async lead(signal: AbortSignal): Promise<void> {
    const { world, log, cluster, ipam } = this.#context;
    const memory = new PodMemory((podRef) => pods.get(podRef));
    const releases = new PodReleases(() => release.trigger(), (pod) => memory.remember(pod));
    const pods = this.#pods = new Mirror(cluster.pods, world, log, this.#podListener(releases));
    const records = () => ({ stored: slices.values(), nodes: nodes.values() });
    const sweeps = this.#makeSweeps(pods, memory, records);
    const changed = { put: () => networks.trigger(), removed: () => networks.trigger() };
    const onNode = nodeListener(() => networks.trigger(), () => sweeper.request());
    const nodes = new Mirror(cluster.nodes, world, log, onNode);
    const attachments = new Mirror(cluster.attachments, world, log, changed);
    // Deletions only: beside a controller of the original, each would react to the writes of the other for ever.
    const slices = new Mirror(cluster.slices, world, log, { removed: changed.removed });
    const onClaim = claimListener(() => this.#mayBeClaimed() && sweeper.request());
    const claims = cluster.claimFeed && new Mirror(cluster.claimFeed, world, log, onClaim);
    const release = new Worker(world, log, RELEASE, async (deadline) => {
      await releases.work(sweeps, {
        checked,
        failed: (podRefs, error) => this.#reporter.releaseFailed(podRefs, error),
      }, deadline);
    });
    const keeper = new SliceKeeper(this.#context, this.#reporter, (states) => {
      this.#slices = states;
    });
    const networks = this.#slicing = new Worker(world, log, NETWORKS, async (deadline) => {
      const all = await this.#readNetworks(attachments.values());
      await keeper.keep(all, nodes.values(), deadline, all.some(isElastic) ? originalOf(pods.values()) : undefined);
    });
    const reports = this.#makeReports();
    const marks = this.#marks = new OverlapKeeper(this.#context);
    const guard = this.#guard = new OriginalGuard(this.#context, pods, () => this.#rules.persistent());
    const checked = (swept: Swept) => {
      this.#count(swept.pools, swept.orphans);
      this.#reporter.changed(swept);
      if (swept.orphans.length > 0) networks.trigger();
    };
    const sweeper = this.#sweeper = new Sweeper(this.#context, sweeps, {
      checked,
      swept: (swept, seconds) => {
        this.#swept(swept, seconds);
        keeper.invalidate();
        for (const one of [marks, guard]) one.listed(swept.pools);
        networks.trigger();
      },
      failed: (error) => this.#reporter.sweepFailed(error),
    });
    const synced = (...mirrors: readonly { readonly synced: Promise<void> }[]) =>
      Promise.race([Promise.all(mirrors.map(({ synced }) => synced)), aborted(signal)]);
    const allSynced = synced(pods, nodes, attachments);
    this.#leading = true;
    this.#reporter.begin(signal);
    try {
      await Promise.all([
        ...[pods, nodes, attachments].map((mirror) => mirror.run(signal)),
        claims?.run(signal),
        ipam.driver.slices && slices.run(signal),
        synced(pods).then(() => release.run(signal)),
        ...[networks, guard, ...reports].map((worker) => allSynced.then(() => worker.run(signal))),
        marks.run(signal),
        allSynced.then(async () => {
          await this.#readNetworks(attachments.values()); // the first sweep needs to know which pools reserve
          this.#synced = !signal.aborted;
          await sweeper.run(signal);
        }),
      ]);
      await this.#reporter.drain();
    } finally {
      this.#reset();
    }
  }

  #makeSweeps(pods: Mirror<PodFacts>, memory: PodMemory, slices: () => SliceRecords): Sweeps {
    const { world, ipam, cluster, sweep } = this.#context;
    const rules = () => this.#rules;
    return new Sweeps(ipam, {
      dryRun: false,
      ...(world.collectGarbage && { onListed: world.collectGarbage }),
      ...sweep,
      pods: {
        ...witnessOf(cluster),
        ...(cluster.ipamClaims && { ipamClaims: cluster.ipamClaims }),
        list: () => Promise.resolve(pods.values()),
        lastSeen: (owner) => memory.lastSeen(owner),
        reserves: (key) => this.#rules.reserves(key),
        verifiesStatus: (key) => this.#rules.verifiesStatus(key),
        wholeRange: (key) => this.#rules.wholeRange(key),
        poolsInUse: () => this.#rules.poolsInUse(),
        persistent: () => this.#rules.persistent(),
        networkFindings: () => this.#rules.networkFindings(),
        get configured() {
          return rules().configured;
        },
        slices: () => Promise.resolve(slices()),
        domainsOf: (attachment) => this.#domainsOf(attachment),
      },
    });
  }

  /** A pod that reports its addresses may be the new user of an IPAMClaim; one of the original frees addresses that are kept. */
  #podListener({ listener }: PodReleases): MirrorListener<PodFacts> {
    return {
      ...listener,
      put: (pod, before) => {
        listener.put?.(pod, before);
        if (this.#mayBeClaimed() && isAttached(pod) && !(before && isAttached(before))) this.#claims?.trigger();
        if (pod.original !== before?.original) this.#originalChanged();
      },
      removed: (pod) => {
        listener.removed?.(pod);
        if (pod.original !== undefined) this.#originalChanged();
      },
    };
  }

  #originalChanged(): void {
    for (const one of [this.#guard, this.#slicing]) one?.trigger();
  }

  /** Whether IPAMClaims keep addresses. A sweep may not have seen the records of a first one yet: its network suffices. */
  #mayBeClaimed(): boolean {
    return this.#kept.some(({ keeper }) => keeper === "IPAMClaim") ||
      this.#networks.some(({ config }) => config.persistentIps);
  }

  async #writeClaims(signal: AbortSignal): Promise<void> {
    const { world, log, ipam, cluster: { ipamClaims } } = this.#context;
    if (!ipamClaims) return;
    const wholeRange = (key: PoolKey) => this.#rules.wholeRange(key);
    const context = { claims: ipamClaims, world, log };
    const failures = await writeClaimStatuses(context, await ipam.driver.list(signal), wholeRange, signal);
    this.metrics.failures.add({ part: "claims" }, failures.length);
    if (failures.length > 0) throw failures[0];
  }

  /** The workers that write what others read: the status of IPAMClaims and of pools. */
  #makeReports(): readonly Worker[] {
    const { world, log, cluster: { poolStatuses: objects } } = this.#context;
    const statuses = objects && new PoolStatuses({ world, log, objects });
    this.#claims = new Worker(world, log, CLAIMS, (deadline) => this.#writeClaims(deadline));
    this.#statuses = new Worker(world, log, STATUSES, async (deadline) => {
      const failures = await statuses?.write(usesOf(this.#counts, this.#networks), deadline) ?? [];
      this.metrics.failures.add({ part: "statuses" }, failures.length);
    });
    return [this.#claims, this.#statuses];
  }

  /** Clears what only a leader knows, so that metrics do not repeat old values. */
  #reset(): void {
    this.#leading = this.#synced = false;
    this.#pods = this.#lastSweep = undefined;
    this.#counts = [];
    this.#slices = [];
    this.#kept = [];
    this.#sweeper = this.#claims = this.#statuses = undefined;
    this.#guard = this.#slicing = undefined;
    this.#lastResult = NO_RESULT;
  }

  #swept(swept: Swept, seconds: number): void {
    this.#lastSweep = this.#context.world.now();
    this.#count(swept.pools, swept.orphans);
    this.#lastResult = { unconfirmed: swept.unconfirmed, findings: swept.findings };
    this.#reporter.swept(swept, seconds, perRange(usesOf(this.#counts, this.#networks), this.#networks));
  }

  #count(pools: readonly PoolSnapshot[], freed: readonly Orphan[] = []): void {
    this.#counts = without(countsOf(pools), freed);
    this.#kept = keptBy(pools, freed, (podRef) => this.#pods?.get(podRef));
    this.#statuses?.trigger();
    if (hasClaims(pools)) this.#claims?.trigger();
  }

  async #readNetworks(attachments: readonly Attachment[]): Promise<readonly Network[]> {
    const { networks, faults } = await readNetworks(this.#context.world, attachments, this.#context.config);
    this.#rules = networkRules(networks, faults);
    this.#domainsOf = domainsBy(attachments, networks, faults);
    this.#reporter.found(this.#rules.networkFindings());
    this.#marks?.demand(networks);
    this.#guard?.trigger();
    return this.#networks = networks;
  }
}

function isElastic({ config }: Network): boolean {
  return config.nodeSliceElastic === true;
}

const NO_RESULT = { unconfirmed: [], findings: [] } as const;

/** Delayed, since the DEL of a pod usually frees its addresses by then; pods deleted meanwhile are checked together. */
const RELEASE = { name: "free addresses of deleted pods", delay: 500, retry: { first: 1_000, max: 30_000 } };
const CLAIMS = { name: "write the status of IPAMClaims", delay: 5_000, retry: { first: 5_000, max: 300_000 } };
const STATUSES = { name: "write the status of pools", delay: 5_000, retry: { first: 5_000, max: 300_000 } };
const NETWORKS = { name: "assign node slices", delay: 100, retry: { first: 200, max: 30_000 } };
