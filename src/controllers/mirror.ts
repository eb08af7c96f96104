/**
 * The objects of a feed, kept as the API server has them: lists them, watches from there, and resumes whenever the watch ends.
 *
 * @module
 */
import { backoff } from "../async/backoff.ts";
import { UnavailableError } from "../storage/driver.ts";
import { messageOf } from "../values/errors.ts";
import type { Logger } from "../world/log.ts";
import type { World } from "../world/world.ts";
import type { Feed } from "./cluster.ts";

/** Milliseconds until the next attempt after a failure: doubled each time, with full jitter. */
const BACKOFF = { first: 500, max: 30_000 };
/** Milliseconds between two lists of a resource that is not installed. */
const NOT_INSTALLED_INTERVAL = 60_000;
/** A watch that ends within these milliseconds without an event counts as failed. */
const MIN_WATCH = 1_000;

/** Receives changes. Must not throw. */
export interface MirrorListener<T> {
  /** An object was created or changed. `before`: the object as last seen. */
  readonly put?: (item: T, before: T | undefined) => void;
  /** An object was deleted. */
  readonly removed?: (item: T) => void;
}

/** The objects of one feed. */
export class Mirror<T> {
  readonly #feed: Feed<T>;
  readonly #world: World;
  readonly #log: Logger;
  readonly #listener: MirrorListener<T>;
  readonly #items = new Map<string, T>();
  readonly #synced = Promise.withResolvers<void>();
  #failures = 0;
  /** Version that the watch reached, to resume from when it breaks. */
  #reached: string | undefined;

  /** Reads nothing until {@linkcode run}. */
  constructor(feed: Feed<T>, world: World, log: Logger, listener: MirrorListener<T> = {}) {
    this.#feed = feed;
    this.#world = world;
    this.#log = log;
    this.#listener = listener;
  }

  /** Resolves when the first list was read. */
  get synced(): Promise<void> {
    return this.#synced.promise;
  }

  /** Every object as last seen. */
  values(): T[] {
    return [...this.#items.values()];
  }

  /** The object of a key as last seen. */
  get(key: string): T | undefined {
    return this.#items.get(key);
  }

  /** Number of objects. */
  get size(): number {
    return this.#items.size;
  }

  /** Runs until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    let version: string | undefined;
    while (!signal.aborted) {
      try {
        version ??= await this.#list(signal);
        if (version === "") {
          version = undefined;
          await this.#world.sleep(NOT_INSTALLED_INTERVAL, signal);
        } else version = await this.#watch(version, signal);
        this.#failures = 0;
      } catch (error) {
        if (signal.aborted) return;
        version = error instanceof UnavailableError ? this.#reached ?? version : undefined;
        await this.#pause(error, signal).catch(() => {});
      }
    }
  }

  async #list(signal: AbortSignal): Promise<string> {
    this.#reached = undefined;
    const present = new Set<string>();
    let version = "";
    // page by page, so that a list that is repeated is never held twice; what an incomplete one lacks is not removed
    for await (const page of this.#feed.pages?.(signal) ?? [await this.#feed.list(signal)]) {
      version = page.version;
      for (const item of page.items) {
        present.add(this.#feed.keyOf(item));
        this.#put(item);
      }
    }
    for (const [key, item] of [...this.#items]) if (!present.has(key)) this.#remove(key, item);
    this.#synced.resolve();
    return version;
  }

  async #watch(from: string, signal: AbortSignal): Promise<string> {
    this.#reached = from;
    const begun = this.#world.monotonic();
    for await (const event of this.#feed.watch(from, signal)) {
      this.#failures = 0;
      if (event.version !== "") this.#reached = event.version;
      if (event.kind === "put") this.#put(event.item);
      if (event.kind === "gone") this.#remove(this.#feed.keyOf(event.item), event.item);
    }
    const reached = this.#reached ?? from;
    if (reached === from && this.#world.monotonic() - begun < MIN_WATCH) {
      throw new UnavailableError(`The watch on ${this.#feed.name} ended immediately without an event`);
    }
    return reached;
  }

  #put(item: T): void {
    const key = this.#feed.keyOf(item);
    const before = this.#items.get(key);
    this.#items.set(key, item);
    this.#listener.put?.(item, before);
  }

  #remove(key: string, item: T): void {
    this.#items.delete(key);
    this.#listener.removed?.(item);
  }

  async #pause(error: unknown, signal: AbortSignal): Promise<void> {
    this.#failures++;
    const delay = this.#world.random() * backoff(BACKOFF, this.#failures);
    const fields = { resource: this.#feed.name, error: messageOf(error), attempt: this.#failures };
    if (this.#failures > 1) this.#log.warn("List or watch failed; retrying", fields);
    else this.#log.debug("Restarting watch", fields);
    await this.#world.sleep(delay, signal);
  }
}
