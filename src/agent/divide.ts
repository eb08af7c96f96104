/**
 * How to split a batch that the store refuses.
 *
 * A refusal names no request: the object would be too large, or a rule of the store forbids one of the changes. Releases make the object
 * smaller, so they are written first, in a part of their own; other requests are halved until the store refuses a single one.
 *
 * @module
 */
import type { PoolRequest } from "../pool/requests.ts";

/** Splits a batch into parts, to be written in this order. Each part keeps the order of arrival; a batch of one stays whole. */
export function divide<T extends { readonly request: PoolRequest }>(batch: readonly T[]): T[][] {
  const releases = batch.filter(({ request }) => request.kind !== "allocate");
  const allocations = batch.filter(({ request }) => request.kind === "allocate");
  if (releases.length > 0 && allocations.length > 0) return [releases, allocations];
  const half = Math.ceil(batch.length / 2);
  return [batch.slice(0, half), batch.slice(half)].filter((part) => part.length > 0);
}
