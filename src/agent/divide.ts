/**
 * What to write apart when a store refuses a batch as a whole.
 *
 * A refusal names no member: the object would be too large, or a rule of the store is against one of the changes. Releases make an object
 * smaller, so they go first and alone; of the rest, each half is tried, until a refusal is of one request alone.
 *
 * @module
 */
import type { PoolRequest } from "../pool/requests.ts";

/** Parts of a batch, to be written in this order, each keeping the order of arrival. A batch of one is returned whole. */
export function divide<T extends { readonly request: PoolRequest }>(batch: readonly T[]): T[][] {
  const releases = batch.filter(({ request }) => request.kind !== "allocate");
  const claims = batch.filter(({ request }) => request.kind === "allocate");
  if (releases.length > 0 && claims.length > 0) return [releases, claims];
  const half = Math.ceil(batch.length / 2);
  return [batch.slice(0, half), batch.slice(half)].filter((part) => part.length > 0);
}
