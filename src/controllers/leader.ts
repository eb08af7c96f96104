/**
 * One leader among several controllers, through a Lease.
 *
 * The rules are those of the reference client's leader election. Time is counted in looks, never compared between clocks: a lease that was
 * not renewed over enough looks may be taken, whatever time it bears. Everything a leader does is conditional on what it saw, so two leaders
 * at once, after a pause of a whole process, are wasteful and not wrong.
 *
 * @module
 */
import { ConflictError } from "../storage/driver.ts";
import { unlessAborted } from "../async/abort.ts";
import { startDeadline } from "../async/deadline.ts";
import { messageOf } from "../values/errors.ts";
import type { Logger } from "../world/log.ts";
import type { World } from "../world/world.ts";
import { LEASE_SECONDS, type LeaseState, type LeaseStore } from "./cluster.ts";

/** Milliseconds between two looks, or two renewals. */
const PERIOD = 3_000;
/** Looks at an unchanged lease after which its holder counts as gone. */
const PATIENCE = Math.ceil(LEASE_SECONDS * 1_000 / PERIOD) + 1;
/** Milliseconds without a renewal after which a leader steps down: well before others may take the lease. */
const RENEW_DEADLINE = 10_000;
/** Milliseconds without a usable lease after which a controller is not ready: four times what replacing a leader that fell silent takes. */
const UNUSABLE_FOR = 60_000;

/** Whether the election works: somebody leads, or is about to. Where the lease can be neither read nor written, nobody does. */
export class ElectionHealth {
  readonly #now: () => number;
  #usable: number;

  /** Healthy at first. `now` gives milliseconds, and never goes back. */
  constructor(now: () => number) {
    this.#now = now;
    this.#usable = now();
  }

  /** The lease is another's who renews it, or was written. */
  used(): void {
    this.#usable = this.#now();
  }

  /** Whether the lease was usable within the last minute. */
  get healthy(): boolean {
    return this.#now() - this.#usable < UNUSABLE_FOR;
  }
}

/** What an election needs. */
export interface ElectionOptions {
  /** Where. */
  readonly lease: LeaseStore;
  /** This candidate, different from every other. */
  readonly identity: string;
  /** The work of a leader; its signal aborts when it must stop. */
  readonly lead: (signal: AbortSignal) => Promise<void>;
  /** Ends the candidacy. The lease is given up. */
  readonly signal: AbortSignal;
  /** Called whenever the lease is another's who renews it, or was written. */
  readonly onUsable?: () => void;
}

/** Stands for election until the signal aborts, and leads each time it is elected. */
export async function elect(world: World, log: Logger, options: ElectionOptions): Promise<void> {
  const { identity, lead, signal } = options;
  while (!signal.aborted) {
    const taken = await candidate(world, log, options).catch(() => undefined);
    if (!taken) return;
    log.info("Leading", { identity });
    const term = new AbortController();
    const limit = AbortSignal.any([signal, term.signal]);
    const work = lead(limit).catch((error) => {
      if (!limit.aborted) log.error("Leading failed", { reason: messageOf(error) });
    }).finally(() => term.abort());
    const held = await renew(world, log, options, taken, limit);
    term.abort();
    await work;
    log.info("Leading no more", { identity });
    if (held) await giveUp(world, options.lease, held);
    if (!signal.aborted) await world.sleep(PERIOD, signal).catch(() => {});
  }
}

/** Looks until the lease is free, or left, and ours. Rejects when the signal aborts. */
async function candidate(
  world: World,
  log: Logger,
  { lease, identity, signal, onUsable }: ElectionOptions,
): Promise<LeaseState> {
  let seen: LeaseState | undefined;
  let unchanged = 0;
  for (;;) {
    signal.throwIfAborted();
    try {
      const found = await limited(world, signal, (limit) => lease.read(limit));
      unchanged = found && found.version === seen?.version ? unchanged + 1 : 0;
      if (found && found.holder !== seen?.holder && found.holder !== identity) {
        log.info("Another leads", { holder: found.holder || "nobody" });
      }
      seen = found;
      if (!found || found.holder === "" || found.holder === identity || unchanged >= PATIENCE) {
        const taken = await limited(world, signal, (limit) => lease.write(identity, found, limit));
        onUsable?.();
        return taken;
      }
      onUsable?.();
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof ConflictError) onUsable?.();
      else log.warn("The lease cannot be read or written", { reason: messageOf(error) });
    }
    await world.sleep(PERIOD * (0.9 + 0.2 * world.random()), signal);
  }
}

/**
 * Renews until it cannot.
 *
 * @returns the lease as last written; undefined where another has it
 */
async function renew(
  world: World,
  log: Logger,
  { lease, identity, onUsable }: ElectionOptions,
  taken: LeaseState,
  limit: AbortSignal,
): Promise<LeaseState | undefined> {
  let last = taken;
  while (!limit.aborted) {
    await world.sleep(PERIOD, limit).catch(() => {});
    if (limit.aborted) break;
    const late = new Error(`The lease was not renewed for ${RENEW_DEADLINE / 1_000} s`);
    using deadline = startDeadline(world, RENEW_DEADLINE - PERIOD, late, limit);
    try {
      last = await persist(world, lease, identity, last, deadline.signal);
      onUsable?.();
    } catch (error) {
      if (limit.aborted) break;
      log.error("The lease is lost", { reason: messageOf(error) });
      return undefined;
    }
  }
  return last;
}

/** Renews, over failures, until the signal aborts. A conflict may be a renewal of our own whose answer was lost: the lease tells. */
async function persist(
  world: World,
  lease: LeaseStore,
  identity: string,
  last: LeaseState,
  signal: AbortSignal,
): Promise<LeaseState> {
  for (;;) {
    try {
      return await limited(world, signal, (limit) => lease.write(identity, last, limit));
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof ConflictError) {
        const found = await limited(world, signal, (limit) => lease.read(limit)).catch(() => undefined);
        if (found?.holder === identity) return found;
        if (found) throw error;
      }
      await world.sleep(PERIOD / 3, signal);
    }
  }
}

async function giveUp(world: World, lease: LeaseStore, held: LeaseState): Promise<void> {
  const never = new AbortController().signal;
  await limited(world, never, (limit) => lease.write("", held, limit)).catch(() => {}); // it runs out by itself
}

/** One request: longer than a period it is not waited for, answered or not. */
async function limited<T>(world: World, signal: AbortSignal, work: (limit: AbortSignal) => Promise<T>): Promise<T> {
  using limit = startDeadline(world, PERIOD, new Error(`No answer within ${PERIOD / 1_000} s`), signal);
  return await unlessAborted(work(limit.signal), limit.signal);
}
