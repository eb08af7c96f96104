/**
 * Networks whose entries an operator moves by a command, which is killed at any step and repeated, and may run twice at the same time. The
 * operator changes the definitions after the command has succeeded.
 *
 * @module
 */
import assert from "node:assert/strict";
import { type Cidr, contains, formatCidr, parseCidr } from "../../src/address/cidr.ts";
import { parseIp } from "../../src/address/ip.ts";
import type { Ipam } from "../../src/ipam/ipam.ts";
import { messageOf } from "../../src/values/errors.ts";
import type { Network, Sandbox } from "./runtime.ts";
import type { Process, Scheduler } from "./scheduler.ts";

/** Max concurrent runs. */
const MAX_RUNS = 2;
/** Share of new pods that are attached by the definition before the current one. */
const STALE = 0.3;
/** Share of acts that complete an interrupted command, if one is. */
const COMPLETING = 0.8;
/** Milliseconds that a run may take. */
const TIMEOUT = 600_000;

/** A pool as the store has it. */
export interface MarkedPool {
  /** The domain. */
  readonly domain: string;
  /** The range. */
  readonly range: string;
  /** The words of its mark: `moving`, `10.0.0.0/22`. Empty: it has none. */
  readonly mark: readonly string[];
}

/** What moves need. */
export interface MoveHost {
  /** Time and order. */
  readonly scheduler: Scheduler;
  /** Opens the store for a process. */
  readonly open: (process: Process) => Promise<Ipam>;
  /** The pools, without the product's code. The mark is its text. */
  readonly pools: () => Promise<readonly (Omit<MarkedPool, "mark"> & { readonly mark?: string | undefined })[]>;
  /** The definition of a network has changed. */
  readonly onDefined?: (network: Network) => void;
  /** A run has ended. @param moved whether all has moved */
  readonly onEnded?: (moved: boolean) => void;
}

/** A command. */
export interface Command {
  /** For traces. */
  readonly name: string;
  /** Runs it. */
  readonly run: (ipam: Ipam, signal: AbortSignal) => Promise<unknown>;
  /** What the operator does after its success. */
  readonly onMoved: () => void;
}

let runs = 0;

/** The definitions of some networks of a domain, and the commands that move their entries. */
export abstract class Moves {
  /** What they need. */
  protected readonly host: MoveHost;
  /** The definitions before the last change, which a meta-plugin may still read, by name. */
  readonly #former = new Map<string, Network>();
  readonly #running = new Set<Process>();
  #isOver = true;
  #attempts = 0;

  /** Nothing has moved. */
  constructor(host: MoveHost) {
    this.host = host;
  }

  /** The current definitions. */
  abstract get networks(): readonly Network[];

  /** Whether a network is one of the definitions. */
  abstract defines(network: Network): boolean;

  /** The next command, if one is due. */
  protected abstract next(): Command | undefined;

  /** The command that completes an interrupted one. @param pools those of the domain */
  protected abstract unfinished(pools: readonly MarkedPool[]): Command | undefined;

  /** The current definition of a network. */
  currentOf({ name }: Network): Network {
    return this.networks.find((one) => one.name === name) as Network;
  }

  /** The definition with which a new pod is attached: the current one, or the one before, which a meta-plugin may still read. */
  attaching(network: Network): Network {
    const former = this.#former.get(network.name);
    return former && this.host.scheduler.chance(STALE) ? former : this.currentOf(network);
  }

  /** Whether {@linkcode finish} found nothing to complete. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** Number of runs that {@linkcode finish} has started in vain. */
  get attempts(): number {
    return this.#attempts;
  }

  /** Runs in progress. */
  get processes(): readonly Process[] {
    return [...this.#running];
  }

  /** Starts a command: to complete an interrupted one, a new one, or one beside another run. */
  async act(): Promise<void> {
    if (this.#running.size >= MAX_RUNS) return;
    const begun = this.unfinished(await this.#pools());
    if (begun && this.host.scheduler.chance(COMPLETING)) return this.#start(begun);
    const next = this.next();
    if (next) this.#start(next);
  }

  /** Repeats an interrupted command. */
  async finish(): Promise<void> {
    this.#isOver = false;
    if (this.#running.size > 0) return;
    const begun = this.unfinished(await this.#pools());
    if (begun) this.#start(begun);
    this.#attempts = begun ? this.#attempts + 1 : 0;
    this.#isOver = !begun;
  }

  /** Kills a run. */
  kill(): void {
    if (this.#running.size > 0) this.host.scheduler.kill(this.host.scheduler.pick([...this.#running]));
  }

  /** Changes the definition of a network. */
  protected redefine(before: Network, after: Network): void {
    this.#former.set(after.name, before);
    this.host.onDefined?.(after);
  }

  async #pools(): Promise<readonly MarkedPool[]> {
    const pools = await this.host.pools();
    return pools.filter(({ domain }) => domain === this.networks[0]?.domain)
      .map(({ mark = "", ...pool }) => ({ ...pool, mark: mark === "" ? [] : mark.split(" ") }));
  }

  #start(command: Command): void {
    const { scheduler } = this.host;
    const { promise: killed, resolve: onKill } = Promise.withResolvers<"killed">();
    const process: Process = { name: `move#${++runs}`, alive: true, onKill: () => onKill("killed") };
    scheduler.note(`${process.name} starts: ${command.name}`);
    this.#running.add(process);
    void Promise.race([this.#run(process, command).catch(messageOf), killed]).then((outcome) => {
      this.#running.delete(process);
      scheduler.note(`${process.name} ends: ${outcome}`);
      this.host.onEnded?.(outcome === "moved");
      if (outcome === "moved") command.onMoved();
    });
  }

  async #run(process: Process, { run }: Command): Promise<"moved"> {
    const ipam = await this.host.open(process);
    const [timeout, done] = [new AbortController(), new AbortController()];
    this.host.scheduler.sleep(process, TIMEOUT, done.signal).then(
      () => timeout.abort(new Error("timeout")),
      () => {},
    );
    try {
      await run(ipam, timeout.signal);
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
    ip && contains(cidr(rangeOf(network)), ip),
    `${containerId} has ${addresses}, outside of ${rangeOf(network)}`,
  );
}

/**
 * The first range of a network.
 *
 * @param network must have one
 */
export function rangeOf(network: Network | undefined): string {
  return formatCidr(cidr(String(network?.ipam.range)));
}

/** A range. */
export function cidr(text: string): Cidr {
  const parsed = parseCidr(text)?.cidr;
  assert(parsed, `${text} is a range`);
  return parsed;
}
