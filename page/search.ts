/**
 * Finds addresses by address, pod, node or network.
 *
 * @module
 */
import { formatIp } from "../src/address/ip.ts";
import { parseCidr } from "../src/address/cidr.ts";
import type { EntryRow, PoolDetail, PoolSummary } from "../src/ui/types.ts";

/** A found address. */
export interface Match {
  /** Its pool. */
  readonly pool: PoolSummary;
  /** The address as text. */
  readonly address: string;
  /** What is recorded. */
  readonly entry: EntryRow;
}

/** What a search finds. */
export interface Found {
  /** Pools whose name, network, node, attachments or range match. */
  readonly pools: readonly PoolSummary[];
  /** The first of the addresses. */
  readonly matches: readonly Match[];
  /** Number of addresses that match. */
  readonly total: number;
}

/** Max addresses of a result. */
export const MAX_MATCHES = 500;

/** Whether a pool matches a lower-case text. */
export function matchesPool(pool: PoolSummary, text: string): boolean {
  const { name, network, node, attachments } = pool;
  return [name, network, node, ...attachments].some((one) => one.toLowerCase().includes(text));
}

/** Searches all pools. */
export function search(
  pools: readonly PoolSummary[],
  details: Readonly<Record<string, PoolDetail>>,
  query: string,
): Found {
  const text = query.trim().toLowerCase();
  if (text === "") return { pools: [], matches: [], total: 0 };
  const matches: Match[] = [];
  let total = 0;
  const mayBeAddress = /^[0-9a-f.:]+$/.test(text);
  for (const pool of pools) {
    const base = parseCidr(pool.cidr)?.cidr;
    const toText = (entry: EntryRow) =>
      base ? formatIp({ family: base.family, value: base.base + BigInt(entry[0]) }) : "";
    for (const entry of details[pool.name]?.entries ?? []) {
      const [, , pod, , node, container] = entry;
      const isFound = pod.toLowerCase().includes(text) || node.toLowerCase().includes(text) ||
        (text.length >= 6 && container.startsWith(text)) || (mayBeAddress && toText(entry).startsWith(text));
      if (!isFound) continue;
      total++;
      if (matches.length < MAX_MATCHES) matches.push({ pool, address: toText(entry), entry });
    }
  }
  return { pools: pools.filter((pool) => matchesPool(pool, text)), matches, total };
}
