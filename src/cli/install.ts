/**
 * `install`: puts the plugin on this node. With `--agent` it is the main process of the DaemonSet.
 *
 * @module
 */
import { parseArgs } from "node:util";
import { installedPaths } from "../install/files.ts";
import { followCredentials, install as installFiles, uninstall } from "../install/install.ts";
import { preflight } from "../install/preflight.ts";
import { type InstallSettings, readSettings } from "../install/settings.ts";
import { makeLogger } from "../world/log.ts";
import { agent } from "./agent.ts";
import { table } from "./pool_view.ts";
import type { Terminal } from "./terminal.ts";

/** Where the node keeps what an uninstallation leaves. */
const DATA = "/var/lib/cni/whereabouts";

const OPTIONS = {
  agent: { type: "boolean", default: false },
  check: { type: "boolean", default: false },
  once: { type: "boolean", default: false },
  uninstall: { type: "boolean", default: false },
  "bin-dir": { type: "string" },
  "conf-dir": { type: "string" },
  "host-conf-dir": { type: "string" },
  kubeconfig: { type: "string" },
  namespace: { type: "string" },
  "node-name": { type: "string" },
  socket: { type: "string" },
  "http-address": { type: "string" },
  "log-level": { type: "string" },
} as const;

type Values = ReturnType<typeof parse>;

function parse(args: readonly string[]) {
  return parseArgs({ args: [...args], options: OPTIONS }).values;
}

/** Installs, checks or uninstalls. Returns the exit code: 1 where `--check` found something missing. */
export async function install(terminal: Terminal, args: readonly string[]): Promise<number> {
  const values = parse(args);
  const { world } = terminal;
  const settings = readSettings((name) => world.env(name), {
    binFolder: values["bin-dir"],
    confFolder: values["conf-dir"],
    hostConfFolder: values["host-conf-dir"],
    namespace: values.namespace,
    nodeName: values["node-name"],
  });
  if (values.check) return await check(terminal, settings, values.kubeconfig);
  if (values.uninstall) return await takeAway(terminal, settings);
  return await stay(terminal, settings, values);
}

async function check(terminal: Terminal, settings: InstallSettings, kubeconfig: string | undefined): Promise<number> {
  const { world, print, inspectApi } = terminal;
  const findings = await preflight(world, settings, () => inspectApi(world, kubeconfig));
  const rows = findings.map(({ what, problem }) => [problem === undefined ? "ok" : "MISSING", what, problem ?? ""]);
  table(["STATE", "WHAT", "WHAT TO DO"], rows).forEach(print);
  return findings.some(({ problem }) => problem !== undefined) ? 1 : 0;
}

async function takeAway({ world, print }: Terminal, settings: InstallSettings): Promise<number> {
  const removed = await uninstall(world, settings);
  for (const path of removed) print(`Removed ${path}`);
  if (removed.length === 0) print(`Nothing to remove: there is none of ${installedPaths(settings).join(", ")}`);
  print(`Addresses stay where they are: in the store, and this node's journal in ${DATA}`);
  return 0;
}

/** Installs, and stays to follow the credentials unless told otherwise. The agent begins when the files are there, and ends it all. */
async function stay(terminal: Terminal, settings: InstallSettings, values: Values): Promise<number> {
  const { world } = terminal;
  const log = makeLogger(world, { level: "verbose" });
  const platform = await terminal.platform();
  const written = await installFiles(world, platform, settings, log);
  if (values.once || (world.env("SLEEP") === "false" && !values.agent)) return 0;
  const ended = new AbortController();
  const signal = AbortSignal.any([platform.stopSignal(), ended.signal]);
  const following = followCredentials(world, settings, log, written, signal);
  try {
    if (values.agent) return await agent(terminal, agentArguments(values));
    await following;
    return 0;
  } finally {
    ended.abort();
    await following;
  }
}

function agentArguments(values: Values): string[] {
  const names = ["socket", "http-address", "log-level"] as const;
  return names.flatMap((name) => values[name] === undefined ? [] : [`--${name}`, values[name]]);
}
