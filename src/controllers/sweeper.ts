/**
 * Runs the sweep: once at start, then on its schedule, which is followed while it changes. In between it looks again at what a sweep, or the
 * deletion of a pod, made a suspect, as soon as that is due.
 *
 * @module
 */
import type { EvidenceRules } from "../pool/evidence.ts";
import type { Sweeps, Swept } from "../ipam/sweep.ts";
import type { Logger } from "../world/log.ts";
import type { World } from "../world/world.ts";
import { type Moment, parseSchedule, type Schedule } from "./schedule.ts";

/** Milliseconds between two looks at the clock and at the schedule's source. */
const TICK = 5_000;
/** Milliseconds until a sweep or look that failed is made again, whatever the schedule says: a daily one would leave a leak for a day. */
const AGAIN = 60_000;
/** Milliseconds between two sweeps that were asked for: nodes may go in numbers. */
const SOON = 30_000;

/** When and how to sweep. */
export interface SweeperOptions extends Pick<EvidenceRules, "grace" | "deadNodeGrace"> {
  /** The schedule as it is written now; undefined: nothing is written. */
  readonly schedule: () => Promise<string | undefined>;
  /** The schedule where nothing is written. */
  readonly usual: string;
}

/** What a sweeper reports. */
export interface SweeperHooks {
  /** A sweep came to its end, after so many seconds. */
  readonly swept: (swept: Swept, seconds: number) => void;
  /** A look at what was suspected came to its end. */
  readonly looked: (swept: Swept) => void;
  /** A sweep or look did not. */
  readonly failed: (error: unknown) => void;
}

/** Sweeps on a schedule. */
export class Sweeper {
  readonly #world: World;
  readonly #log: Logger;
  readonly #sweeps: Sweeps;
  readonly #options: SweeperOptions;
  readonly #hooks: SweeperHooks;
  #schedule: Schedule | undefined;
  #written: string | undefined;
  #notBefore = 0;
  #soon = false;

  /** Does nothing yet. */
  constructor(
    { world, log, sweep }: { readonly world: World; readonly log: Logger; readonly sweep: SweeperOptions },
    sweeps: Sweeps,
    hooks: SweeperHooks,
  ) {
    this.#world = world;
    this.#log = log;
    this.#sweeps = sweeps;
    this.#options = sweep;
    this.#hooks = hooks;
  }

  /** Asks for a sweep without waiting for the schedule: a node is gone for good, and what was kept because of it need not be any longer. */
  soon(): void {
    this.#soon = true;
  }

  /** Runs until the signal aborts. Sweeps never overlap. */
  async run(signal: AbortSignal): Promise<void> {
    let last = this.#moment();
    let done = await this.#sweep(signal);
    while (!signal.aborted) {
      const schedule = await this.#read();
      const now = this.#moment();
      if (now.wall < last.wall) last = { ...last, wall: now.wall }; // the clock was set back: times of day count from here
      const since = now.monotonic - last.monotonic;
      if (schedule.due(last, now) || (!done && since >= AGAIN) || (this.#soon && since >= SOON)) {
        last = now;
        this.#soon = false;
        done = await this.#sweep(signal);
      }
      if (this.#untilDue() === 0) await this.#again(signal);
      await this.#world.sleep(Math.min(TICK, this.#untilDue()), signal).catch(() => {});
    }
  }

  /** Milliseconds until something suspected is to be looked at again. */
  #untilDue(): number {
    const due = this.#sweeps.next;
    return due === undefined ? TICK : Math.max(0, Math.ceil(due), this.#notBefore - this.#world.monotonic());
  }

  /** Looks again at what is due. */
  async #again(signal: AbortSignal): Promise<void> {
    try {
      this.#hooks.looked(await this.#sweeps.look(signal, this.#sweeps.due()));
    } catch (error) {
      this.#notBefore = this.#world.monotonic() + AGAIN;
      if (!signal.aborted) this.#hooks.failed(error);
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
    const begun = this.#world.monotonic();
    try {
      const swept = await this.#sweeps.look(signal);
      this.#hooks.swept(swept, (this.#world.monotonic() - begun) / 1_000);
      return true;
    } catch (error) {
      if (!signal.aborted) this.#hooks.failed(error);
      return false;
    }
  }
}
