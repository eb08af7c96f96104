/**
 * `controller`: the process a cluster needs one of; replicas stand by.
 *
 * @module
 */
import { parseArgs } from "node:util";
import { loadConfig } from "../config/load.ts";
import { Controller } from "../controllers/controller.ts";
import { elect } from "../controllers/leader.ts";
import { parseSchedule } from "../controllers/schedule.ts";
import { LOG_LEVELS, makeLogger } from "../world/log.ts";
import type { World } from "../world/world.ts";
import { graceOf } from "./reconcile.ts";
import { openStore, STORE_FLAGS } from "./store.ts";
import type { Terminal } from "./terminal.ts";

/** Where the original's ConfigMap is mounted. */
const SCHEDULE_FILE = "/cron-schedule/config";

/** Runs the controller until it is told to stop. Returns the exit code. */
export async function controller(terminal: Terminal, args: readonly string[]): Promise<number> {
  const { world, openCluster } = terminal;
  const { values } = parseArgs({
    args: [...args],
    options: {
      ...STORE_FLAGS,
      "http-address": { type: "string" },
      "lease-name": { type: "string", default: "whereabouts-controller" },
      "lease-namespace": { type: "string", default: "" },
      interval: { type: "string", default: "5m" },
      "schedule-file": { type: "string", default: SCHEDULE_FILE },
      grace: { type: "string", default: "30" },
      "log-level": { type: "string", default: "verbose" },
    },
  });
  const level = LOG_LEVELS.find((one) => one === values["log-level"]);
  if (!level) {
    throw new RangeError(
      `Unknown log level ${JSON.stringify(values["log-level"])}: wanted one of ${LOG_LEVELS.join(", ")}`,
    );
  }
  parseSchedule(values.interval);
  const grace = graceOf(values.grace);
  const log = makeLogger(world, { level });
  await using store = await openStore(terminal, values, log);
  const { datastore } = store;
  const kubeconfig = values.kubeconfig ?? (datastore.kind === "kubernetes" ? datastore.kubeconfig : undefined);
  await using cluster = await openCluster(world, { kubeconfig, namespace: values.namespace });
  const running = new Controller({
    world,
    log,
    ipam: store.ipam,
    cluster,
    sweep: { grace, usual: values.interval, schedule: () => writtenSchedule(world, values["schedule-file"]) },
  });
  const platform = await terminal.platform();
  await using _http = values["http-address"]
    ? platform.serveHttp(values["http-address"], (path) => answer(running, path))
    : undefined;
  const signal = platform.stopSignal();
  const identity = `${world.env("POD_NAME") || world.env("HOSTNAME") || "controller"}_${
    Math.floor(world.random() * 2 ** 32).toString(16)
  }`;
  const lease = cluster.lease(values["lease-namespace"] || world.env("POD_NAMESPACE") || "", values["lease-name"]);
  log.info("Controller stands for election", { identity, lease: values["lease-name"] });
  await elect(world, log, { lease, identity, lead: (limit) => running.lead(limit), signal });
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
  return (await loadConfig(world, { conf })).config.reconcilerCron;
}

function answer(running: Controller, path: string): { readonly status: number; readonly body: string } {
  switch (path) {
    case "/healthz":
      return { status: 200, body: "ok\n" };
    case "/readyz":
      return running.ready ? { status: 200, body: "ok\n" } : { status: 503, body: "The cluster is being read\n" };
    case "/metrics":
      return { status: 200, body: running.metrics.text() };
    default:
      return { status: 404, body: "There is /healthz, /readyz and /metrics\n" };
  }
}
