/**
 * Simulates nodes that join and leave, calls of their plugins, and controllers, on one store whose operations run in random order: any of them
 * may be delayed, and any process may die before or after it. The code of plugins and controllers is the product's.
 *
 * @module
 */
import assert from "node:assert/strict";
import type { Network } from "../../src/controllers/networks.ts";
import { SliceKeeper } from "../../src/controllers/slice_keeper.ts";
import type { Cluster, StoredSlices, WantedSlices } from "../../src/controllers/cluster.ts";
import { formatIp } from "../../src/address/ip.ts";
import { allocate } from "../../src/ipam/allocate.ts";
import { NoSliceError, PoolExhaustedError } from "../../src/ipam/errors.ts";
import { directIpam, type Ipam } from "../../src/ipam/ipam.ts";
import { release } from "../../src/ipam/release.ts";
import { sliceRanges } from "../../src/ipam/node_slice.ts";
import type { Fence } from "../../src/pool/fence.ts";
import { isClosed } from "../../src/pool/fence.ts";
import { type Allocations, type Change, formatPoolKey, type PoolKey } from "../../src/pool/types.ts";
import { ConflictError, type PoolSnapshot, type StorageDriver } from "../../src/storage/driver.ts";
import { SILENT } from "../../src/world/log.ts";
import { memoryWorld } from "../support/world.ts";
import { NEVER } from "./lab.ts";

interface StoredPool {
  readonly key: PoolKey;
  readonly allocations: Allocations;
  readonly fence?: Fence;
  readonly version: number;
}

/** A process that may die: what it waits for then never resolves. */
interface Process {
  readonly name: string;
  alive: boolean;
}

/** The cluster. */
export class SliceWorld {
  readonly #random: () => number;
  readonly #networks: readonly Network[];
  readonly #pools = new Map<string, StoredPool>();
  #lists: readonly (StoredSlices & { readonly version: number })[] = [];
  #version = 0;
  #waiting: { readonly process: Process; readonly go: () => void; readonly label: string }[] = [];
  readonly #nodes = new Set<string>(["a"]);
  readonly #pods: { readonly name: string; readonly node: string; readonly network: Network }[] = [];
  #count = 0;
  #failure: string | undefined;
  /** Log of events, for the message of a failure. */
  readonly trace: string[] = [];
  /** Numbers of allocated addresses, moved slices and refused calls. */
  readonly seen = { allocated: 0, moved: 0, refused: 0 };

  /** Starts with one node. */
  constructor(networks: readonly Network[], seed: number) {
    this.#networks = networks;
    this.#random = memoryWorld({ seed }).random;
  }

  /** Runs so many random steps. */
  async run(steps: number): Promise<void> {
    for (let step = 0; step < steps; step++) {
      const draw = this.#random();
      if (draw < 0.03) this.#churn();
      else if (draw < 0.06) void this.#add();
      else if (draw < 0.10) void this.#del();
      else if (draw < 0.13) this.#control();
      else if (draw < 0.135) this.#kill();
      else this.#let();
      for (let tick = 0; tick < 40; tick++) await Promise.resolve(); // the resumed process runs to its next operation
      if (this.#failure !== undefined) throw new Error(this.#failure);
    }
  }

  #pick<T>(all: readonly T[]): T | undefined {
    return all[Math.floor(this.#random() * all.length)];
  }

  #churn(): void {
    const name = this.#pick(["a", "b", "c", "d", "e"]) ?? "a";
    if (!this.#nodes.delete(name)) this.#nodes.add(name);
    this.trace.push(`nodes ${[...this.#nodes].sort().join(" ")}`);
  }

  #kill(): void {
    const one = this.#pick(this.#waiting);
    if (one) one.process.alive = false;
    this.#waiting = this.#waiting.filter(({ process }) => process.alive);
  }

  #let(): void {
    const one = this.#pick(this.#waiting);
    if (!one) return;
    this.#waiting = this.#waiting.filter((other) => other !== one);
    this.trace.push(`${one.process.name} ${one.label}`);
    one.go();
  }

  /** Deleted nodes run on too: they do not know. */
  async #add(): Promise<void> {
    const [node, network] = [this.#pick(["a", "b", "c", "d", "e"]), this.#pick(this.#networks)];
    if (!node || !network) return;
    const name = `pod${this.#count++}`;
    const ipam = this.#ipam({ name: `ADD ${name} on ${node}`, alive: true });
    try {
      const config = await sliceRanges(ipam, network.config, () => Promise.resolve(node), NEVER);
      const owner = { podRef: `default/${name}`, ifName: "net1", containerId: name };
      await allocate(ipam, config, owner, NEVER);
      this.#pods.push({ name, node, network });
      this.seen.allocated++;
    } catch (error) {
      if (error instanceof NoSliceError || error instanceof PoolExhaustedError) this.seen.refused++;
      else throw error;
    }
  }

  async #del(): Promise<void> {
    const [pod] = this.#pods.splice(Math.floor(this.#random() * this.#pods.length), 1);
    if (!pod) return;
    const ipam = this.#ipam({ name: `DEL ${pod.name}`, alive: true });
    try {
      const config = await sliceRanges(ipam, pod.network.config, () => Promise.resolve(pod.node), NEVER, "recorded");
      await release(ipam, config, { containerId: pod.name, ifName: "net1" }, NEVER);
    } catch (error) {
      if (!(error instanceof NoSliceError)) throw error;
    }
  }

  /** Runs a controller once. Several may run at the same time. */
  #control(): void {
    const process = { name: `controller ${this.#count++}`, alive: true };
    const ipam = this.#ipam(process);
    const slices = this.#sliceObjects(process);
    const world = { ...memoryWorld(), sleep: ipam.clock.sleep };
    const cluster = { slices } as unknown as Cluster;
    const keeper = new SliceKeeper({ world, ipam, cluster }, { problems: () => {}, writeRefused: () => {} }, () => {});
    const nodes = [...this.#nodes].map((name) => ({ name }));
    keeper.keep(this.#networks, nodes, NEVER).catch((error) => {
      if (!(error instanceof ConflictError)) throw error;
    });
  }

  async #turn(process: Process, label: string): Promise<void> {
    await new Promise<void>((go) => this.#waiting.push({ process, go, label }));
  }

  #ipam(process: Process): Ipam {
    const sleep = (milliseconds: number, signal?: AbortSignal) =>
      milliseconds < 10_000 ? this.#turn(process, "sleeps") : new Promise<void>((_, reject) => {
        signal?.addEventListener("abort", () => reject(signal.reason), { once: true });
      });
    const world = { ...memoryWorld(), sleep };
    return { ...directIpam(this.#driver(process), world, SILENT), lockPool: () => Promise.resolve(undefined) };
  }

  #driver(process: Process): StorageDriver {
    const done = async <T>(label: string, work: () => T): Promise<T> => {
      await this.#turn(process, label);
      const result = work();
      await this.#turn(process, `learns of ${label}`);
      return result;
    };
    const snapshot = (key: PoolKey): PoolSnapshot =>
      this.#pools.get(formatPoolKey(key)) ?? { key, allocations: new Map(), version: 0 };
    const write = (before: PoolSnapshot, pool: Omit<StoredPool, "version" | "key">): PoolSnapshot => {
      const name = formatPoolKey(before.key);
      if ((this.#pools.get(name)?.version ?? 0) !== before.version) throw new ConflictError(`${name} changed`);
      const stored = { key: before.key, ...pool, version: ++this.#version };
      this.#pools.set(name, stored);
      this.#check();
      return stored;
    };
    return {
      name: "slices in memory",
      read: (key) => done(`read ${formatPoolKey(key)}`, () => snapshot(key)),
      commit: (before, changes) =>
        done(`commit ${formatPoolKey(before.key)}`, () => {
          const { fence } = before;
          return write(before, { allocations: applied(before.allocations, changes), ...(fence && { fence }) });
        }),
      list: () => done("list pools", () => [...this.#pools.values()]),
      status: () => Promise.resolve(),
      slices: {
        find: (name) =>
          done(`find ${name}`, () => {
            const found = this.#lists.find((one) => one.name === name);
            return found && { range: found.range, slices: found.slices };
          }),
        close: (before, { closed, reason }) =>
          done(`close ${formatPoolKey(before.key)} ${closed}`, () => {
            const opened = before.fence?.opened ?? 0;
            const fence = { closed, opened, ...(reason !== undefined && { reason }) };
            return write(before, { allocations: before.allocations, fence });
          }),
        open: (before, opened) =>
          done(`open ${formatPoolKey(before.key)} ${opened}`, () => {
            assert(before.fence);
            write(before, { allocations: before.allocations, fence: { ...before.fence, opened } });
          }),
        remove: (before) => done(`remove ${formatPoolKey(before.key)}`, () => this.#remove(before)),
      },
      [Symbol.asyncDispose]: () => Promise.resolve(),
    };
  }

  #remove({ key, version }: PoolSnapshot): void {
    const name = formatPoolKey(key);
    if (this.#pools.get(name)?.version !== version) throw new ConflictError(`${name} changed`);
    this.#pools.delete(name);
  }

  #sliceObjects(process: Process) {
    const change = async (name: string, last: StoredSlices | undefined, next: StoredSlices | undefined) => {
      await this.#turn(process, `save ${name}`);
      const stored = this.#lists.find((one) => one.name === name);
      if (stored?.version !== last?.version) throw new ConflictError(`${name} changed`);
      const moved = stored?.slices.filter(({ node, cidr }) =>
        node !== "" && next?.slices.some((one) => one.node !== "" && one.node !== node && one.cidr.base === cidr.base)
      );
      this.seen.moved += moved?.length ?? 0;
      const others = this.#lists.filter((one) => one !== stored);
      this.#lists = next ? [...others, { ...next, version: ++this.#version }] : others;
      await this.#turn(process, `learns of save ${name}`);
    };
    return {
      list: async () => {
        await this.#turn(process, "list slices");
        const items = this.#lists;
        await this.#turn(process, "learns of the slices");
        return { items, version: "1" };
      },
      save: (wanted: WantedSlices, last: StoredSlices | undefined) => {
        const { owner: _, ...list } = wanted;
        const created = last?.created ?? String(this.#version).padStart(9, "0");
        return change(wanted.name, last, { ...list, created, managed: true, collected: false, version: 0 });
      },
      remove: (last: StoredSlices) => change(last.name, last, undefined),
    };
  }

  /** No address is in two pools. */
  #check(): void {
    const holders = new Map<string, string>();
    for (const { key, allocations } of this.#pools.values()) {
      for (const address of allocations.keys()) {
        const text = formatIp({ family: key.cidr.family, value: address });
        const [pool, other] = [formatPoolKey(key), holders.get(text)];
        if (other !== undefined) this.#failure ??= `${text} is in ${pool} and ${other}:\n  ${this.trace.join("\n  ")}`;
        holders.set(text, pool);
      }
    }
  }

  /** Number of closed pools. */
  get closed(): number {
    return [...this.#pools.values()].filter(({ fence }) => isClosed(fence)).length;
  }
}

function applied(before: Allocations, changes: readonly Change[]): Allocations {
  const after = new Map(before);
  for (const { address, after: held } of changes) {
    if (held) after.set(address, held);
    else after.delete(address);
  }
  return after;
}
