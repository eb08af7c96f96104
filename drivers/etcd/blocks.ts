/**
 * Blocks of divided ranges. A pool's value is read as a whole, so a second key, which the same transaction writes, shows how many entries
 * it has: `PREFIX/blocks/NETWORK/CIDR`, with the number as its value. For a pool that records the grid the value is its move, as text.
 *
 * @module
 */
import { formatCidr, parseCidr } from "../../src/address/cidr.ts";
import type { BlockFacts } from "../../src/pool/grid.ts";
import { decodeMove, dividedInto } from "../../src/pool/move.ts";
import type { PoolKey } from "../../src/pool/types.ts";
import { blocksPrefix } from "./keys.ts";
import type { DeleteBuilder, Etcd3, PutBuilder } from "./library.ts";
import type { EtcdSession } from "./session.ts";
import type { PoolDocument } from "./value.ts";

/** Whether a pool only records a grid: it is divided, and has no entries. */
export function isLayout(document: PoolDocument): boolean {
  return isDivided(document) && Object.keys(document.allocations).length === 0;
}

/** What a write of a pool's value also writes to its second key. */
export function recordOperations(
  client: Etcd3,
  prefix: string,
  { network, cidr }: PoolKey,
  after: PoolDocument,
  { document: before }: { readonly document: PoolDocument },
): (PutBuilder | DeleteBuilder)[] {
  const key = `${blocksPrefix(prefix, network)}${formatCidr(cidr)}`;
  const value = recordOf(after);
  if (value !== undefined) return [client.put(key).value(value)];
  return recordOf(before) === undefined ? [] : [client.delete().key(key)];
}

/** The value of the second key; undefined: the pool has none. */
function recordOf(document: PoolDocument): string | undefined {
  if (isDivided(document)) return String(document.move);
  return document.block === true ? String(Object.keys(document.allocations).length) : undefined;
}

function isDivided(document: PoolDocument): boolean {
  return dividedInto(decodeMove(document.move)) !== undefined;
}

/** Lists a domain's blocks, and the pools that record its grid. */
export async function listBlocks(session: EtcdSession, network: string, signal: AbortSignal): Promise<BlockFacts[]> {
  const prefix = blocksPrefix(session.settings.prefix, network);
  const { kvs } = await session.call(signal, (client) => client.getAll().prefix(prefix).exec());
  return kvs.flatMap(({ key, value }): BlockFacts[] => {
    const cidr = parseCidr(key.toString().slice(prefix.length))?.cidr;
    const text = value.toString();
    if (!cidr) return [];
    if (/^\d+$/.test(text)) return [{ cidr, used: Number(text) }];
    const divided = dividedInto(decodeMove(text));
    return divided === undefined ? [] : [{ cidr, divided }];
  });
}
