/**
 * The resizes of a simulated cluster: an operator runs the command on a machine of its own.
 *
 * @module
 */
import { openKubernetes } from "../../../drivers/kubernetes/driver.ts";
import { directIpam } from "../../../src/ipam/ipam.ts";
import { SILENT } from "../../../src/world/log.ts";
import { SimNode } from "../node.ts";
import { type MarkedPool, Resizes } from "../resizes.ts";
import type { Reach } from "../runtime.ts";
import type { Scheduler } from "../scheduler.ts";
import type { Definitions } from "./definitions.ts";
import type { ApiObject, ApiObjects } from "./objects.ts";
import { KUBECONFIG, type World } from "./world.ts";

/** The annotations of a pool that name its domain and its move. */
const [NETWORK, MOVE] = ["whereabouts.cni.cncf.io/network", "whereabouts.cni.cncf.io/move"];

/** The parts of a cluster that resizes need. */
interface Resized {
  readonly scheduler: Scheduler;
  readonly objects: ApiObjects;
  readonly definitions: Definitions;
  readonly world: World;
  readonly reach: Reach;
}

/** One for each network of the world that is resized. */
export function resizesOf({ scheduler, objects, definitions, world, reach }: Resized): readonly Resizes[] {
  const operator = new SimNode("operator", scheduler);
  return (world.resizes ?? []).map((ranges) =>
    new Resizes({
      scheduler,
      pools: () => Promise.resolve(objects.list("ippools").map(markedPool)),
      onDefined: (network) => definitions.redefine(network),
      open: async (process) => {
        const own = reach.world(process, operator.world(process));
        const driver = await openKubernetes({ kind: "kubernetes", kubeconfig: KUBECONFIG }, {
          world: own,
          log: SILENT,
        });
        return directIpam(driver, own, SILENT);
      },
    }, ranges)
  );
}

function markedPool({ metadata: { annotations = {} }, spec = {} }: ApiObject): MarkedPool {
  return { domain: annotations[NETWORK] ?? "", range: String(spec.range), mark: annotations[MOVE] };
}
