/**
 * Formats, order and filters of listings, alike in every command that reads.
 *
 * @module
 */
import type { Owner } from "../pool/types.ts";
import { type Flags, UsageError, type Values } from "./define.ts";
import { type Cell, table } from "./table.ts";
import type { Terminal } from "./terminal.ts";

/** How a listing is printed. `name` prints one name a line, for other commands. */
export type Format = "table" | "wide" | "json" | "yaml" | "name";
const FORMATS: readonly Format[] = ["wide", "json", "yaml", "name"];

/** The flag of commands that change something: a report for people, or JSON. */
export const JSON_FLAG = { json: { type: "boolean", help: "Print JSON" } } as const satisfies Flags;

/** The flags of formats. */
export const FORMAT_FLAGS = {
  output: {
    type: "string",
    value: "FORMAT",
    short: "o",
    values: FORMATS,
    help: "wide, json, yaml or name; else a table",
  },
  json: { type: "boolean", help: "Print JSON, as -o json" },
} as const satisfies Flags;

/** The flag of reports: what they print is no list of named items. */
export const DOCUMENT_FLAGS = {
  ...FORMAT_FLAGS,
  output: { ...FORMAT_FLAGS.output, values: ["json", "yaml"], help: "json or yaml; else a report" },
} as const satisfies Flags;

/** The flags of a listing. */
export const LIST_FLAGS = {
  ...FORMAT_FLAGS,
  "sort-by": {
    type: "string",
    value: "COLUMN",
    help: "Sort by a column of the table; COLUMN:desc for the other order",
  },
  "no-headers": { type: "boolean", help: "Print no line of headings" },
} as const satisfies Flags;

/** The flags that choose among addresses by their pods. */
export const FILTER_FLAGS = {
  "pod-namespace": { type: "string", value: "NAME", help: "Only addresses of pods of this namespace" },
  node: { type: "string", value: "NAME", help: "Only addresses of pods on this node, and its slices" },
} as const satisfies Flags;

/**
 * The chosen format.
 *
 * @param flags the command's flags of formats, which have the possible ones
 * @throws {UsageError} it is unknown, the command does not have it, or two are chosen
 */
export function formatOf(
  { output, json }: Values<typeof FORMAT_FLAGS>,
  flags: { readonly output: { readonly values: readonly string[] } } = FORMAT_FLAGS,
): Format {
  if (output === undefined) return json ? "json" : "table";
  const { values } = flags.output;
  const format = FORMATS.find((one) => one === output && values.includes(one));
  if (!format) {
    throw new UsageError(`Unknown --output ${JSON.stringify(output)}: expected one of ${values.join(", ")}`);
  }
  if (json && format !== "json") throw new UsageError(`Cannot use --json with --output ${format}: remove one of them`);
  return format;
}

/** Whether a format is for people, and may have headings and remarks. */
export function isText(format: Format): boolean {
  return format === "table" || format === "wide";
}

/** Whether a format prints one document, whose lines do not stand alone. */
export function isWhole(format: Format): boolean {
  return format === "json" || format === "yaml";
}

/** Prints a value in the formats for programs. Returns false for the other formats, and prints nothing. */
export async function printValue(terminal: Terminal, format: Format, value: () => unknown): Promise<boolean> {
  if (format === "json") terminal.print(JSON.stringify(value(), undefined, 2));
  else if (format === "yaml") terminal.print(await terminal.writeYaml(value()));
  else return false;
  return true;
}

/** A column of a listing. */
export interface Column<T> {
  /** Its heading, in capitals; its lower case is its name for `--sort-by`. */
  readonly heading: string;
  /** Its value. Numbers are to the right, and sort as numbers. */
  readonly value: (item: T) => string | number | bigint;
  /** How it is displayed. Default: its value. */
  readonly cell?: (item: T) => Cell;
  /** Only with `-o wide`. */
  readonly wide?: true;
}

/** A kind of items, and how each is printed. */
export interface Listing<T> {
  /** The columns of the table. */
  readonly columns: readonly Column<T>[];
  /** The name of an item, for `-o name`. */
  readonly nameOf: (item: T) => string;
  /** The value of an item, for `-o json` and `-o yaml`. */
  readonly toJson: (item: T) => unknown;
}

type ListValues = Values<typeof LIST_FLAGS>;

/**
 * Prints items in the chosen format and order.
 *
 * @throws {UsageError} the format or the column to sort by is unknown
 */
export async function printList<T>(
  terminal: Terminal,
  values: ListValues,
  { columns, nameOf, toJson }: Listing<T>,
  items: readonly T[],
): Promise<void> {
  const format = formatOf(values);
  const ordered = sorted(items, columns, values["sort-by"]);
  if (await printValue(terminal, format, () => ordered.map(toJson))) return;
  printLines(
    terminal,
    format === "name" ? [...new Set(ordered.map(nameOf))] : tableOf(terminal, values, columns, ordered),
  );
}

/** Prints lines with one write: one for each would be a system call for each of thousands of rows. */
export function printLines({ print }: Pick<Terminal, "print">, lines: readonly string[]): void {
  if (lines.length > 0) print(lines.join("\n"));
}

/** The lines of a table of items, in the given order. */
export function tableOf<T>(
  { style }: Pick<Terminal, "style">,
  values: ListValues,
  columns: readonly Column<T>[],
  items: readonly T[],
): string[] {
  const format = formatOf(values);
  const shown = columns.filter(({ wide }) => !wide || format === "wide");
  const rows = items.map((item) => shown.map(({ value, cell }) => cell ? cell(item) : value(item)));
  return table(values["no-headers"] ? [] : shown.map(({ heading }) => heading), rows, style);
}

/**
 * Sorts items by the name of a column; kubectl's notation (`.used`, `{.used}`) works too.
 *
 * @param by undefined: unchanged
 * @throws {UsageError} no column has the name
 */
export function sorted<T>(items: readonly T[], columns: readonly Column<T>[], by: string | undefined): readonly T[] {
  if (by === undefined) return items;
  const [, name = "", order = "asc"] = /^\{?\.?([^:{}]*)\}?(?::(asc|desc))?$/.exec(by) ?? [];
  const names = columns.map(({ heading }) => heading.toLowerCase().replaceAll(" ", "-"));
  const column = columns[names.indexOf(name.toLowerCase())];
  if (!column) {
    throw new UsageError(`Unknown --sort-by ${JSON.stringify(by)}: expected one of ${names.join(", ")}, or NAME:desc`);
  }
  const sign = order === "desc" ? -1 : 1;
  const keyed = items.map((item) => [column.value(item), item] as const);
  return keyed.sort(([a], [b]) => a < b ? -sign : a > b ? sign : 0).map(([, item]) => item);
}

/** The chosen filters. */
export interface Filters {
  /** Whether there are any. */
  readonly active: boolean;
  /** Whether an owner passes. */
  readonly accepts: (owner: Owner) => boolean;
}

/**
 * The filters by pod.
 *
 * @param nodeOf the node of a pod, by `namespace/name`, where the record of its address has no node
 */
export function filtersOf(
  { "pod-namespace": namespace, node }: Values<typeof FILTER_FLAGS>,
  nodeOf: (podRef: string) => string | undefined = () => undefined,
): Filters {
  return {
    active: namespace !== undefined || node !== undefined,
    accepts: (owner) =>
      (namespace === undefined || owner.podRef.startsWith(`${namespace}/`)) &&
      (node === undefined || (owner.node ?? nodeOf(owner.podRef)) === node),
  };
}

/**
 * A percentage of `--min-fill`.
 *
 * @returns from 0 to 100; undefined without a text
 * @throws {UsageError} it is none
 */
export function parseFill(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const [, number] = /^(\d{1,3}(?:\.\d+)?) ?%?$/.exec(text) ?? [];
  if (number !== undefined && Number(number) <= 100) return Number(number);
  throw new UsageError(`Invalid --min-fill ${JSON.stringify(text)}: expected a percentage such as 80%`);
}
