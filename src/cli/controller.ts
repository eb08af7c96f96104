/**
 * `controller`: runs the controller, of which a cluster needs one; further replicas stand by.
 *
 * @module
 */
import { loadConfig } from "../config/load.ts";
import { Controller } from "../controllers/controller.ts";
import { elect, ElectionHealth } from "../controllers/leader.ts";
import { parseSchedule } from "../controllers/schedule.ts";
import { answerHttp } from "../metrics/endpoints.ts";
import { makeLogger } from "../world/log.ts";
import type { World } from "../world/world.ts";
import { type Command, defineCommand, type Flags, type Values } from "./define.ts";
import { EVIDENCE_FLAGS, graceOf, gracesOf } from "./reconcile.ts";
import { parseServerFlags, SERVER_FLAGS } from "./server.ts";
import { openStore, STORE_FLAGS } from "./store.ts";
import type { Terminal } from "./terminal.ts";

const FLAGS = {
  ...SERVER_FLAGS,
  interval: { type: "string", value: "TIME", default: "5m", help: "Time between sweeps if no schedule is configured" },
  "schedule-file": {
    type: "string",
    value: "FILE",
    default: "/cron-schedule/config", // the mount path of the original's ConfigMap
    help: "File with a cron expression, re-read when it changes; else WHEREABOUTS_RECONCILER_CRON, else the flat file",
  },
  ...EVIDENCE_FLAGS,
  "slice-grace": {
    type: "string",
    value: "TIME",
    // two sweeps of the default schedule see it empty; a node that has just taken it, or whose pods restart, keeps it that long
    default: "10m",
    help: "Grace period before an empty slice of a network with node_slice_elastic is unassigned (30s, 10m)",
  },
  "lease-name": {
    type: "string",
    value: "NAME",
    default: "whereabouts-controller",
    help: "Name of the leader's Lease",
  },
  "lease-namespace": { type: "string", value: "NAME", help: "Namespace of the Lease; else that of this pod" },
  ...STORE_FLAGS,
} as const satisfies Flags;

/** Runs the controller until it receives a signal to stop. */
export const controller: Command = defineCommand({
  about: [
    "Run the controller: free addresses of deleted pods, sweep on a schedule, assign node slices. A cluster needs one; further " +
    "replicas stand by.",
  ],
  flags: FLAGS,
}, run);

async function run(terminal: Terminal, values: Values<typeof FLAGS>): Promise<number> {
  const { world, openCluster } = terminal;
  const { log: logging, httpAddress } = parseServerFlags(values);
  const graces = gracesOf(values);
  const sliceGrace = graceOf("--slice-grace", values["slice-grace"]);
  parseSchedule(values.interval); // reports an invalid flag before anything is opened
  const log = makeLogger(world, logging);
  await using store = await openStore(terminal, { ...values, client: "controller" }, log);
  const { datastore } = store;
  const kubeconfig = values.kubeconfig ??
    (datastore.kind === "kubernetes" ? datastore.kubeconfig : world.env("KUBECONFIG"));
  await using cluster = await openCluster(world, {
    kubeconfig,
    context: values.context,
    namespace: values.namespace,
    client: "controller",
  });
  const leader = new Controller({
    world,
    log,
    ipam: store.ipam,
    cluster,
    sweep: {
      ...graces,
      defaultSchedule: values.interval,
      schedule: () => configuredSchedule(world, values["schedule-file"]),
    },
    sliceGrace,
    ...(values.config !== undefined && { config: values.config }),
  });
  const platform = await terminal.platform();
  const election = new ElectionHealth(() => world.monotonic());
  const endpoints = {
    notReady: () => notReady(leader, election),
    metrics: () => leader.metrics.text(),
    stats: platform.processStats,
  };
  await using _http = httpAddress ? platform.serveHttp(httpAddress, (path) => answerHttp(path, endpoints)) : undefined;
  const signal = platform.stopSignal();
  const identity = `${world.env("POD_NAME") || world.env("HOSTNAME") || "controller"}_${
    Math.floor(world.random() * 2 ** 32).toString(16)
  }`;
  const lease = cluster.lease(values["lease-namespace"] || world.env("POD_NAMESPACE") || "", values["lease-name"]);
  log.info("Controller started", { identity, lease: values["lease-name"] });
  const lead = (term: AbortSignal) => leader.lead(term);
  await elect(world, log, { lease, identity, lead, signal, onUsable: () => election.used() });
  log.info("Controller stopped");
  return 0;
}

/** The schedule of the mounted file, else of the environment, else of the flat file. */
async function configuredSchedule(world: World, file: string): Promise<string | undefined> {
  const mounted = await world.readTextFile(file).then((text) => text.trim(), () => "");
  if (mounted) return mounted;
  const fromEnvironment = world.env("WHEREABOUTS_RECONCILER_CRON")?.trim();
  if (fromEnvironment) return fromEnvironment;
  const conf = { name: "whereabouts", ipam: { type: "whereabouts" } };
  return (await loadConfig(world, { conf, purpose: "store" })).config.reconcilerCron;
}

function notReady(leader: Controller, election: ElectionHealth): string | undefined {
  if (!election.healthy) return "Cannot read or write the lease";
  return leader.ready ? undefined : "Reading the cluster";
}
