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

/**
 * Writes every status that differs from the records. Sends no request if no IPAMClaim keeps an address. A claim that changes meanwhile is
 * left to the next call.
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
  const failures: unknown[] = [];
  for (const { claim, status } of outdatedStatuses(await claims.list(signal), pools, wholeRange, world.now())) {
    const name = `${claim.namespace}/${claim.name}`;
    try {
      await claims.saveStatus(claim, status, signal);
      log.info("Wrote status of IPAMClaim", { claim: name, ip: status.ips.join(), pod: status.ownerPod?.name });
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof ConflictError) continue;
      log.warn("Could not write status of IPAMClaim", { claim: name, error: messageOf(error) });
      failures.push(error);
    }
  }
  return failures;
}
