/**
 * The simulation's time and order. Nothing happens by itself: every operation on the store and every sleep stops here, and chance, from a
 * seed, says which goes on.
 *
 * @module
 */
import { setImmediate } from "node:timers";
import { makeRandom } from "../support/world.ts";

/** A simulated process. Killed, it never goes on. */
export interface Process {
  /** For traces. */
  readonly name: string;
  /** Whether it may go on. */
  alive: boolean;
  /** Told when it is killed. */
  onKill?: () => void;
  /** Whether a reservation it makes may be one that a DEL makes again for the sandbox that took the address over. */
  readonly mayRestore?: () => boolean;
  /** Reservations that it is about to delete, and of which its node recorded nothing. Absent: none. */
  readonly unrecorded?: () => number;
  /** Whether the network carries what it sends now. Absent: always. */
  readonly reaches?: () => boolean;
  /** Whether faults pass it by. Absent: never. */
  readonly spared?: () => boolean;
}

/** Something that waits for its turn. */
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

/** When every run begins. */
const START = Date.UTC(2027, 0, 1);

/** Orders a run. */
export class Scheduler {
  /** Chance. */
  readonly random: () => number;
  /**
   * Reservations that perhaps nobody but the sweep can find: made after their maker gave up, or made by a DEL for the sandbox that had
   * taken the address over, which may be on its own way out; or left by a DEL that dies between its two writes, after an ADD that died before
   * it recorded what it got.
   */
  leftToSweep = 0;
  /** Nobody reaches the store. */
  outage = false;
  /** Faults happen. */
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

  /** Operations that wait for their turn. */
  get waiting(): number {
    return this.#gates.length;
  }

  /** Whether a process that matches waits to do this. */
  awaits(label: string, matches: (process: Process) => boolean): boolean {
    return this.#gates.some((gate) => gate.label === label && matches(gate.process));
  }

  /** What happened, newest last. */
  get trace(): readonly string[] {
    return this.#trace;
  }

  /** Notes something for the trace. */
  note(text: string): void {
    this.#trace.push(text);
  }

  /** A whole number from 0 to below the limit. */
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

  /** Ends a process where it stands. */
  kill(process: Process): void {
    this.note(`${process.name} is killed`);
    this.leftToSweep += process.unrecorded?.() ?? 0;
    process.alive = false;
    this.#gates = this.#gates.filter((gate) => gate.process !== process);
    this.#sleepers = this.#sleepers.filter((sleeper) => sleeper.process !== process);
    process.onKill?.();
  }

  /**
   * Lets one thing go on: a waiting operation, or, seldom while there is one, the earliest sleeper.
   *
   * @returns false where nothing waits
   */
  async step(): Promise<boolean> {
    const { length } = this.#gates;
    if (length > 0 && !(this.faults && this.chance(0.01))) {
      const [gate] = this.#gates.splice(this.below(length), 1);
      if (gate) this.note(`${gate.process.name}: ${gate.label}`);
      gate?.open();
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

/** Turns of the event loop: every process stands at its next gate, sleeps, or ended. A module that is loaded already takes one or two. */
export async function standstill(): Promise<void> {
  for (let turn = 0; turn < 3; turn++) await new Promise<void>((resolve) => setImmediate(() => resolve()));
}
