/**
 * `release`: releases addresses.
 *
 * @module
 */
import { formatIp, type Ip, parseIp } from "../address/ip.ts";
import type { Ipam } from "../ipam/ipam.ts";
import { releaseAllocations } from "../ipam/release.ts";
import type { Seen } from "../ipam/sweep_report.ts";
import { describeOwner } from "../pool/finding.ts";
import { messageOf } from "../values/errors.ts";
import { type Command, defineCommand, UsageError } from "./define.ts";
import { describeEmpty } from "./empty.ts";
import { type Holder, holdersOf } from "./holder.ts";
import { JSON_FLAG } from "./output.ts";
import { PODS_FLAG, type PodsFlags, podsSource } from "./pods_flag.ts";
import {
  claimedOf,
  findByAddress,
  findByReport,
  type Found,
  isSelected,
  type Only,
  refuseAmbiguous,
  type Target,
} from "./release_targets.ts";
import { parseReport } from "./report.ts";
import { type CommandStore, openStore, STORE_FLAGS } from "./store.ts";
import { table } from "./table.ts";
import type { Terminal } from "./terminal.ts";

const CHANGED = "its owner changed";
/** Milliseconds for the whole command, which may release thousands of addresses. */
const TIMEOUT = 600_000;
/** Max. bytes of a report on standard input. */
const MAX_REPORT = 256 * 1024 * 1024;

/** What is released, and what is kept. */
interface Plan {
  readonly release: readonly (readonly [Target, Holder])[];
  readonly kept: readonly Kept[];
}

/** A kept record, and the reason. */
type Kept = readonly [Seen, reason: string];

/** Releases exactly what it shows: a record that changes in between is kept. */
export const release: Command = defineCommand({
  operands: "ADDRESS... | --from-report FILE",
  about: [
    "Release addresses with their reservations: ADDRESS in all pools, or the unused ones of a report. Other pods may then get them.",
    "Show each address with its pod, and ask for confirmation. An address whose pod uses it, or cannot be read, is kept unless --force is " +
    "given. An address is released only if its owner is still the one shown, or the one in the report.",
    "If an address has two owners, select the one that loses it with --pod or --pool.",
    "From a report of check, only orphans and reservations without entry are released; each other finding needs a decision.",
  ],
  flags: {
    "from-report": {
      type: "string",
      value: "FILE",
      help: "Report of check --json or reconcile --dry-run --json; - for standard input",
    },
    pod: { type: "string", value: "NAMESPACE/NAME", help: "Release only the addresses of this pod" },
    pool: { type: "string", value: "POOL", help: "Release only from this pool, as named by show" },
    force: { type: "boolean", help: "Also release addresses that pods use" },
    yes: { type: "boolean", short: "y", help: "Do not ask for confirmation" },
    ...PODS_FLAG,
    ...JSON_FLAG,
    ...STORE_FLAGS,
  },
  exits: {
    1: "The address is not in use, or the command failed",
    2: "Usage error, or not confirmed",
    3: "An address was kept: its owner changed, or its pod uses it",
  },
}, async (terminal, values, operands) => {
  const file = values["from-report"];
  if ((operands.length === 0) === (file === undefined)) {
    throw new UsageError(
      "Nothing to release: expected either addresses such as 10.0.0.5, or --from-report FILE",
    );
  }
  if (file === "-" && !values.yes) {
    throw new UsageError("Cannot ask for confirmation while the report is read from standard input: add --yes");
  }
  const only: Only = { ...checkPod(values.pod), ...(values.pool !== undefined && { pool: values.pool }) };
  const wanted = [...new Map(operands.map(parseAddress).map((ip) => [formatIp(ip), ip])).values()];
  const report = file === undefined ? undefined : parseReport(await readReport(terminal, file), file);
  await using store = await openStore(terminal, values);
  const signal = AbortSignal.timeout(TIMEOUT);
  const { ipam } = store;
  const pools = await ipam.driver.list(signal);
  const reservations = await ipam.driver.reservations?.list(undefined, signal) ?? [];
  const all = report ? findByReport(report.seen, pools, reservations) : findByAddress(wanted, pools, reservations);
  const found: Found = {
    targets: all.targets.filter(({ seen }) => isSelected(seen, only)),
    changed: all.changed.filter((seen) => isSelected(seen, only)),
  };
  const left = report?.left ?? 0;
  const print = values.json ? terminal.world.stderr : terminal.print;
  if (left > 0) print(`Skipped ${left} findings of other kinds; run check to list them`);
  if (found.targets.length + found.changed.length === 0) {
    const empty = pools.length === 0 ? await describeEmpty(store, signal) : undefined;
    if (empty) terminal.world.stderr(empty.message);
    if (values.json) terminal.print(JSON.stringify({ released: [], kept: [], left }, undefined, 2));
    else print(report ? "Nothing to release" : `${notFound(wanted, only)} in ${store.where}`);
    return report && !empty?.elsewhere?.size ? 0 : 1;
  }
  if (!report) refuseAmbiguous(found.targets);
  const plan = planFor(found.targets, values.force, await holders(terminal, store, values, found.targets, signal));
  if (!values.yes && plan.release.length > 0 && !agree({ ...terminal, print }, plan)) return 2;
  const changed = found.changed.map((seen): Kept => [seen, CHANGED]);
  return await releaseAll(terminal, ipam, { ...plan, kept: [...changed, ...plan.kept] }, {
    json: values.json,
    left,
    signal,
  });
});

function parseAddress(text: string): Ip {
  const ip = parseIp(text);
  if (ip) return ip;
  throw new UsageError(`Invalid address ${JSON.stringify(text)}: expected an address such as 10.0.0.5`);
}

async function readReport({ world }: Terminal, file: string): Promise<string> {
  try {
    return file === "-" ? new TextDecoder().decode(await world.stdin(MAX_REPORT)) : await world.readTextFile(file);
  } catch (cause) {
    const why = cause instanceof Error && cause.name !== "NotFound" ? cause.message : "file not found";
    throw new UsageError(`Cannot read report ${file}: ${why}`, { cause });
  }
}

function checkPod(pod: string | undefined): Pick<Only, "pod"> {
  if (pod === undefined) return {};
  if (/^[^/\s]+\/[^/\s]+$/.test(pod)) return { pod };
  throw new UsageError(`Invalid --pod ${JSON.stringify(pod)}: expected NAMESPACE/NAME`);
}

function notFound(wanted: readonly Ip[], { pod, pool }: Only): string {
  const owner = pod === undefined ? "" : ` of ${pod}`;
  return `Found no allocation or reservation of ${wanted.map(formatIp).join(", ")}${owner}${
    pool === undefined ? "" : ` from pool ${pool}`
  }`;
}

/** The states of the pods. If none can be read, every address counts as in use. */
async function holders(
  terminal: Terminal,
  { datastore }: CommandStore,
  flags: PodsFlags,
  targets: readonly Target[],
  signal: AbortSignal,
): Promise<Holder[]> {
  try {
    await using source = await podsSource(terminal, datastore, flags);
    return await holdersOf(targets.map(claimedOf), source, signal);
  } catch (error) {
    signal.throwIfAborted();
    return targets.map(() => ({ state: `unknown: ${messageOf(error)}`, inUse: true }));
  }
}

function planFor(targets: readonly Target[], force: boolean, states: readonly Holder[]): Plan {
  const pairs = targets.map((target, i) => [target, states[i] ?? { state: "unknown", inUse: true }] as const);
  const [release = [], held = []] = [false, true].map((kept) =>
    pairs.filter(([, { inUse }]) => (inUse && !force) === kept)
  );
  return { release, kept: held.map(([{ seen }, { state }]) => [seen, `${state}; --force releases it`]) };
}

function agree({ ask, print, style }: Terminal, { release, kept }: Plan): boolean {
  const rows = [
    ...release.map(([{ seen }, { state }]) => [...rowOf(seen), state]),
    ...kept.map(([seen, why]) => [...rowOf(seen), `kept: ${why}`]),
  ];
  table(["ADDRESS", "WHERE", "OWNER", "STATE"], rows, style).forEach(print);
  if (ask?.(`Release ${release.length === 1 ? release[0]?.[0].seen.address : `${release.length} addresses`}?`)) {
    return true;
  }
  print("Nothing was released" + (ask ? "" : ": no terminal to ask for confirmation; add --yes"));
  return false;
}

function rowOf(seen: Seen): string[] {
  const where = seen.subject === "entry" ? `pool ${seen.pool}` : `reservation${seen.network && ` of ${seen.network}`}`;
  return [seen.address, where, describeOwner(seen)];
}

async function releaseAll(
  { print, style }: Terminal,
  ipam: Ipam,
  plan: Plan,
  { json, left, signal }: { readonly json: boolean; readonly left: number; readonly signal: AbortSignal },
): Promise<number> {
  const released: Seen[] = [];
  const kept = [...plan.kept];
  for (const [target] of plan.release) {
    const done = "entry" in target
      ? (await releaseAllocations(ipam, target.entry.key, [target.entry.allocation], signal)).length > 0
      : await ipam.driver.reservations?.release(target.reservation, signal);
    if (done) released.push(target.seen);
    else kept.push([target.seen, CHANGED]);
  }
  if (json) {
    print(JSON.stringify({ released, kept: kept.map(([seen, why]) => ({ ...seen, why })), left }, undefined, 2));
  } else {
    const rows = [
      ...released.map((seen) => [...rowOf(seen), "released"]),
      ...kept.map(([seen, why]) => [...rowOf(seen), `kept: ${why}`]),
    ];
    table(["ADDRESS", "WHERE", "OWNER", "RESULT"], rows, style).forEach(print);
  }
  return kept.length > 0 ? 3 : 0;
}
