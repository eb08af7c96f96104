/**
 * `show`: shows the pools of a store, and their allocations.
 *
 * @module
 */
import { formatCidr, parseCidr, usable } from "../address/cidr.ts";
import { formatIp } from "../address/ip.ts";
import { capacity, type IpRange } from "../address/range.ts";
import type { PodsSource } from "../controllers/pods_source.ts";
import { restingAt } from "../pool/reuse.ts";
import { formatPoolKey, type Rest } from "../pool/types.ts";
import { type PoolSnapshot, RefusedError, type Reservation } from "../storage/driver.ts";
import { type Command, defineCommand } from "./define.ts";
import { describeEmpty } from "./empty.ts";
import { podsSource } from "./pods_flag.ts";
import { allocationTable, LEGEND, poolMap } from "./pool_view.ts";
import { openStore, STORE_FLAGS } from "./store.ts";
import { clean, table } from "./table.ts";
import type { Terminal } from "./terminal.ts";

/** Milliseconds for reading a store. */
export const READ_TIMEOUT = 60_000;

/** Lists pools; with names or ranges, shows the allocations of these. */
export const show: Command = defineCommand({
  operands: "[POOL...]",
  about: [
    "List pools and their usage; with names or ranges, show the allocations of these pools. In a cluster, the capacity is that of the first " +
    "network that uses a pool; otherwise it is that of the whole range.",
  ],
  flags: { map: { type: "boolean", help: "Draw a map of each pool" }, ...STORE_FLAGS },
  exits: { 1: "A pool was not found, the pools are in another namespace, or the command failed" },
}, async (terminal, values, names) => {
  await using store = await openStore(terminal, values);
  await using source = await networksOf(terminal, () => podsSource(terminal, store.datastore, values));
  const signal = AbortSignal.timeout(READ_TIMEOUT);
  const { driver } = store.ipam;
  const pools = (await driver.list(signal)).sort(byName);
  const reservations = values.map ? await driver.reservations?.list(undefined, signal) ?? [] : [];
  const wanted = names.length === 0 ? pools : pools.filter((pool) => names.some((name) => isNamed(pool, name)));
  const missing = names.filter((name) => !pools.some((pool) => isNamed(pool, name)));
  const rangeOf = ({ key }: PoolSnapshot): IpRange =>
    source?.rangeOf?.(key) ?? { cidr: key.cidr, ...usable(key.cidr), excludes: [] };
  const empty = pools.length === 0 ? await describeEmpty(store, signal) : undefined;
  if (values.json) {
    terminal.print(JSON.stringify(wanted.map((pool) => toJson(terminal, pool, rangeOf(pool))), undefined, 2));
    if (empty) terminal.world.stderr(empty.message);
  } else if (empty) terminal.print(empty.message);
  else if (names.length === 0 && !values.map) summary(terminal, wanted, rangeOf);
  else {
    if (values.map) terminal.print(LEGEND);
    for (const pool of wanted) details(terminal, pool, rangeOf(pool), values.map ? reservations : undefined);
  }
  for (const name of missing) {
    terminal.world.stderr(`Pool ${JSON.stringify(name)} not found; run show to list the pools`);
  }
  return missing.length > 0 || empty?.elsewhere?.size ? 1 : 0;
});

/** Networks are optional: without them the capacity is that of the whole range. */
async function networksOf({ world }: Terminal, open: () => Promise<PodsSource | undefined>) {
  try {
    return await open();
  } catch (error) {
    if (!(error instanceof RefusedError)) throw error;
    world.stderr(`Unknown bounds and excludes: ${error.message}`);
    return undefined;
  }
}

function byName(a: PoolSnapshot, b: PoolSnapshot): number {
  return formatPoolKey(a.key) < formatPoolKey(b.key) ? -1 : 1;
}

/** Whether the text is the name of the pool, or its range in any notation. */
function isNamed({ key }: PoolSnapshot, name: string): boolean {
  const cidr = parseCidr(name)?.cidr;
  return name === formatPoolKey(key) || (cidr !== undefined && formatCidr(cidr) === formatCidr(key.cidr));
}

function summary(
  { print, style }: Terminal,
  pools: readonly PoolSnapshot[],
  rangeOf: (pool: PoolSnapshot) => IpRange,
): void {
  const rows = pools.map((pool) => {
    const { all, used, free } = use(pool, rangeOf(pool));
    return [formatPoolKey(pool.key), `${used}`, `${free}`, `${all}`, full(used, all)];
  });
  table(["POOL", "USED", "FREE", "CAPACITY", "FULL"], rows, style).forEach(print);
}

function full(used: bigint, all: bigint): string {
  const percent = all > 0n ? (used * 100n) / all : 100n;
  return percent === 0n && used > 0n ? "<1 %" : `${percent} %`;
}

function use({ allocations }: PoolSnapshot, range: IpRange) {
  const all = capacity(range);
  const used = BigInt(allocations.size);
  return { all, used, free: all > used ? all - used : 0n };
}

/** The released addresses of a pool that rest now. */
function restsOf({ world }: Terminal, { reuse, allocations }: PoolSnapshot): Map<bigint, Rest> {
  return new Map(restingAt(reuse, world.now(), (address) => allocations.has(address)));
}

function details(
  terminal: Terminal,
  pool: PoolSnapshot,
  range: IpRange,
  reservations: readonly Reservation[] | undefined,
): void {
  const { print, style } = terminal;
  const { key, allocations } = pool;
  const rests = restsOf(terminal, pool);
  print("");
  if (!reservations || formatPoolKey(key) !== formatCidr(key.cidr)) print(style.strong(clean(formatPoolKey(key))));
  const drawn = { ...range, cidr: key.cidr };
  if (reservations) {
    const elsewhere = reservations.filter(({ network, ip }) =>
      network === key.network && ip.family === key.cidr.family && !allocations.has(ip.value)
    );
    const reserved = new Set(elsewhere.map(({ ip }) => ip.value));
    poolMap(drawn, allocations, style, reserved, new Set(rests.keys())).forEach(print);
    if (allocations.size > 0) print("");
  }
  if (allocations.size > 0) allocationTable(drawn, allocations, style).forEach(print);
  else if (!reservations) print("No allocations");
  if (!reservations && rests.size > 0) print(`Released addresses that rest: ${rests.size}`);
}

function toJson(terminal: Terminal, pool: PoolSnapshot, range: IpRange): unknown {
  const { key, allocations } = pool;
  const { all, used, free } = use(pool, range);
  const rests = [...restsOf(terminal, pool)];
  return {
    pool: formatPoolKey(key),
    network: key.network,
    ...(key.node !== undefined && { node: key.node }),
    range: formatCidr(key.cidr),
    used: Number(used),
    free: `${free}`, // an IPv6 range exceeds the numbers of JSON
    capacity: `${all}`,
    ...(rests.length > 0 && {
      resting: rests.map(([address, { podRef, ifName, since }]) => ({
        address: formatIp({ family: key.cidr.family, value: address }),
        podRef,
        ifName,
        since: new Date(since).toISOString(),
      })),
    }),
    allocations: [...allocations.values()].map(({ address, podRef, ifName, containerId, keeper }) => ({
      address: formatIp({ family: key.cidr.family, value: address }),
      podRef,
      ifName,
      containerId,
      ...(keeper && { keeper }),
    })),
  };
}
