/**
 * The settings of node slices.
 *
 * @module
 */
import { type Document, isEmpty, lookup, quote, text } from "./document.ts";
import { ConfigError, type IpamConfig } from "./types.ts";

/** The settings. Absent members are off. */
type Slices = Pick<IpamConfig, "nodeSliceSize" | "nodeSliceElastic">;

/**
 * Reads the settings.
 *
 * @param options `strict`: whether the rules for new allocations apply; `inline`: the `ipam` object as written. Below it, a flat file may set
 *   `node_slice_elastic` for the networks that have slices
 * @throws {ConfigError} an invalid size; under the strict rules also elastic slices without a size, or with a setting that excludes them
 */
export function parseSlices(
  document: Document,
  path: string,
  { strict, inline }: { readonly strict: boolean; readonly inline: Readonly<Record<string, unknown>> },
): Slices {
  const size = parseSize(document, path);
  const elastic = document.node_slice_elastic === true;
  if (elastic && strict) refuseUnserved(document, path, size, lookup(inline, "node_slice_elastic") === true);
  return {
    ...(size !== undefined && { nodeSliceSize: size }),
    ...(elastic && size !== undefined && { nodeSliceElastic: true as const }),
  };
}

function parseSize(document: Document, path: string): string | undefined {
  const size = text(document, "node_slice_size");
  if (size === undefined || (/^\/?\d{1,3}$/.test(size) && Number(size.replace("/", "")) <= 128)) return size;
  throw new ConfigError(
    `${path}.node_slice_size`,
    `Cannot read ${path}.node_slice_size ${quote(size)}: expected a prefix length such as "/24"`,
  );
}

function refuseUnserved(document: Document, path: string, size: string | undefined, isOwn: boolean): void {
  const field = `${path}.node_slice_elastic`;
  if (size === undefined) {
    if (!isOwn) return;
    throw new ConfigError(
      field,
      `Cannot use ${field} without ${path}.node_slice_size, the size of the slices that nodes take; set it, or remove ${field}`,
    );
  }
  if (isEmpty(document.ipRangesAllocation) || document.ipRangesAllocation === "all") return;
  throw new ConfigError(
    field,
    `Cannot use ${field} with ${path}.ipRangesAllocation ${quote(String(document.ipRangesAllocation))}: ` +
      "a full slice leads to another slice, or to the next range; remove one of them",
  );
}
