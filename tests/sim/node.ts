/**
 * A simulated node: its disk, its locks, and the World of each process on it. As on a real machine, files remain when a process dies, and its
 * locks are released.
 *
 * @module
 */
import type { Lock, World } from "../../src/world/world.ts";
import { memoryWorld } from "../support/world.ts";
import type { Process, Scheduler } from "./scheduler.ts";

interface NodeLock {
  holder: Process;
  readonly waiting: { readonly process: Process; readonly grant: (lock: Lock) => void }[];
}

/** Environment of the processes of a simulated node: networks may name any path. */
const ENVIRONMENT: Readonly<Record<string, string>> = { WHEREABOUTS_ALLOW_PATHS: "/" };

/** One node. */
export class SimNode {
  /** Its name. */
  readonly name: string;
  readonly #scheduler: Scheduler;
  #disk = memoryWorld({ env: ENVIRONMENT });
  readonly #locks = new Map<string, NodeLock>();
  /** Milliseconds by which its wall clock is wrong. */
  clockError = 0;
  /** Whether it is cut off: its processes keep running, and reach nothing outside. */
  cut = false;

  /** Starts with a disk that holds the node's name. */
  constructor(name: string, scheduler: Scheduler) {
    this.name = name;
    this.#scheduler = scheduler;
    this.#writeName();
  }

  /** Replaces its disk by an empty one. No process runs. */
  wipe(): void {
    this.#disk = memoryWorld({ env: ENVIRONMENT });
    this.#writeName();
  }

  #writeName(): void {
    void this.#disk.writeFile("/etc/cni/net.d/whereabouts.d/nodename", `${this.name}\n`, { durable: false });
  }

  /** Creates the network namespace of a sandbox, and returns its path. */
  makeNetns(containerId: string): string {
    const path = netnsPath(containerId);
    void this.#disk.writeFile(path, "", { durable: false });
    return path;
  }

  /** Removes the network namespace of a sandbox. */
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

  /** Grants the locks of a killed process to the next in line. */
  dropLocks(process: Process): void {
    for (const [name, lock] of this.#locks) if (lock.holder === process) this.#release(name, lock);
  }

  #lock(process: Process, name: string, signal: AbortSignal): Promise<Lock> {
    if (!process.alive) return new Promise(() => {});
    const lock = this.#locks.get(name);
    if (!lock) {
      const fresh: NodeLock = { holder: process, waiting: [] };
      this.#locks.set(name, fresh);
      return Promise.resolve(this.#grantTo(process, name, fresh));
    }
    return new Promise((grant, reject) => {
      const waiter = { process, grant };
      lock.waiting.push(waiter);
      signal.addEventListener("abort", () => {
        const at = lock.waiting.indexOf(waiter);
        if (at < 0) return;
        lock.waiting.splice(at, 1);
        reject(signal.reason);
      }, { once: true });
    });
  }

  #release(name: string, lock: NodeLock): void {
    for (let next = lock.waiting.shift(); next; next = lock.waiting.shift()) {
      if (!next.process.alive) continue;
      lock.holder = next.process;
      next.grant(this.#grantTo(next.process, name, lock));
      return;
    }
    this.#locks.delete(name);
  }

  /** Disposing a lock of a dead process does nothing: its locks were released when it died. */
  #grantTo(process: Process, name: string, lock: NodeLock): Lock {
    return { [Symbol.dispose]: () => void (process.alive && this.#release(name, lock)) };
  }
}

/** Path of a sandbox's network namespace. */
export function netnsPath(containerId: string): string {
  return `/run/netns/${containerId}`;
}
