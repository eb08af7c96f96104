/**
 * `release`: takes addresses back by hand.
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
import { PODS_FLAG, type PodsFlags, podsSource } from "./pods.ts";
import {
  claimedOf,
  type Found,
  haveOf,
  isMeant,
  type Only,
  refuseAmbiguous,
  seenIn,
  type Target,
} from "./release_targets.ts";
import { parseReport } from "./report.ts";
import { type CommandStore, openStore, STORE_FLAGS } from "./store.ts";
import { table } from "./table.ts";
import type { Terminal } from "./terminal.ts";

const CHANGED = "its owner changed meanwhile";
/** Milliseconds that a release, which may be one of thousands of addresses, may take. */
const TIMEOUT = 600_000;
/** Bytes of a report on standard input, at most. */
const LONGEST_REPORT = 256 * 1024 * 1024;

/** What is released, and what stays. */
interface Plan {
  readonly release: readonly (readonly [Target, Holder])[];
  readonly kept: readonly Kept[];
}

/** Something that stays, and why. */
type Kept = readonly [Seen, why: string];

/** Releases exactly what is shown: what changes in between stays. */
export const release: Command = defineCommand({
  operands: "ADDRESS... | --from-report FILE",
  about: [
    "Releases addresses with their reservations: ADDRESS in every pool, or what a report lists as unused. The next pod may get them.",
    "It shows each address with its pod and asks. An address whose pod holds it, or cannot be read, is kept unless --force is given. Each is " +
    "released only if its owner is still the one shown; of a report, the one in the report.",
    "Of an address with two owners, --pod or --pool chooses the one that loses it.",
    "Of a report of check, orphans and reservations without entry are released; other findings take a decision each.",
  ],
  flags: {
    "from-report": {
      type: "string",
      value: "FILE",
      help: "Report of check --json or reconcile --dry-run --json; - is standard input",
    },
    pod: { type: "string", value: "NAMESPACE/NAME", help: "Release only what this pod owns" },
    pool: { type: "string", value: "POOL", help: "Release only from this pool, as show prints it" },
    force: { type: "boolean", help: "Release addresses that running pods hold, too" },
    yes: { type: "boolean", short: "y", help: "Do not ask" },
    ...PODS_FLAG,
    ...STORE_FLAGS,
  },
  exits: {
    1: "Nobody has the address, or it failed",
    2: "The command line is invalid, or nobody confirmed",
    3: "Something was kept: its owner changed meanwhile, or its pod holds it",
  },
}, async (terminal, values, operands) => {
  const file = values["from-report"];
  if ((operands.length === 0) === (file === undefined)) {
    throw new UsageError(
      "Cannot tell what to release: wanted either addresses such as 10.0.0.5, or --from-report FILE",
    );
  }
  if (file === "-" && !values.yes) throw new UsageError("Cannot ask while standard input is the report: add --yes");
  const only: Only = { ...checkPod(values.pod), ...(values.pool !== undefined && { pool: values.pool }) };
  const wanted = [...new Map(operands.map(parseAddress).map((ip) => [formatIp(ip), ip])).values()];
  const report = file === undefined ? undefined : parseReport(await readReport(terminal, file), file);
  await using store = await openStore(terminal, values);
  const signal = AbortSignal.timeout(TIMEOUT);
  const { ipam } = store;
  const pools = await ipam.driver.list(signal);
  const reservations = await ipam.driver.overlaps?.list(undefined, signal) ?? [];
  const all = report ? seenIn(report.seen, pools, reservations) : haveOf(wanted, pools, reservations);
  const found: Found = {
    targets: all.targets.filter(({ seen }) => isMeant(seen, only)),
    changed: all.changed.filter((seen) => isMeant(seen, only)),
  };
  const left = report?.left ?? 0;
  const print = values.json ? terminal.world.stderr : terminal.print;
  if (left > 0) print(`${left} findings are of other kinds and were left unchanged: check shows them`);
  if (found.targets.length + found.changed.length === 0) {
    const empty = pools.length === 0 ? await describeEmpty(store, signal) : undefined;
    if (empty) terminal.world.stderr(empty.words);
    if (values.json) terminal.print(JSON.stringify({ released: [], kept: [], left }, undefined, 2));
    else print(report ? "Nothing to release" : `${nobodyHas(wanted, only)} in ${store.where}`);
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
  throw new UsageError(`Cannot release ${JSON.stringify(text)}: expected an address such as 10.0.0.5`);
}

async function readReport({ world }: Terminal, file: string): Promise<string> {
  try {
    return file === "-" ? new TextDecoder().decode(await world.stdin(LONGEST_REPORT)) : await world.readTextFile(file);
  } catch (cause) {
    const why = cause instanceof Error && cause.name !== "NotFound" ? cause.message : "there is no such file";
    throw new UsageError(`Cannot read report ${file}: ${why}`, { cause });
  }
}

function checkPod(pod: string | undefined): Pick<Only, "pod"> {
  if (pod === undefined) return {};
  if (/^[^/\s]+\/[^/\s]+$/.test(pod)) return { pod };
  throw new UsageError(`Cannot choose by --pod ${JSON.stringify(pod)}: expected NAMESPACE/NAME`);
}

function nobodyHas(wanted: readonly Ip[], { pod, pool }: Only): string {
  const who = pod === undefined ? "Nobody has" : `${pod} does not have`;
  return `${who} ${wanted.map(formatIp).join(", ")}${pool === undefined ? "" : ` of pool ${pool}`}`;
}

/** What the pods are doing; where they cannot be read at all, every address counts as held. */
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
  print("Nothing was released" + (ask ? "" : ": add --yes where nobody can be asked"));
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
      : await ipam.driver.overlaps?.release(target.reservation, signal);
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
