/**
 * What changed between reads of pools: allocated and released addresses, and how fast pools fill. Pure.
 *
 * @module
 */
import { formatIp } from "../address/ip.ts";
import type { Family } from "../address/ip.ts";
import type { Allocations } from "./types.ts";

/** Milliseconds over which rates are taken. */
const WINDOW = 300_000;
/** Changes that are kept. */
const MAX_CHANGES = 100;

/** A pool as it was read. */
interface PoolRead {
  /** Its name, unique among those that are read. */
  readonly name: string;
  /** Its address family. */
  readonly family: Family;
  /** Its allocations. */
  readonly allocations: Allocations;
}

/** An address that was allocated or released, or got another owner. */
export interface Movement {
  /** When the read that found it started, in milliseconds. */
  readonly at: number;
  /** What happened. */
  readonly kind: "allocated" | "released" | "moved";
  /** The address. */
  readonly address: string;
  /** The pod that has it, or had it. */
  readonly podRef: string;
  /** The pool. */
  readonly pool: string;
}

/** Compares each read with the one before. */
export class Movements {
  #last: ReadonlyMap<string, PoolRead> | undefined;
  #counts: { readonly at: number; readonly used: ReadonlyMap<string, number> }[] = [];
  #changes: readonly Movement[] = [];

  /** The last changes, newest first. */
  get changes(): readonly Movement[] {
    return this.#changes;
  }

  /** Adds a read. @param at in milliseconds, ascending */
  add(pools: readonly PoolRead[], at: number): void {
    const present = new Map(pools.map((pool) => [pool.name, pool]));
    const last = this.#last;
    if (last) {
      const found = [...new Set([...last.keys(), ...present.keys()])].flatMap((name) =>
        changesOf(last.get(name), present.get(name), at)
      );
      this.#changes = [...found, ...this.#changes].slice(0, MAX_CHANGES);
    }
    this.#last = present;
    const used = new Map(pools.map(({ name, allocations }) => [name, allocations.size]));
    this.#counts = [...this.#counts.filter((one) => at - one.at <= WINDOW), { at, used }];
  }

  /** Addresses per minute by which a pool grew in the last minutes; undefined before the second read. */
  perMinute(pool: string): number | undefined {
    const [first] = this.#counts;
    const last = this.#counts.at(-1);
    if (!first || !last || first.at === last.at) return undefined;
    return ((last.used.get(pool) ?? 0) - (first.used.get(pool) ?? 0)) / ((last.at - first.at) / 60_000);
  }
}

function changesOf(before: PoolRead | undefined, after: PoolRead | undefined, at: number): Movement[] {
  const pool = after ?? before;
  if (!pool) return [];
  const addresses = new Set([...before?.allocations.keys() ?? [], ...after?.allocations.keys() ?? []]);
  return [...addresses].flatMap((value): Movement[] => {
    const [was, is] = [before?.allocations.get(value), after?.allocations.get(value)];
    if (was?.podRef === is?.podRef && was?.containerId === is?.containerId) return [];
    const address = formatIp({ family: pool.family, value });
    const kind = was && is ? "moved" : is ? "allocated" : "released";
    return [{ at, kind, address, podRef: (is ?? was)?.podRef ?? "", pool: pool.name }];
  });
}
