/**
 * Reads the pools that names and filters select.
 *
 * @module
 */
import { contains, parseCidr } from "../address/cidr.ts";
import { formatIp, parseIp } from "../address/ip.ts";
import type { PodsSource } from "../controllers/pods_source.ts";
import type { Finding } from "../pool/finding.ts";
import { formatPoolKey } from "../pool/types.ts";
import { type Located, RefusedError, type Reservation, type StorageDriver } from "../storage/driver.ts";
import type { Flags, Values } from "./define.ts";
import type { Empty } from "./empty.ts";
import { type Meaning, meaningOf, type NodeOf, selectedIn } from "./names.ts";
import { FILTER_FLAGS, filtersOf, parseFill } from "./output.ts";
import { type PodsFlags, podsSource } from "./pods_flag.ts";
import { type PoolRow, rowOf } from "./pool_rows.ts";
import type { Reading } from "./reading.ts";
import type { CommandStore } from "./store.ts";
import type { Terminal } from "./terminal.ts";

/** Flags that choose among pools. */
export const POOL_FLAGS = {
  ...FILTER_FLAGS,
  "min-fill": { type: "string", value: "PERCENT", help: "Only pools that are at least this full, such as 80%" },
} as const satisfies Flags;

/** What selects pools and addresses. */
interface Choice extends PodsFlags, Values<typeof POOL_FLAGS> {
  /** Names of pools, networks, definitions, nodes, pods; addresses and CIDRs. Empty: all pools. */
  readonly names: readonly string[];
  /** Whether to read reservations. */
  readonly withReservations: boolean;
  /** Whether to search for leaks and duplicates. Default: false. */
  readonly withFindings?: boolean;
}

/** The selected pools of a store. */
export interface PoolsRead {
  /** The pools, sorted by name; `shown` is what names and filters select. */
  readonly rows: readonly PoolRow[];
  /** All reservations; empty unless they were requested. */
  readonly reservations: readonly Reservation[];
  /** Leaks and duplicates; empty unless they were requested. */
  readonly findings: readonly Finding[];
  /** Whether names and filters select a reservation. */
  readonly selects: (reservation: Reservation) => boolean;
  /** Whether the pools are of several namespaces. */
  readonly namespaced: boolean;
  /** Each name, and whether it names something: a pool, or a record of an address. */
  readonly named: readonly { readonly name: string; readonly exists: boolean; readonly used: boolean }[];
  /** The stores, in messages. */
  readonly where: string;
  /** Where else pools are, if this one has no pools. */
  readonly empty: Empty | undefined;
}

/** The content of one store. */
interface Content {
  readonly rows: readonly PoolRow[];
  readonly reservations: readonly Reservation[];
  readonly findings: readonly Finding[];
  readonly nodes: ReadonlyMap<string, string>;
}

/** Whether a pool is a block that was joined to the pool of its range, and has no entry left. */
function isForward({ pool: { block, move, allocations } }: PoolRow): boolean {
  return block === true && move?.kind === "moved" && allocations.size === 0;
}

/**
 * Reads pools, and what names and filters select of them.
 *
 * @param wholePool whether an address selects the pool that contains it, with all its allocations
 * @throws {UsageError} a name is ambiguous, or a filter is invalid
 */
export async function readPools(
  terminal: Terminal,
  reading: Reading,
  choice: Choice,
  wholePool: boolean,
): Promise<PoolsRead> {
  const minFill = parseFill(choice["min-fill"]);
  const { parts, where, empty } = await reading.read(
    (store, signal) => readContent(terminal, store, { ...choice, wholePool }, signal),
    ({ rows }) => rows.length === 0,
  );
  const namespaced = parts.some(({ namespace }) => namespace !== undefined);
  const nodeOf: NodeOf = (podRef) => parts.map(({ value }) => value.nodes.get(podRef)).find((node) => node);
  const all = parts.flatMap(({ value }) => value.rows);
  const found = choice.names.map((name) => [name, meaningOf(name, all, nodeOf)] as const);
  const meanings = found.flatMap(([, meaning]) => meaning ? [meaning] : []);
  const records = parts.flatMap(({ value }) => value.reservations);
  const named = found.map(([name, meaning]) => ({
    name,
    exists: meaning !== undefined && all.some(meaning.pool),
    used: meaning !== undefined &&
      (all.some((row) => meaning.pool(row) && selectedIn(meaning, row).length > 0) ||
        records.some((one) => isSelected(one, [meaning], all))),
  }));
  const { active, accepts } = filtersOf(choice, nodeOf);
  const byName = choice.names.length > 0;
  const rows = all.flatMap((row) => {
    const selected = byName ? narrow(row, meanings, wholePool) : isForward(row) ? undefined : row;
    if (!selected || (minFill !== undefined && row.fill < minFill)) return [];
    if (!active) return [selected];
    const shown = selected.shown.filter(accepts);
    const isSlice = choice.node !== undefined && row.pool.key.node === choice.node;
    return shown.length > 0 || isSlice ? [{ ...selected, shown }] : [];
  });
  return {
    rows,
    reservations: records,
    findings: parts.flatMap(({ value }) => value.findings),
    selects: (one) => (!byName || isSelected(one, meanings, all)) && accepts(one),
    namespaced,
    named,
    where,
    empty,
  };
}

/** A row with the allocations that any of the meanings selects; undefined if none selects the pool. */
function narrow(row: PoolRow, meanings: readonly Meaning[], wholePool: boolean): PoolRow | undefined {
  const own = meanings.filter(({ pool }) => pool(row));
  if (own.length === 0) return undefined;
  if (own.some(({ kind, record }) => !record || (wholePool && kind === "address"))) return row;
  const selected = new Set(own.flatMap((meaning) => selectedIn(meaning, row)));
  return { ...row, shown: row.shown.filter((one) => selected.has(one)) };
}

function isSelected(one: Reservation, meanings: readonly Meaning[], rows: readonly PoolRow[]): boolean {
  return meanings.some(({ pool, record }) => {
    if (record) return record(one);
    return rows.some((row) => row.pool.key.network === one.network && contains(row.pool.key.cidr, one.ip) && pool(row));
  });
}

async function readContent(
  terminal: Terminal,
  store: CommandStore,
  choice: Choice & { readonly wholePool: boolean },
  signal: AbortSignal,
): Promise<Content> {
  const { wholePool, names, withReservations, withFindings, node } = choice;
  const { driver } = store.ipam;
  const needsNetworks = wholePool || node !== undefined || names.some((name) => !isAddress(name));
  await using source = needsNetworks
    ? await networksOf(terminal, () => podsSource(terminal, store.datastore, choice))
    : undefined;
  const now = terminal.world.now();
  const located = await locateAll(driver, choice, signal);
  const pools = located?.pools ?? await driver.list(signal);
  const rows = byPoolName(pools.map((pool) => rowOf(pool, source, now, driver.namespace?.name)));
  const needsNodes = node !== undefined || names.some((name) => !isKnown(name, rows));
  return {
    rows,
    reservations: withReservations
      ? located?.reservations ?? await driver.reservations?.list(undefined, signal) ?? []
      : [],
    findings: withFindings ? await findingsOf(terminal, store, source, signal) : [],
    nodes: needsNodes ? await nodesOf(terminal, source, signal) : new Map(),
  };
}

/**
 * What the store has of addresses, without listing everything.
 *
 * @returns undefined if other names are selected, or something was not found: a list shows what it means, and what else the store has
 */
async function locateAll(
  driver: StorageDriver,
  { names, node, withReservations, withFindings }: Choice,
  signal: AbortSignal,
): Promise<Located | undefined> {
  if (!driver.locate || names.length === 0 || node !== undefined || withFindings) return undefined;
  const found = new Map<string, Located>();
  for (const name of names) {
    const ip = parseIp(name);
    const one = ip && await driver.locate(ip, signal);
    if (!one) return undefined;
    const isUsed = one.reservations.length > 0 || one.pools.some(({ allocations }) => allocations.has(ip.value));
    if (withReservations ? !isUsed : one.pools.length === 0) return undefined;
    found.set(formatIp(ip), one);
  }
  const all = [...found.values()];
  const pools = new Map(all.flatMap(({ pools }) => pools).map((pool) => [formatPoolKey(pool.key), pool]));
  return { pools: [...pools.values()], reservations: all.flatMap(({ reservations }) => reservations) };
}

/** Whether a name is an address or a CIDR. */
export function isAddress(name: string): boolean {
  return parseIp(name) !== undefined || parseCidr(name) !== undefined;
}

function isKnown(name: string, rows: readonly PoolRow[]): boolean {
  try {
    return isAddress(name) || meaningOf(name, rows) !== undefined;
  } catch {
    return true; // ambiguous or invalid, which is reported when everything is read
  }
}

/** What `check` finds; without the right to read pods, nothing is drawn as leaked. */
async function findingsOf(
  terminal: Terminal,
  { ipam }: CommandStore,
  source: PodsSource | undefined,
  signal: AbortSignal,
): Promise<readonly Finding[]> {
  const { inspect } = await import("../ipam/inspect.ts"); // half of what a command loads, and only maps need it
  const seen = await allowed(terminal, "Unknown leaks and duplicates", () => inspect(ipam, source, signal));
  return seen?.findings ?? [];
}

/** The nodes of pods: records of older releases, and of other plugins, have none. */
async function nodesOf(
  terminal: Terminal,
  source: PodsSource | undefined,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, string>> {
  const pods = await allowed(terminal, "Unknown nodes of pods", async () => await source?.list(signal) ?? []);
  return new Map(pods?.flatMap(({ podRef, node }) => node === undefined ? [] : [[podRef, node] as const]));
}

/** Networks are optional: without them the capacity is that of the whole range, and definitions have no names. */
export async function networksOf(
  terminal: Terminal,
  open: () => Promise<PodsSource | undefined>,
): Promise<PodsSource | undefined> {
  return await allowed(terminal, "Unknown bounds and excludes", open);
}

/** Reports what the account may not read, and continues without it. */
async function allowed<T>({ world }: Terminal, unknown: string, read: () => Promise<T>): Promise<T | undefined> {
  try {
    return await read();
  } catch (error) {
    if (!(error instanceof RefusedError)) throw error;
    world.stderr(`${unknown}: ${error.message}`);
    return undefined;
  }
}

function byPoolName(rows: readonly PoolRow[]): PoolRow[] {
  const named = rows.map((row) => [formatPoolKey(row.pool.key), row] as const);
  return named.sort(([a], [b]) => (a < b ? -1 : 1)).map(([, row]) => row);
}
