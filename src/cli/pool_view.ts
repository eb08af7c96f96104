/**
 * The allocations of pools, as listings.
 *
 * @module
 */
import { formatIp } from "../address/ip.ts";
import { describeKeeper } from "../pool/keepers.ts";
import { describeMove, obstacleIn } from "../pool/move.ts";
import { type Allocation, formatPoolKey, type Owner } from "../pool/types.ts";
import { type Column, sorted, tableOf } from "./output.ts";
import { fillPaint, type PoolRow } from "./pool_rows.ts";
import { clean, countText } from "./table.ts";
import type { Terminal } from "./terminal.ts";

/** The keeper of an address, and whether a pod uses the address now; empty without a keeper. */
function keeperText({ keeper, containerId }: Owner): string {
  return keeper ? `${describeKeeper(keeper)} (${containerId === "" ? "stopped" : "in use"})` : "";
}

/** The columns of an owner. KEPT BY is among them if an owner has a keeper. */
export function ownerColumns<T extends Owner>(items: readonly T[]): Column<T>[] {
  const kept: Column<T> = { heading: "KEPT BY", value: keeperText };
  return [
    { heading: "POD", value: ({ podRef }) => podRef || "-" },
    { heading: "INTERFACE", value: ({ ifName }) => ifName || "-" },
    { heading: "CONTAINER", value: ({ containerId }) => containerId.slice(0, 13) || "-" },
    ...(items.some(({ keeper }) => keeper) ? [kept] : []),
    { heading: "NODE", value: ({ node }) => node ?? "-", wide: true },
  ];
}

/** A table of the shown allocations of a pool, lowest address first unless a column to sort by is chosen. */
export function allocationTable(
  terminal: Pick<Terminal, "style">,
  values: Parameters<typeof tableOf>[1],
  { pool: { key: { cidr: { family } } }, shown }: Pick<PoolRow, "pool" | "shown">,
): string[] {
  const address = ({ address: value }: Allocation) => formatIp({ family, value });
  const columns: Column<Allocation>[] = [
    { heading: "ADDRESS", value: ({ address }) => address, cell: address },
    ...ownerColumns(shown),
  ];
  const ascending = shown.toSorted((a, b) => (a.address < b.address ? -1 : 1));
  return tableOf(terminal, values, columns, sorted(ascending, columns, values["sort-by"]));
}

/**
 * Pool, usage and definitions: one line, or two if the terminal is too narrow.
 *
 * @param namespaced whether pools of several namespaces are shown
 */
export function headingOf(row: PoolRow, { style }: Pick<Terminal, "style">, namespaced: boolean): string[] {
  const { pool, namespace, used, all, free, fill, users, rests } = row;
  const usage = `${countText(used)} of ${countText(all)} in use (${Math.floor(fill)} %), ${countText(free)} free`;
  const rest = rests.size > 0 ? `, ${rests.size} resting` : "";
  const name = clean(`${formatPoolKey(pool.key)}${namespaced ? ` (namespace ${namespace})` : ""}`);
  const by = users.length > 0 ? clean(`network ${users.join(", ")}`) : "";
  const first = `${style.strong(name)}: ${fillPaint(fill, style)(`${usage}${rest}`)}`;
  const move = pool.move && obstacleIn(pool.move) ? [style.warn(`  ${describeMove(pool.move)}`)] : [];
  if (by === "") return [first, ...move];
  const length = [name, usage, rest, by].join("").length + 4;
  return [...length <= (style.width ?? Infinity) ? [`${first}; ${by}`] : [first, `  ${by}`], ...move];
}
