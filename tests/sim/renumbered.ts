/**
 * Resizes on machines without a cluster: an operator runs the command on a machine of its own.
 *
 * @module
 */
import { formatCidr } from "../../src/address/cidr.ts";
import { directIpam } from "../../src/ipam/ipam.ts";
import { encodeMove } from "../../src/pool/move.ts";
import type { StorageDriver } from "../../src/storage/driver.ts";
import { SILENT } from "../../src/world/log.ts";
import { SimNode } from "./node.ts";
import type { ResizeHost } from "./resizes.ts";
import type { Network } from "./runtime.ts";
import type { Scheduler } from "./scheduler.ts";
import { networked } from "./store.ts";

const base = { type: "whereabouts", datastore: "embedded", log_level: "panic" };

/** A range that grows, shrinks to its upper half, and is renumbered; with reservations and without. */
const RANGES = ["10.0.0.0/29", "10.0.0.0/28", "10.0.0.8/29", "10.7.0.0/29"];
export const RESIZED: readonly (readonly Network[])[] = [
  RANGES.map((range) => ({ name: "resized", domain: "", ipam: { ...base, range } })),
  RANGES.map((range) => ({
    name: "moved",
    domain: "moved",
    ipam: { ...base, range, network_name: "moved", enable_overlapping_ranges: false },
  })),
];

/** @param store as processes reach it @param truth as it is */
export function resizeHost(
  scheduler: Scheduler,
  store: StorageDriver,
  truth: StorageDriver,
  onEnded: (moved: boolean) => void,
): ResizeHost {
  const operator = new SimNode("operator", scheduler);
  const { signal } = new AbortController();
  return {
    scheduler,
    onEnded,
    open: (process) =>
      Promise.resolve(directIpam(networked(store, scheduler, process), operator.world(process), SILENT)),
    pools: async () =>
      (await truth.list(signal)).map(({ key, move }) => ({
        domain: key.network,
        range: formatCidr(key.cidr),
        mark: move && encodeMove(move),
      })),
  };
}
