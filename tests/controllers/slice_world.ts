/**
 * Simulates nodes that join and leave, calls of their plugins, and controllers, on one store whose operations run in random order: any of them
 * may be delayed, and any process may die before or after it. The code of plugins and controllers is the product's.
 *
 * @module
 */
import assert from "node:assert/strict";
import type { Network } from "../../src/controllers/networks.ts";
import { SliceKeeper } from "../../src/controllers/slice_keeper.ts";
import type { Cluster, SavedSlices, StoredSlices } from "../../src/controllers/cluster.ts";
import { formatCidr } from "../../src/address/cidr.ts";
import { formatIp } from "../../src/address/ip.ts";
import { allocate } from "../../src/ipam/allocate.ts";
import { ElasticSlices } from "../../src/ipam/elastic_slices.ts";
import { NoSliceError, PoolExhaustedError } from "../../src/ipam/errors.ts";
import { directIpam, type Ipam } from "../../src/ipam/ipam.ts";
import { rangesOfPools, type RecordedEntry } from "../../src/ipam/recorded.ts";
import { release } from "../../src/ipam/release.ts";
import { sliceName } from "../../src/ipam/slice_choice.ts";
import { sliceRanges } from "../../src/ipam/node_slice.ts";
import type { Fence } from "../../src/pool/fence.ts";
import { isClosed } from "../../src/pool/fence.ts";
import type { Slice } from "../../src/pool/slice_assignment.ts";
import { type Allocations, type Change, formatPoolKey, type PoolKey } from "../../src/pool/types.ts";
import { ConflictError, type PoolSnapshot, type SliceList, type StorageDriver } from "../../src/storage/driver.ts";
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

/** An attachment, with what the journal of its node records. */
interface Attached {
  readonly name: string;
  readonly node: string;
  readonly network: Network;
  entries: readonly RecordedEntry[];
  pools: readonly PoolKey[];
  /** The call that works on it, or died doing so. */
  call: Process | undefined;
}

const NAMES = ["a", "b", "c", "d", "e"] as const;

/** The cluster. */
export class SliceWorld {
  readonly #random: () => number;
  readonly #networks: readonly Network[];
  readonly #views: readonly (readonly Network[])[];
  readonly #pools = new Map<string, StoredPool>();
  #lists: readonly (StoredSlices & { readonly version: number })[] = [];
  #version = 0;
  #waiting: { readonly process: Process; readonly go: () => void; readonly label: string }[] = [];
  readonly #nodes = new Set<string>(["a"]);
  readonly #attached = new Set<Attached>();
  #count = 0;
  #failure: string | undefined;
  /** Log of events, for the message of a failure. */
  readonly trace: string[] = [];
  /** Numbers of allocated addresses, moved slices, refused calls, slices that nodes took and that were withdrawn, and borrowed addresses. */
  readonly seen = { allocated: 0, moved: 0, refused: 0, taken: 0, withdrawn: 0, borrowed: 0 };

  /**
   * Starts with one node.
   *
   * @param views the networks that controllers see: each one of these lists. Default: all networks
   */
  constructor(networks: readonly Network[], seed: number, views: readonly (readonly Network[])[] = [networks]) {
    this.#networks = networks;
    this.#views = views;
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

  /** Lets every call and controller end, with all nodes of the cluster, and no more deaths. */
  async settle(): Promise<void> {
    for (const name of NAMES) this.#nodes.add(name);
    for (let round = 0; round < 4; round++) {
      this.#control();
      for (const one of this.#attached) if (!one.call?.alive) void this.#del(one);
      for (let step = 0; this.#waiting.length > 0 && step < 20_000; step++) {
        this.#let();
        for (let tick = 0; tick < 40; tick++) await Promise.resolve();
      }
      if (this.#failure !== undefined) throw new Error(this.#failure);
    }
  }

  /** What is left: attachments, entries, and the number of slices of each node by list. */
  get left(): { readonly attached: number; readonly entries: number; readonly slices: readonly string[] } {
    const entries = [...this.#pools.values()].reduce((sum, { allocations }) => sum + allocations.size, 0);
    const slices = this.#lists.flatMap((list) =>
      [...Map.groupBy(list.slices.filter(({ node }) => node !== ""), ({ node }) => node)]
        .map(([node, own]) => `${list.name} ${node} ${own.length}`)
    );
    return { attached: this.#attached.size, entries, slices: slices.sort() };
  }

  #pick<T>(all: readonly T[]): T | undefined {
    return all[Math.floor(this.#random() * all.length)];
  }

  #churn(): void {
    const name = this.#pick(NAMES) ?? "a";
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
    const [node, network] = [this.#pick(NAMES), this.#pick(this.#networks)];
    if (!node || !network) return;
    const name = `pod${this.#count++}`;
    const call = { name: `ADD ${name} on ${node}`, alive: true };
    const attached: Attached = { name, node, network, entries: [], pools: [], call };
    this.#attached.add(attached);
    const ipam = this.#ipam(call);
    const owner = { podRef: `default/${name}`, ifName: "net1", containerId: name };
    try {
      const { config } = network;
      const slices = config.nodeSliceElastic && new ElasticSlices(ipam, config, this.#user(attached, call), NEVER);
      const ranges = slices ? config : await sliceRanges(ipam, config, () => Promise.resolve(node), NEVER);
      const assigned = await allocate(ipam, ranges, owner, NEVER, slices ? { slices } : {});
      attached.entries = assigned.map(({ entry }) => entry);
      attached.call = undefined;
      this.seen.allocated++;
      if (attached.entries.some(({ key }) => key.node !== undefined && key.node !== node)) this.seen.borrowed++;
    } catch (error) {
      if (!(error instanceof NoSliceError || error instanceof PoolExhaustedError)) throw error;
      this.#attached.delete(attached); // the call has undone all it wrote
      this.seen.refused++;
    }
  }

  #user(attached: Attached, call: Process) {
    const record = async (pool: PoolKey) => {
      await this.#turn(call, `records ${formatPoolKey(pool)}`);
      attached.pools = [...attached.pools, pool];
      await this.#turn(call, "continues");
    };
    return { node: attached.node, recorded: [], record };
  }

  /** Releases what the journal records, as DEL and pending releases do. A call that is in progress ends before. */
  async #del(attached = this.#pick([...this.#attached].filter(({ call }) => !call?.alive))): Promise<void> {
    if (!attached) return;
    const { name, node, network, entries, pools } = attached;
    const call = attached.call = { name: `DEL ${name}`, alive: true };
    const ipam = this.#ipam(call);
    const { ranges, ...config } = await this.#recorded(ipam, network, node, entries);
    const searched = { ...config, ranges: [...ranges, ...rangesOfPools(pools)] };
    await release(ipam, searched, { containerId: name, ifName: "net1" }, NEVER, entries);
    this.#attached.delete(attached);
  }

  async #recorded(ipam: Ipam, { config }: Network, node: string, entries: readonly RecordedEntry[]) {
    if (entries.length > 0) return { ...config, ranges: [] };
    try {
      return await sliceRanges(ipam, config, () => Promise.resolve(node), NEVER, "release");
    } catch (error) {
      if (error instanceof NoSliceError) return { ...config, ranges: [] };
      throw error;
    }
  }

  /** Runs a controller once. Several may run at the same time. */
  #control(): void {
    const process = { name: `controller ${this.#count++}`, alive: true };
    const ipam = this.#ipam(process);
    const slices = this.#sliceObjects(process);
    const world = { ...memoryWorld(), random: this.#random, sleep: ipam.clock.sleep };
    const cluster = { slices } as unknown as Cluster;
    const reporter = { problems: () => {}, writeRefused: () => {}, unassigned: () => {} };
    const keeper = new SliceKeeper({ world, ipam, cluster, sliceGrace: 0 }, reporter, () => {});
    const nodes = [...this.#nodes].map((name) => ({ name }));
    const view = this.#pick(this.#views) ?? [];
    const keep = async () => {
      for (let sweep = 0; sweep < 2; sweep++) { // the first finds which slices are empty
        await keeper.keep(view, nodes, NEVER);
        keeper.invalidate();
      }
    };
    keep().catch((error) => {
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
            if (!found) return undefined;
            const { range, slices, epoch, version, elastic, refused } = found;
            return {
              ...{ range, slices, epoch, version: { name, version } },
              ...(elastic !== undefined && { elastic }),
              ...(refused !== undefined && { refused }),
            };
          }),
        take: (list, slice, epoch) =>
          done(`take ${slice.node} ${formatCidr(slice.cidr)} ${epoch}`, () => this.#take(list, slice, epoch)),
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

  #take({ version: read }: SliceList, { node, cidr }: Slice, epoch: number): void {
    const { name, version } = read as { readonly name: string; readonly version: number };
    const stored = this.#lists.find((one) => one.name === name);
    const isTaken = (one: Slice) => one.node === "" && formatCidr(one.cidr) === formatCidr(cidr);
    if (stored?.version !== version || !stored.slices.some(isTaken)) throw new ConflictError(`${name} changed`);
    const slices = stored.slices.map((one) => isTaken(one) ? { node, cidr } : one);
    const next = { ...stored, slices, epoch, version: ++this.#version };
    this.#lists = [...this.#lists.filter((one) => one !== stored), next];
    this.seen.taken++;
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
      const isElastic = stored?.elastic === true;
      const kept = new Set(next?.slices.map((one) => sliceName(one)));
      const lost = isElastic
        ? stored.slices.filter((one) => this.#nodes.has(one.node) && !kept.has(sliceName(one)))
        : [];
      this.seen.withdrawn += lost.length;
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
      save: (wanted: SavedSlices, last: StoredSlices | undefined) => {
        const { name, network, range, size, slices, epoch, refused, elastic, term } = wanted;
        const list = { name, network, range, size, slices, epoch, refused, elastic, term };
        const created = last?.created ?? String(this.#version).padStart(9, "0");
        return change(wanted.name, last, { ...list, created, managed: true, collected: false, version: 0 });
      },
      claim: (last: StoredSlices, term: string) => change(last.name, last, { ...last, term }),
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
