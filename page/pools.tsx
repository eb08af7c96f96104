/**
 * All pools, the fullest first.
 *
 * @module
 */
import type { JSX } from "preact";
import { useMemo, useState } from "preact/hooks";
import type { PoolSummary, Summary } from "../src/ui/types.ts";
import { fillOf, formatCount, formatDuration } from "./format.ts";
import { Bar, Filter, levelOf, Message, poolLink, Sparkline } from "./parts.tsx";
import { matchesPool } from "./search.ts";
import { changeOf, type Point, untilFull } from "./trend.ts";
import { type Column, Table } from "./virtual.tsx";

/** One row: a pool with what follows from it. */
interface Row {
  readonly pool: PoolSummary;
  readonly capacity: bigint;
  readonly free: bigint;
  readonly fill: number;
  readonly points: readonly Point[];
  readonly full: number | undefined;
}

type SortBy = "name" | "fill" | "used" | "free" | "change" | "full";

const VALUES: Readonly<Record<SortBy, (row: Row) => number | string | bigint>> = {
  name: ({ pool }) => pool.name,
  fill: ({ fill }) => -fill,
  used: ({ pool }) => -pool.used,
  free: ({ free }) => free,
  change: ({ points }) => -changeOf(points),
  full: ({ full = Infinity }) => full,
};

/** The view. */
export function Pools({ summary, trends, live }: {
  readonly summary: Summary;
  readonly trends: ReadonlyMap<string, readonly Point[]>;
  readonly live: boolean;
}): JSX.Element {
  const [filter, setFilter] = useState("");
  const [[sortBy, reversed], setSort] = useState<readonly [SortBy, boolean]>(["fill", false]);
  const rows = useMemo(() => summary.pools.map((pool) => rowOf(pool, trends)), [summary, trends]);
  const shown = useMemo(() => {
    const text = filter.trim().toLowerCase();
    const sorted = rows.filter(({ pool }) => text === "" || matchesPool(pool, text)).sort(by(sortBy));
    return reversed ? sorted.reverse() : sorted;
  }, [rows, filter, sortBy, reversed]);
  if (summary.pools.length === 0) {
    return (
      <Message title="No pools">
        <p>There are no pools in {summary.where}. A pool is created when a pod gets the first address of a range.</p>
        <p>
          If you expected some, select another namespace or store: <code>whereabouts ui --help</code>.
        </p>
      </Message>
    );
  }
  const sortable = (name: SortBy) => ({
    order: sortBy !== name ? "none" as const : reversed ? "descending" as const : "ascending" as const,
    toggle: () => setSort([name, sortBy === name && !reversed]),
  });
  return (
    <section class="view">
      <div class="tools">
        <h1>Pools</h1>
        <Totals rows={rows} />
        <Filter label="Filter pools" placeholder="Filter by name, network, node" text={filter} set={setFilter} />
      </div>
      <Table
        kind={live ? "pools live" : "pools"}
        label="Pools"
        items={shown}
        rowHeight={48}
        keyOf={({ pool }) => pool.name}
        columns={columnsOf(sortable, live)}
        empty={<p>No pool matches “{filter}”.</p>}
      />
    </section>
  );
}

function Totals({ rows }: { readonly rows: readonly Row[] }): JSX.Element {
  const used = rows.reduce((sum, { pool }) => sum + pool.used, 0);
  const near = rows.filter(({ fill }) => levelOf(fill) !== "low").length;
  return (
    <p class="totals">
      <span>
        <b>{formatCount(rows.length)}</b> {rows.length === 1 ? "pool" : "pools"}
      </span>
      <span>
        <b>{formatCount(used)}</b> addresses in use
      </span>
      {near > 0 && (
        <span>
          <b class="warn">{formatCount(near)}</b> at 80 % or more
        </span>
      )}
    </p>
  );
}

function rowOf(pool: PoolSummary, trends: ReadonlyMap<string, readonly Point[]>): Row {
  const capacity = BigInt(pool.capacity);
  const free = capacity > BigInt(pool.used) ? capacity - BigInt(pool.used) : 0n;
  const points = trends.get(pool.name) ?? [];
  return { pool, capacity, free, fill: fillOf(pool.used, capacity), points, full: untilFull(points, free) };
}

/** Equal rows are in the order of their names. */
function by(name: SortBy): (a: Row, b: Row) => number {
  return (a, b) => {
    const [one, other] = [VALUES[name](a), VALUES[name](b)];
    if (one !== other) return one < other ? -1 : 1;
    return a.pool.name < b.pool.name ? -1 : 1;
  };
}

function columnsOf(
  sortable: (name: SortBy) => Column<Row>["sort"] & object,
  live: boolean,
): Column<Row>[] {
  const fixed: Column<Row>[] = [
    { title: "Pool", name: "name", sort: sortable("name"), cell: ({ pool }) => <PoolName pool={pool} /> },
    { title: "In use", name: "fill", sort: sortable("fill"), cell: ({ fill }) => <Bar fill={fill} /> },
    { title: "Used", name: "number used", sort: sortable("used"), cell: ({ pool }) => formatCount(pool.used) },
    { title: "Free", name: "number free", sort: sortable("free"), cell: ({ free }) => formatCount(free) },
    { title: "Capacity", name: "number capacity", cell: ({ capacity }) => formatCount(capacity) },
  ];
  if (!live) return fixed;
  return [
    ...fixed,
    { title: "Trend", name: "trend", sort: sortable("change"), cell: ({ points }) => <Trend points={points} /> },
    { title: "Full in", name: "number full", sort: sortable("full"), cell: (row) => <Forecast row={row} /> },
  ];
}

function PoolName({ pool }: { readonly pool: PoolSummary }): JSX.Element {
  const { name, node, attachments, cidr, findings } = pool;
  const about = [node === "" ? "" : `node ${node}`, attachments.join(", ")].filter((text) => text !== "").join(" · ");
  return (
    <>
      <a href={poolLink(name)} tabIndex={-1}>{name === cidr || node !== "" ? cidr : name}</a>
      {findings > 0 && <span class="badge" title={`${findings} findings`}>{findings}</span>}
      <span class="about">{about}</span>
    </>
  );
}

function Trend({ points }: { readonly points: readonly Point[] }): JSX.Element {
  const change = changeOf(points);
  return (
    <>
      <Sparkline points={points} />
      <span class="change">
        {change > 0 ? `+${formatCount(change)}` : change < 0 ? `−${formatCount(-change)}` : "0"}
      </span>
    </>
  );
}

function Forecast({ row: { full } }: { readonly row: Row }): JSX.Element {
  if (full === undefined) return <span class="faint" title="Not growing, or opened too short a time ago">–</span>;
  return full === 0 ? <b class="warn">full</b> : <>{formatDuration(full)}</>;
}
