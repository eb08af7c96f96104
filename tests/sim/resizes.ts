/**
 * A network whose range is resized.
 *
 * @module
 */
import { resize } from "../../src/ipam/resize.ts";
import { cidr, type Command, type MarkedPool, type MoveHost, Moves, rangeOf } from "./moves.ts";
import type { Network } from "./runtime.ts";

/** One network, which has one range after another. */
export class Resizes extends Moves {
  readonly #ranges: readonly Network[];
  #current = 0;

  /** @param ranges its definitions. Neighbours are resized to each other */
  constructor(host: MoveHost, ranges: readonly Network[]) {
    super(host);
    this.#ranges = ranges;
  }

  override get networks(): readonly Network[] {
    return this.#ranges.slice(this.#current, this.#current + 1);
  }

  override defines(network: Network): boolean {
    return this.#ranges.includes(network);
  }

  protected override next(): Command | undefined {
    const { scheduler } = this.host;
    const from = scheduler.chance(0.8) ? this.#current : scheduler.below(this.#ranges.length);
    const next = this.#ranges[from + scheduler.pick([-1, 1])];
    return next && this.#resize(rangeOf(this.#ranges[from]), rangeOf(next));
  }

  /** As an operator reads from the marks which resize has not ended. */
  protected override unfinished(pools: readonly MarkedPool[]): Command | undefined {
    const own = pools.filter((pool) => this.#ranges.some((one) => rangeOf(one) === pool.range));
    const moving = own.find(({ mark: [kind] }) => kind === "moving");
    if (moving) return this.#resize(moving.range, moving.mark[1] ?? "");
    const receiving = own.find(({ mark: [kind] }) => kind === "receiving");
    return receiving && this.#resize(receiving.mark[1] ?? "", receiving.range);
  }

  #resize(from: string, to: string): Command {
    const key = (range: string) => ({ network: this.#ranges[0]?.domain ?? "", cidr: cidr(range) });
    return {
      name: `resize ${from} ${to}`,
      run: (ipam, signal) => resize(ipam, key(from), key(to), { dryRun: false, signal }),
      onMoved: () => {
        const before = this.#ranges[this.#current] as Network;
        if (from !== rangeOf(before)) return;
        this.#current = this.#ranges.findIndex((one) => rangeOf(one) === to);
        this.redefine(before, this.#ranges[this.#current] as Network);
      },
    };
  }
}
