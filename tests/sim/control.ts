/**
 * The product's controller in the simulation, as a process that is killed and restarts, sometimes two at the same time, with a store and an API
 * server that fail.
 *
 * @module
 */
import type { Attachment, Cluster, Feed, NodeFacts, StoredSlices } from "../../src/controllers/cluster.ts";
import { Controller } from "../../src/controllers/controller.ts";
import type { SweeperOptions } from "../../src/controllers/sweeper.ts";
import { directIpam } from "../../src/ipam/ipam.ts";
import type { FindPod } from "../../src/ipam/witness.ts";
import type { StorageDriver } from "../../src/storage/driver.ts";
import { SILENT } from "../../src/world/log.ts";
import type { World } from "../../src/world/world.ts";
import { SimNode } from "./node.ts";
import type { PodObjects } from "./pods.ts";
import type { Network } from "./runtime.ts";
import type { Process, Scheduler } from "./scheduler.ts";

/** Time between sweeps: the minimum. */
const INTERVAL = "10s";

/** How a process reads one pod. The simulation's own test replaces it with a wrong answer. */
export type FindPods = (pods: PodObjects, process: Process) => FindPod;

/** A controller that leads. */
export interface SimController {
  /** Its process. */
  readonly process: Process;
  /** Completed sweeps. */
  sweeps(): number;
  /** Stops it, and resolves when it has ended. */
  stop(): Promise<void>;
}

let controllers = 0;

/** The store and cluster of a controller. */
export interface Controlled {
  /** The store. */
  readonly driver: StorageDriver;
  /** The cluster. */
  readonly cluster: Cluster;
}

/** Starts a controller. `open` opens its store and cluster; `rules` has the grace periods and the schedule, if they are not the defaults. */
export function startController(
  scheduler: Scheduler,
  open: (process: Process, world: World) => Promise<Controlled>,
  rules: Partial<Pick<SweeperOptions, "grace" | "deadNodeGrace" | "defaultSchedule">> = {},
): SimController {
  const node = new SimNode("control", scheduler);
  const process: Process = { name: `controller#${++controllers}`, alive: true };
  process.onKill = () => node.dropLocks(process);
  const world = node.world(process);
  const sweep = { defaultSchedule: INTERVAL, ...rules, schedule: () => Promise.resolve(undefined) };
  let controller: Controller | undefined;
  const stopping = new AbortController();
  const ended = (async () => {
    const { driver, cluster } = await open(process, world);
    controller = new Controller({
      world,
      log: SILENT,
      ipam: directIpam(driver, world, SILENT),
      cluster,
      sweep,
      sliceGrace: 600_000,
    });
    await controller.lead(stopping.signal);
  })();
  return {
    process,
    sweeps: () => controller ? sweepsOf(controller) : 0,
    stop: () => {
      stopping.abort(new Error("stopped"));
      return ended;
    },
  };
}

/** A cluster in which only the pods change. */
export function quietCluster(
  process: Process,
  pods: PodObjects,
  networks: readonly Network[],
  find: FindPods,
): Cluster {
  const attachments = networks.map(({ name, ipam }): Attachment => ({
    namespace: "default",
    name,
    uid: name,
    config: JSON.stringify({ cniVersion: "1.0.0", name, type: "macvlan", ipam }),
  }));
  return {
    pods: pods.feed(process),
    nodes: unchanging<NodeFacts>([], ({ name }) => name),
    attachments: unchanging(attachments, ({ name }) => name),
    slices: {
      ...unchanging<StoredSlices>([], ({ name }) => name),
      save: () => Promise.resolve(),
      claim: () => Promise.resolve(),
      remove: () => Promise.resolve(),
    },
    findPod: find(pods, process),
    ...UNUSED,
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

/**
 * The simulation reads no events and no statuses, and its controllers lead without an election. Commits that meet the write of a status
 * conflict; every world has such conflicts.
 */
export const UNUSED: Pick<Cluster, "lease" | "recordEvent" | "poolStatuses"> = {
  lease: () => ({
    read: () => Promise.reject(new Error("no lease")),
    write: () => Promise.reject(new Error("no lease")),
  }),
  recordEvent: () => Promise.resolve(),
  poolStatuses: { save: () => Promise.resolve() },
};

/** Successful sweeps: one that could not do everything is retried. */
function sweepsOf({ metrics }: Controller): number {
  return Number(/whereabouts_sweeps_total\{outcome="success"\} (\d+)/.exec(metrics.text())?.[1] ?? 0);
}

/** Objects that never change. */
function unchanging<T>(items: readonly T[], keyOf: (item: T) => string): Feed<T> {
  return {
    name: "objects",
    keyOf,
    list: () => Promise.resolve({ items, version: "1" }),
    // deno-lint-ignore require-yield -- nothing ever happens
    watch: async function* (_, signal) {
      await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
    },
  };
}
