/**
 * One sweep, and exit: addresses and reservations that no pod holds are freed. For a CronJob, a cron table, or a systemd timer, where no
 * controller runs.
 *
 * ```sh
 * deno run --allow-env --allow-net --allow-read install/reconcile.ts                      # in a pod: its own cluster
 * deno run --allow-env --allow-net --allow-read install/reconcile.ts --kubeconfig FILE --dry-run
 * deno run --allow-env --allow-read --allow-write install/reconcile.ts --database FILE --pods FILE
 * deno run --allow-env --allow-net --allow-read --allow-sys install/reconcile.ts --etcd-host HOSTS --kubeconfig FILE
 * ```
 *
 * Exit code 0: done; 1: it failed, or something could not be freed; 2: the command line means nothing. It is built on the library alone, and
 * may be taken as a start for one of your own.
 *
 * @module
 */
import { parseArgs } from "node:util";
import {
  denoWorld,
  LEAST_GRACE,
  loadConfig,
  makeLogger,
  openPods,
  openStore,
  podsOfFile,
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
  grace: { type: "string", default: "30" },
  "dry-run": { type: "boolean", default: false },
  json: { type: "boolean", default: false },
  help: { type: "boolean", default: false },
} as const;

const HELP = `Usage: deno run --allow-env --allow-net --allow-read install/reconcile.ts [FLAGS]

One sweep: frees what no pod holds, where two looks agree, and makes missing reservations.

  --kubeconfig FILE   The cluster: its store, or its pods beside another store; else that of this pod
  --namespace NAME    Namespace of the IPPools; else WHEREABOUTS_NAMESPACE, or the kubeconfig's
  --database FILE     SQLite file of the embedded store (takes --allow-write)
  --etcd-host HOSTS   Endpoints of etcd, comma-separated (takes --allow-sys)
  --config FILE       JSON file of IPAM fields, for what has no flag
  --pods FILE         Living pods, one namespace/name a line, instead of a cluster's
  --grace SECONDS     Time between the two looks, ${LEAST_GRACE / 1_000} at least (default 30)
  --dry-run           Look, tell what would be freed, and change nothing
  --json              Print JSON`;

/** Milliseconds a sweep may take besides its grace period. */
const LIMIT = 300_000;

type Values = ReturnType<typeof parse>;

function parse(args: readonly string[]) {
  const { values } = parseArgs({ args: [...args], options: OPTIONS });
  const grace = Number(values.grace || NaN) * 1_000;
  if (!(grace >= LEAST_GRACE && grace <= 3_600_000)) {
    throw new RangeError(`Cannot wait --grace ${JSON.stringify(values.grace)}: wanted ${LEAST_GRACE / 1_000} to 3600`);
  }
  return { ...values, grace };
}

/** The store that the flags name; the cluster's where they name none. */
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
      `There is no database ${datastore.path}: name the store with --database, or with --kubeconfig`,
    );
  }
  return datastore.kind === "kubernetes" && namespace !== undefined ? { ...datastore, namespace } : datastore;
}

async function reconcile(values: Values): Promise<SweepReport> {
  const world = denoWorld();
  const datastore = await datastoreOf(values);
  await using store = await openStore({ datastore }, { world, log: makeLogger(world, { level: "error" }) });
  const { pods: file, namespace, grace, "dry-run": dryRun } = values;
  const kubeconfig = values.kubeconfig ?? (datastore.kind === "kubernetes" ? datastore.kubeconfig : undefined);
  await using pods = file !== undefined ? podsOfFile(world, file) : await openPods(world, { kubeconfig, namespace });
  const { reserves } = pods;
  const signal = AbortSignal.timeout(LIMIT + grace);
  return sweepReport(await sweep(store, { pods, grace, dryRun, signal, ...(reserves && { reserves }) }), dryRun);
}

function lines({ dryRun, freed, repaired }: SweepReport): string[] {
  const [free, reserve] = dryRun ? ["Would free", "Would reserve"] : ["Freed", "Reserved"];
  const told = [
    ...freed.map(({ subject, address, podRef, reason }) => `${free} ${subject} ${address} of ${podRef}: ${reason}`),
    ...repaired.map(({ address, podRef }) => `${reserve} ${address} of ${podRef}: it was not`),
  ];
  return told.length > 0 ? told : ["Nothing to free"];
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
    print(`reconcile: ${error instanceof Error ? error.message : error}\n--help tells the flags`, Deno.stderr);
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
