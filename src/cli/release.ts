/**
 * `release`: takes addresses back by hand.
 *
 * @module
 */
import { formatIp, type Ip, parseIp, sameIp } from "../address/ip.ts";
import type { Ipam } from "../ipam/ipam.ts";
import { releaseAllocations } from "../ipam/release.ts";
import { type Seen, seenEntry, seenReservation } from "../ipam/sweep_report.ts";
import { whose } from "../pool/finding.ts";
import { belongsTo, type Entry } from "../pool/reservations.ts";
import { formatPoolKey, sameOwner } from "../pool/types.ts";
import type { PoolSnapshot, Reservation } from "../storage/driver.ts";
import { type Command, defineCommand, UsageError } from "./define.ts";
import { parseReport } from "./report.ts";
import { openStore, STORE_FLAGS } from "./store.ts";
import { table } from "./table.ts";
import type { Terminal } from "./terminal.ts";

/** Milliseconds that a release, which may be one of thousands of addresses, may take. */
const TIMEOUT = 600_000;
/** Bytes of a report on standard input, at most. */
const LONGEST_REPORT = 256 * 1024 * 1024;

type Target =
  & { readonly seen: Seen }
  & (
    | { readonly entry: Entry }
    | { readonly reservation: Reservation }
  );

interface Found {
  readonly targets: readonly Target[];
  /** What is no longer as it was seen. */
  readonly changed: readonly Seen[];
}

/** Releases exactly what is shown: what changes in between stays. */
export const release: Command = defineCommand({
  operands: "ADDRESS... | --from-report FILE",
  about: [
    "Takes addresses back, with their reservations, whoever holds them: of ADDRESS in every pool, or what a report says that nobody " +
    "holds. Make sure that no pod uses them: the next pod gets them.",
    "It shows what it is going to release and asks. Each is released only if it still is whose it was; of a report, whose it was then.",
    "Of a report of check, orphans and reservations without entry are released; other findings take a decision each.",
  ],
  flags: {
    "from-report": {
      type: "string",
      value: "FILE",
      help: "Report of check --json or reconcile --dry-run --json; - is standard input",
    },
    yes: { type: "boolean", short: "y", help: "Do not ask" },
    ...STORE_FLAGS,
  },
  exits: {
    1: "Nobody has the address, or it failed",
    2: "The command line means nothing, or nobody said yes",
    3: "Something was kept, because it changed meanwhile",
  },
}, async (terminal, values, operands) => {
  const file = values["from-report"];
  if ((operands.length === 0) === (file === undefined)) {
    throw new UsageError(
      "Cannot tell what to release: wanted either addresses such as 10.0.0.5, or --from-report FILE",
    );
  }
  if (file === "-" && !values.yes) throw new UsageError("Cannot ask while standard input is the report: add --yes");
  const wanted = [...new Map(operands.map(parseAddress).map((ip) => [formatIp(ip), ip])).values()];
  const report = file === undefined ? undefined : parseReport(await readReport(terminal, file), file);
  await using store = await openStore(terminal, values);
  const signal = AbortSignal.timeout(TIMEOUT);
  const { ipam } = store;
  const pools = await ipam.driver.list(signal);
  const reservations = await ipam.driver.overlaps?.list(undefined, signal) ?? [];
  const found = report ? seenIn(report.seen, pools, reservations) : haveOf(wanted, pools, reservations);
  const left = report?.left ?? 0;
  const print = values.json ? terminal.world.stderr : terminal.print;
  if (left > 0) print(`${left} findings are of other kinds, and left: check shows them`);
  if (found.targets.length + found.changed.length === 0) {
    if (values.json) terminal.print(JSON.stringify({ released: [], kept: [], left }, undefined, 2));
    else print(report ? "Nothing to release" : `Nobody has ${wanted.map(formatIp).join(", ")} in ${store.where}`);
    return report ? 0 : 1;
  }
  if (!values.yes && found.targets.length > 0 && !agree({ ...terminal, print }, found.targets)) return 2;
  return await releaseAll(terminal, ipam, found, { json: values.json, left, signal });
});

function parseAddress(text: string): Ip {
  const ip = parseIp(text);
  if (ip) return ip;
  throw new UsageError(`Cannot release ${JSON.stringify(text)}: wanted an address such as 10.0.0.5`);
}

async function readReport({ world }: Terminal, file: string): Promise<string> {
  try {
    return file === "-" ? new TextDecoder().decode(await world.stdin(LONGEST_REPORT)) : await world.readTextFile(file);
  } catch (cause) {
    const why = cause instanceof Error && cause.name !== "NotFound" ? cause.message : "there is no such file";
    throw new UsageError(`Cannot read report ${file}: ${why}`, { cause });
  }
}

/** Who has the addresses: entries, and reservations that no entry stands for. */
function haveOf(wanted: readonly Ip[], pools: readonly PoolSnapshot[], reservations: readonly Reservation[]): Found {
  const targets = wanted.flatMap((ip): Target[] => {
    const entries = pools.flatMap(({ key, allocations }) => {
      const allocation = key.cidr.family === ip.family ? allocations.get(ip.value) : undefined;
      return allocation ? [{ key, allocation }] : [];
    });
    const alone = reservations.filter((one) => sameIp(one.ip, ip) && !entries.some((entry) => belongsTo(entry, one)));
    return [
      ...entries.map((entry) => ({ seen: seenEntry(entry), entry })),
      ...alone.map((reservation) => ({ seen: seenReservation(reservation), reservation })),
    ];
  });
  return { targets, changed: [] };
}

/** What of a report is still there as it was seen. */
function seenIn(all: readonly Seen[], pools: readonly PoolSnapshot[], reservations: readonly Reservation[]): Found {
  const byName = new Map(pools.map((pool) => [formatPoolKey(pool.key), pool]));
  const targets: Target[] = [];
  const changed: Seen[] = [];
  for (const seen of all) {
    const ip = parseIp(seen.address);
    const pool = byName.get(seen.pool);
    const isEntry = seen.subject === "entry" && ip?.family === pool?.key.cidr.family;
    const allocation = isEntry && ip ? pool?.allocations.get(ip.value) : undefined;
    const reservation = seen.subject === "reservation"
      ? reservations.find((one) => ip && sameIp(one.ip, ip) && one.network === seen.network && sameOwner(one, seen))
      : undefined;
    if (pool && allocation && sameOwner(allocation, seen)) {
      targets.push({ seen, entry: { key: pool.key, allocation } });
    } else if (reservation) targets.push({ seen, reservation });
    else changed.push(seen);
  }
  return { targets, changed };
}

function agree({ ask, print, style }: Terminal, targets: readonly Target[]): boolean {
  table(["TO RELEASE", "WHERE", "OWNER"], targets.map(({ seen }) => rowOf(seen)), style).forEach(print);
  if (ask?.(`Release ${targets.length === 1 ? "it" : `these ${targets.length}`}?`)) return true;
  print("Nothing was released" + (ask ? "" : ": say --yes where nobody can be asked"));
  return false;
}

function rowOf(seen: Seen): string[] {
  const where = seen.subject === "entry" ? `pool ${seen.pool}` : `reservation${seen.network && ` of ${seen.network}`}`;
  return [seen.address, where, whose(seen)];
}

async function releaseAll(
  { print, style }: Terminal,
  ipam: Ipam,
  { targets, changed }: Found,
  { json, left, signal }: { readonly json: boolean; readonly left: number; readonly signal: AbortSignal },
): Promise<number> {
  const released: Seen[] = [];
  const kept = [...changed];
  for (const target of targets) {
    const done = "entry" in target
      ? (await releaseAllocations(ipam, target.entry.key, [target.entry.allocation], signal)).length > 0
      : await ipam.driver.overlaps?.release(target.reservation, signal);
    (done ? released : kept).push(target.seen);
  }
  if (json) print(JSON.stringify({ released, kept, left }, undefined, 2));
  else {
    const rows = [
      ...released.map((seen) => [...rowOf(seen), "released"]),
      ...kept.map((seen) => [...rowOf(seen), "kept: it changed meanwhile"]),
    ];
    table(["ADDRESS", "WHERE", "OWNER", "RESULT"], rows, style).forEach(print);
  }
  return kept.length > 0 ? 3 : 0;
}
