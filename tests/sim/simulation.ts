/**
 * The worlds of a few machines with one store, without a cluster (`machines.ts`).
 *
 * @module
 */
import { openEmbedded } from "../../drivers/embedded/driver.ts";
import type { StorageDriver } from "../../src/storage/driver.ts";
import { orBroken } from "./broken.ts";
import type { FindPods } from "./control.ts";
import { Divisions } from "./divisions.ts";
import { type Machines, SimMachines } from "./machines.ts";
import { DIVIDED, NETWORKS, RESIZED } from "./networks.ts";
import { Resizes } from "./resizes.ts";
import type { Network } from "./runtime.ts";
import { Scheduler } from "./scheduler.ts";

/** One in this many seeds of a store whose entries do not move has a controller. */
const CONTROLLED = 2;

/** Breaks a store, for the simulation's own test. */
export type Sabotage = (driver: StorageDriver) => StorageDriver;

/** How a history differs from the usual one. */
export interface StoreOptions {
  /** Its name. Default `store`. */
  readonly world?: "store" | "grids";
  /** The networks. Default {@linkcode NETWORKS}. */
  readonly networks?: readonly Network[];
  /** Breaks the store. Default: it is as it is. */
  readonly sabotage?: Sabotage;
  /** How the controller reads a pod. */
  readonly find?: FindPods;
}

/** Runs one history of a store without a cluster. */
export async function simulateStore(
  seed: number,
  { world = "store", networks = NETWORKS, sabotage = (driver) => driver, find = findPod }: StoreOptions = {},
): Promise<{ readonly trace: readonly string[] }> {
  await using driver = await openEmbedded({ kind: "embedded", path: ":memory:" });
  const scheduler = new Scheduler(seed);
  const controlled = seed % CONTROLLED === 0 ? find : undefined;
  return await orBroken(
    { seed, world },
    scheduler,
    () => new SimMachines({ scheduler, store: sabotage(driver), truth: driver, networks }, controlled).run(),
  );
}

const findPod: FindPods = (pods, process) => (podRef, signal) => pods.find(process, podRef, signal);

/** The networks whose entries are moved, by world, and those that stay as they are. */
const MOVED: Readonly<Record<"renumbered" | "gridded", Pick<Machines, "networks" | "moves" | "moving">>> = {
  renumbered: {
    networks: NETWORKS.slice(0, 1),
    moves: (host) => RESIZED.map((ranges) => new Resizes(host, ranges)),
    moving: 0.03,
  },
  gridded: { networks: [], moves: (host) => DIVIDED.map((networks) => new Divisions(host, networks)), moving: 0.08 },
};

/** Runs one history of a store without a cluster, in which ranges are resized, or divided into blocks. */
export async function simulateMoves(
  seed: number,
  world: keyof typeof MOVED,
): Promise<{ readonly trace: readonly string[] }> {
  await using driver = await openEmbedded({ kind: "embedded", path: ":memory:" });
  const scheduler = new Scheduler(seed);
  const machines = { scheduler, store: driver, truth: driver, ...MOVED[world] };
  return await orBroken({ seed, world }, scheduler, () => new SimMachines(machines).run());
}
