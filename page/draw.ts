/**
 * Draws the rows of a map that are in view.
 *
 * @module
 */
import type { EntryRow, EntryState } from "../src/ui/types.ts";

/** What is drawn. */
export interface Drawing {
  /** Cells of a row. */
  readonly columns: number;
  /** Cells of the map. */
  readonly count: number;
  /** Pixels from one cell to the next. */
  readonly cell: number;
  /** Pixels left of the cells, for the addresses of the rows. */
  readonly gutter: number;
  /** Addresses of a cell. */
  readonly step: bigint;
  /** The entries by cell. */
  readonly cells: ReadonlyMap<number, readonly EntryRow[]>;
  /** Whether an address of a cell may be allocated. */
  readonly available: (index: number) => boolean;
  /** The CSS variable of an entry's colour. */
  readonly colourOf: (entry: EntryRow) => string;
  /** The state of an entry. */
  readonly stateOf: (entry: EntryRow) => EntryState;
  /** The address at which a row starts. */
  readonly label: (row: number) => string;
}

/** The visible part. */
interface Viewport {
  /** Pixels above it. */
  readonly top: number;
  /** Its width in pixels. */
  readonly width: number;
  /** Its height in pixels. */
  readonly height: number;
  /** The cell under the pointer. */
  readonly cursor: number | undefined;
  /** The chosen cell. */
  readonly chosen: number | undefined;
}

/** Pixels around the cells. */
export const PADDING = 12;

/** Pixels of a cell from which on marks are drawn on it. */
const MARKED_FROM = 10;

/** Draws. */
export function drawRows(canvas: HTMLCanvasElement, drawing: Drawing, view: Viewport): void {
  const context = canvas.getContext("2d");
  if (!context || view.width === 0) return;
  const scale = devicePixelRatio || 1;
  resize(canvas, view, scale);
  context.setTransform(scale, 0, 0, scale, 0, 0);
  context.clearRect(0, 0, view.width, view.height);
  const colours = palette(canvas);
  const { columns, count, cell } = drawing;
  const firstRow = Math.max(0, Math.floor((view.top - PADDING) / cell));
  const lastRow = Math.min(Math.ceil(count / columns) - 1, Math.floor((view.top + view.height) / cell));
  for (let row = firstRow; row <= lastRow; row++) {
    const y = PADDING + row * cell - view.top;
    drawLabel(context, drawing, row, y, colours);
    for (let column = 0; column < columns && row * columns + column < count; column++) {
      drawCell(context, drawing, row * columns + column, drawing.gutter + column * cell, y, colours);
    }
  }
  for (const [index, name] of [[view.cursor, "--text"], [view.chosen, "--focus"]] as const) {
    if (index === undefined) continue;
    context.strokeStyle = colours(name);
    context.lineWidth = 2;
    const [x, y] = [drawing.gutter + index % columns * cell, PADDING + Math.floor(index / columns) * cell - view.top];
    context.strokeRect(x, y, cell - 1, cell - 1);
  }
}

function resize(canvas: HTMLCanvasElement, { width, height }: Viewport, scale: number): void {
  const [wide, high] = [Math.round(width * scale), Math.round(height * scale)];
  if (canvas.width === wide && canvas.height === high) return;
  canvas.width = wide;
  canvas.height = high;
  canvas.style.width = `${width}px`;
  canvas.style.height = `${height}px`;
}

/** Reads each CSS variable once for a drawing. */
function palette(canvas: HTMLElement): (name: string) => string {
  const style = getComputedStyle(canvas);
  const known = new Map<string, string>();
  return (name) => {
    const colour = known.get(name) ?? style.getPropertyValue(name).trim();
    known.set(name, colour);
    return colour;
  };
}

type Colours = (name: string) => string;

/** Rows are labelled as closely as the text allows. */
function drawLabel(
  context: CanvasRenderingContext2D,
  drawing: Drawing,
  row: number,
  y: number,
  colours: Colours,
): void {
  const { cell, gutter, label } = drawing;
  const every = Math.max(1, Math.ceil(14 / cell));
  if (row % every !== 0) return;
  context.fillStyle = colours("--muted");
  context.font = "12px ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace";
  context.textAlign = "right";
  context.textBaseline = "middle";
  context.fillText(label(row), gutter - 8, y + Math.min(cell - 2, 24) / 2);
}

function drawCell(
  context: CanvasRenderingContext2D,
  drawing: Drawing,
  index: number,
  x: number,
  y: number,
  colours: Colours,
): void {
  const { cell, cells, available, colourOf, stateOf, step } = drawing;
  const size = cell > 4 ? cell - (cell > 8 ? 2 : 1) : cell;
  const entries = cells.get(index) ?? [];
  context.fillStyle = colours(available(index) ? "--free" : "--excluded");
  context.fillRect(x, y, size, size);
  const worst = worstOf(entries, stateOf);
  if (!worst) return;
  context.fillStyle = colours(colourOf(worst));
  const part = step === 1n ? 1 : Math.max(0.15, Math.min(1, entries.length / Number(step)));
  context.fillRect(x, y + size * (1 - part), size, size * part);
  if (size >= MARKED_FROM - 2) drawMark(context, stateOf(worst), x, y, size, colours("--mark"));
}

/** The entry whose state must be seen first. */
function worstOf(entries: readonly EntryRow[], stateOf: (entry: EntryRow) => EntryState): EntryRow | undefined {
  return entries.find((one) => stateOf(one) === "conflict") ?? entries.find((one) => stateOf(one) === "leaked") ??
    entries[0];
}

/** States are told apart without colour too: a cross, a dot, a bar. */
function drawMark(
  context: CanvasRenderingContext2D,
  state: EntryState,
  x: number,
  y: number,
  size: number,
  colour: string,
): void {
  context.fillStyle = context.strokeStyle = colour;
  context.lineWidth = 1.5;
  const [low, high, middle] = [size * 0.25, size * 0.75, size / 2];
  context.beginPath();
  if (state === "conflict") {
    context.moveTo(x + low, y + low);
    context.lineTo(x + high, y + high);
    context.moveTo(x + high, y + low);
    context.lineTo(x + low, y + high);
    context.stroke();
  } else if (state === "leaked") {
    context.arc(x + middle, y + middle, size * 0.2, 0, 7);
    context.fill();
  } else if (state === "stopped" || state === "reserved") {
    context.moveTo(x + low, y + middle);
    context.lineTo(x + high, y + middle);
    context.stroke();
  }
}
