/**
 * The latest model, its subscribers, and the versions by which they notice changed pools.
 *
 * @module
 */
import type { Model } from "./model.ts";
import type { PoolDetail, State } from "./types.ts";

/** Keeps the latest model for the page. */
export class Board {
  readonly #interval: number;
  readonly #subscribers = new Set<(state: State) => void>();
  readonly #details = new Map<string, { readonly text: string; readonly version: number }>();
  #state: State;

  /** Starts with what was read first. @param interval seconds between two reads */
  constructor(model: Model, interval: number) {
    this.#interval = interval;
    this.#state = this.#stateOf(model);
  }

  /** The latest state. */
  get state(): State {
    return this.#state;
  }

  /** The addresses of a pool as JSON; undefined if it does not exist. */
  detail(pool: string): string | undefined {
    return this.#details.get(pool)?.text;
  }

  /** The addresses of all pools as JSON, by name. */
  details(): string {
    const members = [...this.#details].map(([name, { text }]) => `${JSON.stringify(name)}:${text}`);
    return `{${members.join(",")}}`;
  }

  /** Replaces the model. */
  update(model: Model): void {
    this.#publish(this.#stateOf(model));
  }

  /** Keeps the model, and says that it could not be read again. */
  fail(error: string): void {
    this.#publish({ ...this.#state, error });
  }

  /** Calls back with every new state, until the returned function is called. */
  subscribe(receive: (state: State) => void): () => void {
    this.#subscribers.add(receive);
    return () => void this.#subscribers.delete(receive);
  }

  #publish(state: State): void {
    this.#state = state;
    for (const receive of [...this.#subscribers]) receive(state);
  }

  #stateOf({ summary, details }: Model): State {
    for (const name of [...this.#details.keys()]) if (!details.has(name)) this.#details.delete(name);
    for (const [name, detail] of details) this.#keep(name, detail);
    const pools = summary.pools.map((pool) => ({ ...pool, version: this.#details.get(pool.name)?.version ?? 0 }));
    return { summary: { ...summary, pools }, error: "", interval: this.#interval };
  }

  #keep(name: string, detail: PoolDetail): void {
    const text = JSON.stringify(detail);
    const known = this.#details.get(name);
    if (known?.text !== text) this.#details.set(name, { text, version: (known?.version ?? 0) + 1 });
  }
}
