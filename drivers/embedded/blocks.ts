/**
 * Blocks of divided ranges: pools with a mark, whose entries are counted when they are listed.
 *
 * @module
 */
import type { DatabaseSync } from "node:sqlite";
import { parseCidr } from "../../src/address/cidr.ts";
import type { BlockFacts } from "../../src/pool/grid.ts";
import { decodeMove, dividedInto } from "../../src/pool/move.ts";

/** Lists a domain's blocks, and the pools that record its grid. */
export function listBlocks(database: DatabaseSync, network: string): BlockFacts[] {
  const rows = database.prepare(
    `SELECT range, move, block, (SELECT COUNT(*) FROM allocations WHERE pool = pools.id) AS used FROM pools
     WHERE network = ? AND node = '' AND (block IS NOT NULL OR move LIKE 'divided %')`,
  ).all(network);
  return rows.flatMap(({ range, move, block, used }) => {
    const cidr = parseCidr(String(range))?.cidr;
    const divided = dividedInto(decodeMove(move));
    if (!cidr) return [];
    return [{ cidr, ...(block !== null && { used: Number(used) }), ...(divided !== undefined && { divided }) }];
  });
}

/** Whether a row is that of a pool that only records a grid: it is divided, and has no entries. */
export const IS_LAYOUT =
  "(COALESCE(move, '') LIKE 'divided %' AND NOT EXISTS (SELECT 1 FROM allocations WHERE pool = pools.id))";
