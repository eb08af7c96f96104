/**
 * The report of `check` for people: findings by kind and pool, the next command for each kind.
 *
 * @module
 */
import type { NetworkWarning } from "../controllers/pods_source.ts";
import { seenEntry } from "../ipam/sweep_report.ts";
import { type Finding, type FindingKind, KINDS, type Severity } from "../pool/finding.ts";
import type { Unconfirmed } from "../pool/orphans.ts";
import { plural } from "./names.ts";
import type { Column } from "./output.ts";
import { clean, fold, table } from "./table.ts";
import type { Terminal } from "./terminal.ts";

/** The exit code of the worst finding. */
export const EXITS: Readonly<Record<Severity, number>> = { leak: 3, conflict: 4, unusable: 5 };
/** Findings of a kind that are shown of each pool, and pools of each kind; `-o wide` lists all. */
const MAX_PER_POOL = 3;
const MAX_POOLS = 10;

/** The columns of `-o wide`, which lists each finding in one row. */
export const COLUMNS: readonly Column<Finding>[] = [
  { heading: "FINDING", value: ({ kind }) => kind },
  { heading: "ADDRESS", value: ({ address }) => address || "-" },
  { heading: "POOL", value: ({ pool }) => pool || "-" },
  { heading: "POD", value: ({ podRef }) => podRef || "-" },
  { heading: "NODE", value: ({ node }) => node ?? "-", wide: true },
  { heading: "DETAILS", value: ({ message }) => message },
];

/** The exit code of a kind. */
export function exitOf({ kind }: Pick<Finding, "kind">): number {
  return EXITS[KINDS[kind].severity];
}

/** Worst findings first. */
export function bySeverity(findings: readonly Finding[]): readonly Finding[] {
  return findings.toSorted((a, b) => exitOf(b) - exitOf(a));
}

/**
 * Prints findings by kind, and by pool within a kind. The pool is named once, with the networks that use it.
 *
 * @param usersOf the network definitions that use a pool
 * @param nextOf the next command for findings of one kind
 */
export function printFindings(
  { print, style }: Pick<Terminal, "print" | "style">,
  findings: readonly Finding[],
  usersOf: (pool: string) => readonly string[],
  nextOf: (kind: FindingKind, findings: readonly Finding[]) => string | undefined,
): void {
  for (const [kind, some] of Map.groupBy(bySeverity(findings), ({ kind }) => kind)) {
    const byPool = Map.groupBy(some, placeOf);
    const { severity, remedy } = KINDS[kind];
    const color = severity === "leak" ? style.warn : style.bad;
    const places = byPool.size > 1 ? ` in ${byPool.size} places` : "";
    print(`${color(style.strong(`${kind}: ${some.length}${places}`))} (${severity})`);
    for (const [place, own] of [...byPool].slice(0, MAX_POOLS)) {
      const users = usersOf(place);
      if (place !== "") print(clean(`  ${place}${users.length > 0 ? ` (network ${users.join(", ")})` : ""}`));
      const rows = own.slice(0, MAX_PER_POOL).map(({ address, message }) =>
        message.includes(address) ? [message] : [address, message]
      );
      for (const row of table([], rows, narrower(style, 4))) print(`    ${row}`);
      if (own.length > MAX_PER_POOL) print(style.faint(`    … ${own.length - MAX_PER_POOL} more; -o wide lists all`));
    }
    if (byPool.size > MAX_POOLS) print(style.faint(`  … ${byPool.size - MAX_POOLS} more places; -o wide lists all`));
    for (const line of fold(`${remedy}.`, (style.width ?? Infinity) - 2)) print(`  ${line}`);
    const next = nextOf(kind, some);
    if (next !== undefined) print(`  Next: ${style.strong(next)}`);
    print("");
  }
}

/** An unreadable object is its own place. */
function placeOf({ pool, network, address }: Finding): string {
  return pool || (address !== "" && network !== "" ? `reservations of ${network}` : "");
}

function narrower(style: Terminal["style"], columns: number): Terminal["style"] {
  return style.width === undefined ? style : { ...style, width: style.width - columns };
}

/** These are no findings: nothing proves that the addresses are unused. */
export function printUnconfirmed(
  { print, style, world }: Terminal,
  unconfirmed: readonly Unconfirmed[],
): void {
  if (unconfirmed.length === 0) return;
  const rows = unconfirmed.map(({ why, since, ...entry }) => {
    const { address, pool, podRef } = seenEntry(entry);
    return [address, pool, podRef, since === undefined ? "-" : ageOf(world.now() - since), why];
  });
  print("");
  table(["UNCONFIRMED", "POOL", "POD", "AGE", "REASON"], rows, style).forEach(print);
  print("");
  print(`${plural(unconfirmed.length, "allocation")} kept for lack of evidence`);
}

/** These are no findings: the networks work. */
export function printWarnings({ print, style }: Terminal, warnings: readonly NetworkWarning[]): void {
  if (warnings.length === 0) return;
  print("");
  table(["WARNING", "DETAILS"], warnings.map(({ network, message }) => [network, message]), style).forEach(print);
}

/** As kubectl prints ages, in one unit. */
function ageOf(milliseconds: number): string {
  const seconds = Math.max(0, Math.floor(milliseconds / 1_000));
  if (seconds < 120) return `${seconds}s`;
  if (seconds < 7_200) return `${Math.floor(seconds / 60)}m`;
  return seconds < 172_800 ? `${Math.floor(seconds / 3_600)}h` : `${Math.floor(seconds / 86_400)}d`;
}
