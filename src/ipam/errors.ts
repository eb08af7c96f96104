/**
 * The answers of the allocator that are not addresses. Failures of the store are in `storage/driver.ts`.
 *
 * @module
 */
import { contains, formatCidr, usable } from "../address/cidr.ts";
import { formatIp } from "../address/ip.ts";
import { type IpRange, isZeroAddress } from "../address/range.ts";
import type { AllocateOutcome } from "../pool/requests.ts";
import { formatPoolKey, type PoolKey } from "../pool/types.ts";

/** A range has no address left for the owner. CNI code 100. */
export class PoolExhaustedError extends Error {
  /** The class, for logs. */
  override name = "PoolExhaustedError";
}

/** A requested address is somebody else's, or nobody's to have. CNI code 101. */
export class AddressTakenError extends Error {
  /** The class, for logs. */
  override name = "AddressTakenError";
}

/** What CHECK looks for is not there or not the owner's. */
export class NotAllocatedError extends Error {
  /** The class, for logs. */
  override name = "NotAllocatedError";
}

/** A newer sandbox of the same interface took the address over while the call was under way. CNI code 11. */
export class SupersededError extends Error {
  /** The class, for logs. */
  override name = "SupersededError";
}

/** This node has no slice of the range. CNI code 103. */
export class NoSliceError extends Error {
  /** The class, for logs. */
  override name = "NoSliceError";
}

/** The error for a request that got no address. */
export function allocateError(key: PoolKey, range: IpRange, outcome: AllocateOutcome): Error {
  const pool = formatPoolKey(key);
  const text = (value: bigint) => formatIp({ family: range.cidr.family, value });
  switch (outcome.kind) {
    case "in use": {
      const by = outcome.by ? `allocated to ${outcome.by.podRef} (${outcome.by.ifName})` : "reserved over another pool";
      return new AddressTakenError(
        `Cannot give the requested address ${text(outcome.address)} of pool ${pool}: it is ${by}`,
      );
    }
    case "unusable":
      return new AddressTakenError(
        `Cannot give the requested address ${text(outcome.address)} of pool ${pool}: ${
          whyUnusable(range, outcome.address)
        }`,
      );
    case "closed":
      return new NoSliceError(
        `Pool ${pool} is closed: ${
          outcome.fence.reason ??
            `the slice ${
              formatCidr(key.cidr)
            } is no longer this node's; retry after the controller assigned it another one`
        }`,
      );
    case "superseded":
      return new SupersededError(
        `Container ${outcome.by.containerId}, a newer sandbox of ${outcome.by.podRef} (${outcome.by.ifName}), took over its entry in ` +
          `pool ${pool} while this ADD was under way; retry if this container still exists`,
      );
    default:
      return new PoolExhaustedError(
        `Cannot allocate an address: pool ${pool} has none left from ${text(range.first)} to ${text(range.last)}` +
          `${range.excludes.length ? " that is not excluded" : ""}; ` +
          "widen the range, remove excludes, or delete pods that hold addresses",
      );
  }
}

/** Which rule of the range keeps an address from everybody. */
function whyUnusable(range: IpRange, address: bigint): string {
  const { cidr, slice, first, last, gateway } = range;
  const text = (value: bigint) => formatIp({ family: cidr.family, value });
  const whole = usable(cidr);
  if (address < whole.first || address > whole.last || isZeroAddress(cidr, address)) {
    return "network, broadcast and .0 addresses are never given";
  }
  if (slice && !contains(slice.cidr, { family: cidr.family, value: address })) {
    return `it is outside ${formatCidr(slice.cidr)}, the slice of node ${slice.node}`;
  }
  if (address < first || address > last) return `it is outside the bounds ${text(first)} to ${text(last)} of the range`;
  if (address === gateway) return "it is the gateway, which is kept free unless exclude_gateway is false";
  const exclude = range.excludes.find((one) => one.first <= address && address <= one.last);
  return exclude
    ? `it is excluded from the range (${text(exclude.first)} to ${text(exclude.last)})`
    : "the range does not allocate it";
}
