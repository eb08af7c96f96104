/**
 * Which seed runs which world, unless a world is named: world and number of a seed determine its history.
 *
 * @module
 */
import "./preload.ts";
import { orBroken } from "./broken.ts";
import { SimCluster } from "./cluster/cluster.ts";
import { type WorldName, WORLDS } from "./cluster/worlds.ts";
import { Scheduler } from "./scheduler.ts";
import { GRIDS } from "./networks.ts";
import { simulateMoves, simulateStore } from "./simulation.ts";

/**
 * A world of the simulated cluster, or machines on the embedded store, without a cluster: `store`; `grids`, whose networks have blocks;
 * `renumbered`, whose ranges are resized; and `gridded`, whose ranges are divided into blocks.
 */
export type Setting = WorldName | "store" | "grids" | "renumbered" | "gridded";

/** Seeds run these alternately. */
export const SETTINGS: readonly Setting[] = [
  "store",
  "takeover",
  "kubelets",
  "mixed",
  "original",
  "cut",
  "silent",
  "statuses",
  "suspended",
  "regressed",
  "restore",
  "settings",
  "namesakes",
  "nameless",
  "stormy",
  "slices",
  "full",
  "clocks",
  "journals",
  "lost",
  "rewound",
  "machines",
  "stopped",
  "sets",
  "kept",
  "reuse",
  "grids",
  "blocks",
  "roomy",
  "layouts",
  "elastic",
  "resized",
  "renumbered",
  "divided",
  "gridded",
];

/** The setting of a seed. */
export function settingOf(seed: number): Setting {
  return SETTINGS[seed % SETTINGS.length] ?? "store";
}

/** Runs the history of a seed in a world. @throws {BrokenPromiseError} a promise was broken */
export async function simulate(
  seed: number,
  setting: Setting = settingOf(seed),
): Promise<{ readonly trace: readonly string[] }> {
  if (setting === "store") return await simulateStore(seed);
  if (setting === "grids") return await simulateStore(seed, { world: setting, networks: GRIDS });
  if (setting === "renumbered" || setting === "gridded") return await simulateMoves(seed, setting);
  const scheduler = new Scheduler(seed);
  return await orBroken({ seed, world: setting }, scheduler, () => new SimCluster(scheduler, WORLDS[setting]).run());
}
