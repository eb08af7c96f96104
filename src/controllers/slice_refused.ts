/**
 * What is written for a group of networks with slices, and for networks whose slices are refused.
 *
 * @module
 */
import { formatCidr } from "../address/cidr.ts";
import { epochOf, isClosed } from "../pool/fence.ts";
import type { Settlement } from "../pool/slice_networks.ts";
import type { Closing, Opening } from "../pool/slice_plan.ts";
import { pairKey, type SlicePools } from "../pool/slice_pools.ts";
import type { Slice } from "../pool/slice_assignment.ts";
import type { StoredSlices, WantedSlices } from "./cluster.ts";
import type { Demand, UnslicedRange } from "./slice_demands.ts";
import { differs } from "./slice_lists.ts";

/** The writes for one group of networks, in this order. */
export interface SliceStep {
  /** Pools to close. */
  readonly close: readonly Closing[];
  /** NodeSlicePools to save, each with the stored one if it exists; the oldest first. */
  readonly save: readonly (readonly [WantedSlices, StoredSlices | undefined])[];
  /** Pools to open. */
  readonly open: readonly Opening[];
}

/** The slices of one NodeSlicePool by state. */
export interface SliceStates {
  /** Its name. */
  readonly name: string;
  /** Slices of nodes. */
  readonly assigned: number;
  /** Listed slices without a node. Long lists omit them. */
  readonly free: number;
  /** Nodes without a slice. */
  readonly missing: number;
}

/** The plan of one group, or of one refused network. */
export interface Planned {
  /** The writes. */
  readonly step: SliceStep;
  /** Keys of the slices that the written list assigns. */
  readonly pairs: readonly string[];
  /** Numbers of slices by NodeSlicePool. */
  readonly states: readonly SliceStates[];
}

/** The state that a plan for refused networks starts from. */
interface RefusedFacts {
  /** Which networks are accepted and which are refused. */
  readonly settled: Pick<Settlement<Demand, UnslicedRange>, "groups" | "refused">;
  /** The NodeSlicePools by name. */
  readonly stored: ReadonlyMap<string, StoredSlices>;
  /** Names of nodes. */
  readonly nodes: readonly string[];
  /** The pools; undefined: not read. */
  readonly pools: SlicePools | undefined;
}

/** The steps of refused networks: their NodeSlicePools get the reason, which the plugin returns. Slices in use stay listed, and closed. */
export function refusedSteps(
  { settled: { groups, refused }, stored, nodes, pools }: RefusedFacts,
  planned: readonly Planned[],
): Planned[] {
  const assigned = new Set(planned.flatMap(({ pairs }) => pairs));
  const owned = new Set(groups.flatMap(({ members }) => members.map(({ name }) => name)));
  const byName = new Map(refused.filter(({ of }) => !owned.has(of.name)).map((one) => [one.of.name, one]));
  return [...byName.values()].map(({ of, message }): Planned => {
    const { name, network, size, attachment: owner, range: { cidr } } = of;
    const last = stored.get(name);
    const isUsed = (slice: Slice) => pools?.isUsed({ network, ...slice }) ?? true;
    const former = last?.slices.filter((slice) => slice.node !== "" && !assigned.has(pairKey(network, slice))) ?? [];
    const slices = former.filter(isUsed);
    const open = pools
      ? former.filter((slice) => !isUsed(slice) || !isClosed(pools.find({ network, ...slice })?.fence))
      : [];
    const epoch = (last?.epoch ?? 0) + (open.length > 0 ? 1 : 0);
    const close = open.map((slice) => {
      const key = { network, ...slice };
      const pool = pools?.find(key);
      return { key, pool, closed: Math.max(epoch, epochOf(pool?.fence) + 1) };
    });
    const wanted = {
      name,
      network,
      range: formatCidr(cidr),
      size,
      slices,
      epoch,
      refused: message,
      elastic: undefined,
      owner,
    };
    const missing = nodes.length;
    return {
      step: { close, save: !last || differs(wanted, last) ? [[wanted, last]] : [], open: [] },
      pairs: slices.map((slice) => pairKey(network, slice)),
      states: [{ name, assigned: slices.length, free: 0, missing }],
    };
  });
}
