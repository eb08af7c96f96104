/**
 * Why a range gave no address, for people. Loaded when one did not.
 *
 * @module
 */
import { formatCidr } from "../address/cidr.ts";
import { formatIp } from "../address/ip.ts";
import type { IpRange } from "../address/range.ts";
import type { ClaimOutcome } from "../pool/requests.ts";
import { formatPoolKey, type PoolKey } from "../pool/types.ts";
import { AddressTakenError, NoSliceError, PoolExhaustedError, SupersededError } from "./errors.ts";

/** The error for a claim that gave nothing. */
export function refusal(key: PoolKey, range: IpRange, outcome: ClaimOutcome): Error {
  const pool = formatPoolKey(key);
  const text = (value: bigint) => formatIp({ family: range.cidr.family, value });
  switch (outcome.kind) {
    case "taken": {
      const by = outcome.by ? `allocated to ${outcome.by.podRef} (${outcome.by.ifName})` : "reserved over another pool";
      return new AddressTakenError(
        `Cannot give the requested address ${text(outcome.address)} of pool ${pool}: it is ${by}`,
      );
    }
    case "unusable":
      return new AddressTakenError(
        `Cannot give the requested address ${
          text(outcome.address)
        } of pool ${pool}: network, broadcast and .0 addresses are never given`,
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
          `${range.excludes.length ? ` outside ${range.excludes.length} excluded intervals` : ""}; ` +
          "widen the range, remove excludes, or delete pods that hold addresses",
      );
  }
}
