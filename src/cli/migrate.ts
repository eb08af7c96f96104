/**
 * `migrate`: converts data of the original's older releases in etcd to the current layout, or moves it to a cluster; or moves pools onto a grid
 * of blocks, and back.
 *
 * @module
 */
import { formatIp } from "../address/ip.ts";
import type { Ipam } from "../ipam/ipam.ts";
import {
  convertRecord,
  type Migrated,
  type MigrationOptions,
  type MigrationSource,
  movePool,
} from "../ipam/migrate.ts";
import { describeOwner } from "../pool/finding.ts";
import { formatPoolKey, type PoolKey } from "../pool/types.ts";
import { ConflictError, type OlderRecord, type PoolSnapshot, RefusedError } from "../storage/driver.ts";
import { type Command, defineCommand, UsageError } from "./define.ts";
import { BLOCKS_ABOUT, BLOCKS_FLAGS, type Edit, migrateBlocks, type Row } from "./migrate_blocks.ts";
import { openStore, STORE_FLAGS } from "./store.ts";
import { JSON_FLAG } from "./output.ts";
import { showing } from "./progress.ts";
import { clean, table } from "./table.ts";
import type { Terminal } from "./terminal.ts";

/** Milliseconds for the whole migration. */
const TIMEOUT = 3_600_000;

interface Faults {
  readonly faults?: readonly string[];
}

/** Converts, and moves if requested. */
export const migrate: Command = defineCommand({
  operands: "etcd | blocks POOL...",
  completes: ["etcd", "blocks"],
  about: [
    "migrate etcd: convert the data of the original's v0.1 to v0.5.4 in etcd (/RANGE, /whereabouts/CIDR) to the current layout, each " +
    "record in one transaction. With --to kubernetes, then move all pools from etcd to IPPools and reservations; in etcd they are closed, and " +
    "refused.",
    "First stop the older plugins on all nodes. The migration takes their locks, so that it interrupts none of their writes, but they do not " +
    "know the current layout: one that runs afterwards allocates addresses again. The current plugin refuses to allocate from a pool if it " +
    "finds such a record again.",
    "Entries of older releases contain only the container: DEL releases them by it, check lists them as unowned, and no sweep frees them.",
    "A record with an invalid line, or with an address of another owner at the destination, is left unchanged and reported. The migration " +
    "can be interrupted at any time and run again.",
    ...BLOCKS_ABOUT,
  ],
  flags: {
    to: { type: "string", value: "STORE", default: "etcd", help: "Destination: etcd (current layout) or kubernetes" },
    ...BLOCKS_FLAGS,
    "dry-run": { type: "boolean", help: "Show what would be migrated; change nothing" },
    ...JSON_FLAG,
    ...STORE_FLAGS,
    kubeconfig: {
      type: "string",
      value: "FILE",
      help: "Destination cluster; of blocks the store, or the pods with another store",
    },
  },
  exits: { 3: "A record or an address was left unchanged; standard error has the reason" },
}, async (terminal, values, operands) => {
  const { to } = values;
  const [what, ...pools] = operands;
  if (what === "blocks") {
    const { rows, ...edit } = await migrateBlocks(terminal, values, pools);
    printRows(terminal, rows, values["dry-run"], values.json, edit);
    return rows.some(({ problems }) => problems.length > 0) ? 3 : 0;
  }
  if (what !== "etcd" || pools.length > 0) {
    throw new UsageError("Invalid source: expected migrate etcd, or migrate blocks and pools");
  }
  if (values.size !== undefined || values.back || values.yes) {
    throw new UsageError("Unexpected --size, --back or --yes: they are flags of migrate blocks");
  }
  if (to !== "etcd" && to !== "kubernetes") {
    throw new UsageError(`Invalid --to ${JSON.stringify(to)}: expected etcd or kubernetes`);
  }
  await using source = await openStore(terminal, {
    ...values,
    datastore: "etcd",
    database: undefined,
    kubeconfig: undefined,
    context: undefined,
  });
  const { migration } = source.ipam.driver;
  if (!migration) throw new Error(`Cannot migrate from ${source.where}: unsupported store`);
  const from: MigrationSource = { ...source.ipam, migration };
  const dryRun = values["dry-run"];
  const signal = AbortSignal.timeout(TIMEOUT);
  const records = await migration.older(signal);
  const rows = await convertAll(from, records, { dryRun, signal });
  const broken = rows.some(({ done }) => !done);
  if (to === "kubernetes" && !broken) {
    const { kubeconfig, context, namespace } = values;
    await using target = await openStore(terminal, { datastore: "kubernetes", kubeconfig, context, namespace });
    const moved = await showing(terminal, (show) => {
      const progress: MigrationOptions["progress"] = (key, what, done, all) =>
        show(`Pool ${formatPoolKey(key)}: migrated ${done} of ${all} ${what}`);
      return moveAll(from, target.ipam, dryRun ? records : [], { dryRun, signal, progress });
    });
    rows.push(...moved);
  }
  printRows(terminal, rows, dryRun, values.json);
  if (to === "kubernetes" && broken) {
    terminal.world.stderr(
      "Nothing was moved to the cluster: resolve the problems of the older records first, or it would allocate their addresses again",
    );
  }
  return rows.some(({ problems }) => problems.length > 0) ? 3 : 0;
});

async function convertAll(
  from: MigrationSource,
  records: readonly OlderRecord[],
  options: MigrationOptions,
): Promise<Row[]> {
  const rows: Row[] = [];
  for (const record of records) {
    const result = await orRefusal(convertRecord(from, record, options));
    rows.push(toRow(record.name, record.key, "etcd", record.entries.length, result));
  }
  return rows;
}

/** @param records the records that a dry run did not convert, and would move */
async function moveAll(
  from: MigrationSource,
  to: Ipam,
  records: readonly OlderRecord[],
  options: MigrationOptions,
): Promise<Row[]> {
  const { signal } = options;
  const open = await from.driver.list(signal);
  const closed = await from.migration.closed(signal);
  const pools = new Map<string, PoolSnapshot & { readonly closed: boolean }>();
  for (const pool of closed) pools.set(formatPoolKey(pool.key), { ...pool, closed: true });
  for (const pool of open) pools.set(formatPoolKey(pool.key), { ...pool, closed: false });
  for (const { key, entries } of records) {
    const pool = pools.get(formatPoolKey(key)) ?? { key, allocations: new Map(), version: undefined, closed: false };
    const more = entries.map((entry) => [entry.address, entry] as const);
    pools.set(formatPoolKey(key), { ...pool, allocations: new Map([...pool.allocations, ...more]) });
  }
  const rows: Row[] = [];
  for (const [name, pool] of pools) {
    const result = await orRefusal(movePool(from, to, pool, options));
    rows.push(toRow(`pool ${name}`, pool.key, "kubernetes", pool.allocations.size, result));
  }
  return rows;
}

/** Turns a refusal of one record into a result, so that the others continue. Other errors, such as an outage, end the migration. */
async function orRefusal(migrating: Promise<Migrated & Faults>): Promise<Migrated & Faults> {
  try {
    return await migrating;
  } catch (error) {
    if (!(error instanceof RefusedError || error instanceof ConflictError)) throw error;
    return { done: false, added: 0, kept: 0, conflicts: [], foreign: [], faults: [error.message] };
  }
}

function toRow(from: string, key: PoolKey, to: string, entries: number, migrated: Migrated & Faults): Row {
  const { done, added, kept, conflicts, foreign, faults = [] } = migrated;
  const text = (address: bigint) => formatIp({ family: key.cidr.family, value: address });
  return {
    from,
    pool: formatPoolKey(key),
    to,
    entries,
    done,
    added,
    kept,
    problems: [
      ...faults,
      ...conflicts.map(({ allocation, holder }) =>
        `${text(allocation.address)} of ${describeOwner(allocation)} belongs to ${
          describeOwner(holder)
        } at the destination`
      ),
      ...foreign.map(({ allocation }) =>
        `${text(allocation.address)} of ${describeOwner(allocation)} is reserved by another pool: it has two owners`
      ),
    ],
  };
}

function printRows(
  { print, style, world }: Terminal,
  rows: readonly Row[],
  dryRun: boolean,
  json: boolean,
  edit?: Edit,
): void {
  if (json) {
    print(JSON.stringify({ dryRun, migrated: rows, ...(edit && { definitions: edit.definitions }) }, undefined, 2));
    return;
  }
  if (rows.length === 0) print("Nothing to migrate");
  else {
    const state = ({ done }: Row) => done ? (dryRun ? "would migrate" : "migrated") : "left unchanged";
    const cells = rows.map((row) => [row.from, row.to, `${row.entries}`, `${row.added}`, `${row.kept}`, state(row)]);
    table(["FROM", "TO", "ENTRIES", "WRITTEN", "EXISTING", "STATE"], cells, style).forEach(print);
  }
  if (edit && rows.length > 0) {
    const names = edit.definitions.length > 0 ? edit.definitions.join(", ") : "all networks of these ranges";
    print(`${dryRun ? "Then" : "Now"} ${edit.change} the definitions of ${names}`);
  }
  for (const { from, problems } of rows) for (const problem of problems) world.stderr(clean(`${from}: ${problem}`));
}
