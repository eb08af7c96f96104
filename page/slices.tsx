/**
 * Node slices against nodes.
 *
 * @module
 */
import type { JSX } from "preact";
import { useMemo, useState } from "preact/hooks";
import type { PoolSummary, SlicesSummary, Summary } from "../src/ui/types.ts";
import { fillOf, formatCount, formatNumberOf } from "./format.ts";
import { Bar, Filter, Message, poolLink } from "./parts.tsx";
import { type Column, Table } from "./virtual.tsx";

/** One slice, or a node without one. */
interface Row {
  readonly cidr: string;
  readonly node: string;
  readonly state: "assigned" | "free" | "no node" | "no slice";
  readonly pool: PoolSummary | undefined;
}

/** Rows that need attention come first. */
const ORDER: readonly Row["state"][] = ["no slice", "no node", "assigned", "free"];

const COLUMNS: readonly Column<Row>[] = [
  { title: "Node", name: "node", cell: ({ node }) => node || <span class="faint">–</span> },
  {
    title: "Slice",
    name: "cidr mono",
    cell: ({ cidr, pool }) =>
      pool ? <a href={poolLink(pool.name)} tabIndex={-1}>{cidr}</a> : cidr || <span class="faint">–</span>,
  },
  {
    title: "In use",
    name: "fill",
    cell: ({ pool }) => pool ? <Bar fill={fillOf(pool.used, BigInt(pool.capacity))} /> : <span class="faint">–</span>,
  },
  { title: "Used", name: "number used", cell: ({ pool }) => pool ? formatCount(pool.used) : "" },
  {
    title: "State",
    name: "state",
    cell: ({ state }) => <span class={`tag ${state.replaceAll(" ", "-")}`}>{state}</span>,
  },
];

/** The view. */
export function Slices({ summary, name }: { readonly summary: Summary; readonly name: string }): JSX.Element {
  const list = summary.slices.find((one) => one.name === name) ?? summary.slices[0];
  if (!list) {
    return (
      <Message title="No node slices">
        <p>
          No network divides its range among the nodes. With <code>node_slice_size</code>{" "}
          in a network, each node gets a slice of the range.
        </p>
      </Message>
    );
  }
  return (
    <section class="view">
      <div class="tools">
        <h1>Node slices</h1>
        {summary.slices.length > 1 && (
          <nav class="choice" aria-label="Ranges">
            {summary.slices.map((one) => (
              <a
                key={one.name}
                href={`#/slices/${encodeURIComponent(one.name)}`}
                aria-current={one === list ? "page" : undefined}
              >
                {one.name}
              </a>
            ))}
          </nav>
        )}
      </div>
      <Range key={list.name} list={list} pools={summary.pools} />
    </section>
  );
}

function Range({ list, pools }: { readonly list: SlicesSummary; readonly pools: readonly PoolSummary[] }): JSX.Element {
  const [filter, setFilter] = useState("");
  const rows = useMemo(() => rowsOf(list, pools), [list, pools]);
  const text = filter.trim().toLowerCase();
  const shown = rows.filter(({ cidr, node }) =>
    text === "" || cidr.includes(text) || node.toLowerCase().includes(text)
  );
  const count = (state: Row["state"]) => rows.filter((row) => row.state === state).length;
  const [assigned, free, gone, without] = [
    count("assigned"),
    count("free"),
    count("no node"),
    count("no slice"),
  ];
  return (
    <>
      {list.refused !== "" && (
        <p class="notice error" role="alert">Nothing is allocated from these slices: {list.refused}</p>
      )}
      <div class="tools">
        <p class="totals">
          <span class="mono">{list.range}</span>
          <span>
            <b>{formatCount(assigned)}</b> assigned
          </span>
          <span>
            <b>{formatCount(free)}</b> free
          </span>
          {gone > 0 && (
            <span>
              <b class="warn">{formatNumberOf(gone, "slice")}</b> without an existing node
            </span>
          )}
          {without > 0 && (
            <span>
              <b class="warn">{formatNumberOf(without, "node")}</b> without a slice
            </span>
          )}
        </p>
        <Filter label="Filter slices" placeholder="Filter by node or range" text={filter} set={setFilter} />
      </div>
      <Share assigned={assigned} gone={gone} free={free} />
      <Table
        kind="slices"
        label={`Slices of ${list.name}`}
        items={shown}
        rowHeight={40}
        keyOf={({ cidr, node }) => `${cidr} ${node}`}
        columns={COLUMNS}
        empty={<p>No slice matches “{filter}”.</p>}
      />
    </>
  );
}

/** The slices by state, as a bar. */
function Share({ assigned, gone, free }: Readonly<Record<"assigned" | "gone" | "free", number>>): JSX.Element {
  return (
    <div
      class="share"
      role="img"
      aria-label={`${assigned} slices assigned, ${gone} to nodes that do not exist, ${free} free`}
    >
      <span class="assigned" style={{ flexGrow: assigned }} />
      <span class="gone" style={{ flexGrow: gone }} />
      <span class="free" style={{ flexGrow: free }} />
    </div>
  );
}

function rowsOf({ slices, without, missing }: SlicesSummary, pools: readonly PoolSummary[]): Row[] {
  const byName = new Map(pools.map((pool) => [pool.name, pool]));
  const gone = new Set(missing);
  const rows: Row[] = slices.map(({ cidr, node, pool }) => ({
    cidr,
    node,
    state: node === "" ? "free" : gone.has(node) ? "no node" : "assigned",
    pool: byName.get(pool),
  }));
  const lacking = without.map((node): Row => ({ cidr: "", node, state: "no slice", pool: undefined }));
  return [...lacking, ...rows].sort((a, b) => ORDER.indexOf(a.state) - ORDER.indexOf(b.state));
}
