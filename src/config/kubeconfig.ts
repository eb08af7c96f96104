/**
 * The kubeconfig that kubectl would use.
 *
 * @module
 */
import type { World } from "../world/world.ts";

/**
 * The existing files of `KUBECONFIG`, which kubectl uses too.
 *
 * @param home whether `~/.kube/config` follows, as for kubectl
 * @returns paths, separated by colons; undefined if neither is configured
 */
export async function findKubeconfig(world: World, home: boolean): Promise<string | undefined> {
  const listed = (world.env("KUBECONFIG") ?? "").split(":").filter((path) => path !== "");
  if (listed.length === 0) {
    const path = `${world.env("HOME") ?? ""}/.kube/config`;
    return home && await world.exists(path) ? path : undefined;
  }
  const existing = await Promise.all(listed.map(async (path) => await world.exists(path) ? [path] : []));
  return existing.flat().join(":") || listed[0];
}
