/**
 * The operator of machines without a cluster, who runs commands on a machine of its own.
 *
 * @module
 */
import { formatCidr } from "../../src/address/cidr.ts";
import { directIpam } from "../../src/ipam/ipam.ts";
import { encodeMove } from "../../src/pool/move.ts";
import type { StorageDriver } from "../../src/storage/driver.ts";
import { SILENT } from "../../src/world/log.ts";
import type { MoveHost } from "./moves.ts";
import { SimNode } from "./node.ts";
import type { Scheduler } from "./scheduler.ts";
import { networked } from "./store.ts";

/** @param store as processes reach it @param truth as it is */
export function moveHost(
  scheduler: Scheduler,
  store: StorageDriver,
  truth: StorageDriver,
  onEnded: (moved: boolean) => void,
): MoveHost {
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
