/**
 * A table that draws only the rows in view, so that it works with many thousands.
 *
 * @module
 */
import type { ComponentChildren, JSX, RefObject } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";

/** One column. */
export interface Column<T> {
  /** Its heading. */
  readonly title: string;
  /** Its class: width and alignment. */
  readonly name: string;
  /** A cell. */
  readonly cell: (item: T) => ComponentChildren;
  /** Sorts by this column. Absent: it cannot be sorted by. */
  readonly sort?: { readonly order: "ascending" | "descending" | "none"; readonly toggle: () => void };
}

/** What a table shows. */
interface TableProps<T> {
  /** Its name for assistive technology. */
  readonly label: string;
  /** The rows. */
  readonly items: readonly T[];
  /** The columns. */
  readonly columns: readonly Column<T>[];
  /** Identifies a row. */
  readonly keyOf: (item: T) => string;
  /** Pixels of a row. */
  readonly rowHeight: number;
  /** Class that sets the columns' widths. */
  readonly kind: string;
  /** Shown instead of rows if there are none. */
  readonly empty: ComponentChildren;
}

/** Rows that are drawn above and below the visible ones. */
const MARGIN = 8;

/** The table. Arrow keys, Home, End and the page keys move between rows; Enter follows the link of a row. */
export function Table<T>({ label, items, columns, keyOf, rowHeight, kind, empty }: TableProps<T>): JSX.Element {
  const { frame, from, to, current, focus, measure, onKeyDown } = useRows(items.length, rowHeight);
  const rows = items.slice(from, to).map((item, i) => {
    const index = from + i;
    return (
      <div
        role="row"
        class="row"
        key={keyOf(item)}
        aria-rowindex={index + 2}
        data-row={index}
        tabIndex={index === current ? 0 : -1}
        onFocus={() => focus(index)}
        style={{ top: `${index * rowHeight}px`, height: `${rowHeight}px` }}
      >
        {columns.map(({ title, name, cell }) => <div role="cell" class={`cell ${name}`} key={title}>{cell(item)}</div>)}
      </div>
    );
  });
  return (
    <div class={`table ${kind}`} role="table" aria-label={label} aria-rowcount={items.length + 1}>
      <div role="rowgroup" class="head">
        <div role="row" class="row" aria-rowindex={1}>
          {columns.map((column) => <Heading key={column.title} column={column} />)}
        </div>
      </div>
      {items.length === 0 && (
        <div class="empty" role="rowgroup">
          <div role="row">
            <div role="cell">{empty}</div>
          </div>
        </div>
      )}
      <div
        role="rowgroup"
        class="body"
        ref={frame}
        onScroll={measure}
        onKeyDown={onKeyDown}
        hidden={items.length === 0}
      >
        <div role="presentation" class="space" style={{ height: `${items.length * rowHeight}px` }}>{rows}</div>
      </div>
    </div>
  );
}

function Heading<T>({ column: { title, name, sort } }: { readonly column: Column<T> }): JSX.Element {
  if (!sort) return <div role="columnheader" class={`cell ${name}`}>{title}</div>;
  return (
    <div role="columnheader" class={`cell ${name}`} aria-sort={sort.order}>
      <button type="button" onClick={sort.toggle}>{title}</button>
    </div>
  );
}

/** The rows in view, and the one that the keyboard is on. */
interface Rows {
  readonly frame: RefObject<HTMLDivElement | null>;
  readonly from: number;
  readonly to: number;
  readonly current: number;
  readonly focus: (index: number) => void;
  readonly measure: () => void;
  readonly onKeyDown: (event: KeyboardEvent) => void;
}

function useRows(count: number, rowHeight: number): Rows {
  const frame = useRef<HTMLDivElement>(null);
  const [range, setRange] = useState({ from: 0, to: 60 });
  const [active, setActive] = useState(0);
  const isMoving = useRef(false);
  const measure = () => {
    const { scrollTop = 0, clientHeight = 0 } = frame.current ?? {};
    const from = Math.max(0, Math.floor(scrollTop / rowHeight) - MARGIN);
    const to = Math.ceil((scrollTop + clientHeight) / rowHeight) + MARGIN;
    setRange((old) => old.from === from && old.to === to ? old : { from, to });
  };
  useLayoutEffect(measure, [count, rowHeight]);
  useEffect(() => {
    addEventListener("resize", measure);
    return () => removeEventListener("resize", measure);
  }, [rowHeight]);
  // at once: the former row may have left the document, and with it the focus that the next key needs
  useLayoutEffect(() => {
    if (!isMoving.current) return;
    isMoving.current = false;
    frame.current?.querySelector<HTMLElement>(`[data-row="${active}"]`)?.focus();
  }, [active, range]);
  const current = Math.min(active, count - 1);
  const onKeyDown = (event: KeyboardEvent) => {
    const row = event.target instanceof HTMLElement && event.target.dataset.row !== undefined
      ? event.target
      : undefined;
    if (!row) return;
    if (event.key === "Enter") row.querySelector<HTMLElement>("a, button")?.click();
    const step = stepOf(event.key, count, Math.floor((frame.current?.clientHeight ?? 0) / rowHeight));
    if (step === undefined) return;
    event.preventDefault();
    const next = Math.min(count - 1, Math.max(0, current + step));
    isMoving.current = true;
    showRow(frame.current, next * rowHeight, rowHeight);
    measure();
    setActive(next);
  };
  return { frame, ...range, current, focus: setActive, measure, onKeyDown };
}

function stepOf(key: string, count: number, visible: number): number | undefined {
  const page = Math.max(1, visible - 2);
  const steps: Readonly<Record<string, number>> = {
    ArrowDown: 1,
    ArrowUp: -1,
    PageDown: page,
    PageUp: -page,
    Home: -count,
    End: count,
  };
  return steps[key];
}

/** Scrolls a row into view. */
export function showRow(frame: HTMLElement | null, top: number, height: number): void {
  if (!frame) return;
  if (top < frame.scrollTop) frame.scrollTop = top;
  else if (top + height > frame.scrollTop + frame.clientHeight) frame.scrollTop = top + height - frame.clientHeight;
}
