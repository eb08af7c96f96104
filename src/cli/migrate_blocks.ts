/**
 * `migrate blocks`: moves the addresses of ranges to blocks of an aligned grid, or back to one pool for each range.
 *
 * @module
 */
import { isBlockSize } from "../config/blocks.ts";
import { parseCidr } from "../address/cidr.ts";
import { formatIp } from "../address/ip.ts";
import type { PodsSource } from "../controllers/pods_source.ts";
import { divide, type Migrated } from "../ipam/divide.ts";
import { join } from "../ipam/join.ts";
import { describeOwner } from "../pool/finding.ts";
import { blockSizeOf, type Move } from "../pool/move.ts";
import { originalOf } from "../pool/original.ts";
import { formatPoolKey, type PoolKey } from "../pool/types.ts";
import type { PoolSnapshot, StorageDriver } from "../storage/driver.ts";
import { type Flags, UsageError } from "./define.ts";
import { describeEmpty } from "./empty.ts";
import { clusterOf, podsSource } from "./pods_flag.ts";
import { showing } from "./progress.ts";
import { type CommandStore, openStore, type StoreFlags } from "./store.ts";
import type { Terminal } from "./terminal.ts";

/** Milliseconds for the whole command: a pool has up to ten thousand entries, 500 are written at a time. */
const TIMEOUT = 600_000;

/** The Lease that each ADD of the original takes in the namespace of the IPPools (spec 4.5). */
const ORIGINAL_LEASE = "whereabouts";

/** Milliseconds within which a renewal of that Lease counts as a running plugin of the original: more than clocks differ. */
const RECENT = 600_000;

/** One row of the result. */
export interface Row {
  /** The former record. */
  readonly from: string;
  /** The pool. */
  readonly pool: string;
  /** The destination: a store, the size of blocks, or the pool that they are joined to. */
  readonly to: string;
  /** Number of entries before. */
  readonly entries: number;
  /** Whether the record was migrated. */
  readonly done: boolean;
  /** Entries written. */
  readonly added: number;
  /** Entries that existed at the destination. */
  readonly kept: number;
  /** One sentence each. */
  readonly problems: readonly string[];
}

/** What the operator changes afterwards. */
export interface Edit {
  /** The definitions. Empty: unknown, or none. */
  readonly definitions: readonly string[];
  /** The change: `set block_size /24 in`. */
  readonly change: string;
}

/** The help of this part of the command. */
export const BLOCKS_ABOUT: readonly string[] = [
  "migrate blocks: move the addresses of ranges to blocks of an aligned grid (block_size) while their pods run. POOL is named as by show; " +
  "a network_name stands for all its pools that are wider than a block. Running pods notice nothing: their DEL and CHECK find the address in " +
  "its block. Run it before block_size is set in the definitions, which --dry-run lists, and set it immediately afterwards. Until then new " +
  "pods of these networks wait. An interrupted run is completed by the same command.",
  "migrate blocks --back: move them from the blocks to the pool of the range again. Run it before block_size is removed from the definitions, " +
  "which --dry-run lists, and remove it immediately afterwards.",
  "Every node must run this release, and the original must be gone: its workloads are refused, and its Lease and entries too unless --yes " +
  "confirms that they are old.",
];

/** Its flags. */
export const BLOCKS_FLAGS = {
  size: {
    type: "string",
    value: "/N",
    help:
      "Prefix length of blocks, as block_size of the networks: /24, or /120 for IPv6; with --back that of the pools by default",
  },
  back: { type: "boolean", help: "Move addresses from blocks to the pools of their ranges" },
  yes: { type: "boolean", help: "Migrate to blocks although entries or the Lease of the original exist" },
} as const satisfies Flags;

/** The values of the flags. */
interface BlocksFlags extends StoreFlags {
  readonly size?: string | undefined;
  readonly back: boolean;
  readonly yes: boolean;
  readonly "dry-run": boolean;
}

/** A pool to migrate. */
interface Named {
  /** The pool. */
  readonly pool: PoolSnapshot;
  /** The prefix length of its blocks. */
  readonly size: number;
}

/**
 * Divides the pools, or joins their blocks.
 *
 * @returns one row for each pool, and the definitions that use them: without `block_size`, or with it until it is removed
 */
export async function migrateBlocks(
  terminal: Terminal,
  values: BlocksFlags,
  operands: readonly string[],
): Promise<Edit & { readonly rows: readonly Row[] }> {
  const { back, "dry-run": dryRun } = values;
  const size = back && values.size === undefined ? undefined : parseSize(values.size);
  if (operands.length === 0) {
    throw new UsageError("Expected pools or network names, such as migrate blocks 10.0.0.0/16 --size /24");
  }
  await using store = await openStore(terminal, values);
  const signal = AbortSignal.timeout(TIMEOUT);
  const named = await poolsNamed(store, operands, size, signal);
  const pools = named.map(({ pool }) => pool);
  await using pods = await podsSource(terminal, store.datastore, values);
  await refuseOriginal(terminal, store, pods, pools, values, signal);
  const keys = pools.map(({ key }) => key);
  const rows: Row[] = [];
  for (const [i, { pool: { key, allocations }, size }] of named.entries()) {
    const migrated = await showing(terminal, (show) => {
      const progress = (done: number, all: number) =>
        show(`Pool ${formatPoolKey(key)}: moved ${done} of ${all} addresses`);
      return (back ? join : divide)(store.ipam, key, size, { dryRun, others: keys.slice(i + 1), signal, progress });
    });
    const entries = back ? migrated.moved + migrated.conflicts.length : allocations.size;
    rows.push(toRow(key, size, back, entries, migrated));
  }
  const change = back ? "remove block_size from" : `set block_size /${size} in`;
  return { rows, definitions: definitionsOf(pods, keys, back), change };
}

function parseSize(text: string | undefined): number {
  const size = Number(/^\/?(\d{1,3})$/.exec(text ?? "")?.[1] ?? NaN);
  if (isBlockSize(4, size) || isBlockSize(6, size)) return size;
  const found = text === undefined ? "Missing --size" : `Invalid --size ${JSON.stringify(text)}`;
  throw new UsageError(`${found}: expected the prefix length of blocks, such as /24, or /120 for IPv6`);
}

/** The pools of the operands, in the order of the operands, the widest of a network first. */
async function poolsNamed(
  store: CommandStore,
  operands: readonly string[],
  size: number | undefined,
  signal: AbortSignal,
): Promise<Named[]> {
  const { driver } = store.ipam;
  const all = await driver.list(signal);
  const fits = ({ key: { cidr } }: PoolSnapshot) => size === undefined || isBlockSize(cidr.family, size);
  const found = new Map<string, PoolSnapshot>();
  for (const operand of operands) {
    const named = all.find(({ key }) => formatPoolKey(key) === operand) ?? await dividedPool(driver, operand, signal);
    const ofNetwork = (pool: PoolSnapshot) =>
      pool.key.network === operand && pool.key.node === undefined && pool.key.cidr.prefix > 0 && fits(pool) &&
      (size === undefined ? sizeOf(pool.move) !== undefined : pool.key.cidr.prefix < size);
    const pools = named ? [named] : [...all, ...await dividedPools(driver, operand, signal)].filter(ofNetwork)
      .sort((a, b) => a.key.cidr.prefix - b.key.cidr.prefix);
    if (pools.length === 0) {
      const empty = all.length === 0 ? await describeEmpty(store, signal) : undefined;
      const names = all.map(({ key }) => formatPoolKey(key)).sort().join(", ");
      throw new UsageError(
        `Pool ${operand} not found in ${store.where}: ${empty?.message ?? `expected one of ${names}`}`,
      );
    }
    for (const pool of pools) found.set(formatPoolKey(pool.key), pool);
  }
  return [...found.values()].map((pool) => {
    const name = formatPoolKey(pool.key);
    if (!fits(pool)) throw new UsageError(`Invalid --size /${size} for pool ${name}: it is of the other family`);
    const known = size ?? sizeOf(pool.move);
    if (known === undefined) throw new UsageError(`Pool ${name} is not divided into blocks; expected one that is`);
    return { pool, size: known };
  });
}

/** The size of the blocks that a pool has, or had until they were joined. */
function sizeOf(move: Move | undefined): number | undefined {
  return move?.kind === "joined" ? move.size : blockSizeOf(move);
}

/** The divided pools of a network, which lists omit without entries. */
async function dividedPools(driver: StorageDriver, network: string, signal: AbortSignal): Promise<PoolSnapshot[]> {
  const recorded = await driver.listBlocks?.(network, true, signal) ?? [];
  const divided = recorded.filter((one) => one.divided !== undefined && one.cidr.prefix > 0);
  return await Promise.all(divided.map(({ cidr }) => driver.read({ network, cidr }, signal)));
}

/** A pool that lists omit, since all its entries are in blocks: a run may have ended before its blocks allocate. */
async function dividedPool(
  driver: StorageDriver,
  operand: string,
  signal: AbortSignal,
): Promise<PoolSnapshot | undefined> {
  const [, network = "", range = ""] = /^(?:(.+)\/)?([^/]+\/\d+)$/.exec(operand) ?? [];
  const cidr = parseCidr(range)?.cidr;
  const pool = cidr && await driver.read({ network, cidr }, signal);
  return pool?.move ? pool : undefined;
}

/** Refuses while the original runs: its plugins know no blocks, and would continue to allocate from the pools. */
async function refuseOriginal(
  terminal: Terminal,
  { ipam, datastore }: CommandStore,
  pods: PodsSource | undefined,
  pools: readonly PoolSnapshot[],
  values: BlocksFlags,
  signal: AbortSignal,
): Promise<void> {
  const refuse = (why: string) => {
    throw new Error(`Cannot migrate to blocks: ${why}`);
  };
  const cluster = await clusterOf(terminal, datastore, values);
  await using _cluster = cluster;
  const workload = (await cluster?.installation?.components(signal))?.find(({ role }) => role === "original");
  const running = workload
    ? `${workload.kind} ${workload.namespace}/${workload.name}`
    : pods && originalOf(await pods.list(signal));
  if (running !== undefined) {
    refuse(
      `${running} runs the original, whose plugins know no blocks; replace it on all nodes, and delete it (docs/MIGRATION.md)`,
    );
  }
  if (values.yes || datastore.kind !== "kubernetes") return;
  const namespace = ipam.driver.namespace?.name ?? "";
  const lease = await cluster?.installation?.leader({ namespace, lease: ORIGINAL_LEASE }, signal);
  const renewed = lease?.renewed;
  if (renewed !== undefined && terminal.world.now() - renewed < RECENT) {
    const ago = Math.round((terminal.world.now() - renewed) / 1000);
    refuse(
      `an ADD of the original renewed Lease ${namespace}/${ORIGINAL_LEASE} ${ago} s ago; if all nodes run this release, wait for ` +
        `${RECENT / 60_000} minutes, or repeat the command with --yes`,
    );
  }
  const foreign = pools.flatMap(({ allocations }) => [...allocations.values()])
    .filter(({ node, uid }) => node === undefined && uid === undefined).length;
  if (foreign > 0) {
    refuse(
      `${
        foreign === 1 ? "1 entry has" : `${foreign} entries have`
      } neither a node nor a pod uid, so the original, or an older release, wrote ` +
        "them; if all nodes run this release by now, repeat the command with --yes",
    );
  }
}

/** The definitions that use the pools and have no blocks yet, or have some until they are joined. */
function definitionsOf(pods: PodsSource | undefined, keys: readonly PoolKey[], back: boolean): string[] {
  const divided = new Set(pods?.persistent?.().filter((one) => one.divided).map(({ network }) => network));
  return [...new Set(keys.flatMap((key) => pods?.usersOf?.(key) ?? []))].filter((one) => divided.has(one) === back)
    .sort();
}

function toRow(key: PoolKey, size: number, back: boolean, entries: number, { moved, conflicts }: Migrated): Row {
  const text = (value: bigint) => formatIp({ family: key.cidr.family, value });
  return {
    from: back ? `blocks /${size} of ${formatPoolKey(key)}` : `pool ${formatPoolKey(key)}`,
    pool: formatPoolKey(key),
    to: back ? `pool ${formatPoolKey(key)}` : `/${size}`,
    entries,
    done: true,
    added: moved,
    kept: 0,
    problems: conflicts.map(({ allocation, holder }) =>
      `${text(allocation.address)} of ${describeOwner(allocation)} stays: ${
        back ? "the pool" : "its block"
      } has it for ${describeOwner(holder)}`
    ),
  };
}
