/**
 * The objects that keep addresses in a simulated cluster, with the programs that create and delete them.
 *
 * @module
 */
import type { SimCluster } from "./cluster.ts";
import { Machines } from "./machines.ts";
import { StatefulSets } from "./sets.ts";

/** Virtual machines and StatefulSets. */
export class Keepers {
  readonly #cluster: SimCluster;
  readonly #machines: Machines;
  readonly #sets: StatefulSets;

  /** Creates no object yet. */
  constructor(cluster: SimCluster) {
    this.#cluster = cluster;
    this.#machines = new Machines(cluster, cluster.world.keepers?.machines ?? 0);
    this.#sets = new StatefulSets(cluster, cluster.world.keepers?.sets ?? 0);
  }

  /** Lets one event happen: mostly a change of an object, rarely one of what the API server serves. */
  act(): void {
    const { scheduler, world: { keepers = {} }, server: { unserved } } = this.#cluster;
    if (scheduler.chance(unserved.size > 0 ? 0.3 : 0.01)) {
      if (!unserved.delete("ipamclaims")) unserved.add("ipamclaims");
      scheduler.note(`ipamclaims are ${unserved.has("ipamclaims") ? "not served" : "served again"}`);
      return;
    }
    const kinds = [...keepers.machines ? [this.#machines] : [], ...keepers.sets ? [this.#sets] : []];
    scheduler.pick(kinds).act();
  }

  /** The programs see what has changed. */
  tick(): void {
    this.#machines.tick();
    this.#sets.tick();
  }

  /** No events follow: pods that can never get an address are deleted. */
  end(): void {
    this.#machines.over = true;
  }

  /** Deletes all objects. */
  remove(): void {
    this.#machines.remove();
    this.#sets.remove();
  }
}
