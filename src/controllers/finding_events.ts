/**
 * Converts findings to events about the objects that they concern.
 *
 * @module
 */
import { type Finding, KINDS } from "../pool/finding.ts";
import type { ClusterEvent, Regarding } from "./cluster.ts";

/** Kinds whose event is about the pool of the entry: its pod may be deleted, or unknown. */
const OF_POOLS: readonly Finding["kind"][] = ["orphan", "keeper-gone", "unowned", "outside-range"];

/** Kinds whose messages name their remedy, with the names of the objects in it. */
const WITH_REMEDY: readonly Finding["kind"][] = [
  "unusable-network",
  "slices-refused",
  "pod-address-of-another",
  "unfinished-move",
];

/**
 * One event per object and kind, with the first finding, the number of further ones, and the next step.
 *
 * @example
 * ```ts
 * import { datastoreOf, denoWorld, findingEvents, inspect, openStore } from "@whereabouts/whereabouts";
 * import assert from "node:assert/strict";
 *
 * await using store = await openStore({ datastore: await datastoreOf(":memory:") }, { world: denoWorld() });
 * const { findings } = await inspect(store, undefined, AbortSignal.timeout(10_000));
 * assert.deepEqual(findingEvents(findings), []);
 * ```
 */
export function findingEvents(findings: readonly Finding[]): ClusterEvent[] {
  const all = findings.flatMap((finding) => objectsOf(finding).map((regarding) => ({ regarding, finding })));
  const groups = Map.groupBy(
    all,
    ({ regarding, finding: { kind } }) => JSON.stringify([KINDS[kind].reason, regarding]),
  );
  return [...groups.values()].flatMap((same): ClusterEvent[] => {
    const [first] = same;
    if (!first) return [];
    const { regarding, finding: { kind, message } } = first;
    const more = same.length === 1 ? "" : ` (and ${same.length - 1} more; run whereabouts check)`;
    const { reason, remedy } = KINDS[kind];
    const next = WITH_REMEDY.includes(kind) ? "" : `. Next: ${remedy}`;
    return [{ regarding, type: "Warning", reason, message: `${message}${more}${next}` }];
  });
}

function objectsOf({ kind, subject, pool, network, address, podRef, otherPod = "" }: Finding): Regarding[] {
  const pods = [podRef, otherPod].flatMap(podOf);
  switch (subject) {
    case "entry":
      return pods.length > 0 && !OF_POOLS.includes(kind) ? pods : [{ kind: "IPPool", pool }];
    case "pool":
      return [{ kind: "IPPool", pool }];
    case "pod":
      return pods;
    case "reservation": {
      const reservation = { kind: "OverlappingRangeIPReservation", network, address } as const;
      return kind === "reservation-of-another" ? [reservation, ...pods] : [reservation];
    }
    case "slices":
      return [{ kind: "NodeSlicePool", name: pool }];
    case "stored":
      return [{ kind: "Stored", where: pool }];
    case "network": {
      const [namespace = "", name = ""] = pool.split("/");
      return [{ kind: "NetworkAttachmentDefinition", namespace, name }];
    }
    case "claim": {
      const [namespace = "", name = ""] = pool.split("/");
      return [{ kind: "IPAMClaim", namespace, name }];
    }
  }
}

/** The pod of a record; records of older releases name only the container. */
function podOf(podRef: string): Regarding[] {
  const [namespace = "", name = "", ...more] = podRef.split("/");
  return namespace !== "" && name !== "" && more.length === 0 ? [{ kind: "Pod", namespace, name }] : [];
}
