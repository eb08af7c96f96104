/**
 * Networks whose ranges are divided into blocks.
 *
 * @module
 */
import { divide } from "../../src/ipam/divide.ts";
import { formatPoolKey, type PoolKey } from "../../src/pool/types.ts";
import { cidr, type Command, type MarkedPool, type MoveHost, Moves } from "./moves.ts";
import type { Network } from "./runtime.ts";

/** Chance that a new command is due, so that pods run before it. */
const DUE = 0.3;
/** Chance that the operator edits a definition, of each time that one is to be edited; and while the command runs, which is too early. */
const EDITING = 0.5;
const EARLY = 0.1;
/** Words of marks while entries move. */
const UNDER_WAY: readonly (string | undefined)[] = ["dividing", "receiving"];

/** A pool to divide. */
interface Range {
  readonly key: PoolKey;
  /** The prefix length of the blocks. */
  readonly size: number;
}

/** The networks of a domain, all of whose ranges one command divides. */
export class Divisions extends Moves {
  readonly #divided: readonly Network[];
  readonly #whole: readonly Network[];
  readonly #ranges: readonly Range[];
  /** Names of the networks whose definition has blocks. */
  readonly #defined = new Set<string>();
  /** Whether a command has succeeded, so that the definitions are to be edited. */
  #isDivided = false;
  /** Number of commands so far, and of those among them before the last one that succeeded alone. */
  #begun = 0;
  #ended = 0;

  /** @param divided the definitions with blocks */
  constructor(host: MoveHost, divided: readonly Network[]) {
    super(host);
    this.#divided = divided;
    this.#whole = divided.map(withoutBlocks);
    this.#ranges = [...new Map(divided.flatMap(rangesOf).map((one) => [formatPoolKey(one.key), one])).values()];
  }

  override get networks(): readonly Network[] {
    return this.#whole.map((one, i) => this.#defined.has(one.name) ? this.#divided[i] as Network : one);
  }

  override defines({ name }: Network): boolean {
    return this.#whole.some((one) => one.name === name);
  }

  override async act(): Promise<void> {
    const network = this.networks.find((one) => this.#whole.includes(one));
    const chance = this.#isDivided ? EDITING : this.processes.length > 0 ? EARLY : 0;
    if (network && this.host.scheduler.chance(chance)) this.#edit(network);
    else await super.act();
  }

  override async finish(): Promise<void> {
    for (const network of this.#isDivided ? this.networks : []) if (this.#whole.includes(network)) this.#edit(network);
    await super.finish();
  }

  protected override next(): Command | undefined {
    return this.host.scheduler.chance(DUE) ? this.#divide() : undefined;
  }

  /** As an operator knows from the result of the last command, or from marks. */
  protected override unfinished(pools: readonly MarkedPool[]): Command | undefined {
    const isMoving = pools.some(({ mark: [kind] }) => UNDER_WAY.includes(kind));
    return isMoving || this.#ended < this.#begun ? this.#divide() : undefined;
  }

  #edit(network: Network): void {
    this.#defined.add(network.name);
    this.redefine(network, this.currentOf(network));
  }

  #divide(): Command {
    const ranges = this.host.scheduler.chance(0.5) ? this.#ranges : this.#ranges.toReversed();
    const isAlone = this.processes.length === 0;
    let number = 0;
    return {
      name: `divide ${ranges.map(({ key }) => formatPoolKey(key)).join(", ")}`,
      run: async (ipam, signal) => {
        number = ++this.#begun;
        for (const [i, { key, size }] of ranges.entries()) {
          const others = ranges.slice(i + 1).map((one) => one.key);
          await divide(ipam, key, size, { dryRun: false, others, signal });
        }
      },
      onMoved: () => {
        this.#isDivided = true;
        if (isAlone && number === this.#begun) this.#ended = number;
      },
    };
  }
}

/** The definition of a network without blocks. */
export function withoutBlocks({ ipam: { block_size: _, block_order: __, ...ipam }, ...network }: Network): Network {
  return { ...network, ipam };
}

/** The ranges of a network that are wider than its blocks. */
function rangesOf({ domain: network, ipam: { range, ipRanges = [], block_size } }: Network): Range[] {
  const sizes = String(block_size).split(",").map((size) => Number(size.slice(1)));
  return [String(range), ...(ipRanges as readonly { readonly range: string }[]).map((one) => one.range)].map(cidr)
    .map((one) => ({ key: { network, cidr: one }, size: sizes[one.family === 4 ? 0 : 1] ?? 0 }))
    .filter(({ key, size }) => key.cidr.prefix < size);
}
