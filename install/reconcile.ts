/**
 * Sweeps once: frees addresses and reservations that no pod uses. For a CronJob, a crontab or a systemd timer, if no controller runs.
 *
 * ```sh
 * deno run --allow-env --allow-net --allow-read install/reconcile.ts                      # in a pod: its own cluster
 * deno run --allow-env --allow-net --allow-read install/reconcile.ts --kubeconfig FILE --dry-run
 * deno run --allow-env --allow-read --allow-write install/reconcile.ts --database FILE --pods FILE
 * deno run --allow-env --allow-net --allow-read --allow-sys install/reconcile.ts --etcd-host HOSTS --kubeconfig FILE
 * ```
 *
 * Exit code 0: success; 1: it failed, or something could not be freed; 2: usage error. It uses only the library, and may serve as a template
 * for scripts of your own.
 *
 * @module
 */
import { parseArgs } from "node:util";
import {
  denoWorld,
  findingEvents,
  loadConfig,
  makeLogger,
  openPods,
  openStore,
  parseGraces,
  podsOfFile,
  type PodsSource,
  sweep,
  type SweepReport,
  sweepReport,
} from "../mod.ts";

const OPTIONS = {
  kubeconfig: { type: "string" },
  namespace: { type: "string" },
  database: { type: "string" },
  "etcd-host": { type: "string" },
  config: { type: "string" },
  pods: { type: "string" },
  grace: { type: "string" },
  "dead-node-grace": { type: "string" },
  "dry-run": { type: "boolean", default: false },
  json: { type: "boolean", default: false },
  help: { type: "boolean", default: false },
} as const;

const HELP = `Usage: deno run --allow-env --allow-net --allow-read install/reconcile.ts [FLAGS]

Sweep once: free addresses and reservations that no pod uses, after the time in OPERATIONS.md, and recreate missing reservations and entries.

  --kubeconfig FILE   Cluster of the store, or of the pods with another store (default: that of this pod)
  --namespace NAME    Namespace of the IPPools (default: WHEREABOUTS_NAMESPACE, or that of the kubeconfig)
  --database FILE     SQLite file of the embedded store (needs --allow-write)
  --etcd-host HOSTS   Endpoints of etcd, comma-separated (needs --allow-sys)
  --config FILE       JSON file of IPAM fields without a flag
  --pods FILE         File with the existing pods, one NAMESPACE/NAME per line, instead of those of a cluster
  --grace TIME        Grace period before an address is freed (30s, 5m), instead of that of each kind of evidence
  --dead-node-grace TIME
                      Grace period of pods whose node is not ready, or "never" to keep their addresses (default 5m)
  --dry-run           Show what would be freed; change nothing
  --json              Print JSON`;

/** Milliseconds for recording one event. */
const EVENT_TIMEOUT = 10_000;

type Values = ReturnType<typeof parse>;

function parse(args: readonly string[]) {
  const { values } = parseArgs({ args: [...args], options: OPTIONS });
  return { ...values, graces: parseGraces(values) };
}

/** The store that the flags select; by default that of the cluster. */
async function datastoreOf({ kubeconfig, namespace, database, config: file, "etcd-host": hosts }: Values) {
  const named = database !== undefined ? "embedded" : hosts !== undefined ? "etcd" : undefined;
  const ipam = {
    type: "whereabouts",
    ...(file !== undefined ? { configuration_path: file } : { datastore: "kubernetes" }),
    ...(kubeconfig !== undefined && { kubernetes: { kubeconfig } }),
    ...(named !== undefined && { datastore: named }),
    ...(database !== undefined && { database }),
    ...(hosts !== undefined && { etcd_host: hosts }),
  };
  const world = denoWorld();
  const { datastore } = (await loadConfig(world, { conf: { name: "reconcile", ipam }, purpose: "store" })).config;
  if (datastore.kind === "embedded" && !await world.exists(datastore.path)) {
    throw new RangeError(
      `Database ${datastore.path} not found: select the store with --database or --kubeconfig`,
    );
  }
  return datastore.kind === "kubernetes" && namespace !== undefined ? { ...datastore, namespace } : datastore;
}

async function reconcile(values: Values): Promise<SweepReport> {
  const world = denoWorld();
  const datastore = await datastoreOf(values);
  await using store = await openStore({ datastore }, { world, log: makeLogger(world, { level: "error" }) });
  const { pods: file, namespace, graces, "dry-run": dryRun } = values;
  const kubeconfig = values.kubeconfig ?? (datastore.kind === "kubernetes" ? datastore.kubeconfig : undefined);
  await using pods = file !== undefined ? podsOfFile(world, file) : await openPods(world, { kubeconfig, namespace });
  const waiting = (time: number, records: number) =>
    print(
      `reconcile: Waiting ${Math.ceil(time / 1_000)} s before checking ${records} record${
        records === 1 ? "" : "s"
      } again`,
      Deno.stderr,
    );
  const { signal } = new AbortController(); // each check has its own timeout
  const report = sweepReport(await sweep(store, { pods, ...graces, dryRun, waiting, signal }), dryRun);
  if (!dryRun) await recordFindings(pods, report);
  return report;
}

/** Records findings as events. An event that cannot be recorded does not fail the sweep, since findings are printed, too. */
async function recordFindings({ recordEvent }: PodsSource, { findings }: SweepReport): Promise<void> {
  for (const event of recordEvent ? findingEvents(findings) : []) {
    await recordEvent?.(event, AbortSignal.timeout(EVENT_TIMEOUT)).catch((error) =>
      print(`reconcile: ${error instanceof Error ? error.message : error}`, Deno.stderr)
    );
  }
}

function lines({ dryRun, freed, repaired, restored, findings, kept }: SweepReport): string[] {
  const [free, reserve, create] = dryRun
    ? ["Would free", "Would reserve", "Would create"]
    : ["Freed", "Reserved", "Created"];
  const changes = [
    ...freed.map(({ subject, address, podRef, reason }) => `${free} ${subject} ${address} of ${podRef}: ${reason}`),
    ...repaired.map(({ address, podRef }) => `${reserve} ${address} of ${podRef}: it had no reservation`),
    ...restored.map(({ address, podRef }) => `${create} the entry of ${address} of ${podRef}: it was missing`),
  ];
  return [
    ...(changes.length > 0 ? changes : ["Nothing to free"]),
    ...findings.map(({ kind, message }) => `Finding ${kind}: ${message}`),
    ...kept.map(({ address, podRef, reason }) => `Kept ${address} of ${podRef}: ${reason}`),
  ];
}

function print(text: string, stream: { writeSync(data: Uint8Array): number } = Deno.stdout): void {
  let rest = new TextEncoder().encode(`${text}\n`);
  while (rest.length > 0) rest = rest.subarray(stream.writeSync(rest));
}

/** Runs the sweep. Returns the exit code. */
async function main(args: readonly string[]): Promise<number> {
  let values: Values;
  try {
    values = parse(args);
  } catch (error) {
    print(`reconcile: ${error instanceof Error ? error.message : error}\nUse --help to list the flags`, Deno.stderr);
    return 2;
  }
  if (values.help) {
    print(HELP);
    return 0;
  }
  try {
    const report = await reconcile(values);
    print(values.json ? JSON.stringify(report, undefined, 2) : lines(report).join("\n"));
    for (const failure of report.failures) print(`reconcile: Could not free: ${failure}`, Deno.stderr);
    return report.failures.length > 0 ? 1 : 0;
  } catch (error) {
    print(`reconcile: ${error instanceof Error ? error.message : error}`, Deno.stderr);
    return 1;
  }
}

if (import.meta.main) Deno.exit(await main(Deno.args));
