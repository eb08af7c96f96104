/**
 * The simulation's time and order. Nothing happens by itself: every operation on the store and every sleep stops here, and chance, from a
 * seed, chooses the next to continue.
 *
 * @module
 */
import { setImmediate } from "node:timers";
import { makeRandom } from "../support/world.ts";

/** A simulated process. After it is killed, it never continues. */
export interface Process {
  /** For traces. */
  readonly name: string;
  /** Whether it may continue. */
  alive: boolean;
  /** Called when it is killed. */
  onKill?: () => void;
  /** Whether it may recreate reservations, as a DEL does for the sandbox that took the address over. */
  readonly mayRestore?: () => boolean;
  /** Number of reservations that it is about to delete and its node has not recorded. Default 0. */
  readonly unrecorded?: () => number;
  /** Whether its requests reach the network. Default true. */
  readonly reaches?: () => boolean;
  /** Whether it is exempt from faults. Default false. */
  readonly spared?: () => boolean;
  /** Simulated time until which it is suspended: its operations wait. Default: it is not. */
  suspendedUntil?: number;
}

/** An operation that waits to be chosen. */
interface Gate {
  readonly process: Process;
  readonly label: string;
  readonly open: () => void;
}

interface Sleeper {
  readonly process: Process;
  readonly at: number;
  readonly wake: () => void;
}

/** Simulated time at which every run begins. */
const START = Date.UTC(2027, 0, 1);

/** Orders a run. */
export class Scheduler {
  /** Chance. */
  readonly random: () => number;
  /**
   * Max number of reservations that only the sweep can free: created after their caller timed out; or recreated by a DEL for the sandbox that
   * had taken the address over, which may be ending too; or left by a DEL that died between its two writes, after an ADD that died before it
   * recorded its addresses.
   */
  leftToSweep = 0;
  /** Whether the store is unreachable for all processes. */
  outage = false;
  /** Whether faults happen. */
  faults = true;
  #now = START;
  #gates: Gate[] = [];
  #sleepers: Sleeper[] = [];
  readonly #trace: string[] = [];

  /** Starts the clock at a fixed time. */
  constructor(seed: number) {
    this.random = makeRandom(seed);
  }

  /** Milliseconds since 1970. */
  get now(): number {
    return this.#now;
  }

  /** Number of waiting operations. */
  get waiting(): number {
    return this.#gates.length;
  }

  /** Whether a matching process waits for this operation. */
  awaits(label: string, matches: (process: Process) => boolean): boolean {
    return this.#gates.some((gate) => gate.label === label && matches(gate.process));
  }

  /** The processes that wait for an operation whose label begins with the text, each with the rest of the label. */
  awaiting(start: string): readonly { readonly process: Process; readonly rest: string }[] {
    return this.#gates.filter(({ label }) => label.startsWith(start))
      .map(({ process, label }) => ({ process, rest: label.slice(start.length) }));
  }

  /** Suspends a process for a time, as a machine does that is overloaded or being moved. Its timers run. */
  suspend(process: Process, milliseconds: number): void {
    this.note(`${process.name} is suspended for ${milliseconds / 1000} s`);
    process.suspendedUntil = this.#now + milliseconds;
  }

  /** The events so far, newest last. */
  get trace(): readonly string[] {
    return this.#trace;
  }

  /** Adds a line to the trace. */
  note(text: string): void {
    this.#trace.push(text);
  }

  /** An integer from 0 (inclusive) to the limit (exclusive). */
  below(limit: number): number {
    return Math.floor(this.random() * limit);
  }

  /** True with the given chance. */
  chance(share: number): boolean {
    return this.random() < share;
  }

  /** One of several. */
  pick<T>(from: readonly T[]): T {
    return from[this.below(from.length)] as T;
  }

  /** Stops until chosen. */
  gate(process: Process, label: string): Promise<void> {
    return new Promise((open) => this.#gates.push({ process, label, open }));
  }

  /** Sleeps in simulated time. */
  sleep(process: Process, milliseconds: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      const sleeper: Sleeper = { process, at: this.#now + milliseconds, wake: () => resolve() };
      this.#sleepers.push(sleeper);
      signal?.addEventListener("abort", () => {
        this.#sleepers = this.#sleepers.filter((one) => one !== sleeper);
        reject(signal.reason);
      }, { once: true });
    });
  }

  /** Ends a process wherever it waits. */
  kill(process: Process): void {
    this.note(`${process.name} is killed`);
    this.leftToSweep += process.unrecorded?.() ?? 0;
    process.alive = false;
    this.#gates = this.#gates.filter((gate) => gate.process !== process);
    this.#sleepers = this.#sleepers.filter((sleeper) => sleeper.process !== process);
    process.onKill?.();
  }

  /**
   * Continues one waiting operation of a process that is not suspended; or the earliest sleeper if no such operation waits, and rarely
   * otherwise.
   *
   * @returns false if nothing waits
   */
  async step(): Promise<boolean> {
    const ready = this.#gates.filter(({ process: { suspendedUntil = 0 } }) => suspendedUntil <= this.#now);
    if (ready.length > 0 && !(this.faults && this.chance(0.01))) {
      const gate = this.pick(ready);
      this.#gates.splice(this.#gates.indexOf(gate), 1);
      this.note(`${gate.process.name}: ${gate.label}`);
      gate.open();
    } else if (!this.#wakeEarliest()) return false;
    await standstill();
    return true;
  }

  #wakeEarliest(): boolean {
    const [first] = this.#sleepers.sort((a, b) => a.at - b.at);
    if (!first) return false;
    this.#sleepers.shift();
    this.#now = Math.max(this.#now, first.at);
    first.wake();
    return true;
  }
}

/** Waits until every process is at its next gate, sleeps, or has ended. Importing a loaded module takes one or two turns of the event loop. */
export async function standstill(): Promise<void> {
  for (let turn = 0; turn < 3; turn++) await new Promise<void>((resolve) => setImmediate(() => resolve()));
}
