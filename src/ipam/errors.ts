/**
 * Errors of the allocator. Errors of the store are in `storage/driver.ts`.
 *
 * @module
 */
import { contains, formatCidr } from "../address/cidr.ts";
import { formatIp } from "../address/ip.ts";
import { assignable, type IpRange, isZeroAddress } from "../address/range.ts";
import type { IpamConfig } from "../config/types.ts";
import type { AllocateOutcome } from "../pool/requests.ts";
import { describeMove, type Move } from "../pool/move.ts";
import { isRecorded } from "../pool/reuse.ts";
import { formatPoolKey, type PoolKey } from "../pool/types.ts";
import { RefusedError, type StorageDriver, UnavailableError } from "../storage/driver.ts";

/** A range has no free address. CNI code 100. */
export class PoolExhaustedError extends Error {
  /** The class, for logs. */
  override name = "PoolExhaustedError";
}

/** A requested address is in use, or the range never allocates it. CNI code 101. */
export class AddressUnavailableError extends Error {
  /** The class, for logs. */
  override name = "AddressUnavailableError";
}

/** CHECK failed: an entry or reservation is missing, or belongs to another owner. */
export class NotAllocatedError extends Error {
  /** The class, for logs. */
  override name = "NotAllocatedError";
}

/** A newer sandbox of the same interface took the address over during the call. CNI code 11. */
export class SupersededError extends Error {
  /** The class, for logs. */
  override name = "SupersededError";
}

/** This node has no slice of the range. CNI code 103. */
export class NoSliceError extends Error {
  /** The class, for logs. */
  override name = "NoSliceError";
}

/** The entries of a range live in another layout than its network configures (`block_size`). CNI code 7. */
export class LayoutError extends Error {
  /** The class, for logs. */
  override name = "LayoutError";
}

/** The error for an allocation without an address. */
export function allocateError(key: PoolKey, range: IpRange, outcome: AllocateOutcome): Error {
  const pool = formatPoolKey(key);
  const text = (value: bigint) => formatIp({ family: range.cidr.family, value });
  switch (outcome.kind) {
    case "in use": {
      const by = outcome.by ? `allocated to ${outcome.by.podRef} (${outcome.by.ifName})` : "in use outside this pool";
      const { keeper } = outcome;
      const what = keeper
        ? `address ${text(outcome.address)}, which ${keeper.kind} ${keeper.name} keeps,`
        : `the requested address ${text(outcome.address)}`;
      return new AddressUnavailableError(`Cannot allocate ${what} of pool ${pool}: it is ${by}`);
    }
    case "unusable":
      return new AddressUnavailableError(
        `Cannot allocate the requested address ${text(outcome.address)} of pool ${pool}: ${
          whyUnusable(range, outcome.address)
        }`,
      );
    case "closed":
      return new NoSliceError(
        `Pool ${pool} is closed: ${
          outcome.fence.reason ??
            `the slice ${
              formatCidr(key.cidr)
            } no longer belongs to this node; retry after the controller has assigned another one`
        }`,
      );
    case "moving":
      return new UnavailableError(
        `Pool ${pool} is ${describeMove(outcome.move)}; retry. ` +
          `If the command that moves them was interrupted (${commandOf(outcome.move)}), run it again`,
      );
    case "moved":
      return new RefusedError(
        `Cannot allocate an address of ${formatCidr(range.cidr)}: pool ${pool} was moved to ${
          formatCidr(outcome.to)
        }, which has none of its addresses; set that range in the network's definition`,
      );
    case "divided":
      return layoutError(pool, `its entries live in blocks of /${outcome.size}`, range);
    case "keepers refused":
      return new RefusedError(keepersRefused(pool, outcome.by));
    case "superseded":
      return new SupersededError(
        `Container ${outcome.by.containerId}, a newer sandbox of ${outcome.by.podRef} (${outcome.by.ifName}), took over its entry in ` +
          `pool ${pool} during this ADD; retry if this container still exists`,
      );
    case "attached":
      return new AddressUnavailableError(
        `Cannot allocate the kept address ${text(outcome.address)} of pool ${pool}: container ` +
          `${outcome.by.containerId} of ${outcome.by.podRef} may still use it`,
      );
    default:
      if (range.picks) {
        return new PoolExhaustedError(
          `Cannot allocate an address: pool ${pool} has no free one of the ${range.picks.length} in pick_addresses; ` +
            "add addresses to the list, or delete pods that use them",
        );
      }
      return new PoolExhaustedError(
        `Cannot allocate an address: pool ${pool} has no free address from ${text(range.first)} to ${
          text(range.last)
        }` +
          `${range.excludes.length ? " that is not excluded" : ""}; ` +
          "widen the range, remove excludes, or delete pods that use its addresses",
      );
  }
}

/** The commands that leave a mark. */
export function commandOf(move: Move): string {
  if (move.kind === "joining") return "whereabouts migrate blocks --back";
  if ("size" in move) return "whereabouts migrate blocks";
  return "whereabouts resize or migrate blocks";
}

/**
 * The error for a pool whose entries live in another layout than a range configures.
 *
 * @param found what the pool has, as a clause
 * @param change how the definition fits again
 */
export function layoutError(
  pool: string,
  found: string,
  { blocks }: Pick<IpRange, "blocks">,
  change = "set the former size again",
): LayoutError {
  const expected = blocks ? `block_size /${blocks.prefix}` : "no block_size";
  return new LayoutError(
    `Cannot allocate an address of pool ${pool}: ${found}, and the network has ${expected}; ` +
      `${change}, use another network_name, or move the entries with \`whereabouts migrate blocks\``,
  );
}

/** Why a range with blocks allocates nothing, and what to do. */
export function blocksRefused(pool: string, by: string): string {
  return `Pool ${pool} is divided into blocks, which plugins of the original do not know, and ${by} runs the original: ` +
    "they would allocate the same addresses; delete it (docs/MIGRATION.md), or remove block_size";
}

/** Why a pool keeps no further address for an object, and what to do. */
export function keepersRefused(pool: string, by: string): string {
  return `Pool ${pool} keeps no further address for an IPAMClaim or a StatefulSet: ${by} runs a controller of the original, which frees ` +
    "addresses without a pod; delete it (docs/MIGRATION.md), and the controller allows them again";
}

/** The rule of the range by which an address is never allocated. */
function whyUnusable(range: IpRange, address: bigint): string {
  const { cidr, slice, first, last, l3, keptFree = [], picks } = range;
  const text = (value: bigint) => formatIp({ family: cidr.family, value });
  const whole = assignable(cidr, l3);
  if (address < whole.first || address > whole.last || isZeroAddress(range, address)) {
    return "network, broadcast and .0 addresses are never allocated";
  }
  if (slice && !contains(slice.cidr, { family: cidr.family, value: address })) {
    return `it is outside ${formatCidr(slice.cidr)}, the slice of node ${slice.node}`;
  }
  if (address < first || address > last) return `it is outside the bounds ${text(first)} to ${text(last)} of the range`;
  if (keptFree.includes(address)) return "it is the gateway, which is kept free unless exclude_gateway is false";
  const exclude = range.excludes.find((one) => one.first <= address && address <= one.last);
  if (exclude) return `it is excluded from the range (${text(exclude.first)} to ${text(exclude.last)})`;
  return picks ? "it is not one of pick_addresses" : "the range does not allocate it";
}

/**
 * Refuses settings that require a record of released addresses, in a store that keeps none.
 *
 * @throws {RefusedError} the driver lacks `recordsReuse`
 */
export function refuseUnrecorded(
  { name, recordsReuse }: Pick<StorageDriver, "name" | "recordsReuse">,
  { ranges }: Pick<IpamConfig, "ranges">,
): void {
  const range = recordsReuse ? undefined : ranges.find(isRecorded);
  if (!range) return;
  const setting = range.reuseAfter === undefined ? 'order "rotate"' : "reuse_after";
  throw new RefusedError(
    `Cannot allocate an address of ${
      formatCidr(range.cidr)
    }: ${setting} requires a record of released addresses, which the driver ` +
      `${JSON.stringify(name)} does not keep (recordsReuse); remove the setting, or use another datastore`,
  );
}
