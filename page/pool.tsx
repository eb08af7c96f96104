/**
 * One pool: its map or its list of addresses, and a panel about the chosen address.
 *
 * @module
 */
import type { JSX } from "preact";
import { useEffect, useMemo, useState } from "preact/hooks";
import { formatCidr, parseCidr } from "../src/address/cidr.ts";
import { bits, formatIp, parseIp } from "../src/address/ip.ts";
import type { EntryRow, FindingSummary, PoolDetail, PoolSummary, Summary } from "../src/ui/types.ts";
import { AddressList } from "./addresses.tsx";
import {
  type Block,
  byCell,
  isAvailable,
  MAX_SINGLE,
  partInUse,
  perCell,
  stateOf,
  zoomInto,
  zoomOut,
} from "./blocks.ts";
import { fillOf, formatCount } from "./format.ts";
import { AddressMap, START_ZOOM, ZOOMS } from "./map.tsx";
import { type ColourBy, legendOf } from "./palette.ts";
import { Legend, Panel, type Subject } from "./panel.tsx";
import { Bar, Choice, Message } from "./parts.tsx";
import type { Source } from "./source.ts";

/** Where the pool's addresses are. */
interface Place {
  /** Its first address, as a number. */
  readonly base: bigint;
  /** Its number of addresses. */
  readonly size: bigint;
  /** The text of an address. */
  readonly textOf: (offset: bigint) => string;
  /** The text of a block. */
  readonly blockText: (block: Block) => string;
}

/** The view. `address`: chosen by the link. */
export function Pool({ summary, source, name, address }: {
  readonly summary: Summary;
  readonly source: Source;
  readonly name: string;
  readonly address: string;
}): JSX.Element {
  const pool = summary.pools.find((one) => one.name === name);
  const read = useDetail(source, pool);
  if (!pool) {
    return (
      <Message title="Pool not found">
        <p>
          There is no pool {name} any more. <a href="#/pools">Show all pools</a>
        </p>
      </Message>
    );
  }
  if (read.error !== undefined) {
    return (
      <Message title="Cannot read the pool">
        <p>{read.error}</p>
      </Message>
    );
  }
  if (!read.detail) return <Message title="Reading the pool" />;
  const findings = summary.findings.filter((one) => one.pool === name || one.address !== "");
  return <Opened key={name} pool={pool} detail={read.detail} address={address} findings={findings} />;
}

interface Read {
  readonly detail?: PoolDetail;
  readonly error?: string;
}

/** The addresses of a pool: those of its last version, until the current one is read. Undefined detail and error: nothing is read yet. */
function useDetail(source: Source, pool: PoolSummary | undefined): Read {
  const [read, setRead] = useState<Read & { readonly name?: string }>({});
  useEffect(() => {
    if (!pool) return;
    let isCurrent = true;
    const { name, version } = pool;
    const set = (result: Read) => isCurrent && setRead({ ...result, name });
    source.detail(name, version).then(
      (detail) => set({ detail }),
      (error) => set({ error: error instanceof Error ? error.message : String(error) }),
    );
    return () => void (isCurrent = false);
  }, [pool?.name, pool?.version]);
  return read.name === pool?.name ? read : {}; // the former pool's must not be drawn as this one's
}

function placeOf({ cidr: text }: PoolSummary): Place {
  const cidr = parseCidr(text)?.cidr ?? { family: 4 as const, base: 0n, prefix: 32 };
  const { family, base, prefix } = cidr;
  return {
    base,
    size: 1n << BigInt(bits(family) - prefix),
    textOf: (offset) => formatIp({ family, value: base + offset }),
    blockText: ({ start, size }) =>
      formatCidr({ family, base: base + start, prefix: bits(family) - size.toString(2).length + 1 }),
  };
}

/** What the user chose to see of a pool. */
interface Choices {
  readonly shape: "map" | "list";
  readonly by: ColourBy;
  readonly zoom: number | undefined;
  readonly block: Block;
}

function Opened({ pool, detail, address, findings }: {
  readonly pool: PoolSummary;
  readonly detail: PoolDetail;
  readonly address: string;
  readonly findings: readonly FindingSummary[];
}): JSX.Element {
  const place = useMemo(() => placeOf(pool), [pool.cidr]);
  const inUse = useMemo(() => partInUse(place.size, detail.entries), [place, detail]);
  const [choices, setChoices] = useState<Choices>(() => ({ shape: "map", by: "state", zoom: undefined, block: inUse }));
  const change = (some: Partial<Choices>) => setChoices((old) => ({ ...old, ...some }));
  const [pointed, setPointed] = useState<number | undefined>(undefined);
  const [chosen, setChosen] = useState<bigint | undefined>(undefined);
  const { shape, by, zoom, block } = choices;
  const step = perCell(block);
  useEffect(() => {
    const ip = parseIp(address);
    if (!ip) return;
    const offset = ip.value - place.base;
    setChosen(offset);
    if (step > 1n || indexIn(block, offset) === undefined) change({ block: blockAround(place, offset) });
  }, [address, place]);
  const legend = useMemo(() => legendOf(detail.entries, by), [detail, by]);
  const cells = useMemo(() => byCell(block, detail.entries), [block, detail]);
  const chosenIndex = chosen === undefined ? undefined : indexIn(block, chosen);
  const choose = (index: number) => {
    if (step === 1n) setChosen(block.start + BigInt(index));
    else change({ block: zoomInto(block, index) });
    setPointed(undefined);
  };
  const shown = pointed ?? chosenIndex;
  const subject = shown === undefined
    ? undefined
    : subjectOf(place, detail, zoomInto(block, shown), cells.get(shown) ?? []);
  const map = { detail, base: place.base, block, zoom, by, legend, textOf: place.textOf, chosen: chosenIndex };
  return (
    <section class="view pool">
      <Heading pool={pool} detail={detail} />
      <Tools choices={choices} change={change} place={place} inUse={inUse} />
      <div class="columns">
        {shape === "list"
          ? <AddressList entries={detail.entries} textOf={place.textOf} pool={pool.name} />
          : <AddressMap {...map} point={setPointed} choose={choose} summary={summaryOf(pool, detail)} />}
        <aside aria-label="Chosen address">
          <Panel subject={subject} findings={findings} />
          {shape === "map" && <Legend legend={legend} by={by} />}
        </aside>
      </div>
    </section>
  );
}

function Tools({ choices: { shape, by, zoom = START_ZOOM, block }, change, place, inUse }: {
  readonly choices: Choices;
  readonly change: (some: Partial<Choices>) => void;
  readonly place: Place;
  readonly inUse: Block;
}): JSX.Element {
  const zoomBy = (step: number) => change({ zoom: Math.min(ZOOMS.length - 1, Math.max(0, zoom + step)) });
  return (
    <div class="tools">
      <Choice
        label="Show as"
        value={shape}
        choose={(shape) => change({ shape })}
        options={[["map", "Map"], ["list", "List"]]}
      />
      {shape === "map" && (
        <>
          <Choice
            label="Colour by"
            value={by}
            choose={(by) => change({ by })}
            options={[["state", "State"], ["namespace", "Namespace"], ["node", "Node"]]}
          />
          <div class="choice" role="group" aria-label="Zoom">
            <button type="button" aria-label="Smaller cells" disabled={zoom === 0} onClick={() => zoomBy(-1)}>−</button>
            <button
              type="button"
              aria-label="Larger cells"
              disabled={zoom === ZOOMS.length - 1}
              onClick={() => zoomBy(1)}
            >
              +
            </button>
          </div>
          <Blocks place={place} block={block} inUse={inUse} setBlock={(block) => change({ block })} />
        </>
      )}
    </div>
  );
}

function subjectOf(place: Place, detail: PoolDetail, cell: Block, entries: readonly EntryRow[]): Subject {
  const text = cell.size === 1n ? place.textOf(cell.start) : place.blockText(cell);
  return { text, size: cell.size, entries, available: isAvailable(detail, place.base, cell) };
}

/** The cell of a block with an address; undefined: it is in another block. */
function indexIn(block: Block, offset: bigint): number | undefined {
  const distance = offset - block.start;
  return distance >= 0n && distance < block.size ? Number(distance / perCell(block)) : undefined;
}

/** The block that is drawn so that an address is a cell of its own. */
function blockAround({ size }: Place, offset: bigint): Block {
  const part = size <= MAX_SINGLE ? size : 4_096n;
  return { start: offset - offset % part, size: part };
}

function summaryOf({ used, capacity, cidr }: PoolSummary, { entries }: PoolDetail): string {
  const bad = entries.filter((entry) => ["leaked", "conflict"].includes(stateOf(entry))).length;
  return `Map of ${cidr}: ${used} of ${capacity} addresses in use, ${bad} leaked or in conflict.`;
}

function Heading({ pool, detail }: { readonly pool: PoolSummary; readonly detail: PoolDetail }): JSX.Element {
  const { used, network, node, attachments, cidr } = pool;
  const capacity = BigInt(pool.capacity);
  const counts = countStates(detail.entries);
  const about = [
    network === "" ? "" : `network ${network}`,
    node === "" ? "" : `node ${node}`,
    attachments.length === 0 ? "" : `used by ${attachments.join(", ")}`,
  ].filter((text) => text !== "");
  return (
    <header class="heading">
      <p class="crumbs">
        <a href="#/pools">Pools</a> <span aria-hidden="true">›</span>
      </p>
      <h1>{cidr}</h1>
      <p class="about">{about.join(" · ")}</p>
      <dl class="counts">
        <div class="wide">
          <dt>In use</dt>
          <dd>
            <Bar fill={fillOf(used, capacity)} />
          </dd>
        </div>
        <div>
          <dt>Used</dt>
          <dd>{formatCount(used)}</dd>
        </div>
        <div>
          <dt>Free</dt>
          <dd>{formatCount(capacity > BigInt(used) ? capacity - BigInt(used) : 0n)}</dd>
        </div>
        <div>
          <dt>Capacity</dt>
          <dd>{formatCount(capacity)}</dd>
        </div>
        {counts.map(([state, count]) => (
          <div key={state} class={state}>
            <dt>{state}</dt>
            <dd>{formatCount(count)}</dd>
          </div>
        ))}
      </dl>
    </header>
  );
}

/** The states that deserve a number of their own. */
function countStates(entries: readonly EntryRow[]): [name: string, count: number][] {
  return (["stopped", "resting", "reserved", "leaked", "conflict"] as const)
    .map((state): [string, number] => [state, entries.filter((entry) => stateOf(entry) === state).length])
    .filter(([, count]) => count > 0);
}

/** The drawn part of a large pool, and the way to others. */
function Blocks({ place, block, inUse, setBlock }: {
  readonly place: Place;
  readonly block: Block;
  readonly inUse: Block;
  readonly setBlock: (block: Block) => void;
}): JSX.Element | null {
  if (place.size <= MAX_SINGLE) return null;
  const isPart = block.start === inUse.start && block.size === inUse.size;
  return (
    <div class="blocks">
      <button type="button" disabled={block.size === place.size} onClick={() => setBlock(zoomOut(block, place.size))}>
        Zoom out
      </button>
      <button type="button" disabled={isPart} onClick={() => setBlock(inUse)}>Part in use</button>
      <span class="mono">{place.blockText(block)}</span>
      {perCell(block) > 1n && <span class="about">{formatCount(perCell(block))} addresses per cell</span>}
    </div>
  );
}
