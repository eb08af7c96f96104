/**
 * Networks whose ranges are resized: which definition is current, and the runs of the command, which are killed at any step and repeated, and
 * may be concurrent.
 *
 * @module
 */
import assert from "node:assert/strict";
import { type Cidr, contains, formatCidr, parseCidr } from "../../src/address/cidr.ts";
import { parseIp } from "../../src/address/ip.ts";
import type { Ipam } from "../../src/ipam/ipam.ts";
import { resize } from "../../src/ipam/resize.ts";
import { messageOf } from "../../src/values/errors.ts";
import type { Network, Sandbox } from "./runtime.ts";
import type { Process, Scheduler } from "./scheduler.ts";

/** Max concurrent runs. */
const MAX_RUNS = 2;
/** Share of new pods that are attached by the definition before the current one. */
const STALE = 0.3;
/** Milliseconds that a run may take. */
const TIMEOUT = 600_000;

/** A pool with a mark of a move, as the store has it: `moving 10.0.0.0/22`. */
export interface MarkedPool {
  /** The domain. */
  readonly domain: string;
  /** The range. */
  readonly range: string;
  /** The mark. Absent: none. */
  readonly mark?: string | undefined;
}

/** What the resizes of a world need. */
export interface ResizeHost {
  /** Time and order. */
  readonly scheduler: Scheduler;
  /** Opens the store for a process. */
  readonly open: (process: Process) => Promise<Ipam>;
  /** The pools, without the product's code. */
  readonly pools: () => Promise<readonly MarkedPool[]>;
  /** The definition of a network has changed. */
  readonly onDefined?: (network: Network) => void;
  /** A run has ended. @param moved whether all has moved */
  readonly onEnded?: (moved: boolean) => void;
}

let runs = 0;

/** One network, which has one range after another. */
export class Resizes {
  readonly #host: ResizeHost;
  readonly #ranges: readonly Network[];
  readonly #running = new Set<Process>();
  #current = 0;
  #former: Network | undefined;
  #isOver = true;

  /** @param ranges its definitions. Neighbours are resized to each other */
  constructor(host: ResizeHost, ranges: readonly Network[]) {
    this.#host = host;
    this.#ranges = ranges;
  }

  /** Its current definition. */
  get network(): Network {
    return this.#ranges[this.#current] as Network;
  }

  /** The definition with which a new pod is attached: the current one, or the one before, which a meta-plugin may still read. */
  attaching(): Network {
    return this.#former && this.#host.scheduler.chance(STALE) ? this.#former : this.network;
  }

  /** Whether {@linkcode finish} found nothing to complete. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** Whether a network is one of its definitions. */
  defines(network: Network): boolean {
    return this.#ranges.includes(network);
  }

  /** Runs in progress. */
  get processes(): readonly Process[] {
    return [...this.#running];
  }

  /** Starts the command: to complete an interrupted resize, for the next one, or beside another run. */
  async act(): Promise<void> {
    const { scheduler } = this.#host;
    if (this.#running.size >= MAX_RUNS) return;
    const begun = await this.#unfinished();
    if (begun && scheduler.chance(0.8)) return this.#start(...begun);
    const from = scheduler.chance(0.8) ? this.#current : scheduler.below(this.#ranges.length);
    const next = this.#ranges[from + scheduler.pick([-1, 1])];
    if (next) this.#start(rangeOf(this.#ranges[from]), rangeOf(next));
  }

  /** Repeats an interrupted resize. */
  async finish(): Promise<void> {
    this.#isOver = false;
    if (this.#running.size > 0) return;
    const begun = await this.#unfinished();
    if (begun) this.#start(...begun);
    this.#isOver = !begun;
  }

  /** Kills a run. */
  kill(): void {
    if (this.#running.size > 0) this.#host.scheduler.kill(this.#host.scheduler.pick([...this.#running]));
  }

  /** The former and the other range of a resize that has not ended, as an operator reads them from the marks. */
  async #unfinished(): Promise<readonly [string, string] | undefined> {
    const marks = (await this.#host.pools()).filter(({ domain }) => domain === this.network.domain)
      .map(({ range, mark = "" }) => ({ range, mark: mark.split(" ") }));
    const moving = marks.find(({ range, mark: [kind] }) => kind === "moving" && this.#has(range));
    if (moving) return [moving.range, moving.mark[1] ?? ""];
    const receiving = marks.find(({ range, mark: [kind] }) => kind === "receiving" && this.#has(range));
    return receiving && [receiving.mark[1] ?? "", receiving.range];
  }

  #has(range: string): boolean {
    return this.#ranges.some((one) => rangeOf(one) === range);
  }

  #start(from: string, to: string): void {
    const { scheduler } = this.#host;
    const { promise: killed, resolve: onKill } = Promise.withResolvers<"killed">();
    const process: Process = { name: `resize#${++runs}`, alive: true, onKill: () => onKill("killed") };
    scheduler.note(`${process.name} starts: ${from} to ${to}`);
    this.#running.add(process);
    void Promise.race([this.#run(process, from, to).catch(messageOf), killed]).then((outcome) => {
      this.#running.delete(process);
      scheduler.note(`${process.name} ends: ${outcome}`);
      this.#host.onEnded?.(outcome === "moved");
      // the operator changes the definition after the command has succeeded
      if (outcome !== "moved" || from !== rangeOf(this.network)) return;
      this.#former = this.network;
      this.#current = this.#ranges.findIndex((one) => rangeOf(one) === to);
      this.#host.onDefined?.(this.network);
    });
  }

  async #run(process: Process, from: string, to: string): Promise<"moved"> {
    const ipam = await this.#host.open(process);
    const key = (range: string) => ({ network: this.network.domain, cidr: parsed(range) });
    const [timeout, done] = [new AbortController(), new AbortController()];
    this.#host.scheduler.sleep(process, TIMEOUT, done.signal).then(() => timeout.abort(new Error("timeout")), () => {});
    try {
      await resize(ipam, key(from), key(to), { dryRun: false, signal: timeout.signal });
    } finally {
      done.abort();
    }
    return "moved";
  }
}

/** The address of a sandbox with one range is in the range of its definition, whatever the pool. */
export function checkInRange({ addresses, network, containerId }: Sandbox): void {
  const ip = parseIp(addresses[0]?.split("/", 1)[0] ?? "");
  assert(
    ip && contains(parsed(rangeOf(network)), ip),
    `${containerId} has ${addresses}, outside of ${rangeOf(network)}`,
  );
}

/**
 * The range of a network.
 *
 * @param network must have one
 */
export function rangeOf(network: Network | undefined): string {
  return formatCidr(parsed(String(network?.ipam.range)));
}

function parsed(text: string): Cidr {
  const cidr = parseCidr(text)?.cidr;
  assert(cidr, `${text} is a range`);
  return cidr;
}
