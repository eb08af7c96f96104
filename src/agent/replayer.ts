/**
 * Keeps the agent's promises: releases that could not be delivered are tried until they are.
 *
 * @module
 */
import type { Call, Host } from "../cni/call.ts";
import { replay } from "../cni/replay.ts";
import { startDeadline } from "../world/deadline.ts";
import type { Logger } from "../world/log.ts";
import type { World } from "../world/world.ts";

/** Milliseconds between tries: from the first to the last, doubling while they fail. */
const WAIT = { first: 1_000, last: 30_000 };
/** Milliseconds one round may take. */
const ROUND_TIMEOUT = 60_000;
/** Releases of one round. */
const ROUND = 100;

/** Delivers in the background until it is disposed. */
export class Replayer implements AsyncDisposable {
  readonly #world: World;
  readonly #host: Host;
  readonly #log: Logger;
  readonly #onDelivered: (count: number) => void;
  readonly #stop = new AbortController();
  readonly #done: Promise<void>;
  #awake = new AbortController();
  #left = 0;

  /** Starts at once. */
  constructor(world: World, host: Host, log: Logger, onDelivered: (count: number) => void) {
    this.#world = world;
    this.#host = host;
    this.#log = log;
    this.#onDelivered = onDelivered;
    this.#done = this.#run();
  }

  /** Releases still to be delivered, as of the last round. */
  get left(): number {
    return this.#left;
  }

  /** Looks again now. */
  wake(): void {
    this.#awake.abort();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#done;
  }

  async #run(): Promise<void> {
    let wait = WAIT.first;
    while (!this.#stop.signal.aborted) {
      const failed = await this.#round();
      wait = failed ? Math.min(wait * 2, WAIT.last) : WAIT.first;
      this.#awake = new AbortController();
      const signals = failed ? [this.#stop.signal] : [this.#stop.signal, this.#awake.signal];
      await this.#world.sleep(this.#left > 0 ? wait : WAIT.last, AbortSignal.any(signals)).catch(() => {});
    }
  }

  /** Whether something could not be delivered. */
  async #round(): Promise<boolean> {
    using limit = startDeadline(this.#world, ROUND_TIMEOUT, new Error("The round took too long"), this.#stop.signal);
    const call: Call = {
      world: this.#world,
      host: this.#host,
      signal: limit.signal,
      request: { verb: "DEL", containerId: "", ifName: "", args: {}, conf: {}, network: "", cniVersion: "1.1.0" },
    };
    try {
      const { delivered, left, error } = await replay(call, ROUND);
      this.#left = left;
      if (delivered > 0) this.#onDelivered(delivered);
      if (error !== undefined) {
        this.#log.error("Late release failed; it is tried again", { left, error: String(error) });
      }
      return error !== undefined;
    } catch (error) {
      this.#log.error("The journal cannot be read", { error: String(error) });
      return true;
    }
  }
}
