/**
 * `resize`: moves the addresses of a range to another range of its network.
 *
 * @module
 */
import { type Cidr, formatCidr, parseCidr } from "../address/cidr.ts";
import { formatIp } from "../address/ip.ts";
import { resize as resizePool, type Resized } from "../ipam/resize.ts";
import { seenEntry } from "../ipam/sweep_report.ts";
import { describeOwner } from "../pool/finding.ts";
import { originalOf } from "../pool/original.ts";
import { type Allocation, formatPoolKey, type PoolKey } from "../pool/types.ts";
import { type Command, defineCommand, UsageError } from "./define.ts";
import { describeEmpty } from "./empty.ts";
import { JSON_FLAG } from "./output.ts";
import { podsSource } from "./pods_flag.ts";
import { showing } from "./progress.ts";
import { openStore, STORE_FLAGS } from "./store.ts";
import { table } from "./table.ts";
import type { Terminal } from "./terminal.ts";

/** Milliseconds for the whole command: a pool has up to ten thousand entries, 500 are written at a time. */
const TIMEOUT = 600_000;

/** Moves the entries of a pool. */
export const resize: Command = defineCommand({
  operands: "OLD NEW",
  about: [
    "Grow, shrink or renumber a range while its pods run: move the addresses of pool OLD (as named by show) to the pool of the range NEW, " +
    "with their pods. Reservations stay, and running pods notice nothing: their DEL and CHECK find the address in the new pool.",
    "Run it before the range in the network definition is changed. While it runs, pods of both ranges start a moment later. Afterwards " +
    "pods of the former definition get addresses that both ranges have; change the definition then.",
    "Addresses that NEW does not have stay in OLD until their pods end; --dry-run lists them. An interrupted resize is completed by the " +
    "same command; until then no pod of either range starts.",
    "Every node must run this release. Node slices, and a cluster with controllers of the original, are refused.",
  ],
  flags: {
    "dry-run": { type: "boolean", help: "Show what would move and what would stay; change nothing" },
    ...JSON_FLAG,
    ...STORE_FLAGS,
  },
  exits: { 3: "Addresses stay in the former pool: they are outside of the new range, or have another owner there" },
}, async (terminal, values, operands) => {
  const [old, range, ...more] = operands;
  if (old === undefined || range === undefined || more.length > 0) {
    throw new UsageError("Expected two operands: the pool, and its new range, such as 10.0.0.0/24 10.0.0.0/22");
  }
  const cidr = parseRange(range);
  const dryRun = values["dry-run"];
  await using store = await openStore(terminal, values);
  const signal = AbortSignal.timeout(TIMEOUT);
  const pools = await store.ipam.driver.list(signal);
  const from = pools.find(({ key }) => formatPoolKey(key) === old)?.key;
  if (!from) {
    const empty = pools.length === 0 ? await describeEmpty(store, signal) : undefined;
    throw new UsageError(`Pool ${old} not found in ${store.where}: ${empty?.message ?? namesOf(pools)}`);
  }
  await using pods = await podsSource(terminal, store.datastore, values);
  const original = pods && originalOf(await pods.list(signal));
  if (original !== undefined) {
    throw new Error(
      `Cannot resize ${old}: ${original} runs a controller of the original, whose plugins keep allocating from the former pool; ` +
        "replace them on all nodes (docs/MIGRATION.md)",
    );
  }
  const resized = await showing(terminal, (show) => {
    const progress = (done: number, all: number) => show(`Pool ${old}: moved ${done} of ${all} addresses`);
    return resizePool(store.ipam, from, { network: from.network, cidr }, { dryRun, signal, progress });
  });
  printResult(terminal, { from, to: cidr, dryRun, json: values.json }, resized);
  return resized.outside.length + resized.conflicts.length > 0 ? 3 : 0;
});

function parseRange(text: string): Cidr {
  const parsed = parseCidr(text);
  if (parsed && formatIp({ family: parsed.cidr.family, value: parsed.cidr.base }) === formatIp(parsed.ip)) {
    return parsed.cidr;
  }
  const expected = parsed ? formatCidr(parsed.cidr) : "a CIDR such as 10.0.0.0/22";
  throw new UsageError(`Invalid range ${JSON.stringify(text)}: expected ${expected}`);
}

function namesOf(pools: readonly { readonly key: PoolKey }[]): string {
  return `expected one of ${pools.map(({ key }) => formatPoolKey(key)).sort().join(", ")}`;
}

/** What was requested. */
interface Request {
  readonly from: PoolKey;
  readonly to: Cidr;
  readonly dryRun: boolean;
  readonly json: boolean;
}

function printResult({ print, style }: Terminal, { from, to, dryRun, json }: Request, resized: Resized): void {
  const { moved, outside, conflicts } = resized;
  const address = ({ address }: Allocation) => formatIp({ family: from.cidr.family, value: address });
  const stays = [
    ...outside.map((one) => ({ one, reason: `outside of ${formatCidr(to)}` })),
    ...conflicts.map(({ allocation, holder }) => ({
      one: allocation,
      reason: `allocated to ${describeOwner(holder)} in the pool of ${formatCidr(to)}, too`,
    })),
  ];
  if (json) {
    const stay = stays.map(({ one, reason }) => ({ ...seenEntry({ key: from, allocation: one }), reason }));
    print(JSON.stringify({ from: formatPoolKey(from), to: formatCidr(to), dryRun, moved, stay }, undefined, 2));
    return;
  }
  const count = moved === 1 ? "1 address" : `${moved} addresses`;
  print(`${dryRun ? "Would move" : "Moved"} ${count} from ${formatPoolKey(from)} to ${formatCidr(to)}`);
  if (stays.length === 0) return;
  const rows = stays.map(({ one, reason }) => [address(one), describeOwner(one), reason]);
  table([dryRun ? "WOULD STAY" : "STAYS", "OWNER", "REASON"], rows, style).forEach(print);
}
