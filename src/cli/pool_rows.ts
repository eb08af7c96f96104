/**
 * Pools as rows of a listing.
 *
 * @module
 */
import { formatCidr } from "../address/cidr.ts";
import { formatIp } from "../address/ip.ts";
import { capacity, type IpRange, unboundedRange } from "../address/range.ts";
import type { PodsSource } from "../controllers/pods_source.ts";
import { describeMove, obstacleIn } from "../pool/move.ts";
import { countOf, freeOf, NEARLY_FULL } from "../pool/pool_status.ts";
import { restingAt } from "../pool/reuse.ts";
import { type Allocation, formatPoolKey, type Rest } from "../pool/types.ts";
import type { PoolSnapshot } from "../storage/driver.ts";
import type { Column, Listing } from "./output.ts";
import type { Style } from "./style.ts";
import type { Painted } from "./table.ts";

/** From this width on, a bar of the first length fits beside the names of most pools, and from the second width on the longer one. */
const BARS: readonly (readonly [width: number, cells: number])[] = [[160, 20], [80, 10]];
/** Eighths of a cell, from empty to full. */
const EIGHTHS = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
/** A pool is shown as filling from this percentage on; it is nearly full from that of the condition on. */
const FILLING = 80;
const NEARLY = 100 - 100 / Number(NEARLY_FULL);

/** A pool and its usage. */
export interface PoolRow {
  /** The pool. */
  readonly pool: PoolSnapshot;
  /** The namespace of its object. Absent: the store has no namespaces. */
  readonly namespace?: string;
  /** The addresses that it can allocate. */
  readonly range: IpRange;
  /** Number of addresses that it can allocate. */
  readonly all: bigint;
  /** Addresses in use. */
  readonly used: bigint;
  /** Addresses that are free. */
  readonly free: bigint;
  /** From 0 to 100, and above 100 if addresses outside the range are in use. */
  readonly fill: number;
  /** The network definitions that use it, as `namespace/name`. */
  readonly users: readonly string[];
  /** Released addresses that rest. */
  readonly rests: ReadonlyMap<bigint, Rest>;
  /** The allocations to show. */
  readonly shown: readonly Allocation[];
}

/** The row of a pool. Without networks, the capacity is that of the whole range. */
export function rowOf(
  pool: PoolSnapshot,
  source: Pick<PodsSource, "rangeOf" | "usersOf"> | undefined,
  now: number,
  namespace: string | undefined,
): PoolRow {
  const { key, allocations, reuse } = pool;
  const range = { ...source?.rangeOf?.(key) ?? unboundedRange(key.cidr), cidr: key.cidr };
  const all = capacity(range);
  const used = BigInt(allocations.size);
  return {
    pool,
    ...(namespace !== undefined && { namespace }),
    range,
    all,
    used,
    free: freeOf(all, used),
    fill: all > 0n ? Number(used * 10_000n / all) / 100 : 100,
    users: source?.usersOf?.(key) ?? [],
    rests: new Map(restingAt(reuse, now, (address) => allocations.has(address))),
    shown: [...allocations.values()],
  };
}

/** The name of a pool's object, as `kubectl get ippools` prints it. */
export function objectOf({ key }: Pick<PoolSnapshot, "key">): string {
  const name = formatPoolKey(key).replace(/[:/]/g, "-");
  return name.startsWith("-") ? `0${name}` : name; // `::/64`: a name may not begin with a dash
}

/**
 * The listing of pools.
 *
 * @param namespaced whether pools of several namespaces are listed
 */
export function poolListing(style: Style, namespaced: boolean): Listing<PoolRow> {
  const namespace: Column<PoolRow> = { heading: "NAMESPACE", value: ({ namespace = "-" }) => namespace };
  return {
    columns: [
      ...(namespaced ? [namespace] : []),
      { heading: "POOL", value: ({ pool }) => formatPoolKey(pool.key) },
      { heading: "USED", value: ({ used }) => used },
      { heading: "FREE", value: ({ free }) => free },
      { heading: "CAPACITY", value: ({ all }) => all },
      { heading: "FULL", value: ({ fill }) => fill, cell: (row) => fillCell(row, style) },
      { heading: "NETWORK", value: ({ pool }) => pool.key.network || "-", wide: true },
      { heading: "NODE", value: ({ pool }) => pool.key.node ?? "-", wide: true },
      { heading: "RESTING", value: ({ rests }) => rests.size, wide: true },
      {
        heading: "MOVE",
        value: ({ pool: { move } }) => move && obstacleIn(move) ? describeMove(move) : "-",
        wide: true,
      },
      { heading: "DEFINITIONS", value: ({ users }) => users.join(",") || "-", wide: true },
    ],
    nameOf: ({ pool, namespace }) =>
      namespace === undefined ? formatPoolKey(pool.key) : `ippool.whereabouts.cni.cncf.io/${objectOf(pool)}`,
    toJson,
  };
}

/** One sentence for each pool whose entries move, or have moved. */
export function movesOf(rows: readonly PoolRow[]): string[] {
  return rows.flatMap(({ pool: { key, move } }) =>
    move && obstacleIn(move) ? `${formatPoolKey(key)} is ${describeMove(move)}` : []
  );
}

/** The percentage, with a bar where the terminal is wide enough. */
function fillCell({ fill, used }: PoolRow, style: Style): Painted {
  const percent = fill < 1 && used > 0n ? "<1 %" : `${Math.floor(fill)} %`;
  const width = style.width ?? 0;
  const cells = BARS.find(([least]) => width >= least)?.[1] ?? 0;
  const text = cells > 0 ? `${bar(fill, cells)} ${percent.padStart(5)}` : percent;
  return { text, right: true, paint: fillPaint(fill, style) };
}

/** The colour of a percentage. */
export function fillPaint(fill: number, style: Style): (text: string) => string {
  return fill >= NEARLY ? style.bad : fill >= FILLING ? style.warn : style.good;
}

function bar(fill: number, cells: number): string {
  const eighths = Math.min(cells * 8, Math.ceil(fill * cells * 8 / 100));
  return `${"█".repeat(Math.floor(eighths / 8))}${EIGHTHS[eighths % 8] ?? ""}`.padEnd(cells, "·");
}

function toJson({ pool: { key, move }, namespace, all, used, free, users, rests, shown }: PoolRow): unknown {
  const text = (value: bigint) => formatIp({ family: key.cidr.family, value });
  return {
    pool: formatPoolKey(key),
    ...(namespace !== undefined && { namespace }),
    network: key.network,
    ...(key.node !== undefined && { node: key.node }),
    range: formatCidr(key.cidr),
    definitions: users,
    ...(move && obstacleIn(move) && { move: describeMove(move) }),
    used: countOf(used),
    free: countOf(free), // a number beyond 2^53 is its decimal text
    capacity: countOf(all),
    ...(rests.size > 0 && {
      resting: [...rests].map(([address, { podRef, ifName, since }]) => ({
        address: text(address),
        podRef,
        ifName,
        since: new Date(since).toISOString(),
      })),
    }),
    allocations: shown.map(({ address, podRef, ifName, containerId, node, keeper }) => ({
      address: text(address),
      podRef,
      ifName,
      containerId,
      ...(node !== undefined && { node }),
      ...(keeper && { keeper }),
    })),
  };
}
