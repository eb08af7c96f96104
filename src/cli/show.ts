/**
 * `show`: the pools of a store, and who has what in one.
 *
 * @module
 */
import { parseArgs } from "node:util";
import { formatCidr, usable } from "../address/cidr.ts";
import { formatIp } from "../address/ip.ts";
import { capacity, type IpRange } from "../address/range.ts";
import { formatPoolKey } from "../pool/types.ts";
import type { PoolSnapshot } from "../storage/driver.ts";
import { allocationTable, poolMap, table } from "./pool_view.ts";
import { openStore, STORE_FLAGS } from "./store.ts";
import type { Terminal } from "./terminal.ts";

/** Milliseconds a look may take. */
export const LOOK_TIMEOUT = 60_000;

/** Lists pools; with names (or ranges), shows those. Returns the exit code: 1 where a named pool is not there. */
export async function show(terminal: Terminal, args: readonly string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: { ...STORE_FLAGS, map: { type: "boolean", default: false } },
  });
  await using store = await openStore(terminal, values);
  const pools = (await store.ipam.driver.list(AbortSignal.timeout(LOOK_TIMEOUT))).sort(byName);
  const wanted = positionals.length === 0
    ? pools
    : pools.filter((pool) => positionals.some((name) => isNamed(pool, name)));
  const missing = positionals.filter((name) => !pools.some((pool) => isNamed(pool, name)));
  if (values.json) terminal.print(JSON.stringify(wanted.map(toJson), undefined, 2));
  else if (positionals.length === 0 && !values.map) summary(wanted).forEach(terminal.print);
  else for (const pool of wanted) details(terminal, pool, values.map);
  for (const name of missing) terminal.world.stderr(`No pool ${JSON.stringify(name)}: \`show\` lists them`);
  return missing.length > 0 ? 1 : 0;
}

/** The whole range of a pool. Bounds and excludes stand in network configurations, which the store does not know. */
export function rangeOf({ key }: PoolSnapshot): IpRange {
  return { cidr: key.cidr, ...usable(key.cidr), excludes: [] };
}

function byName(a: PoolSnapshot, b: PoolSnapshot): number {
  return formatPoolKey(a.key) < formatPoolKey(b.key) ? -1 : 1;
}

function isNamed({ key }: PoolSnapshot, name: string): boolean {
  return name === formatPoolKey(key) || name === formatCidr(key.cidr);
}

function summary(pools: readonly PoolSnapshot[]): string[] {
  if (pools.length === 0) return ["No pools"];
  const rows = pools.map((pool) => {
    const all = capacity(rangeOf(pool));
    const used = BigInt(pool.allocations.size);
    return [formatPoolKey(pool.key), `${used}`, `${all - used}`, `${all}`, `${all > 0n ? (used * 100n) / all : 0n} %`];
  });
  return table(["POOL", "USED", "FREE", "CAPACITY", "FULL"], rows);
}

function details({ print, style }: Terminal, pool: PoolSnapshot, map: boolean): void {
  print(style.strong(formatPoolKey(pool.key)));
  const range = rangeOf(pool);
  if (map) [...poolMap(range, pool.allocations, style), ""].forEach(print);
  [...allocationTable(range, pool.allocations), ""].forEach(print);
}

function toJson({ key, allocations }: PoolSnapshot): unknown {
  return {
    pool: formatPoolKey(key),
    network: key.network,
    ...(key.node !== undefined && { node: key.node }),
    range: formatCidr(key.cidr),
    allocations: [...allocations.values()].map(({ address, podRef, ifName, containerId }) => ({
      address: formatIp({ family: key.cidr.family, value: address }),
      podRef,
      ifName,
      containerId,
    })),
  };
}
