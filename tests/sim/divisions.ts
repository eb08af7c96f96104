/**
 * Networks whose ranges are divided into blocks, and joined again.
 *
 * @module
 */
import { divide } from "../../src/ipam/divide.ts";
import type { Ipam } from "../../src/ipam/ipam.ts";
import { join } from "../../src/ipam/join.ts";
import { formatPoolKey, type PoolKey } from "../../src/pool/types.ts";
import { cidr, type Command, type MarkedPool, type MoveHost, Moves } from "./moves.ts";
import type { Network } from "./runtime.ts";

/** Chance that a new command is due, so that pods run before it. */
const DUE = 0.3;
/** Chance that the operator edits a definition, of each time that one is to be edited; and while the command runs, which is too early. */
const EDITING = 0.5;
const EARLY = 0.1;
/** Share of new commands that lead to the other layout. */
const CHANGING = 0.7;

/** Where the entries of a range live. */
type Layout = "blocks" | "pool";

/** The layout to which entries move, by the mark of a pool. */
const LEADS: Readonly<Record<string, Layout>> = { dividing: "blocks", receiving: "blocks", joining: "pool" };

/** The pool of a range. */
interface Range {
  readonly key: PoolKey;
  /** The prefix length of the blocks. */
  readonly size: number;
}

/** The networks of a domain, all of whose ranges one command divides or joins. */
export class Divisions extends Moves {
  readonly #divided: readonly Network[];
  readonly #whole: readonly Network[];
  readonly #ranges: readonly Range[];
  /** Names of the networks whose definition has blocks. */
  readonly #defined = new Set<string>();
  /** The layout of the last command, and of the last one that succeeded: the definitions are to be edited. */
  #wanted: Layout = "pool";
  #layout: Layout = "pool";
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
    const isEarly = this.#wanted !== this.#layout;
    const network = this.#toEdit(this.#wanted);
    if (network && this.host.scheduler.chance(isEarly ? EARLY : EDITING)) this.#edit(network);
    else await super.act();
  }

  override async finish(): Promise<void> {
    for (let one = this.#toEdit(this.#layout); one; one = this.#toEdit(this.#layout)) this.#edit(one);
    await super.finish();
  }

  protected override next(): Command | undefined {
    const { scheduler } = this.host;
    if (!scheduler.chance(DUE)) return undefined;
    return this.#move(this.#layout === "pool" === scheduler.chance(CHANGING) ? "blocks" : "pool");
  }

  /** As an operator knows from marks, which show for one family what is to be completed, or from the result of the last command. */
  protected override unfinished(pools: readonly MarkedPool[]): Command | undefined {
    for (const { range, mark: [kind = ""] } of pools) {
      const layout = LEADS[kind];
      if (layout) return this.#complete(layout, cidr(range).family);
    }
    return this.#ended < this.#begun ? this.#move(this.#wanted) : undefined;
  }

  /** A network whose definition is not that of a layout. */
  #toEdit(layout: Layout): Network | undefined {
    return this.networks.find(({ name }) => this.#defined.has(name) !== (layout === "blocks"));
  }

  #edit(network: Network): void {
    if (!this.#defined.delete(network.name)) this.#defined.add(network.name);
    this.redefine(network, this.currentOf(network));
  }

  /** The command for all ranges. */
  #move(layout: Layout): Command {
    const isAlone = this.processes.length === 0;
    const { name, run } = this.#command(layout, this.#ranges);
    let number = 0;
    return {
      name,
      run: async (ipam, signal) => {
        number = ++this.#begun;
        this.#wanted = layout;
        await run(ipam, signal);
      },
      onMoved: () => {
        this.#layout = layout;
        if (isAlone && number === this.#begun) this.#ended = number;
      },
    };
  }

  /** The command for the ranges of a family. */
  #complete(layout: Layout, family: number): Command {
    const ranges = this.#ranges.filter(({ key }) => key.cidr.family === family);
    return { ...this.#command(layout, ranges), onMoved: () => {} };
  }

  #command(layout: Layout, all: readonly Range[]): Omit<Command, "onMoved"> {
    const ordered = this.host.scheduler.chance(0.5) ? all : all.toReversed();
    const command = layout === "blocks" ? divide : join;
    return {
      name: `${command.name} ${ordered.map(({ key }) => formatPoolKey(key)).join(", ")}`,
      run: async (ipam, signal) => {
        const ranges = layout === "blocks" ? ordered : await divided(ipam, ordered, signal);
        for (const [i, { key, size }] of ranges.entries()) {
          const others = ranges.slice(i + 1).map((one) => one.key);
          await command(ipam, key, size, { dryRun: false, others, signal });
        }
      },
    };
  }
}

/** Those of some ranges that are divided, or were, as the command reads them: it joins no other ones. */
async function divided({ driver }: Ipam, ranges: readonly Range[], signal: AbortSignal): Promise<Range[]> {
  const found: Range[] = [];
  for (const one of ranges) {
    const { move } = await driver.read(one.key, signal);
    if (move && "size" in move) found.push(one);
  }
  return found;
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
