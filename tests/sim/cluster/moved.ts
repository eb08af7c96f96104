/**
 * The networks of a simulated cluster whose entries are moved: an operator runs the commands on a machine of its own.
 *
 * @module
 */
import { openKubernetes } from "../../../drivers/kubernetes/driver.ts";
import { directIpam } from "../../../src/ipam/ipam.ts";
import { SILENT } from "../../../src/world/log.ts";
import { SimNode } from "../node.ts";
import { Divisions } from "../divisions.ts";
import type { MoveHost, Moves } from "../moves.ts";
import { Resizes } from "../resizes.ts";
import type { Reach } from "../runtime.ts";
import type { Scheduler } from "../scheduler.ts";
import type { Definitions } from "./definitions.ts";
import type { ApiObject, ApiObjects } from "./objects.ts";
import { KUBECONFIG, type World } from "./world.ts";

/** The annotations of a pool that name its domain and its move. */
const [NETWORK, MOVE] = ["whereabouts.cni.cncf.io/network", "whereabouts.cni.cncf.io/move"];

/** The parts of a cluster that moves need. */
interface Moved {
  readonly scheduler: Scheduler;
  readonly objects: ApiObjects;
  readonly definitions: Definitions;
  readonly world: World;
  readonly reach: Reach;
}

/** One for each network of the world that is resized, and for each domain whose networks are divided. */
export function movesOf({ scheduler, objects, definitions, world, reach }: Moved): readonly Moves[] {
  const operator = new SimNode("operator", scheduler);
  const host: MoveHost = {
    scheduler,
    pools: () => Promise.resolve(objects.list("ippools").map(markedPool)),
    onDefined: (network) => definitions.redefine(network),
    open: async (process) => {
      const own = reach.world(process, operator.world(process));
      const driver = await openKubernetes({ kind: "kubernetes", kubeconfig: KUBECONFIG }, { world: own, log: SILENT });
      return directIpam(driver, own, SILENT);
    },
  };
  const { resizes = [], divisions = [] } = world;
  return [
    ...resizes.map((ranges) => new Resizes(host, ranges)),
    ...divisions.map((networks) => new Divisions(host, networks)),
  ];
}

function markedPool({ metadata: { annotations = {} }, spec = {} }: ApiObject) {
  return { domain: annotations[NETWORK] ?? "", range: String(spec.range), mark: annotations[MOVE] };
}
