/**
 * The values of the chart: names, defaults and descriptions of values.yaml, and the tables that its README shows.
 *
 * @module
 */
import { isMap, parseDocument, type YAMLMap } from "yaml";
import { markdownTable } from "./markdown.ts";

/** A documented value. */
export interface ChartValue {
  /** Its name, with dots. */
  readonly name: string;
  /** Its default. */
  readonly value: unknown;
  /** Its comment. */
  readonly description: string;
}

/** Longest default that a table shows. */
const SHOWN = 40;

/** The values of the file, in its order: a name with a comment, below which no other has one. */
export function chartValues(text: string): readonly ChartValue[] {
  const document = parseDocument(text);
  if (!isMap(document.contents)) throw new Error("values.yaml is no mapping");
  return valuesOf(document.contents, [], text);
}

function valuesOf(map: YAMLMap, path: readonly string[], text: string): readonly ChartValue[] {
  return map.items.flatMap((pair) => {
    const key = pair.key as { readonly value: string; readonly range: readonly [number, number, number] };
    const name = [...path, key.value];
    const below = isMap(pair.value) ? valuesOf(pair.value, name, text) : [];
    const description = commentAbove(text, key.range[0]);
    if (below.length > 0 || description === "") return below;
    return [{ name: name.join("."), value: map.toJSON()[key.value], description }];
  });
}

/** The comment in the lines directly above a position, on one line. */
function commentAbove(text: string, position: number): string {
  const lines = text.slice(0, position).split("\n").slice(0, -1);
  const start = lines.findLastIndex((line) => !/^\s*#/.test(line)) + 1;
  return lines.slice(start).map((line) => line.replace(/^\s*# ?/, "")).join(" ");
}

/** The values as a Markdown table. */
export function valuesTable(values: readonly ChartValue[]): string {
  const rows = values.map(({ name, value, description }) => {
    const shown = JSON.stringify(value);
    return [`\`${name}\``, shown.length > SHOWN ? "see values.yaml" : `\`${shown}\``, description];
  });
  return markdownTable([["Value", "Default", "Meaning"], ...rows]);
}

/** The values of the original's chart with their replacements, as a Markdown table. */
export function originalTable(advice: Readonly<Record<string, string>>): string {
  const rows = Object.entries(advice).map(([name, text]) => [`\`${name}\``, text]);
  return markdownTable([["Value of the original", "Here"], ...rows]);
}

/** The folders of the distributions, as a Markdown table. */
export function distributionsTable(folders: Readonly<Record<string, Readonly<Record<string, string>>>>): string {
  const rows = Object.entries(folders).map(([name, { binDir, confDir, netnsDir }]) =>
    [name, binDir, confDir, netnsDir].map((cell) => `\`${cell}\``)
  );
  return markdownTable([["Distribution", "CNI plugins", "CNI configurations", "Network namespaces"], ...rows]);
}
