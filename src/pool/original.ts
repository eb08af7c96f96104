/**
 * Finds networks whose addresses outlive pods beside controllers of the original, which free what has no pod.
 *
 * @module
 */
import { type Finding, NO_OWNER } from "./finding.ts";
import type { PodFacts } from "./pod_facts.ts";

/**
 * One finding for each network while a controller of the original runs.
 *
 * @param networks `namespace/name` of the definitions of networks with persistent addresses
 */
export function findBesideOriginal(networks: readonly string[], pods: readonly PodFacts[]): Finding[] {
  const original = pods.find(({ runsOriginal = false, finished }) => runsOriginal && !finished);
  if (!original) return [];
  return networks.map((network) => ({
    ...NO_OWNER,
    kind: "persistent-beside-original",
    subject: "network",
    pool: network,
    message:
      `Network ${network} has addresses that outlive pods, and pod ${original.podRef} runs a controller of the original, which frees them`,
  }));
}
