/**
 * Runs the sweep: once at start, then on its schedule, which is followed while it changes.
 *
 * @module
 */
import type { Ipam } from "../ipam/ipam.ts";
import { type Pods, sweep, type Swept } from "../ipam/sweep.ts";
import { startDeadline } from "../world/deadline.ts";
import type { Logger } from "../world/log.ts";
import type { World } from "../world/world.ts";
import { type Network, reservesBy } from "./networks.ts";
import { type Moment, parseSchedule, type Schedule } from "./schedule.ts";

/** Milliseconds between two looks at the clock and at the schedule's source. */
const TICK = 5_000;
/** Milliseconds until a sweep that failed is made again, whatever the schedule says: a daily one would leave a leak for a day. */
const AGAIN = 60_000;
/** Milliseconds a sweep may take besides its grace period. */
const LIMIT = 300_000;

/** When and how to sweep. */
export interface SweeperOptions {
  /** Milliseconds between the two looks. */
  readonly grace: number;
  /** The schedule as it is written now; undefined: nothing is written. */
  readonly schedule: () => Promise<string | undefined>;
  /** The schedule where nothing is written. */
  readonly usual: string;
}

/** What a sweeper asks and tells. */
export interface SweeperHooks {
  /** Who lives. */
  readonly pods: Pods;
  /** The networks, as last read. */
  readonly networks: () => readonly Network[];
  /** A sweep came to its end, after so many seconds, the grace period left out. */
  readonly swept: (swept: Swept, seconds: number) => void;
  /** A sweep did not. */
  readonly failed: (error: unknown) => void;
}

/** Sweeps on a schedule. */
export class Sweeper {
  readonly #world: World;
  readonly #log: Logger;
  readonly #ipam: Ipam;
  readonly #options: SweeperOptions;
  readonly #hooks: SweeperHooks;
  #schedule: Schedule | undefined;
  #written: string | undefined;

  /** Does nothing yet. */
  constructor(
    { world, log, ipam, sweep }: {
      readonly world: World;
      readonly log: Logger;
      readonly ipam: Ipam;
      readonly sweep: SweeperOptions;
    },
    hooks: SweeperHooks,
  ) {
    this.#world = world;
    this.#log = log;
    this.#ipam = ipam;
    this.#options = sweep;
    this.#hooks = hooks;
  }

  /** Runs until the signal aborts. Sweeps never overlap. */
  async run(signal: AbortSignal): Promise<void> {
    let last = this.#moment();
    let done = await this.#sweep(signal);
    while (!signal.aborted) {
      const schedule = await this.#read();
      const now = this.#moment();
      if (now.wall < last.wall) last = { ...last, wall: now.wall }; // the clock was set back: times of day count from here
      if (schedule.due(last, now) || (!done && now.monotonic - last.monotonic >= AGAIN)) {
        last = now;
        done = await this.#sweep(signal);
      }
      await this.#world.sleep(TICK, signal).catch(() => {});
    }
  }

  #moment(): Moment {
    return { wall: this.#world.now(), monotonic: this.#world.monotonic() };
  }

  /** The schedule as written. One that cannot be used is told, and the last usable one stays. */
  async #read(): Promise<Schedule> {
    const written = await this.#options.schedule().catch(() => this.#written);
    if (this.#schedule && written === this.#written) return this.#schedule;
    const before = this.#schedule;
    this.#written = written;
    try {
      this.#schedule = parseSchedule(written ?? this.#options.usual);
      this.#log.info("Sweeps are scheduled", { schedule: this.#schedule.text });
    } catch (error) {
      this.#schedule = before ?? parseSchedule(this.#options.usual);
      const reason = error instanceof Error ? error.message : String(error);
      this.#log.error("The schedule stays as it was", { schedule: this.#schedule.text, reason });
    }
    return this.#schedule;
  }

  /** Whether it came to its end. */
  async #sweep(signal: AbortSignal): Promise<boolean> {
    const { grace } = this.#options;
    const begun = this.#world.monotonic();
    const late = new Error(`The sweep took longer than ${(LIMIT + grace) / 1_000} s`);
    using limit = startDeadline(this.#world, LIMIT + grace, late, signal);
    try {
      const { pods } = this.#hooks;
      const reserves = reservesBy(this.#hooks.networks());
      const swept = await sweep(this.#ipam, { pods, grace, reserves, dryRun: false, signal: limit.signal });
      const found = swept.orphans.length + swept.reservations.length + swept.reserved.length + swept.failures.length;
      const waited = found > 0 ? grace : 0;
      this.#hooks.swept(swept, Math.max(0, this.#world.monotonic() - begun - waited) / 1_000);
      return true;
    } catch (error) {
      if (!signal.aborted) this.#hooks.failed(error);
      return false;
    }
  }
}
