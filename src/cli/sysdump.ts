/**
 * `sysdump`: writes an archive for a report about a problem.
 *
 * @module
 */
import { DEFAULT_JOURNAL } from "../journal/journal.ts";
import type { Cluster } from "../controllers/cluster.ts";
import { Archive } from "../sysdump/archive.ts";
import { collectCluster, collectNode } from "../sysdump/collect.ts";
import { scrub, scrubValue } from "../sysdump/scrub.ts";
import { messageOf } from "../values/errors.ts";
import { parseJson } from "../values/json.ts";
import { REVISION, VERSION } from "../version.ts";
import { SILENT } from "../world/log.ts";
import { type Command, defineCommand, type Flags, type Values } from "./define.ts";
import { check } from "./check.ts";
import { claims } from "./claims.ts";
import { clusterOf, PODS_FLAG } from "./pods_flag.ts";
import { showing } from "./progress.ts";
import { show } from "./show.ts";
import { slices } from "./slices.ts";
import { status } from "./status.ts";
import { type CommandStore, openStore, STORE_FLAGS } from "./store.ts";
import type { Terminal } from "./terminal.ts";

/** Milliseconds for the whole report: each part has a timeout of its own. */
const TIMEOUT = 600_000;

/** The commands whose output the report contains. */
const COMMANDS: Readonly<Record<string, Command>> = { status, check, show, claims, slices };

const FLAGS = {
  output: { type: "string", value: "FILE", help: "The archive; else whereabouts-sysdump-TIME.tar.gz in this folder" },
  journal: { type: "string", value: "FOLDER", help: "Folder of this node's history; else WHEREABOUTS_JOURNAL" },
  ...PODS_FLAG,
  ...STORE_FLAGS,
} as const satisfies Flags;

/** Writes an archive for a report. */
export const sysdump: Command = defineCommand({
  about: [
    "Write an archive for a report about a problem: pools, reservations, node slices, network definitions, our workloads, pods and their " +
    "logs, nodes, events, the output of status, check, show, claims and slices, and on a node its flat file and history.",
    "No Secret, ConfigMap or kubeconfig is read, and values of fields that may be secrets are left out; addresses and names of pods are not. " +
    "What could not be read is listed in index.json with the reason.",
  ],
  flags: FLAGS,
  exits: { 0: "The archive was written; some parts may be missing in it", 1: "The archive could not be written" },
}, async (terminal, values) => {
  const { world, print } = terminal;
  const time = new Date(world.now()).toISOString();
  const output = values.output ?? `whereabouts-sysdump-${time.replace(/[-:]|\.\d+/g, "")}.tar.gz`;
  if (await world.exists(output)) throw new Error(`Cannot write ${output}: it exists; select another with --output`);
  const archive = new Archive("sysdump");
  const signal = AbortSignal.timeout(TIMEOUT);
  await using store = await archive.attempt("store", () => openStore(terminal, values, SILENT), signal);
  await using cluster = store &&
    await archive.attempt("cluster", () => clusterOf(terminal, store.datastore, values), signal);
  const isReached = store !== undefined && await archive.attempt("store", () => reach(store, cluster, signal), signal);
  await showing(terminal, async (report) => {
    const progress = (what: string) => report(`Reading ${what}`);
    if (isReached && cluster) {
      await collectCluster(archive, cluster, store.ipam.driver.namespace?.name, progress, signal);
    }
    for (const [name, command] of Object.entries(COMMANDS)) {
      if (!isReached || (name === "slices" && !store.ipam.driver.slices)) continue;
      progress(`the output of ${name}`);
      await runInto(archive, terminal, name, command, argsOf(values, command));
    }
  });
  await collectNode(archive, world, values.journal ?? world.env("WHEREABOUTS_JOURNAL") ?? DEFAULT_JOURNAL, signal);
  const facts = { created: time, version: VERSION, revision: REVISION, store: store?.where ?? null };
  await world.writeFile(output, await archive.finish(facts), { durable: false, mode: 0o600 });
  const count = archive.missing.length;
  const missing = count === 0
    ? ""
    : `; index.json lists ${count === 1 ? "1 part" : `${count} parts`} that could not be read`;
  print(`Wrote ${output} with ${archive.size} files${missing}`);
  print("It contains addresses and names of pods, nodes and networks: read it before you publish it");
  return 0;
});

/** Without an answer, or with refused credentials, each part would wait as long as this one request, and fail. */
async function reach({ ipam }: CommandStore, cluster: Cluster | undefined, signal: AbortSignal): Promise<true> {
  if (cluster?.installation) await cluster.installation.resources(signal);
  else await ipam.driver.list(signal);
  return true;
}

/** The flags that select store and pods, as far as a command has them. */
function argsOf(values: Values<typeof FLAGS>, { manual }: Command): string[] {
  return Object.keys({ ...STORE_FLAGS, ...PODS_FLAG }).filter((flag) => flag in manual.flags).flatMap((flag) => {
    const value = values[flag as keyof typeof FLAGS];
    return typeof value === "string" ? [`--${flag}`, value] : [];
  });
}

/** Adds the output of a command, and its exit code. */
async function runInto(
  archive: Archive,
  terminal: Terminal,
  name: string,
  command: Command,
  args: readonly string[],
): Promise<void> {
  const out: string[] = [];
  const err: string[] = [];
  const world = { ...terminal.world, stderr: (line: string) => void err.push(line) };
  const captured = { ...terminal, world, print: (line: string) => void out.push(line) };
  try {
    const code = await command.run(captured, ["--json", ...args]);
    const report = { code, stderr: scrub(err.join("\n")), output: scrubValue(parseJson(out.join("\n"))) };
    archive.addJson(`commands/${name}.json`, report);
  } catch (error) {
    archive.miss(`output of ${name}`, scrub(messageOf(error)));
  }
}
