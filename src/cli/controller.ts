/**
 * `controller`: the process a cluster needs one of; replicas stand by.
 *
 * @module
 */
import { loadConfig } from "../config/load.ts";
import { Controller } from "../controllers/controller.ts";
import { elect, ElectionHealth } from "../controllers/leader.ts";
import { parseSchedule } from "../controllers/schedule.ts";
import { makeLogger } from "../world/log.ts";
import type { World } from "../world/world.ts";
import { type Command, defineCommand, type Flags, type Values } from "./define.ts";
import { EVIDENCE_FLAGS, gracesOf } from "./reconcile.ts";
import { parseServerFlags, SERVER_FLAGS } from "./server.ts";
import { openStore, STORE_FLAGS } from "./store.ts";
import type { Terminal } from "./terminal.ts";

const { json: _json, ...STORE } = STORE_FLAGS;

const FLAGS = {
  ...SERVER_FLAGS,
  interval: { type: "string", value: "5m", default: "5m", help: "Time between sweeps where no schedule is written" },
  "schedule-file": {
    type: "string",
    value: "FILE",
    default: "/cron-schedule/config", // where the original's ConfigMap is mounted
    help: "File with a cron expression, followed while it changes; else WHEREABOUTS_RECONCILER_CRON or the flat file's",
  },
  ...EVIDENCE_FLAGS,
  "lease-name": { type: "string", value: "NAME", default: "whereabouts-controller", help: "Lease of the leader" },
  "lease-namespace": { type: "string", value: "NAME", help: "Its namespace; else this pod's" },
  ...STORE,
} as const satisfies Flags;

/** Runs the controller until it is told to stop. */
export const controller: Command = defineCommand({
  about: [
    "The process a cluster needs one of: it frees what pods leave as they go, sweeps on a schedule, and keeps node slices. Replicas stand by.",
  ],
  flags: FLAGS,
}, run);

async function run(terminal: Terminal, values: Values<typeof FLAGS>): Promise<number> {
  const { world, openCluster } = terminal;
  const { log: logging, httpAddress } = parseServerFlags(values);
  const graces = gracesOf(values);
  parseSchedule(values.interval); // invalid flags are reported before anything is opened
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
  const running = new Controller({
    world,
    log,
    ipam: store.ipam,
    cluster,
    sweep: {
      ...graces,
      defaultSchedule: values.interval,
      schedule: () => writtenSchedule(world, values["schedule-file"]),
    },
    ...(values.config !== undefined && { config: values.config }),
  });
  const platform = await terminal.platform();
  const election = new ElectionHealth(() => world.monotonic());
  await using _http = httpAddress
    ? platform.serveHttp(httpAddress, (path) => answer(running, election, path))
    : undefined;
  const signal = platform.stopSignal();
  const identity = `${world.env("POD_NAME") || world.env("HOSTNAME") || "controller"}_${
    Math.floor(world.random() * 2 ** 32).toString(16)
  }`;
  const lease = cluster.lease(values["lease-namespace"] || world.env("POD_NAMESPACE") || "", values["lease-name"]);
  log.info("Controller stands for election", { identity, lease: values["lease-name"] });
  const lead = (limit: AbortSignal) => running.lead(limit);
  await elect(world, log, { lease, identity, lead, signal, onUsable: () => election.used() });
  log.info("Controller stopped");
  return 0;
}

/** The schedule of the mounted file, of the environment, or of the flat file, first one first. */
async function writtenSchedule(world: World, file: string): Promise<string | undefined> {
  const mounted = await world.readTextFile(file).then((text) => text.trim(), () => "");
  if (mounted) return mounted;
  const wished = world.env("WHEREABOUTS_RECONCILER_CRON")?.trim();
  if (wished) return wished;
  const conf = { name: "whereabouts", ipam: { type: "whereabouts" } };
  return (await loadConfig(world, { conf, purpose: "store" })).config.reconcilerCron;
}

function answer(
  running: Controller,
  election: ElectionHealth,
  path: string,
): { readonly status: number; readonly body: string } {
  switch (path) {
    case "/healthz":
      return { status: 200, body: "ok\n" };
    case "/readyz":
      if (!election.healthy) return { status: 503, body: "The lease can be neither read nor written\n" };
      return running.ready ? { status: 200, body: "ok\n" } : { status: 503, body: "The cluster is being read\n" };
    case "/metrics":
      return { status: 200, body: running.metrics.text() };
    default:
      return { status: 404, body: "There is /healthz, /readyz and /metrics\n" };
  }
}
