/**
 * Rests and rotation of a pool: the table `rests`, and two columns of its row in `pools`.
 *
 * @module
 */
import type { DatabaseSync } from "node:sqlite";
import { type Family, formatIp, parseIp } from "../../src/address/ip.ts";
import { changedRests, isEmpty, type Reuse } from "../../src/pool/reuse.ts";
import type { Rest } from "../../src/pool/types.ts";

/** The columns of a pool that {@linkcode reuseReader} needs. */
export const REUSE_COLUMNS = "reuse_after, last_address";

/** Their values. */
export interface ReuseColumns {
  /** `reuse_after` in milliseconds, or null. */
  readonly reuse_after?: unknown;
  /** The address that was allocated last in the order `rotate`, or null. */
  readonly last_address?: unknown;
}

/** Reads what a pool records, undefined if it records nothing. The statement is prepared once. Rows that are not of the family are skipped. */
export function reuseReader(
  database: DatabaseSync,
): (pool: ReuseColumns & { readonly id: number }, family: Family) => Reuse | undefined {
  const stored = database.prepare("SELECT address, pod_ref, if_name, since FROM rests WHERE pool = ?");
  return ({ id: pool, reuse_after, last_address }, family) => {
    const after = typeof reuse_after === "number" ? reuse_after : undefined;
    const last = addressOf(last_address, family);
    const rests = new Map<bigint, Rest>();
    for (const { address, pod_ref, if_name, since } of stored.all(pool)) {
      const value = addressOf(address, family);
      if (value !== undefined) {
        rests.set(value, { podRef: String(pod_ref), ifName: String(if_name), since: Number(since) });
      }
    }
    const reuse = { ...(after !== undefined && { after }), ...(last !== undefined && { last }), rests };
    return isEmpty(reuse) ? undefined : reuse;
  };
}

/** Writes what differs. */
export function writeReuse(
  database: DatabaseSync,
  pool: number,
  family: Family,
  before: Reuse | undefined,
  after: Reuse | undefined,
): void {
  const text = (value: bigint) => formatIp({ family, value });
  const last = after?.last === undefined ? null : text(after.last);
  database.prepare("UPDATE pools SET reuse_after = ?, last_address = ? WHERE id = ?")
    .run(after?.after ?? null, last, pool);
  const put = database.prepare(
    "INSERT OR REPLACE INTO rests (pool, address, pod_ref, if_name, since) VALUES (?, ?, ?, ?, ?)",
  );
  const remove = database.prepare("DELETE FROM rests WHERE pool = ? AND address = ?");
  for (const [address, rest] of changedRests(before, after)) {
    if (rest) put.run(pool, text(address), rest.podRef, rest.ifName, rest.since);
    else remove.run(pool, text(address));
  }
}

function addressOf(value: unknown, family: Family): bigint | undefined {
  const ip = typeof value === "string" ? parseIp(value) : undefined;
  return ip?.family === family ? ip.value : undefined;
}
