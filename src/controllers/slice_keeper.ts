/**
 * Writes what `slice_work.ts` decides, in the order that keeps addresses unique (`pool/slice_plan.ts`).
 *
 * @module
 */
import { isClosed } from "../pool/fence.ts";
import type { Closing, Opening } from "../pool/slice_plan.ts";
import { formatPoolKey, type PoolKey } from "../pool/types.ts";
import { ConflictError, type PoolSnapshot, RefusedError, type SliceStore } from "../storage/driver.ts";
import type { Ipam } from "../ipam/ipam.ts";
import { attempt, retry } from "../storage/retry.ts";
import type { World } from "../world/world.ts";
import type { Cluster, NodeFacts, StoredSlices } from "./cluster.ts";
import type { Network } from "./networks.ts";
import type { Reporter } from "./reporter.ts";
import { unassigned } from "./slice_lists.ts";
import {
  needsPools,
  planSliceWork,
  type SliceStates,
  type SliceStep,
  type SliceWork,
  type UnusedPool,
  type Withdrawal,
} from "./slice_work.ts";

/**
 * Plans per run: lists are claimed and created, others withdrawn, pools closed, lists deleted, and pools reopened, each before the next is
 * planned.
 */
const MAX_STEPS = 6;
/** Pools that are closed, opened or deleted at the same time. */
const CONCURRENCY = 16;
/**
 * Milliseconds after which no call can be in flight that read a list of slices before a pool was closed: a call ends after two minutes, and TCP
 * delivers or drops what it sent within about 16 (Linux, tcp_retries2).
 */
export const FENCE_AGE = 60 * 60_000;

/** What a keeper works with. */
interface KeeperContext {
  /** The machine. */
  readonly world: World;
  /** The store. */
  readonly ipam: Ipam;
  /** The cluster. */
  readonly cluster: Cluster;
  /** Milliseconds for which an elastic slice must be empty before it is unassigned. */
  readonly sliceGrace: number;
}

/** Receives problems. */
type SliceReporter = Pick<Reporter, "problems" | "writeRefused" | "unassigned">;

/** Assigns node slices during one term of a leader. */
export class SliceKeeper {
  readonly #context: KeeperContext;
  readonly #reporter: SliceReporter;
  readonly #planned: (states: readonly SliceStates[]) => void;
  /** Mark of the last settlement that was fully written; undefined: the pools must be read. */
  #settlement: string | undefined;
  readonly #fences = new Map<string, { readonly closed: number; readonly since: number }>();
  /** Names the term of this leader, in every list that it writes. */
  readonly #term: string;
  /** Since when elastic slices were found empty in each plan, by slice, in monotonic milliseconds. */
  #emptySince: ReadonlyMap<string, number> = new Map();

  /** `planned` receives the slice counts of each plan. */
  constructor(context: KeeperContext, reporter: SliceReporter, planned: (states: readonly SliceStates[]) => void) {
    this.#context = context;
    this.#reporter = reporter;
    this.#planned = planned;
    this.#term = Math.floor(context.world.random() * 2 ** 48).toString(36);
  }

  /** Makes the next run read all pools: they may have changed although no list did. */
  invalidate(): void {
    this.#settlement = undefined;
  }

  /**
   * Brings NodeSlicePools and pools to the state that the networks demand.
   *
   * @param original the object that runs a controller of the original; undefined: none runs, or no network is elastic
   * @throws a failure that is to be retried, with fresh lists, since another process may have written
   */
  async keep(
    networks: readonly Network[],
    nodes: readonly NodeFacts[],
    signal: AbortSignal,
    original?: string,
  ): Promise<void> {
    const { slices } = this.#context.ipam.driver;
    if (!slices) return;
    const demand = { networks, nodes, original };
    for (let step = 0; step < MAX_STEPS; step++) {
      const read = await this.#read(demand, signal);
      const work = planSliceWork({ ...demand, ...read, idle: this.#idle() });
      if (read.pools) this.#foundEmpty(work.empty);
      this.#settlement = undefined; // until everything is written
      this.#planned(work.states);
      this.#reporter.problems(work.problems);
      if (await this.#prepare(work, read.stored, signal)) continue;
      const failures = await this.#do(work, slices, signal);
      if (failures.length > 0) throw failures[0];
      if (!work.unfinished) {
        this.#settlement = work.settlement;
        return;
      }
    }
  }

  async #read(
    demand: Pick<Parameters<typeof planSliceWork>[0], "networks" | "nodes" | "original">,
    signal: AbortSignal,
  ): Promise<{ readonly stored: readonly StoredSlices[]; readonly pools: readonly PoolSnapshot[] | undefined }> {
    const { world, ipam, cluster } = this.#context;
    const lists = async () => (await retry((deadline) => cluster.slices.list(deadline), world, signal)).items;
    const stored = await lists();
    if (!needsPools({ ...demand, stored }, this.#settlement)) return { stored, pools: undefined };
    const pools = await ipam.driver.list(signal);
    return { stored: await lists(), pools }; // after the pools: `slice_leftovers.ts` gives the reason
  }

  /**
   * Prepares the lists for a plan that writes: each gets the term of this leader, and missing ones are created without slices.
   *
   * Two leaders may see different definitions, and assign one slice in two lists. So a leader writes only what it planned on lists that all have
   * its term (docs/ARCHITECTURE.md). Lists of other controllers have none: they are first saved with the slices that they have.
   *
   * @returns whether anything was written, so that the lists must be read and planned again
   */
  async #prepare(
    { steps, withdraw, remove }: SliceWork,
    stored: readonly StoredSlices[],
    signal: AbortSignal,
  ): Promise<boolean> {
    if (steps.length + withdraw.length + remove.length === 0) return false;
    const { slices } = this.#context.cluster;
    let written = 0;
    for (const last of stored.filter(({ network, term }) => network !== undefined && term !== this.#term)) {
      await this.#attempt((deadline) => slices.claim(last, this.#term, deadline), signal);
      written++;
    }
    for (const [wanted, last] of steps.flatMap(({ save }) => save)) {
      if (last && last.network !== undefined) continue;
      const { slices: own, epoch } = last ?? { slices: [], epoch: 0 };
      const prepared = { ...wanted, slices: own, epoch, elastic: undefined, term: this.#term };
      try {
        await this.#attempt((deadline) => slices.save(prepared, last, deadline), signal);
        written++;
      } catch (error) {
        if (!(error instanceof RefusedError)) throw error; // the step reports it; other networks are not affected
      }
    }
    return written > 0;
  }

  #idle(): ReadonlySet<string> {
    const { world, sliceGrace } = this.#context;
    const now = world.monotonic();
    return new Set([...this.#emptySince].filter(([, since]) => now - since >= sliceGrace).map(([slice]) => slice));
  }

  #foundEmpty(slices: readonly string[]): void {
    const now = this.#context.world.monotonic();
    this.#emptySince = new Map(slices.map((slice) => [slice, this.#emptySince.get(slice) ?? now]));
  }

  async #do(work: SliceWork, slices: SliceStore, signal: AbortSignal): Promise<unknown[]> {
    const failures: unknown[] = [];
    const guarded = async (one: () => Promise<void>, refused: (error: RefusedError) => void) => {
      try {
        await one();
      } catch (error) {
        signal.throwIfAborted();
        if (error instanceof RefusedError) refused(error);
        else failures.push(error);
      }
    };
    for (const one of work.withdraw) {
      await guarded(
        () => this.#withdraw(one, slices, signal),
        (error) => this.#reporter.writeRefused(`NodeSlicePool ${one.list.name}`, error),
      );
    }
    for (const step of work.steps) {
      await guarded(() => this.#apply(step, slices, signal), (error) => this.#refused(step, error));
    }
    for (const last of work.remove) {
      await guarded(
        () => this.#attempt((deadline) => this.#context.cluster.slices.remove(last, deadline), signal),
        (error) => this.#reporter.writeRefused(`NodeSlicePool ${last.name}`, error),
      );
    }
    await inParallel(this.#expired(work.unused), async (unused) => {
      await guarded(
        () => this.#delete(unused, slices, signal),
        (error) => this.#reporter.writeRefused(`IPPool of ${formatPoolKey(unused.key)}`, error),
      );
    });
    return failures;
  }

  async #withdraw({ list, close, slices: used, epoch }: Withdrawal, slices: SliceStore, signal: AbortSignal) {
    await inParallel(close, (closing) => this.#close(closing, slices, signal));
    const { elastic: _, network = "", ...rest } = list;
    const wanted = { ...rest, network, slices: used, epoch };
    await this.#attempt((deadline) => this.#context.cluster.slices.save(wanted, list, deadline), signal);
    const lost = unassigned(wanted, list);
    if (lost.length > 0) this.#reporter.unassigned(list.name, lost);
  }

  /** Closes, saves, opens. A failure ends the step, since each part depends on the one before. */
  async #apply({ close, save, open }: SliceStep, slices: SliceStore, signal: AbortSignal): Promise<void> {
    await inParallel(close, (closing) => this.#close(closing, slices, signal));
    for (const [wanted, last] of save) {
      try {
        const saved = { ...wanted, term: this.#term };
        await this.#attempt((deadline) => this.#context.cluster.slices.save(saved, last, deadline), signal);
        const lost = unassigned(wanted, last);
        if (lost.length > 0) this.#reporter.unassigned(wanted.name, lost);
      } catch (error) {
        // a NodeSlicePool that cannot be created does not affect the other networks of its group
        if (last || !(error instanceof RefusedError)) throw error;
        this.#reporter.problems([{ attachment: wanted.owner, reason: "SlicesRefused", message: error.message }]);
      }
    }
    await inParallel(open, (opening) => this.#open(opening, slices, signal));
  }

  /** Closes a pool as the plan read it. If it changed since, the plan fails. */
  async #close({ key, pool, closed, reason }: Closing, slices: SliceStore, signal: AbortSignal): Promise<void> {
    const snapshot = pool ? { version: undefined, ...pool } : await this.#readPool(key, signal);
    if (!pool && (snapshot.allocations.size > 0 || snapshot.fence)) {
      throw new ConflictError(`Pool ${formatPoolKey(key)} was created concurrently, so its slice is not reassigned`);
    }
    const fence = { closed, ...(reason !== undefined && { reason }) };
    await slices.close(snapshot, fence, signal);
  }

  async #open({ pool, opened }: Opening, slices: SliceStore, signal: AbortSignal): Promise<void> {
    await slices.open({ version: undefined, ...pool }, opened, signal);
  }

  async #delete({ key, fence }: UnusedPool, slices: SliceStore, signal: AbortSignal): Promise<void> {
    const snapshot = await this.#readPool(key, signal);
    if (snapshot.allocations.size > 0 || (fence && !isClosed(snapshot.fence))) return;
    await slices.remove(snapshot, signal);
  }

  /** Skips fences that this process has seen for less than {@linkcode FENCE_AGE}; clocks of other processes do not matter. */
  #expired(unused: readonly UnusedPool[]): UnusedPool[] {
    const now = this.#context.world.monotonic();
    const fences = unused.filter(({ fence }) => fence);
    const names = new Set(fences.map(({ key }) => formatPoolKey(key)));
    for (const name of this.#fences.keys()) if (!names.has(name)) this.#fences.delete(name);
    return unused.filter(({ key, fence, closed = 0 }) => {
      if (!fence) return true;
      const name = formatPoolKey(key);
      const seen = this.#fences.get(name);
      if (seen?.closed === closed) return now - seen.since >= FENCE_AGE;
      this.#fences.set(name, { closed, since: now });
      return false;
    });
  }

  #refused({ save: [first] }: SliceStep, error: RefusedError): void {
    const { message } = error;
    if (first) this.#reporter.problems([{ attachment: first[0].owner, reason: "SlicesRefused", message }]);
    else this.#reporter.writeRefused("IPPool of a slice", error);
  }

  #readPool(key: PoolKey, signal: AbortSignal): Promise<PoolSnapshot> {
    return this.#context.ipam.driver.read(key, signal);
  }

  #attempt(work: (deadline: AbortSignal) => Promise<void>, signal: AbortSignal): Promise<void> {
    return attempt(work, this.#context.world, signal);
  }
}

/** Processes {@linkcode CONCURRENCY} items at the same time. Throws the first failure when the concurrent ones have ended. */
async function inParallel<T>(all: readonly T[], work: (one: T) => Promise<void>): Promise<void> {
  for (let at = 0; at < all.length; at += CONCURRENCY) {
    const done = await Promise.allSettled(all.slice(at, at + CONCURRENCY).map(work));
    const failed = done.find(({ status }) => status === "rejected");
    if (failed?.status === "rejected") throw failed.reason;
  }
}
