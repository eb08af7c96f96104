/**
 * Networks whose addresses outlive pods beside controllers of the original, which free what has no pod: they are found, and their pools keep no
 * further address for an object.
 *
 * @module
 */
import { type Finding, NO_OWNER } from "./finding.ts";
import type { PoolFacts } from "./orphans.ts";
import type { PodFacts } from "./pod_facts.ts";
import { formatPoolKey, type PoolKey } from "./types.ts";

/** A network whose addresses may outlive pods. */
export interface PersistentNetwork {
  /** Its definition, `namespace/name`. */
  readonly network: string;
  /** Its pools. */
  readonly pools: readonly PoolKey[];
  /** Whether its entries live in blocks, which plugins of the original do not know. Absent: its addresses may outlive pods. */
  readonly divided?: true;
}

/** A pool, and the controller of the original because of which it refuses keepers. */
export interface Refusal {
  /** The pool. */
  readonly key: PoolKey;
  /** The object that runs it. Absent: the pool refuses none. */
  readonly by?: string;
}

/** The object that runs a controller of the original; undefined if it is missing. Of several always the same one. */
export function originalOf(pods: readonly PodFacts[]): string | undefined {
  return pods.flatMap(({ original }) => original ?? []).reduce<string | undefined>(
    (first, one) => first === undefined || one < first ? one : first,
    undefined,
  );
}

/** One finding for each network while a controller of the original runs. */
export function findBesideOriginal(networks: readonly PersistentNetwork[], pods: readonly PodFacts[]): Finding[] {
  const original = originalOf(pods);
  if (original === undefined) return [];
  return networks.map(({ network, divided }) => ({
    ...NO_OWNER,
    kind: divided ? "blocks-beside-original" : "persistent-beside-original",
    subject: "network",
    pool: network,
    message: divided
      ? `Network ${network} has block_size, and ${original} runs the original, which would allocate the same addresses: pods get no address`
      : `Network ${network} has addresses that outlive pods, and ${original} runs a controller of the original, which frees them: ` +
        "pods get no further address that an object keeps",
  }));
}

/** The pools that refuse keepers. */
export function refusalsIn(pools: readonly PoolFacts[]): Refusal[] {
  return pools.flatMap(({ key, refusesKeepers: by }) => by === undefined ? [] : [{ key, by }]);
}

/**
 * What to write so that the pools of the networks refuse keepers, and no others do.
 *
 * @param by the object that runs a controller of the original; undefined: no pool shall refuse
 * @param present the pools that refuse keepers
 */
export function refusalsToWrite(
  networks: readonly PersistentNetwork[],
  by: string | undefined,
  present: readonly Refusal[],
): Refusal[] {
  const named = (refusals: readonly Refusal[]) => new Map(refusals.map((one) => [formatPoolKey(one.key), one]));
  const wanted = named(by === undefined ? [] : networks.flatMap(({ pools }) => pools.map((key) => ({ key, by }))));
  const stored = named(present);
  // lists omit the pools of divided ranges
  const unlisted = networks.flatMap(({ divided, pools }) => divided && by === undefined ? pools : []);
  return [
    ...unlisted.map((key) => ({ key })),
    ...[...wanted].flatMap(([name, one]) => stored.get(name)?.by === one.by ? [] : [one]),
    ...[...stored].flatMap(([name, { key }]) => wanted.has(name) ? [] : [{ key }]),
  ];
}
