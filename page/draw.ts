/**
 * Draws the rows of a map that are in view.
 *
 * @module
 */
import { ENTRY_STATES, type EntryState } from "../src/ui/types.ts";
import type { Paint } from "./paint.ts";

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
  /** How each cell is drawn. */
  readonly paint: Paint;
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
    drawLabel(context, drawing, row, PADDING + row * cell - view.top, colours);
  }
  drawCells(context, drawing, view, firstRow * columns, Math.min(count, (lastRow + 1) * columns), colours);
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

/** Draws the cells of one colour after the other: a change of the colour costs more than a cell. */
function drawCells(
  context: CanvasRenderingContext2D,
  { cell, columns, gutter, paint: { palette, colour, part, state } }: Drawing,
  { top }: Viewport,
  from: number,
  to: number,
  colours: Colours,
): void {
  const size = cell > 4 ? cell - (cell > 8 ? 2 : 1) : cell;
  const xOf = (index: number) => gutter + index % columns * cell;
  const yOf = (index: number) => PADDING + Math.floor(index / columns) * cell - top;
  const byColour = palette.map((): number[] => []);
  for (let index = from; index < to; index++) {
    byColour[colour[index] ?? 0]?.push(index);
    if ((part[index] ?? 1) < 1) byColour[0]?.push(index); // the rest of the cell, drawn first
  }
  for (const [i, indices] of byColour.entries()) {
    context.fillStyle = colours(palette[i] ?? "");
    for (const index of indices) {
      const high = i === 0 ? 1 : part[index] ?? 1;
      context.fillRect(xOf(index), yOf(index) + size * (1 - high), size, size * high);
    }
  }
  if (size < MARKED_FROM - 2) return;
  for (let index = from; index < to; index++) {
    const name = ENTRY_STATES[(state[index] ?? 0) - 1];
    if (name) drawMark(context, name, xOf(index), yOf(index), size, colours("--mark"));
  }
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
  if (state === "used" || state === "resting") return;
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
