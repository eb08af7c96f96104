/**
 * A block of a pool as a map of cells, drawn on a canvas: only the rows in view.
 *
 * @module
 */
import type { JSX, RefObject } from "preact";
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import type { PoolDetail } from "../src/ui/types.ts";
import { type Block, byCell, perCell } from "./blocks.ts";
import { type Drawing, drawRows, PADDING } from "./draw.ts";
import { paintOf } from "./paint.ts";
import type { ColourBy, LegendItem } from "./palette.ts";
import { showRow } from "./virtual.tsx";

/** What the map shows. */
interface MapProps {
  /** The pool's addresses. */
  readonly detail: PoolDetail;
  /** The value of the pool's first address. */
  readonly base: bigint;
  /** The drawn block. */
  readonly block: Block;
  /** Step of the zoom, from 0. Undefined: as large as the whole block is in view. */
  readonly zoom: number | undefined;
  /** What decides about colours. */
  readonly by: ColourBy;
  /** The colours. */
  readonly legend: readonly LegendItem[];
  /** The text of an address by offset. */
  readonly textOf: (offset: bigint) => string;
  /** Index of the chosen cell. */
  readonly chosen: number | undefined;
  /** Called when a cell is under the pointer or the keyboard's cursor. */
  readonly point: (index: number | undefined) => void;
  /** Called when a cell is clicked, or Enter is pressed on it. */
  readonly choose: (index: number) => void;
  /** Number of addresses in words, for assistive technology. */
  readonly summary: string;
}

/** Pixels from one cell to the next, by step of the zoom. */
export const ZOOMS = [4, 7, 11, 16, 24] as const;
/** The step with which a map starts if it does not fit into view. */
export const START_ZOOM = 2;
/** Max cells of a row. */
const MAX_COLUMNS = 128;
/** Pixels of a letter in the labels of rows. */
const LETTER = 7.3;

/** The map. */
export function AddressMap(props: MapProps): JSX.Element {
  const { block, chosen, summary } = props;
  const frame = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const size = useSize(frame);
  const [cursor, setCursor] = useState<number | undefined>(undefined);
  const drawing = useDrawing(props, size);
  const { columns, count, cell, gutter } = drawing;
  const draw = () => {
    if (!canvas.current || !frame.current) return;
    drawRows(canvas.current, drawing, { top: frame.current.scrollTop, ...size, cursor, chosen });
  };
  useLayoutEffect(draw, [drawing, size, cursor, chosen]);
  useColourScheme(draw);
  const show = (index: number) => showRow(frame.current, Math.floor(index / columns) * cell, cell + 2 * PADDING);
  useEffect(() => setCursor(undefined), [block]);
  useEffect(() => {
    if (chosen !== undefined) showInMiddle(frame.current, Math.floor(chosen / columns) * cell, size.height);
  }, [chosen, columns, cell]);
  const pending = useRef(0);
  const onScroll = () => {
    cancelAnimationFrame(pending.current);
    pending.current = requestAnimationFrame(draw);
  };
  const indexAt = ({ offsetX, offsetY }: MouseEvent): number | undefined => {
    const column = Math.floor((offsetX - gutter) / cell);
    const row = Math.floor((offsetY + (frame.current?.scrollTop ?? 0) - PADDING) / cell);
    const index = row * columns + column;
    return column >= 0 && column < columns && index >= 0 && index < count ? index : undefined;
  };
  const moveTo = (index: number | undefined) => {
    setCursor(index);
    props.point(index);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === "Enter" && cursor !== undefined) props.choose(cursor);
    const next = nextOf(event.key, cursor, drawing);
    if (next === undefined) return;
    event.preventDefault();
    show(next);
    moveTo(next);
  };
  const onClick = (event: MouseEvent) => {
    const index = indexAt(event);
    if (index !== undefined) props.choose(index);
  };
  const help = "Arrow keys move between addresses, Enter chooses one. The list has the same as a table.";
  const height = Math.ceil(count / columns) * cell + 2 * PADDING;
  return (
    <div
      class="map"
      ref={frame}
      tabIndex={0}
      role="application"
      aria-roledescription="address map"
      aria-label={`${summary} ${help}`}
      onScroll={onScroll}
      onKeyDown={onKeyDown}
    >
      <canvas
        ref={canvas}
        aria-hidden="true"
        onMouseMove={(event) => moveTo(indexAt(event))}
        onMouseLeave={() => moveTo(undefined)}
        onClick={onClick}
      />
      <div class="height" style={{ height: `${height}px`, marginTop: `-${size.height}px` }} />
    </div>
  );
}

interface Size {
  readonly width: number;
  readonly height: number;
}

function useSize(frame: RefObject<HTMLElement | null>): Size {
  const [size, setSize] = useState({ width: 0, height: 0 });
  useLayoutEffect(() => {
    const observed = frame.current;
    if (!observed) return;
    const observer = new ResizeObserver(() => setSize({ width: observed.clientWidth, height: observed.clientHeight }));
    observer.observe(observed);
    return () => observer.disconnect();
  }, []);
  return size;
}

/** The canvas does not follow the style sheet by itself. */
function useColourScheme(draw: () => void): void {
  useEffect(() => {
    const scheme = matchMedia("(prefers-color-scheme: dark)");
    scheme.addEventListener("change", draw);
    return () => scheme.removeEventListener("change", draw);
  });
}

function useDrawing({ detail, base, block, zoom, by, legend, textOf }: MapProps, size: Size): Drawing {
  const cells = useMemo(() => byCell(block, detail.entries), [block, detail]);
  const paint = useMemo(
    () => paintOf({ detail, base, block, by, legend }, cells),
    [detail, base, block, by, legend, cells],
  );
  return useMemo(() => {
    const step = perCell(block);
    const count = Number(block.size / step);
    const letters = Math.max(textOf(block.start).length, textOf(block.start + block.size - 1n).length);
    const gutter = 20 + LETTER * letters;
    const room = { width: size.width - gutter - PADDING, height: size.height - 2 * PADDING };
    const cell = ZOOMS[zoom ?? fittingZoom(room, count)] ?? ZOOMS[START_ZOOM];
    const columns = columnsOf(room.width, cell, count);
    const label = (row: number) => textOf(block.start + BigInt(row * columns) * step);
    return { columns, count, cell, gutter, paint, label };
  }, [block, zoom, textOf, size, paint]);
}

/** The largest cells with which all are in view. */
function fittingZoom({ width, height }: Size, count: number): number {
  const fits = (cell: number) => Math.ceil(count / columnsOf(width, cell, count)) * cell <= height;
  return Math.max(START_ZOOM, ZOOMS.findLastIndex(fits));
}

/** As many as fit: a power of two, so that rows start at round addresses; of a small block, so many that it is twice as wide as high. */
function columnsOf(width: number, cell: number, count: number): number {
  const fitting = 2 ** Math.floor(Math.log2(Math.max(8, width / cell)));
  const balanced = 2 ** Math.ceil(Math.log2(Math.sqrt(2 * count)));
  return Math.min(fitting, Math.max(16, balanced), MAX_COLUMNS, count);
}

/** Scrolls to a row that is out of view. */
function showInMiddle(frame: HTMLElement | null, top: number, height: number): void {
  if (!frame || (top > frame.scrollTop && top < frame.scrollTop + height - 2 * PADDING)) return;
  frame.scrollTop = top - height / 2;
}

function nextOf(key: string, cursor: number | undefined, { columns, count }: Drawing): number | undefined {
  const steps: Readonly<Record<string, number>> = {
    ArrowRight: 1,
    ArrowLeft: -1,
    ArrowDown: columns,
    ArrowUp: -columns,
    Home: -count,
    End: count,
  };
  const step = steps[key];
  if (step === undefined) return undefined;
  return cursor === undefined ? 0 : Math.min(count - 1, Math.max(0, cursor + step));
}
