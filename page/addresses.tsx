/**
 * Addresses as a table: of a pool, and of a search.
 *
 * @module
 */
import type { JSX } from "preact";
import type { EntryRow } from "../src/ui/types.ts";
import { offsetOf, stateOf } from "./blocks.ts";
import { STATE_NAMES } from "./palette.ts";
import { poolLink } from "./parts.tsx";
import type { Match } from "./search.ts";
import { type Column, Table } from "./virtual.tsx";

/** The addresses of a pool. */
export function AddressList({ entries, textOf, pool }: {
  readonly entries: readonly EntryRow[];
  readonly textOf: (offset: bigint) => string;
  readonly pool: string;
}): JSX.Element {
  const text = (entry: EntryRow) => textOf(offsetOf(entry));
  return (
    <Table
      kind="addresses"
      label="Addresses"
      items={entries}
      rowHeight={36}
      keyOf={([offset]) => `${offset}`}
      columns={[
        {
          title: "Address",
          name: "address mono",
          cell: (entry) => <a href={poolLink(pool, text(entry))} tabIndex={-1}>{text(entry)}</a>,
        },
        ...ownerColumns((entry: EntryRow) => entry),
      ]}
      empty={<p>No address of this pool is in use.</p>}
    />
  );
}

/** The addresses that a search found. */
export function MatchList({ matches }: { readonly matches: readonly Match[] }): JSX.Element {
  return (
    <Table
      kind="addresses matches"
      label="Addresses found"
      items={matches}
      rowHeight={36}
      keyOf={({ pool, address }) => `${pool.name} ${address}`}
      columns={[
        {
          title: "Address",
          name: "address mono",
          cell: ({ pool, address }) => <a href={poolLink(pool.name, address)} tabIndex={-1}>{address}</a>,
        },
        ...ownerColumns(({ entry }: Match) => entry),
        { title: "Pool", name: "pool mono", cell: ({ pool }) => pool.name },
      ]}
      empty={<p>No address matches.</p>}
    />
  );
}

function ownerColumns<T>(entryOf: (item: T) => EntryRow): Column<T>[] {
  return [
    {
      title: "State",
      name: "state",
      cell: (item) => {
        const state = stateOf(entryOf(item));
        return (
          <>
            <span class={`swatch ${state}`} aria-hidden="true" />
            {STATE_NAMES[state]}
          </>
        );
      },
    },
    { title: "Pod", name: "pod", cell: (item) => entryOf(item)[2] },
    { title: "Node", name: "node", cell: (item) => entryOf(item)[4] },
    { title: "Interface", name: "interface", cell: (item) => entryOf(item)[3] },
  ];
}
