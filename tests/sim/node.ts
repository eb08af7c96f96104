/**
 * A simulated node: its disk, its locks, and the World of each process on it. Disk and locks outlive processes as real ones do: a file
 * stays, a lock goes.
 *
 * @module
 */
import type { Lock, World } from "../../src/world/world.ts";
import { memoryWorld } from "../support/world.ts";
import type { Process, Scheduler } from "./scheduler.ts";

interface HeldLock {
  holder: Process;
  readonly waiting: { readonly process: Process; readonly grant: (lock: Lock) => void }[];
}

/** What the processes of a simulated node have in their environment: networks here may name any path. */
const ENVIRONMENT: Readonly<Record<string, string>> = { WHEREABOUTS_ALLOW_PATHS: "/" };

/** One node. */
export class SimNode {
  /** Its name. */
  readonly name: string;
  readonly #scheduler: Scheduler;
  readonly #disk = memoryWorld({ env: ENVIRONMENT });
  readonly #locks = new Map<string, HeldLock>();
  /** Milliseconds by which its wall clock is wrong. */
  clockError = 0;
  /** Whether it is cut off: what runs on it goes on, and reaches nobody. */
  cut = false;

  /** Starts with a disk that holds the node's name. */
  constructor(name: string, scheduler: Scheduler) {
    this.name = name;
    this.#scheduler = scheduler;
    void this.#disk.writeFile("/etc/cni/net.d/whereabouts.d/nodename", `${name}\n`, { durable: false });
  }

  /** The path of a sandbox's network namespace, which exists from now on. */
  makeNetns(containerId: string): string {
    const path = netnsPath(containerId);
    void this.#disk.writeFile(path, "", { durable: false });
    return path;
  }

  /** The network namespace of a sandbox ends. */
  removeNetns(containerId: string): void {
    void this.#disk.remove(netnsPath(containerId));
  }

  /** Files on its disk. */
  get files(): ReadonlyMap<string, unknown> {
    return this.#disk.files;
  }

  /** The World of a process of this node. */
  world(process: Process): World {
    const scheduler = this.#scheduler;
    return {
      ...this.#disk,
      stderr: () => {},
      exchange: () => Promise.resolve(undefined),
      now: () => scheduler.now + this.clockError,
      monotonic: () => scheduler.now,
      random: () => scheduler.random(),
      sleep: (milliseconds, signal) => scheduler.sleep(process, milliseconds, signal),
      lock: (name, signal) => this.#lock(process, name, signal),
    };
  }

  /** Locks of a process that was killed go to the next. */
  dropLocks(process: Process): void {
    for (const [name, held] of this.#locks) if (held.holder === process) this.#release(name, held);
  }

  #lock(process: Process, name: string, signal: AbortSignal): Promise<Lock> {
    if (!process.alive) return new Promise(() => {});
    const held = this.#locks.get(name);
    if (!held) {
      const fresh: HeldLock = { holder: process, waiting: [] };
      this.#locks.set(name, fresh);
      return Promise.resolve(this.#heldBy(process, name, fresh));
    }
    return new Promise((grant, reject) => {
      const waiter = { process, grant };
      held.waiting.push(waiter);
      signal.addEventListener("abort", () => {
        const at = held.waiting.indexOf(waiter);
        if (at < 0) return;
        held.waiting.splice(at, 1);
        reject(signal.reason);
      }, { once: true });
    });
  }

  #release(name: string, held: HeldLock): void {
    for (let next = held.waiting.shift(); next; next = held.waiting.shift()) {
      if (!next.process.alive) continue;
      held.holder = next.process;
      next.grant(this.#heldBy(next.process, name, held));
      return;
    }
    this.#locks.delete(name);
  }

  /** The locks of the dead were released when they died. */
  #heldBy(process: Process, name: string, held: HeldLock): Lock {
    return { [Symbol.dispose]: () => void (process.alive && this.#release(name, held)) };
  }
}

/** Where runtimes keep the network namespace of a sandbox. */
export function netnsPath(containerId: string): string {
  return `/run/netns/${containerId}`;
}
