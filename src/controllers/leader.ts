/**
 * Elects one leader among several controllers, through a Lease.
 *
 * The rules are those of client-go's leader election, except that clocks are never compared: a lease that stayed unchanged over enough reads
 * has expired, whatever time it bears. Every write of a leader is conditional on what it read, so two concurrent leaders, which a process that
 * was suspended can cause, do needless work but no harm.
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

/** Milliseconds between two reads, or two renewals: a lease lasts as long as five, so it survives failed renewals. */
const INTERVAL = 3_000;
/** Reads of an unchanged lease after which it counts as expired. */
const MAX_UNCHANGED = Math.ceil(LEASE_SECONDS * 1_000 / INTERVAL) + 1;
/** Milliseconds without a renewal after which a leader steps down: well before a standby may take the lease. */
const RENEW_TIMEOUT = 10_000;
/** Milliseconds without a usable lease after which a controller is not ready: four times what it takes to replace a dead leader. */
const MAX_UNUSABLE = 60_000;

/** Whether the election works: there is a leader, or will be. Without access to the lease no controller can lead. */
export class ElectionHealth {
  readonly #now: () => number;
  #usable: number;

  /** Starts healthy. `now` returns milliseconds of a monotonic clock. */
  constructor(now: () => number) {
    this.#now = now;
    this.#usable = now();
  }

  /** Records that the lease was written, or that another leader renews it. */
  used(): void {
    this.#usable = this.#now();
  }

  /** Whether the lease was usable within the last minute. */
  get healthy(): boolean {
    return this.#now() - this.#usable < MAX_UNUSABLE;
  }
}

/** What an election needs. */
interface ElectionOptions {
  /** The lease. */
  readonly lease: LeaseStore;
  /** Unique name of this candidate. */
  readonly identity: string;
  /** Does the work of a leader until its signal aborts. */
  readonly lead: (signal: AbortSignal) => Promise<void>;
  /** Ends the candidacy and releases the lease. */
  readonly signal: AbortSignal;
  /** Called whenever the lease was written, or another leader renewed it. */
  readonly onUsable?: () => void;
}

/** Takes part in the election until the signal aborts, and leads each time it is elected. */
export async function elect(world: World, log: Logger, options: ElectionOptions): Promise<void> {
  const { identity, lead, signal } = options;
  while (!signal.aborted) {
    const acquired = await acquire(world, log, options).catch(() => undefined);
    if (!acquired) return;
    log.info("Started leading", { identity });
    const term = new AbortController();
    const termSignal = AbortSignal.any([signal, term.signal]);
    const work = lead(termSignal).catch((error) => {
      if (!termSignal.aborted) log.error("Controller failed; stepping down", { error: messageOf(error) });
    }).finally(() => term.abort());
    const held = await renew(world, log, options, acquired, termSignal);
    term.abort();
    await work;
    log.info("Stopped leading", { identity });
    if (held) await release(world, options.lease, held);
    if (!signal.aborted) await world.sleep(INTERVAL, signal).catch(() => {});
  }
}

/** Polls until the lease is free or expired, and takes it. Rejects when the signal aborts. */
async function acquire(
  world: World,
  log: Logger,
  { lease, identity, signal, onUsable }: ElectionOptions,
): Promise<LeaseState> {
  let seen: LeaseState | undefined;
  let unchanged = 0;
  for (;;) {
    signal.throwIfAborted();
    try {
      const found = await withTimeout(world, signal, (deadline) => lease.read(deadline));
      unchanged = found && found.version === seen?.version ? unchanged + 1 : 0;
      if (found && found.holder !== "" && found.holder !== seen?.holder && found.holder !== identity) {
        log.info("Standing by", { leader: found.holder });
      }
      seen = found;
      if (!found || found.holder === "" || found.holder === identity || unchanged >= MAX_UNCHANGED) {
        const acquired = await withTimeout(world, signal, (deadline) => lease.write(identity, found, deadline));
        onUsable?.();
        return acquired;
      }
      onUsable?.();
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof ConflictError) onUsable?.();
      else log.warn("Cannot read or write the lease; retrying", { error: messageOf(error) });
    }
    await world.sleep(INTERVAL * (0.9 + 0.2 * world.random()), signal);
  }
}

/**
 * Renews the lease until the signal aborts or a renewal fails.
 *
 * @returns the lease as last written; undefined when it was lost
 */
async function renew(
  world: World,
  log: Logger,
  { lease, identity, onUsable }: ElectionOptions,
  acquired: LeaseState,
  signal: AbortSignal,
): Promise<LeaseState | undefined> {
  let last = acquired;
  while (!signal.aborted) {
    await world.sleep(INTERVAL, signal).catch(() => {});
    if (signal.aborted) break;
    const expired = new Error(`The lease was not renewed for ${RENEW_TIMEOUT / 1_000} s`);
    using deadline = startDeadline(world, RENEW_TIMEOUT - INTERVAL, expired, signal);
    try {
      last = await renewOnce(world, lease, identity, last, deadline.signal);
      onUsable?.();
    } catch (error) {
      if (signal.aborted) break;
      log.error("Lost the lease", { error: messageOf(error) });
      return undefined;
    }
  }
  return last;
}

/** Retries one renewal until the signal aborts. After a conflict it reads the lease: the conflicting write may be our own, its answer lost. */
async function renewOnce(
  world: World,
  lease: LeaseStore,
  identity: string,
  last: LeaseState,
  signal: AbortSignal,
): Promise<LeaseState> {
  for (;;) {
    try {
      return await withTimeout(world, signal, (deadline) => lease.write(identity, last, deadline));
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof ConflictError) {
        const found = await withTimeout(world, signal, (deadline) => lease.read(deadline)).catch(() => undefined);
        if (found?.holder === identity) return found;
        if (found) throw error;
      }
      await world.sleep(INTERVAL / 3, signal);
    }
  }
}

/** Lets a standby take the lease immediately. If that fails, the lease expires. */
async function release(world: World, lease: LeaseStore, held: LeaseState): Promise<void> {
  const never = new AbortController().signal;
  await withTimeout(world, never, (deadline) => lease.write("", held, deadline)).catch(() => {});
}

/** One request, which may take one interval. */
async function withTimeout<T>(
  world: World,
  signal: AbortSignal,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  using deadline = startDeadline(world, INTERVAL, new Error(`No answer within ${INTERVAL / 1_000} s`), signal);
  return await unlessAborted(work(deadline.signal), deadline.signal);
}
