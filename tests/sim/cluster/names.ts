/**
 * When a pod's name may be reused, and on which nodes pods may start.
 *
 * @module
 */
import type { SimNode } from "../node.ts";
import type { Process } from "../scheduler.ts";
import type { SimCluster } from "./cluster.ts";
import type { PodSandbox } from "./pod.ts";
import { contentsOf, reservationName } from "./promises.ts";

/** Nodes on which pods may start. */
export function readyNodes({ kubelets, control }: SimCluster): SimNode[] {
  return kubelets.filter(({ connected, stalled, node }) => connected && !stalled && control.hasNode(node))
    .map(({ node }) => node);
}

/**
 * A late ADD cannot be distinguished from one in time unless it has its entry already. So a pod's name is reused only after the ADDs of its
 * former sandboxes have their entries and their kubelets know of the deletion, or their machines are off; and never for pods on a node that is
 * cut off, where deletion by force is known to be unsafe.
 *
 * @param moves whether pods of machines that are off may be recreated on other nodes
 */
export function mayReuse(cluster: SimCluster, podRef: string, moves = false): boolean {
  const { kubelets, sandboxes } = cluster;
  const known = kubelets.every((kubelet) =>
    (moves && kubelet.dead) || kubelet.pods.every((pod) => pod.podRef !== podRef || kubelet.knows(pod))
  );
  return known && sandboxes.every((sandbox) => {
    if (sandbox.podRef !== podRef || sandbox.state === "released") return true;
    if (sandbox.pod.kind === "static" || sandbox.node.cut) return false;
    if (cluster.isOriginal(sandbox.node)) return sandbox.state === "live"; // late calls of the original's plugin are not ours to prevent
    return !isAdding(cluster, sandbox) || hasEntry(cluster, sandbox);
  });
}

/** Whether an ADD of a sandbox is in progress. */
export function isAdding({ processes }: SimCluster, sandbox: PodSandbox): boolean {
  return [...processes.values()].some((call) => call.sandbox === sandbox && call.verb === "ADD");
}

/** Whether a sandbox has its only entry, and waits to write its reservation. */
export function hasEntry(
  { objects, scheduler, processes }: SimCluster,
  { containerId, node, network: { domain, ipam } }: PodSandbox,
): boolean {
  const serves = (process: Process) =>
    processes.get(process)?.sandbox.containerId === containerId || process.name === `agent on ${node.name}`;
  return ipam.ipRanges === undefined && contentsOf(objects).entries.some(({ address, value }) => {
    const request = `POST overlappingrangeipreservations/${reservationName(domain, address)}`;
    return value.id === containerId && scheduler.awaits(request, serves);
  });
}
