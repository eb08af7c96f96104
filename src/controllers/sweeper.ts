/**
 * Runs the sweep: at start, then on a schedule that may change meanwhile. Between sweeps it checks suspects, which a sweep or the deletion of a
 * pod found, as soon as they are due.
 *
 * @module
 */
import type { EvidenceRules } from "../pool/evidence.ts";
import type { Sweeps, Swept } from "../ipam/sweep.ts";
import { messageOf } from "../values/errors.ts";
import type { Logger } from "../world/log.ts";
import type { World } from "../world/world.ts";
import { type Moment, parseSchedule, type Schedule } from "./schedule.ts";

/** Milliseconds between two reads of the clock and of the schedule. */
const TICK_INTERVAL = 5_000;
/** Milliseconds until a failed sweep or check is retried, whatever the schedule: with a daily one, a leak would last a day. */
const RETRY_INTERVAL = 60_000;
/** Milliseconds from one sweep to the next that was requested: many nodes may be deleted at the same time. */
const REQUEST_INTERVAL = 30_000;

/** When and how to sweep. */
export interface SweeperOptions extends Pick<EvidenceRules, "grace" | "deadNodeGrace"> {
  /** Reads the configured schedule; undefined: none is configured. */
  readonly schedule: () => Promise<string | undefined>;
  /** The schedule when none is configured. */
  readonly defaultSchedule: string;
}

/** Receives the outcomes. */
interface SweeperHooks {
  /** A sweep finished after so many seconds. */
  readonly swept: (swept: Swept, seconds: number) => void;
  /** Suspects were checked; addresses may have been freed. */
  readonly checked: (swept: Swept) => void;
  /** A sweep or check failed. */
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
  #configured: string | undefined;
  #notBefore = 0;
  #requested = false;
  #started: number | undefined;
  #finished: number | undefined;

  /** Does nothing until {@linkcode run}. */
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

  /** Requests a sweep before the scheduled one: a node was deleted or fenced, so addresses that were kept because of it can be freed. */
  request(): void {
    this.#requested = true;
  }

  /** When a sweep is due, in milliseconds since 1970: at the start, then after each that finished. Undefined before it runs. */
  get due(): number | undefined {
    return this.#finished === undefined ? this.#started : this.#schedule?.after(this.#finished);
  }

  /** Runs until the signal aborts. Sweeps never overlap. */
  async run(signal: AbortSignal): Promise<void> {
    let last = this.#moment();
    this.#started = last.wall;
    let done = await this.#sweep(signal);
    while (!signal.aborted) {
      const schedule = await this.#readSchedule();
      const now = this.#moment();
      if (now.wall < last.wall) last = { ...last, wall: now.wall }; // the clock was set back: times of day count from here
      const since = now.monotonic - last.monotonic;
      if (schedule.due(last, now) || (!done && since >= RETRY_INTERVAL) || this.#isRequested(since)) {
        last = now;
        this.#requested = false;
        done = await this.#sweep(signal);
      }
      if (this.#untilDue() === 0) await this.#checkSuspects(signal);
      await this.#world.sleep(Math.min(TICK_INTERVAL, this.#untilDue()), signal).catch(() => {});
    }
  }

  #isRequested(sinceLast: number): boolean {
    return this.#requested && sinceLast >= REQUEST_INTERVAL;
  }

  /** Milliseconds until a suspect is due. */
  #untilDue(): number {
    const due = this.#sweeps.next;
    return due === undefined ? TICK_INTERVAL : Math.max(0, Math.ceil(due), this.#notBefore - this.#world.monotonic());
  }

  async #checkSuspects(signal: AbortSignal): Promise<void> {
    try {
      this.#hooks.checked(await this.#sweeps.scan(signal, this.#sweeps.due()));
    } catch (error) {
      this.#notBefore = this.#world.monotonic() + RETRY_INTERVAL;
      if (!signal.aborted) this.#hooks.failed(error);
    }
  }

  #moment(): Moment {
    return { wall: this.#world.now(), monotonic: this.#world.monotonic() };
  }

  /** The schedule as configured now. An invalid one is logged, and the last valid one is kept. */
  async #readSchedule(): Promise<Schedule> {
    const configured = await this.#options.schedule().catch(() => this.#configured);
    if (this.#schedule && configured === this.#configured) return this.#schedule;
    const before = this.#schedule;
    this.#configured = configured;
    try {
      this.#schedule = parseSchedule(configured ?? this.#options.defaultSchedule);
      this.#log.info("Scheduled sweeps", { schedule: this.#schedule.text });
    } catch (error) {
      this.#schedule = before ?? parseSchedule(this.#options.defaultSchedule);
      this.#log.error("Ignored invalid schedule; keeping the previous one", {
        schedule: this.#schedule.text,
        error: messageOf(error),
      });
    }
    return this.#schedule;
  }

  /** @returns whether it finished */
  async #sweep(signal: AbortSignal): Promise<boolean> {
    const begun = this.#world.monotonic();
    try {
      const swept = await this.#sweeps.scan(signal);
      this.#finished = this.#world.now();
      this.#hooks.swept(swept, (this.#world.monotonic() - begun) / 1_000);
      return true;
    } catch (error) {
      if (!signal.aborted) this.#hooks.failed(error);
      return false;
    }
  }
}
