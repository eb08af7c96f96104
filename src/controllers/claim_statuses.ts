/**
 * Writes the status of IPAMClaims from the records, which are the truth. Nodes need no right to write claims for it.
 *
 * @module
 */
import type { Cidr } from "../address/cidr.ts";
import { hasClaims, outdatedStatuses } from "../pool/claim_status.ts";
import type { PoolFacts } from "../pool/orphans.ts";
import type { PoolKey } from "../pool/types.ts";
import { ConflictError } from "../storage/driver.ts";
import { messageOf } from "../values/errors.ts";
import type { Logger } from "../world/log.ts";
import type { World } from "../world/world.ts";
import type { ClaimObjects } from "./cluster.ts";

/** Max lists of claims of one call: a new claim is changed by its own controllers at the same time. */
const MAX_ATTEMPTS = 5;

/**
 * Writes every status that differs from the records. Sends no request if no IPAMClaim keeps an address. A claim that changes meanwhile is
 * listed and compared again.
 *
 * @returns the errors of claims whose status could not be written
 * @throws the error of the list; the signal's reason once it aborts
 */
export async function writeClaimStatuses(
  { claims, world, log }: { readonly claims: ClaimObjects; readonly world: Pick<World, "now">; readonly log: Logger },
  pools: readonly PoolFacts[],
  wholeRange: (key: PoolKey) => Cidr | undefined,
  signal: AbortSignal,
): Promise<unknown[]> {
  if (!hasClaims(pools)) return [];
  const failures = new Map<string, unknown>();
  for (let attempt = 1, conflicts = 1; conflicts > 0; attempt++) {
    conflicts = 0;
    for (const { claim, status } of outdatedStatuses(await claims.list(signal), pools, wholeRange, world.now())) {
      const name = `${claim.namespace}/${claim.name}`;
      if (failures.has(name)) continue;
      try {
        await claims.saveStatus(claim, status, signal);
        log.info("Wrote status of IPAMClaim", { claim: name, ip: status.ips.join(), pod: status.ownerPod?.name });
      } catch (error) {
        signal.throwIfAborted();
        if (error instanceof ConflictError && attempt < MAX_ATTEMPTS) conflicts++;
        else {
          log.warn("Could not write status of IPAMClaim", { claim: name, error: messageOf(error) });
          failures.set(name, error);
        }
      }
    }
  }
  return [...failures.values()];
}
